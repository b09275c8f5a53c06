//! The filter as a lab runs it: counts that independent readers give, damage told, and kills with a resume that is equal.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use harness::crawl::{self, KEEP_CLEARED, KEEP_EVERYTHING, Lab};
use harness::{Registry, Seeded, independent};
use serde_json::Value;

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What a reader says of one file: whole documents by record id with their BLAKE3, and the ids of those cut short.
fn documents(read: &Value) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let (mut whole, mut cut) = (BTreeMap::new(), BTreeSet::new());
    for document in read["documents"].as_array().expect("documents") {
        let id = text(&document["record_id"]);
        if document["whole"] == Value::Bool(true) {
            whole.insert(id, text(&document["blake3"]));
        } else {
            cut.insert(id);
        }
    }
    (whole, cut)
}

#[test]
fn the_counts_are_those_of_independent_readers() {
    let Some(python) = independent::python("crawl files, by warcio and fastwarc") else { return };
    let inputs = crawl::files();
    let lab = Lab::pull(&Registry::with_press_and_open());
    let ran = lab.filter(KEEP_EVERYTHING, "out", &inputs, &[]);
    assert!(ran.code == 0 || ran.code == 1, "{}\n{}", ran.stdout, ran.stderr);
    let script = independent::script("count_records.py");
    let names: Vec<String> = inputs.iter().map(|path| path.display().to_string()).collect();
    let arguments: Vec<&str> = std::iter::once(script.as_str()).chain(names.iter().map(String::as_str)).collect();
    let counted: Value = serde_json::from_str(&independent::run(&python, &arguments).exits(0).stdout).expect("JSON");

    let (manifest, damage) = (lab.rows("out", "manifest.jsonl"), lab.rows("out", "damage.jsonl"));
    let (mut total, mut damaged) = (0, false);
    for (path, name) in inputs.iter().zip(&names) {
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        let rows = manifest.iter().filter(|row| row["source"]["file"] == file.as_str());
        let ours: BTreeMap<String, String> =
            rows.map(|row| (text(&row["record"]), text(&row["content"]).replace("blake3:", ""))).collect();
        let told: BTreeSet<String> =
            damage.iter().filter(|row| row["file"] == file.as_str()).map(|row| text(&row["record"])).collect();
        for reader in ["warcio", "fastwarc"] {
            // warcio gives up on a gzip file of one member; what it read until then still has to be ours.
            let read = &counted[name][reader];
            let (whole, cut) = documents(read);
            if read["error"].is_null() {
                assert_eq!(ours, whole, "{file}: kept (left) and {reader}'s documents (right)");
            } else {
                assert!(whole.iter().all(|(id, content)| ours.get(id) == Some(content)), "{file}: {reader}");
            }
            assert!(cut.is_subset(&told), "{file}: {reader} finds {cut:?} cut short, we told {told:?}");
        }
        damaged |= !told.is_empty();
        total += ours.len();
    }
    assert_eq!(ran.code, i32::from(damaged), "exit 1 says that something was damaged");
    assert_eq!(manifest.len(), total);
    println!("{} files, {total} documents, {} damaged records", inputs.len(), damage.len());
    let real = harness::root().join("../shared/data/crawl").is_dir();
    assert!(total >= if real { 24 } else { 1 }, "the files were read");
    check_digests(&python, &lab, &inputs);
}

