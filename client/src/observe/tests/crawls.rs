//! Importing crawl files: outcomes, redirects, changes, order, damage, stopped runs, and reading evidence again.

use crate::crawl;
use crate::filter::Watch;
use crate::observe::again::again;
use crate::observe::crawl::Import;
use crate::observe::desk::{Desk, News};
use crate::observe::output::{Folder, Signing, envelopes, read_blob};
use crate::observe::tally::Tally;
use cleartitle_schema::signals::{PARSER, Sighting, SourceOutcome};
use cleartitle_schema::signed;
use cleartitle_schema::statement::{Body, Statement};
use ed25519_dalek::SigningKey;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

const BLOCK_GPTBOT: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nUser-agent: GPTBot\nDisallow: /\n";
const OPEN: &str = "HTTP/1.1 200 OK\r\n\r\nUser-agent: *\nAllow: /\n";

/// A crawl file in the making.
#[derive(Default)]
struct Made {
    bytes: Vec<u8>,
    records: usize,
}

impl Made {
    fn record(mut self, kind: &str, date: &str, url: &str, fields: &str, block: &str) -> Self {
        self.records += 1;
        let head = format!(
            "WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:x:{}>\r\nWARC-Date: {date}\r\n\
             WARC-Target-URI: {url}\r\n{fields}Content-Type: application/http;msgtype=response\r\n\
             Content-Length: {}\r\n\r\n",
            self.records,
            block.len()
        );
        self.bytes.extend_from_slice(head.as_bytes());
        self.bytes.extend_from_slice(block.as_bytes());
        self.bytes.extend_from_slice(b"\r\n\r\n");
        self
    }

    fn response(self, day: u32, url: &str, block: &str) -> Self {
        self.record("response", &format!("2026-10-{day:02}T00:00:00Z"), url, "", block)
    }

    fn write(&self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, &self.bytes).unwrap();
        path
    }

    /// The same with each record in a gzip member of its own.
    fn write_gzip(&self, folder: &Path, name: &str) -> PathBuf {
        let text = String::from_utf8(self.bytes.clone()).unwrap();
        let mut bytes = Vec::new();
        for record in text.split("WARC/1.0").skip(1) {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(format!("WARC/1.0{record}").as_bytes()).unwrap();
            bytes.extend(encoder.finish().unwrap());
        }
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

/// What was told: place, day of October, outcome of the place's first standard, number of signals.
type Told = (String, String, SourceOutcome, usize);

fn told(news: &News<'_>) -> Told {
    let source = news.sighting.sources.iter().find(|it| it.standard == "robots").or(news.sighting.sources.first());
    let day = news.sighting.observed_at.to_string()[8..10].to_owned();
    (news.place.to_owned(), day, source.expect("a source").outcome, news.sighting.signals.len())
}

fn import(inputs: &[PathBuf], folder: Option<Folder>) -> (Vec<Told>, Tally) {
    let all = Mutex::new(Vec::new());
    let mut desk = Desk::new(folder, |news| {
        all.lock().unwrap().push(told(news));
        true
    });
    Import::new(&mut desk, &mut ()).run(inputs).expect("an import");
    let tally = desk.tally.clone();
    drop(desk);
    (all.into_inner().unwrap(), tally)
}

fn row(place: &str, day: &str, outcome: SourceOutcome, signals: usize) -> Told {
    (place.to_owned(), day.to_owned(), outcome, signals)
}

use SourceOutcome::{Failed, Read, Silent};

#[test]
fn outcomes_follow_the_status_and_only_files_of_policy_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let made = Made::default()
        .record(
            "warcinfo",
            "2026-10-01T00:00:00Z",
            "x",
            "",
            "software: x\r\nhttp-header-user-agent: CCBot/2.0 (+x)\r\n",
        )
        .response(1, "http://a.example/robots.txt", BLOCK_GPTBOT)
        .response(1, "http://b.example/robots.txt", "HTTP/1.1 404 No\r\n\r\nUser-agent: *\nDisallow: /")
        .response(1, "http://c.example/robots.txt", "HTTP/1.1 503 Oh\r\n\r\n")
        .response(1, "http://d.example/robots.txt", "HTTP/1.1 429 Oh\r\n\r\n")
        .response(1, "http://e.example/robots.txt", "HTTP/1.1 200 OK\r\n\r\n<!doctype html><title>Soft")
        .record("response", "2026-10-01T00:00:00Z", "http://f.example/robots.txt", "WARC-Truncated: length\r\n", OPEN)
        .response(1, "http://g.example/a/robots.txt", BLOCK_GPTBOT)
        .response(1, "http://g.example/robots.txt?x", BLOCK_GPTBOT)
        .response(1, "http://g.example/", BLOCK_GPTBOT)
        .response(1, "https://h.example:8443/.well-known/tdmrep.json", "HTTP/1.1 404 No\r\n\r\n")
        .response(1, "http://10.0.0.1/robots.txt", BLOCK_GPTBOT)
        .response(1, "http://i.example/ai.txt", "HTTP/1.1 404 No\r\n\r\n")
        .record("response", "yesterday", "http://j.example/robots.txt", "", OPEN)
        .record("request", "2026-10-01T00:00:00Z", "http://k.example/robots.txt", "", "GET / HTTP/1.1\r\n\r\n");
    for path in [made.write(folder.path(), "a.warc"), made.write_gzip(folder.path(), "a.warc.gz")] {
        let (told, tally) = import(&[path], None);
        let expected = [
            row("a.example robots.txt", "01", Read, 1),
            row("b.example robots.txt", "01", Silent, 0),
            row("c.example robots.txt", "01", Failed, 0),
            row("d.example robots.txt", "01", Failed, 0),
            row("e.example robots.txt", "01", Failed, 0),
            row("f.example robots.txt", "01", Failed, 0),
            row("h.example:8443 tdmrep.json", "01", Silent, 0),
        ];
        assert_eq!(told, expected);
        assert_eq!((tally.damage, tally.unnamed), (1, 1), "a record without a date, a host without a name");
    }
}

