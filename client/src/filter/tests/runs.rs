//! Whole runs: bytes, counts, order, stops and resumes.

use super::made::{
    self, Made, Run, crawl, files, gzip, keeping, page, policy, record, registered, reservation, snapshot,
};
use crate::filter::{DamageRow, FilterError, Watch};
use cleartitle_schema::decide::Verdict;
use cleartitle_schema::manifest::Row;
use cleartitle_schema::policy::Disposition;
use cleartitle_schema::snapshot::Snapshot;
use cleartitle_schema::time::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn reserved() -> Made {
    snapshot(registered(0, Timestamp(1_700_000_000), reservation("press.example")))
}

#[test]
fn kept_records_are_byte_for_byte_with_their_companions() {
    let folder = tempfile::tempdir().unwrap();
    let records = crawl(9);
    let (snapshot, keeping) = (reserved(), keeping());
    let plain = write(folder.path(), "a.warc", &records.concat());
    let zipped = write(folder.path(), "b.warc.gz", &gzip(&records));
    let out = folder.path().join("out");
    let report = Run::over(&snapshot, &keeping, &out, &[plain, zipped]).run(&mut ()).unwrap();
    assert_eq!(report.verdict_line(), "filter: 12 kept, 0 for review, 6 excluded, 0 damaged");
    assert!(report.clean());
    let of_page = |number: usize| records[1 + number * 3..4 + number * 3].to_vec();
    let kept: Vec<Vec<u8>> =
        std::iter::once(records[0].clone()).chain((0..9).filter(|number| number % 3 != 0).flat_map(of_page)).collect();
    assert_eq!(std::fs::read(out.join("kept/a.warc")).unwrap(), kept.concat());
    assert_eq!(std::fs::read(out.join("kept/b.warc.gz")).unwrap(), gzip(&kept));
    assert!(!out.join("review/a.warc").exists());
    let decisions = std::fs::read_to_string(out.join("excluded/a.warc.decisions.jsonl")).unwrap();
    let rows: Vec<serde_json::Value> = decisions.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row["verdict"] == "reserved" && row["reasons"][0]["code"] == "rights-reserved"));
    assert_eq!(rows[1]["url"], "https://press.example/page/3");
    let manifest = std::fs::read_to_string(out.join("manifest.jsonl")).unwrap();
    let rows: Vec<Row> = manifest.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 12);
    for row in &rows {
        let file = std::fs::read(out.join(&row.container.file)).unwrap();
        let start = usize::try_from(row.container.offset.unwrap()).unwrap();
        let bytes = &file[start..start + usize::try_from(row.container.length.unwrap()).unwrap()];
        let source = row.source.as_ref().unwrap();
        let input = std::fs::read(folder.path().join(&source.file)).unwrap();
        assert!(input.windows(bytes.len()).any(|window| window == bytes), "{:?}", row.container);
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let input = write(folder.path(), "a.warc.gz", &gzip(&crawl(200)));
    let (snapshot, keeping) = (reserved(), keeping());
    let mut outputs = Vec::new();
    for threads in [1, 2, 4] {
        let out = folder.path().join(threads.to_string());
        Run { threads, ..Run::over(&snapshot, &keeping, &out, std::slice::from_ref(&input)) }.run(&mut ()).unwrap();
        outputs.push(files(&out));
    }
    assert!(outputs.windows(2).all(|pair| pair[0] == pair[1]));
}