/// `warcio check` on what was written reports nothing that it does not report on what was read.
fn check_digests(python: &Path, lab: &Lab, inputs: &[std::path::PathBuf]) {
    let mut checked = 0;
    for input in inputs {
        let kept = lab.folder().join("out/kept").join(input.file_name().expect("a name"));
        if std::fs::metadata(&kept).map_or(0, |kept| kept.len()) == 0 {
            continue;
        }
        let check = |path: &Path| {
            let ran = independent::run(python, &["-m", "warcio.cli", "check", &path.display().to_string()]);
            let problems: BTreeSet<String> = ran
                .stdout
                .split("\n  offset ")
                .skip(1)
                .filter_map(|problem| problem.split_once("WARC-Record-ID ").map(|(_, rest)| rest.trim().to_owned()))
                .collect();
            (problems, ran.stdout.contains("ArchiveLoadFailed"), ran)
        };
        let (before, unread, _) = check(input);
        let (after, failed, ran) = check(&kept);
        // A file that warcio can't read at all becomes one that it can: kept records are members of their own.
        assert!(!failed, "{}: {}", kept.display(), ran.stdout);
        assert!(unread || after.is_subset(&before), "{}: {}", kept.display(), ran.stdout);
        checked += 1;
    }
    assert!(checked > 0);
    println!("warcio check: {checked} written files, no failure that the input did not have");
}

#[test]
fn the_filter_keeps_what_is_cleared_and_says_why_not() {
    let lab = Lab::pull(&Registry::with_press_and_open());
    let input = lab.folder().join("made.warc");
    crawl::write_warc(&input, 0, 300);
    let ran = lab.filter(KEEP_CLEARED, "out", std::slice::from_ref(&input), &[]).exits(0);
    assert!(ran.stdout.contains("filter: 100 kept"), "{}", ran.stdout);
    let manifest = lab.rows("out", "manifest.jsonl");
    assert_eq!(manifest.len(), 100);
    for row in &manifest {
        assert_eq!(row["verdict"], "cleared");
        assert!(text(&row["url"]).starts_with("http://open.example/"), "{row}");
    }
    let excluded = lab.rows("out", "excluded/made.warc.decisions.jsonl");
    assert_eq!(excluded.len(), 200);
    for row in &excluded {
        let wanted = if text(&row["url"]).contains("press.example") { "reserved" } else { "unknown" };
        assert_eq!(row["verdict"], wanted, "{row}");
    }
    // Kept records are the input's bytes, request and response of each document.
    let kept = std::fs::read(lab.folder().join("out/kept/made.warc")).expect("kept records");
    let all = std::fs::read(&input).expect("the input");
    let records = |bytes: &[u8]| -> Vec<String> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.split_inclusive("\r\n\r\nWARC/1.0").map(|record| record.trim_end_matches("WARC/1.0").to_owned()).collect()
    };
    let open: Vec<String> =
        records(&all).into_iter().filter(|record| record.contains("http://open.example/")).collect();
    assert_eq!(records(&kept).len(), 200);
    assert_eq!(records(&kept).concat().replace("WARC/1.0", ""), open.concat().replace("WARC/1.0", ""));
}

