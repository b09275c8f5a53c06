//! WARC.gz: bare inflation, our filter, and FastWARC in Rust and in Python with the same hosts dropped.

use crate::bare::{inflate, read};
use crate::clock::took;
use crate::corpus::{self, Corpus, Size};
use crate::filter::Way;
use crate::floors::{self, Kept};
use crate::ours::Filter;
use crate::python::Peer;
use crate::rounds::{Contest, Keeping, Run, Unit};
use crate::{FILES, SEED};
use cleartitle::filter::OutputCoding;
use fastwarc::warc::iter::filter::has_record_type;
use fastwarc::warc::iter::{ArchiveIterator, ArchiveIteratorOptions};
use fastwarc::warc::record::{SharedWarcRecord as _, WarcRecordType};
use std::collections::HashSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

const NOTES: &[&str] = &[
    "ours reads every record and checks its framing and its member's sum, takes BLAKE3 of each document, kept or not, asks by URL \
     and by content, looks for signals inside the record, copies the kept members with their companions, and writes and syncs \
     them, a manifest, and a decision for each document that is dropped",
    "fastwarc looks up the host, takes BLAKE3 of each document that is kept, and writes nothing; of other records it reads the \
     header; it inflates by zlib-rs in Rust, by its own build in Python",
    "bare inflation reads from memory, and is told where every member ends",
    "the floor reads from memory, is told where members end and which of them are kept, and writes no manifest and no decisions",
    "a first pass (--only) looks at less, and hands on candidates as they are stored; that the filter keeps of them what it keeps of \
     the crawl is checked in every round, after the clock has stopped",
    "no record declares a digest, so that nobody takes SHA-1",
];

/// The host of an absolute URL, as everybody here cuts it out.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#', ':']).next().unwrap_or_default()
}

/// Iterates the responses of all files and hashes those that are kept.
fn fastwarc(paths: &[PathBuf], reserved: &HashSet<String>) -> Run {
    let mut found = Vec::new();
    let took = took(|| {
        let mut payload = Vec::new();
        for path in paths {
            let options = ArchiveIteratorOptions { inplace: true, ..ArchiveIteratorOptions::default() };
            let records = ArchiveIterator::from_path_with_options(path, options).expect("a crawl");
            for record in records.with_filter(has_record_type(WarcRecordType::Response)) {
                let record = record.expect("the corpus has no damage");
                record.with_mut(|record| {
                    let url = record.headers().get("WARC-Target-URI").expect("a URL").into_owned();
                    if reserved.contains(host_of(&url)) {
                        return;
                    }
                    payload.clear();
                    let reader = record.reader_mut().expect("a payload");
                    reader.read_to_end(&mut payload).expect("the corpus has no damage");
                    let id = record.headers().get("WARC-Record-ID").expect("an id").into_owned();
                    found.push((id, blake3::hash(&payload)));
                });
            }
        }
    });
    let mut keeping = Keeping::default();
    found.iter().for_each(|(id, content)| keeping.put(id, &content.to_hex()));
    Run { took, answer: Some(keeping.end()), wrote: Some(0), count: 1 }
}

/// Writes the files of the corpus into a folder.
pub fn made(folder: &Path, size: &Size) -> (Vec<PathBuf>, Vec<Corpus>) {
    let corpora: Vec<Corpus> = (0..FILES).map(|file| corpus::crawl(SEED + file, size)).collect();
    let paths: Vec<PathBuf> = (0..FILES).map(|file| folder.join(format!("crawl-{file}.warc.gz"))).collect();
    for (path, corpus) in paths.iter().zip(&corpora) {
        std::fs::write(path, &corpus.stored).expect("room for the corpus");
    }
    (paths, corpora)
}

/// Runs all of them; how many could not be run.
pub fn contest(folder: &Path, filter: &Filter, python: Option<&Path>, rounds: usize) -> usize {
    let size = filter.size();
    let inputs = folder.join("crawl");
    std::fs::create_dir(&inputs).expect("a folder");
    let (paths, corpora) = made(&inputs, size);
    let ends: Vec<Vec<usize>> = paths.iter().map(|path| read(path).0).collect();
    let (stored, plain): (usize, usize) =
        corpora.iter().fold((0, 0), |(stored, plain), it| (stored + it.stored.len(), plain + it.plain));
    let title = format!(
        "WARC.gz: {FILES} files of {} pages, median 43 KB and mean 84 KB, one member a record: {:.1} MB stored, {:.1} MB plain",
        size.pages,
        stored as f64 / 1e6,
        plain as f64 / 1e6
    );
    let hosts: HashSet<String> = filter.reserved_hosts().collect();
    // The corpus knows how many must be kept; which they are, and their bytes, FastWARC has to find as ours did.
    let expected = filter.run(&paths, &Way::whole(1)).answer.expect("an answer");
    let reserved: u64 = corpora.iter().map(|corpus| corpus.reserved).sum();
    assert_eq!(expected.count + reserved, FILES * size.pages as u64, "what is reserved is dropped, and nothing else");
    let outputs = filter.outputs(&paths, OutputCoding::Same);
    let kept =
        corpora.iter().zip(&ends).zip(&outputs).map(|((corpus, ends), kept)| Kept::of(&corpus.stored, ends, kept));
    let kept: Vec<Kept> = kept.collect();
    let (mut buffer, mut second) = (vec![0; 16 * 1024 * 1024], vec![0; 16 * 1024 * 1024]);
    let mut contest = Contest::new(title, Unit::Seconds, filter.first_mode(), expected, NOTES);
    contest.add("bare inflation (libdeflate), 1 thread", || {
        let mut inflated = 0;
        let took = took(|| {
            for (corpus, ends) in corpora.iter().zip(&ends) {
                inflated += inflate(&corpus.stored, ends, &mut buffer);
            }
        });
        assert_eq!(inflated, plain, "all bytes are inflated");
        Run { took, answer: None, wrote: None, count: 1 }
    });
    contest.add("floor: inflation, kept members written, synced", || floors::members(&kept, &mut second));
    filter.join(&mut contest, &paths);
    filter.join_first_passes(&mut contest, &paths);
    contest.add("fastwarc 2.0.0, Rust, host and BLAKE3", || fastwarc(&paths, &hosts));
    contest.add_python(
        "fastwarc 2.0.1, Python, host and BLAKE3",
        Peer::new(python, "fastwarc", &folder.join("reserved.txt"), &inputs),
    );
    contest.run(rounds)
}