#[test]
fn the_same_bytes_again_are_one_observation_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    let url = "http://a.example/robots.txt";
    let later = BLOCK_GPTBOT.replace("Content-Type", "Date: x\r\nContent-Type");
    let made = Made::default()
        .response(1, url, BLOCK_GPTBOT)
        .response(2, "https://a.example/robots.txt", &later)
        .response(9, url, &later)
        .response(12, url, OPEN)
        .response(13, url, "HTTP/1.1 404 No\r\n\r\n")
        .response(14, url, "HTTP/1.1 410 No\r\n\r\n")
        // Out of order: it was open for a while, and then closed again.
        .response(5, url, OPEN);
    let expected = [
        row("a.example robots.txt", "01", Read, 1),
        row("a.example robots.txt", "12", Silent, 0),
        row("a.example robots.txt", "13", Silent, 0),
        row("a.example robots.txt", "05", Silent, 0),
        row("a.example robots.txt", "09", Read, 1),
    ];
    for path in [made.write(folder.path(), "a.warc"), made.write_gzip(folder.path(), "a.warc.gz")] {
        let (told, tally) = import(&[path], None);
        assert_eq!(told, expected, "the ninth is told after all, or what was open on the fifth would seem to last");
        assert_eq!(tally.unchanged, 3);
    }
}

#[test]
fn redirects_are_followed_inside_the_crawl_alone() {
    let folder = tempfile::tempdir().unwrap();
    let to = |target: &str| format!("HTTP/1.1 301 Moved\r\nLocation: {target}\r\n\r\n");
    let made = Made::default()
        // From http to https: one place.
        .response(1, "http://a.example/robots.txt", &to("https://a.example/robots.txt"))
        .response(1, "https://a.example/robots.txt", BLOCK_GPTBOT)
        // To another host, which comes later, and to one that came before.
        .response(1, "http://b.example/robots.txt", &to("http://www.b.example/robots.txt"))
        .response(1, "http://www.b.example/robots.txt", BLOCK_GPTBOT)
        .response(1, "http://c.example/robots.txt", &to("https://a.example/robots.txt"))
        // To another path, by two hops, and to a place that is not there.
        .response(1, "http://d.example/robots.txt", &to("/static/one"))
        .response(1, "http://d.example/static/one", &to("/static/two"))
        .response(1, "http://d.example/static/two", BLOCK_GPTBOT)
        .response(1, "http://e.example/robots.txt", &to("http://gone.example/robots.txt"))
        .response(1, "http://f.example/robots.txt", &to("http://f.example/robots.txt"))
        // The target was captured a month later: it may have changed by then.
        .response(1, "http://g.example/robots.txt", &to("/late"))
        .response(31, "http://g.example/late", BLOCK_GPTBOT)
        .record(
            "revisit",
            "2026-10-03T00:00:00Z",
            "https://a.example/robots.txt",
            "WARC-Refers-To-Date: 2026-10-01T00:00:00Z\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
        )
        .record(
            "revisit",
            "2026-10-03T00:00:00Z",
            "https://h.example/robots.txt",
            "WARC-Refers-To-Date: 2026-09-01T00:00:00Z\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
        );
    let (mut told, tally) = import(&[made.write_gzip(folder.path(), "a.warc.gz")], None);
    told.sort();
    let robots = |host: &str| format!("{host} robots.txt");
    let expected = [
        row(&robots("a.example"), "01", Read, 1),
        row(&robots("b.example"), "01", Read, 1),
        row(&robots("c.example"), "01", Read, 1),
        row(&robots("d.example"), "01", Read, 1),
        row(&robots("e.example"), "01", Failed, 0),
        row(&robots("f.example"), "01", Failed, 0),
        row(&robots("g.example"), "31", Failed, 0),
        row(&robots("h.example"), "03", Failed, 0),
        row(&robots("www.b.example"), "01", Read, 1),
    ];
    assert_eq!(told, expected);
    assert_eq!(tally.unchanged, 1, "the revisit of what was read here");
}