/// Every file below a folder but the filter's own state, with its bytes.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut open) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).expect("a listing") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(folder).expect("below").display().to_string();
            if name.starts_with("state") {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(name, std::fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

pub(crate) fn kill_after(arguments: &[String], after: Duration) -> bool {
    let mut command = harness::binaries::command(harness::binaries::client_path());
    let null = std::process::Stdio::null;
    let mut child = command.args(arguments).stdout(null()).stderr(null()).spawn().expect("a process");
    std::thread::sleep(after);
    let ended = child.try_wait().expect("a state").is_some();
    child.kill().expect("signal 9");
    child.wait().expect("an end");
    !ended
}

#[test]
fn kill_9_while_filtering_and_a_resume_give_the_same_bytes() {
    let seed = std::env::var("CLEARTITLE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_123);
    println!("CLEARTITLE_SEED={seed}");
    let mut seeded = Seeded(seed);
    let lab = Lab::pull(&Registry::with_press_and_open());
    let mut inputs = Vec::new();
    for number in 0..6 {
        let path = lab.folder().join(format!("part-{number}.warc"));
        crawl::write_warc(&path, number * 400, 400);
        inputs.push(path);
    }
    let begun = Instant::now();
    let code = lab.filter(KEEP_CLEARED, "whole", &inputs, &[]).exits(0).code;
    let whole = begun.elapsed();
    let wanted = tree(&lab.folder().join("whole"));
    let mut inside = 0;
    for round in 0..if harness::long("crash") { 50 } else { 4 } {
        let out = format!("killed-{round}");
        let first = lab.filter_arguments(KEEP_CLEARED, &out, &inputs, &[]);
        let again = lab.filter_arguments(KEEP_CLEARED, &out, &inputs, &["--resume"]);
        inside += usize::from(kill_after(&first, Duration::from_micros(seeded.below(whole.as_micros() as u64))));
        kill_after(&again, Duration::from_micros(seeded.below(whole.as_micros() as u64)));
        assert_eq!(lab.filter(KEEP_CLEARED, &out, &inputs, &["--resume"]).exits(code).code, code);
        let found = tree(&lab.folder().join(&out));
        assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "round {round}");
        for (name, bytes) in &wanted {
            assert!(found[name] == *bytes, "round {round}: {name} differs from the undisturbed run's");
        }
    }
    assert!(inside > 0, "no kill came while the filter ran");
}

#[test]
fn kill_9_while_pulling_leaves_the_old_snapshot_or_the_new_one() {
    let mut seeded = Seeded(7);
    let registry = Registry::with_press_and_open();
    let lab = Lab::pull(&registry);
    let key = std::fs::read_to_string(registry.data().join("log.pub")).expect("a key");
    let out = lab.snapshot().display().to_string();
    let (url, key) = (registry.url(""), key.trim().to_owned());
    let arguments: Vec<String> =
        ["pull", "--registry", &url, "--log-key", &key, "--out", &out].map(str::to_owned).to_vec();
    let press = harness::Publisher::new("press.example", harness::server::ORIGIN);
    let mut inside = 0;
    for round in 0..if harness::long("crash") { 50 } else { 8 } {
        let mut payload = press.reservation("press.example");
        payload["note"] = serde_json::json!(format!("round {round}"));
        let _ = registry.try_register(&press.sign(&payload)).expect("an answer").is(201);
        inside += usize::from(kill_after(&arguments, Duration::from_micros(seeded.below(60_000))));
        // Whatever the kill left, the file in its place verifies, and answers.
        let verified = harness::cleartitle(&["verify", "--log-key", &key, &out]);
        assert_eq!(verified.code, 0, "round {round}: {}{}", verified.stdout, verified.stderr);
    }
    assert!(inside > 0, "no kill came while a snapshot was pulled");
    lab.try_pull(&registry).exits(0);
    registry.audit();
}

#[test]
fn a_registry_that_can_t_be_reached_is_an_error_and_never_a_yes() {
    let registry = Registry::with_press_and_open();
    let lab = Lab::pull(&registry);
    let url = registry.url("");
    registry.kill();
    for arguments in [
        vec!["ask", "--registry", &url, "https://open.example/a"],
        vec!["ask", "--snapshot", "no-such-file", "https://open.example/a"],
    ] {
        let ran = harness::cleartitle(&arguments).exits(2);
        assert!(ran.stdout.is_empty() && ran.stderr.contains("error"), "{}{}", ran.stdout, ran.stderr);
    }
    let before = std::fs::read(lab.snapshot()).expect("a snapshot");
    lab.try_pull(&registry).exits(2);
    assert_eq!(std::fs::read(lab.snapshot()).expect("a snapshot"), before);
    // A damaged snapshot clears nothing.
    let mut damaged = before.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x40;
    std::fs::write(lab.snapshot(), damaged).expect("a damaged snapshot");
    let input = lab.folder().join("made.warc");
    crawl::write_warc(&input, 0, 9);
    let ran = lab.filter(KEEP_CLEARED, "out", &[input], &[]).exits(2);
    assert!(ran.stderr.contains("error"), "{}", ran.stderr);
    assert!(!lab.folder().join("out/kept/made.warc").exists());
}
