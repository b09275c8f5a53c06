//! A crawl by its index first, beside the whole filter over all of its records: for whoever keeps what is cleared and drops silence.

use crate::filter::Way;
use crate::ours::Filter;
use crate::rounds::{Contest, Unit};
use cleartitle::crawl::{self, Options, RawItem};
use cleartitle::filter::index::{IndexRun, Root};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

const NOTES: &[&str] = &[
    "one host in fifty has granted the use, a tenth has reserved it, silence is dropped; both keep the same documents",
    "the index is CDXJ, one row a page, as the crawler left them; the records that it can't exclude are read by their ranges and \
     decided on by all that they say; requests and metadata are in no index, and are not kept",
    "rows of the index that are excluded are written down with their reasons, as documents are",
];

/// Writes one index over the files; how many rows it has.
fn index(path: &Path, crawls: &[PathBuf]) -> u64 {
    let mut out = BufWriter::new(std::fs::File::create(path).expect("a file"));
    let mut rows = 0;
    for crawl in crawls {
        let name = crawl.file_name().expect("a name").to_string_lossy();
        let mut reader = crawl::open(crawl, Options::default()).expect("a crawl");
        while let Some(item) = reader.next_raw().expect("a file that can be read") {
            let RawItem::Record(record) = item else { panic!("the corpus has no damage") };
            if record.field("WARC-Type") != Some("response") {
                continue;
            }
            let field = |name: &str| record.field(name).expect("a field").to_owned();
            let (url, date, place) = (field("WARC-Target-URI"), field("WARC-Date"), record.raw());
            let digits: String = date.chars().filter(char::is_ascii_digit).collect();
            writeln!(
                out,
                "key {digits} {{\"url\": \"{url}\", \"mime\": \"text/html\", \"status\": \"200\", \"length\": \"{}\", \
                 \"offset\": \"{}\", \"filename\": \"{name}\"}}",
                place.length, place.offset
            )
            .expect("room for the index");
            rows += 1;
        }
    }
    rows
}

/// Runs both; none can be absent.
pub fn contest(folder: &Path, filter: &Filter, rounds: usize) -> usize {
    let root = folder.join("indexed");
    std::fs::create_dir(&root).expect("a folder");
    let (paths, _) = crate::crawls::made(&root, filter.size());
    let indexes = [folder.join("crawl.cdxj")];
    let rows = index(&indexes[0], &paths);
    let expected = filter.run(&paths, &Way::whole(1)).answer.expect("an answer");
    let title = format!("index first: the crawl above by {rows} rows of CDXJ, silence dropped");
    let mut contest = Contest::new(title, Unit::Seconds, filter.first_mode(), expected, NOTES);
    let fetch = Some(Root::of(&root.display().to_string()).expect("a root"));
    filter.join(&mut contest, &paths);
    for (name, threads) in [("ours, index first, 1 thread", 1), ("ours, index first, 2 threads", 2)] {
        let way = Way { index: Some(IndexRun { fetch: fetch.clone() }), ..Way::whole(threads) };
        let indexes = &indexes;
        contest.add(name, move || filter.run(indexes, &way));
    }
    contest.run(rounds)
}