/// Stops the run, as a full disk would, once an input has begun.
struct StopAt(&'static str, PathBuf);

impl Watch for StopAt {
    fn begin(&mut self, name: &str, _bytes: u64, _skipped: bool) {
        if name == self.0 {
            // The next file that is made finds a folder in its place.
            std::fs::create_dir_all(&self.1).unwrap();
        }
    }
}

#[derive(Default)]
struct Seen {
    skipped: Vec<String>,
    damage: Vec<DamageRow>,
}

impl Watch for Seen {
    fn begin(&mut self, name: &str, _bytes: u64, skipped: bool) {
        if skipped {
            self.skipped.push(name.to_owned());
        }
    }
    fn damage(&mut self, row: &DamageRow) {
        self.damage.push(row.clone());
    }
}

#[test]
fn a_resumed_run_gives_the_bytes_of_an_unbroken_one() {
    let folder = tempfile::tempdir().unwrap();
    let inputs: Vec<PathBuf> = ["a.warc.gz", "b.warc.gz", "c.warc.gz"]
        .iter()
        .enumerate()
        .map(|(place, name)| write(folder.path(), name, &gzip(&crawl(5 + place))))
        .collect();
    let (snapshot, keeping) = (reserved(), keeping());
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    Run::over(&snapshot, &keeping, &whole, &inputs).run(&mut ()).unwrap();
    let obstacle = broken.join("kept/b.warc.gz.partial");
    // On one thread, so that it is known what was finished by then.
    let alone = Run { threads: 1, ..Run::over(&snapshot, &keeping, &broken, &inputs) };
    let stopped = alone.run(&mut StopAt("b.warc.gz", obstacle.clone()));
    assert!(matches!(stopped, Err(FilterError::Write { .. })), "{stopped:?}");
    std::fs::remove_dir(obstacle).unwrap();
    assert!(!broken.join("kept/b.warc.gz").exists() && !broken.join("report.json").exists());
    let again = Run::over(&snapshot, &keeping, &broken, &inputs).run(&mut ());
    assert!(matches!(again, Err(FilterError::NotEmpty(_))));
    let mut seen = Seen::default();
    let resumed = Run { resume: true, ..Run::over(&snapshot, &keeping, &broken, &inputs) };
    resumed.run(&mut seen).unwrap();
    assert_eq!(seen.skipped, ["a.warc.gz"]);
    assert_eq!(files(&whole), files(&broken));
    // Another policy is another run: nothing is skipped.
    let mut seen = Seen::default();
    let strict = policy();
    Run { resume: true, ..Run::over(&snapshot, &strict, &broken, &inputs) }.run(&mut seen).unwrap();
    assert!(seen.skipped.is_empty());
}

#[test]
fn damage_is_told_and_never_kept_and_the_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let good = page(0, "https://site.example/a", "good");
    let chunked = record(
        "response",
        "cut",
        &[("WARC-Target-URI", "https://site.example/b"), ("Content-Type", "application/http")],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nonly so much",
    );
    let after = page(2, "https://site.example/c", "after");
    let mut members: Vec<Vec<u8>> =
        [good.clone(), vec![chunked, record("metadata", "x", &[], b"corrupt me")], after.clone()]
            .concat()
            .into_iter()
            .map(|record| gzip(&[record]))
            .collect();
    let corrupt = members[4].len() - 6;
    members[4][corrupt] ^= 0x55;
    let input = write(folder.path(), "d.warc.gz", &members.concat());
    let out = folder.path().join("out");
    let (snapshot, keeping) = (reserved(), keeping());
    let mut seen = Seen::default();
    let report = Run::over(&snapshot, &keeping, &out, &[input]).run(&mut seen).unwrap();
    assert_eq!(report.verdict_line(), "filter: 2 kept, 0 for review, 0 excluded, 2 damaged");
    assert!(!report.clean());
    let cut = &seen.damage[0];
    assert_eq!((cut.what.as_str(), cut.record.as_deref()), ("payload-truncated", Some("<urn:uuid:cut>")));
    assert_eq!(cut.offset, members[..3].concat().len() as u64);
    assert_eq!(seen.damage[1].offset, members[..4].concat().len() as u64);
    assert_eq!(std::fs::read(out.join("kept/d.warc.gz")).unwrap(), gzip(&[good, after].concat()));
    assert_eq!(std::fs::read_to_string(out.join("damage.jsonl")).unwrap().lines().count(), 2);
}

#[test]
fn without_a_date_or_a_url_nothing_is_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let grant = |issuer: &str| {
        let mut grant = reservation(issuer);
        grant["body"]["kind"] = "grant".into();
        grant["body"]["terms"]["clauses"][0]["rules"][0]["preference"] = "allowed".into();
        grant
    };
    let snapshot = snapshot(registered(0, Timestamp(1_600_000_000), grant("site.example")));
    let line = |date: &str, url: &str| format!("{{\"text\":\"t\"{date}{url}}}\n");
    let (date, url) = (",\"date\":\"2024-05-18T01:58:10Z\"", ",\"url\":\"https://site.example/a\"");
    let text = [
        line(date, url),
        line("", url),
        line(",\"date\":\"yesterday\"", url),
        line(date, ""),
        line(date, ",\"url\":\"ftp://site.example/a\""),
    ];
    let input = write(folder.path(), "l.jsonl", text.concat().as_bytes());
    let out = folder.path().join("out");
    let report = Run::over(&snapshot, &policy(), &out, &[input]).run(&mut ()).unwrap();
    assert_eq!(report.verdict_line(), "filter: 1 kept, 0 for review, 4 excluded, 0 damaged");
    assert_eq!(report.tally.verdicts[&Verdict::Unknown].documents, 4);
    assert_eq!(std::fs::read_to_string(out.join("kept/l.jsonl")).unwrap(), text[0]);
}