#[test]
fn damage_is_told_and_what_could_be_made_up_is_not_believed() {
    #[derive(Default)]
    struct Heard(u64);
    impl Watch for Heard {
        fn damage(&mut self, _row: &crate::filter::DamageRow) {
            self.0 += 1;
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let inner = Made::default().response(1, "http://victim.example/robots.txt", OPEN);
    let page = format!("HTTP/1.1 200 OK\r\n\r\n{}", String::from_utf8(inner.bytes).unwrap());
    let mut made = Made::default().response(1, "http://a.example/page", &page);
    // A length that lies: the record inside the page is then found by its looks.
    let text = String::from_utf8(made.bytes.clone()).unwrap();
    let length = format!("Content-Length: {}", page.len());
    made.bytes = text.replacen(&length, &format!("Content-Length: {}", page.len() + 7), 1).into_bytes();
    let path = made.response(2, "http://a.example/robots.txt", BLOCK_GPTBOT).write(folder.path(), "a.warc");
    let (all, mut heard) = (Mutex::new(Vec::new()), Heard::default());
    let mut desk = Desk::new(None, |news| {
        all.lock().unwrap().push(told(news));
        true
    });
    Import::new(&mut desk, &mut heard).run(&[path]).unwrap();
    assert!(heard.0 >= 1 && desk.tally.damage == heard.0 && !desk.tally.clean());
    drop(desk);
    let told = all.into_inner().unwrap();
    assert!(told.iter().all(|row| !row.0.starts_with("victim") || row.2 == Failed), "{told:?}");
    assert!(told.iter().any(|row| row.0 == "a.example robots.txt"), "{told:?}");
}

fn signing() -> Signing {
    Signing {
        log: "registry.example/log".to_owned(),
        issuer: "watch.example".parse().unwrap(),
        key: SigningKey::from_bytes(&[7; 32]),
    }
}

fn sightings(folder: &Path) -> Vec<Sighting> {
    let key = SigningKey::from_bytes(&[7; 32]).verifying_key();
    let open = |envelope| {
        let verified = signed::open_statement(&envelope, |_| Some(key)).expect("signed");
        match Statement::parse(verified.payload()).expect("a statement").body {
            Body::Observation { sighting, .. } => sighting,
            other => panic!("{other:?}"),
        }
    };
    envelopes(folder).unwrap().map(open).collect()
}

#[test]
fn observations_are_signed_with_their_evidence_and_a_stopped_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let made = Made::default()
        .record("warcinfo", "2026-10-01T00:00:00Z", "x", "", "http-header-user-agent: CCBot/2.0 (+x)\r\n")
        .response(1, "http://a.example/robots.txt", BLOCK_GPTBOT)
        .response(5, "http://a.example/robots.txt", BLOCK_GPTBOT)
        .response(2, "http://b.example/robots.txt", OPEN);
    let input = made.write(folder.path(), "a.warc");
    let open = || Folder::open(&out, signing()).unwrap();
    assert_eq!(import(std::slice::from_ref(&input), Some(open())).0.len(), 2);
    let all = sightings(&out);
    assert_eq!((all.len(), all[0].parser.as_str(), all[0].fetched_as.as_deref()), (2, PARSER, Some("CCBot")));
    assert_eq!(all[0].observed_at.to_string(), "2026-10-01T00:00:00Z");
    let evidence = all[0].sources[0].evidence.expect("evidence");
    assert_eq!(read_blob(&out, evidence).expect("a blob"), BLOCK_GPTBOT.as_bytes());

    let (again, tally) = import(std::slice::from_ref(&input), Some(open()));
    assert_eq!((again.len(), tally.skipped), (0, 1), "a finished file is not read again");

    // Killed after a line was written and before it was counted, in the middle of the next, and before the file was done.
    let lines = std::fs::read(out.join("observations.jsonl")).unwrap();
    std::fs::remove_file(out.join("state/inputs.jsonl")).unwrap();
    let index = std::fs::read_to_string(out.join("state/index.jsonl")).unwrap();
    let first = index.find('\n').unwrap() + 1;
    std::fs::write(out.join("state/index.jsonl"), &index[..first + 9]).unwrap();
    std::fs::write(out.join("observations.jsonl"), &lines[..lines.len() - 20]).unwrap();
    let (told, tally) = import(std::slice::from_ref(&input), Some(open()));
    assert_eq!((told.len(), tally.unchanged), (1, 2), "{told:?}");
    assert_eq!(sightings(&out).len(), 2);

    // Another file, later: what was seen and not told is remembered, so that a change inside it is noticed.
    let other = Made::default().response(3, "http://a.example/robots.txt", OPEN).write(folder.path(), "b.warc");
    let (told, _) = import(&[input, other], Some(open()));
    let days: Vec<&str> = told.iter().map(|row| row.1.as_str()).collect();
    assert_eq!(days, ["03", "05"], "{told:?}");
}

#[test]
fn evidence_is_read_again_and_only_what_differs_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let made = Made::default()
        .response(1, "http://a.example/robots.txt", BLOCK_GPTBOT)
        .response(1, "http://b.example/robots.txt", "HTTP/1.1 503 Oh\r\n\r\n")
        .response(
            1,
            "http://c.example/robots.txt",
            "HTTP/1.1 200 OK\r\n\r\nLicense: /l.xml\nUser-agent: *\nDisallow: /x\n",
        );
    let open = || Folder::open(&out, signing()).unwrap();
    import(&[made.write(folder.path(), "a.warc")], Some(open()));
    let before = sightings(&out);
    let read_again = |all: bool| {
        let mut missing = Vec::new();
        let mut desk = Desk::new(Some(open()), |_| true);
        again(&mut desk, &out, all, &mut |line| missing.push(line)).unwrap();
        (desk.tally.observations, desk.tally.unchanged, missing.len())
    };
    assert_eq!(read_again(false), (0, 3, 0), "the parsers are the same");
    assert_eq!(read_again(true), (3, 0, 0));
    let after = sightings(&out);
    assert_eq!(after[3..], before[..], "the same sightings at the same times");
    assert_eq!(read_again(false), (0, 3, 0), "re-parses are not parsed again");

    let blob = before[0].sources[0].evidence.expect("evidence");
    std::fs::write(crate::observe::output::blob_path(&out, blob), b"other bytes").unwrap();
    assert_eq!(read_again(true), (2, 0, 1), "bytes that are others are no evidence");
}

#[test]
fn a_file_too_long_for_a_statement_is_widened_and_signed() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let rules: String = (0..3000).map(|number| format!("Disallow: /section-{number}/\n")).collect();
    let block = format!("HTTP/1.1 200 OK\r\n\r\nUser-agent: *\n{rules}\nUser-agent: GPTBot\nDisallow: /\n");
    let input = Made::default().response(1, "http://a.example/robots.txt", &block).write(folder.path(), "a.warc");
    import(&[input], Some(Folder::open(&out, signing()).unwrap()));
    let all = sightings(&out);
    assert_eq!(all.len(), 1);
    let tokens: Vec<(&str, &str)> = all[0]
        .signals
        .iter()
        .map(|it| (it.agent.as_ref().map_or("", |agent| agent.token.as_str()), it.path.as_deref().unwrap_or("")))
        .collect();
    assert!(tokens.contains(&("GPTBot", "/")) && tokens.contains(&("*", "/")), "{tokens:?}");
}

/// Real crawl files, where they are at hand. They hold no robots.txt that was read, and must give no other observation.
#[test]
fn real_files_are_read_to_their_end() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/crawl");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("not checked: {} is missing", folder.display());
        return;
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| crawl::open(path, crawl::Options::default()).is_ok());
    paths.sort();
    let (told, tally) = import(&paths, None);
    println!("{} files, {} captures, {} observations, {} damaged", paths.len(), tally.looked, told.len(), tally.damage);
    assert!(tally.damage >= 1, "one of them is clipped");
}