#[test]
fn review_gets_its_own_file_and_waits() {
    let folder = tempfile::tempdir().unwrap();
    let input = write(folder.path(), "a.warc", &crawl(3).concat());
    let mut policy = keeping();
    policy.actions.reserved = Disposition::Review;
    let out = folder.path().join("out");
    let report = Run::over(&reserved(), &policy, &out, &[input]).run(&mut ()).unwrap();
    assert_eq!(report.verdict_line(), "filter: 2 kept, 1 for review, 0 excluded, 0 damaged");
    assert!(!report.clean());
    assert_eq!(std::fs::read(out.join("review/a.warc")).unwrap(), crawl(1).concat());
    assert_eq!(std::fs::read_to_string(out.join("excluded/a.warc.decisions.jsonl")).unwrap().lines().count(), 1);
}

#[test]
fn two_inputs_of_one_name_are_refused() {
    let inputs = [PathBuf::from("x/a.warc"), PathBuf::from("x/a.warc")];
    let folder = tempfile::tempdir().unwrap();
    let refused = Run::over(&reserved(), &policy(), folder.path(), &inputs).run(&mut ());
    assert!(matches!(refused, Err(FilterError::SameName { .. })));
}

#[test]
fn real_clean_files_come_out_as_they_went_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/crawl");
    if !folder.is_dir() {
        eprintln!("NOT RUN: no real crawl files at ../shared/data/crawl");
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let (snapshot, keeping) = (made::snapshot([]), keeping());
    // Files whose every record is a head, a document or its companion; `kept` is the count of independent readers.
    for (name, documents) in [
        ("whirlwind.warc", 1),
        ("whirlwind.warc.gz", 1),
        ("whirlwind.warc.wet", 1),
        ("whirlwind.warc.wet.gz", 1),
        ("warcio-example-iana.org-chunked.warc", 1),
    ] {
        let dir = out.path().join(name);
        let report = Run::over(&snapshot, &keeping, &dir, &[folder.join(name)]).run(&mut ()).unwrap();
        assert_eq!((report.tally.of(Disposition::Keep).documents, report.clean()), (documents, true), "{name}");
        let (came, went) =
            (std::fs::read(dir.join("kept").join(name)).unwrap(), std::fs::read(folder.join(name)).unwrap());
        assert!(came == went, "{name}");
    }
    for (name, documents, damaged) in [
        ("resiliparse-warcfile.warc.gz", 16, 0),
        ("warcio-example.warc.gz", 1, 0),
        ("warcio-example-bad-non-chunked.warc.gz", 1, 0),
        ("resiliparse-clipped.warc.gz", 0, 1),
        ("whirlwind.warc.wat.gz", 1, 0),
    ] {
        let dir = out.path().join(name);
        let report = Run::over(&snapshot, &keeping, &dir, &[folder.join(name)]).run(&mut ()).unwrap();
        let counted = (report.tally.of(Disposition::Keep).documents, report.tally.damaged());
        assert_eq!(counted, (documents, damaged), "{name}");
    }
}

/// A snapshot's bytes that change under the run, as a file may under its map.
struct Changing {
    sound: Vec<u8>,
    broken: Vec<u8>,
    changed: Arc<AtomicBool>,
}

impl AsRef<[u8]> for Changing {
    fn as_ref(&self) -> &[u8] {
        if self.changed.load(Ordering::Relaxed) { &self.broken } else { &self.sound }
    }
}

#[test]
fn nothing_stands_that_a_broken_snapshot_decided() {
    let folder = tempfile::tempdir().unwrap();
    let input = write(folder.path(), "a.warc.gz", &gzip(&crawl(30)));
    let sound = reserved().bytes().to_vec();
    // Everything behind the header and its directory is gone.
    let mut broken = sound.clone();
    let body = broken.len() / 2;
    broken[body..].fill(0xff);
    let changed = Arc::new(AtomicBool::new(false));
    let changing = Changing { sound, broken, changed: Arc::clone(&changed) };
    let snapshot = Snapshot::open(changing).unwrap().verify_hash(&hash_of(&reserved())).unwrap();
    let keeping = keeping();
    let out = folder.path().join("out");
    let mut break_it = BreakIt(Arc::clone(&changed));
    let ran = made::run_over(&snapshot, &Run::over(&reserved(), &keeping, &out, &[input]), &mut break_it);
    assert!(matches!(ran, Err(FilterError::Snapshot(_))), "{ran:?}");
    let left: Vec<_> = files(&out).into_iter().map(|(path, _)| path).collect();
    assert!(left.iter().all(|path| path.ends_with("run.json") || path.extension().is_some_and(|it| it == "partial")));
    assert!(left.len() > 1, "{left:?}");
}

fn hash_of(snapshot: &Made) -> [u8; 32] {
    *blake3::hash(snapshot.bytes()).as_bytes()
}

struct BreakIt(Arc<AtomicBool>);

impl Watch for BreakIt {
    fn begin(&mut self, _name: &str, _bytes: u64, _skipped: bool) {
        self.0.store(true, Ordering::Relaxed);
    }
}
