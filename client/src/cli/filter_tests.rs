//! The verb as a user runs it: a signed snapshot, a policy file, crawl files; exits, refusals, resuming.

use super::super::{Cli, Command};
use super::*;
use clap::Parser as _;
use cleartitle_schema::snapshot::{Head, Tables, build, note_text};
use cleartitle_schema::tlog::Hash;
use cleartitle_schema::tlog::note::{Note, NoteSigner};
use ed25519_dalek::SigningKey;

const LOG: &str = "log.registry.example";
const RECORDS: &str = "WARC/1.0\r\nWARC-Type: resource\r\nWARC-Record-ID: <urn:uuid:1>\r\n\
    WARC-Date: 2024-05-18T01:58:10Z\r\nWARC-Target-URI: https://press.example/a\r\nContent-Length: 5\r\n\r\nhello\r\n\r\n";

/// A folder with an empty signed snapshot, its key among the policy, and one crawl file.
fn prepared(actions: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let head =
        Head { origin: LOG.to_owned(), size: 0, root: Hash([0; 32]), time: "2026-11-20T00:00:00Z".parse().unwrap() };
    let mut body = Vec::new();
    let built = build(&[], &head, &Tables::default(), &mut body).unwrap();
    let key = SigningKey::from_bytes(&[7; 32]);
    let signer = NoteSigner::new(&format!("{LOG}/snapshot"), key.clone()).unwrap();
    let note = Note::sign(&note_text(&built.header, &built.body_hash), &[&signer]).unwrap();
    let log = NoteSigner::new(LOG, key).unwrap();
    let policy = format!(
        "version = 1\nuse = \"train-ai\"\nlog_key = \"{}\"\nmax_snapshot_age_days = 30\n[actions]\n{actions}\n",
        log.verifier()
    );
    for (name, bytes) in [
        ("s", body.as_slice()),
        ("s.note", note.to_text().as_bytes()),
        ("p.toml", policy.as_bytes()),
        ("a.warc", RECORDS.as_bytes()),
        ("cut.warc", &RECORDS.as_bytes()[..RECORDS.len() - 8]),
    ] {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn filter(folder: &tempfile::TempDir, inputs: &[&str], more: &[&str]) -> anyhow::Result<Exit> {
    let at = |name: &str| folder.path().join(name).display().to_string();
    let mut line = vec!["cleartitle".to_owned(), "filter".to_owned()];
    for (flag, value) in [("--snapshot", at("s")), ("--policy", at("p.toml")), ("--out", at("out"))] {
        line.extend([flag.to_owned(), value]);
    }
    line.extend(inputs.iter().map(|name| at(name)));
    line.extend(more.iter().map(|&flag| flag.to_owned()));
    let Command::Filter(args) = Cli::try_parse_from(line).unwrap().command else { panic!("filter") };
    run(&args, Talk { quiet: true })
}

const USED: [&str; 2] = ["--used-at", "2026-11-23T00:00:00Z"];

#[test]
fn exits_say_clean_waiting_or_damaged() {
    for (actions, inputs, exit) in [
        ("unknown = \"keep\"", &["a.warc"][..], Exit::Clean),
        ("unknown = \"drop\"", &["a.warc"], Exit::Clean),
        ("unknown = \"review\"", &["a.warc"], Exit::Refused),
        ("unknown = \"keep\"", &["a.warc", "cut.warc"], Exit::Refused),
    ] {
        let folder = prepared(actions);
        assert_eq!(filter(&folder, inputs, &USED).unwrap(), exit, "{actions} {inputs:?}");
        let kept = std::fs::read_to_string(folder.path().join("out/kept/a.warc")).unwrap();
        assert_eq!(kept, if actions.contains("keep") { RECORDS } else { "" });
    }
}

#[test]
fn an_old_snapshot_or_a_used_folder_is_refused_before_anything_is_written() {
    let folder = prepared("unknown = \"keep\"");
    let error = filter(&folder, &["a.warc"], &["--used-at", "2027-06-01"]).unwrap_err();
    assert!(error.to_string().contains("30 days ago"), "{error}");
    assert!(!folder.path().join("out").exists());
    filter(&folder, &["a.warc"], &USED).unwrap();
    let error = filter(&folder, &["a.warc"], &USED).unwrap_err();
    assert!(error.to_string().ends_with("is not empty"), "{error}");
}

#[test]
fn resuming_keeps_the_moment_of_use() {
    let folder = prepared("unknown = \"keep\"");
    filter(&folder, &["a.warc"], &USED).unwrap();
    let report = folder.path().join("out/report.json");
    let first = std::fs::read(&report).unwrap();
    filter(&folder, &["a.warc"], &["--resume"]).unwrap();
    assert_eq!(std::fs::read(&report).unwrap(), first);
}

#[test]
fn what_is_no_crawl_is_refused_at_once() {
    let folder = prepared("unknown = \"keep\"");
    let error = filter(&folder, &["a.warc", "p.toml"], &USED).unwrap_err();
    assert!(error.to_string().contains("no known crawl format"), "{error}");
    assert!(!folder.path().join("out/kept/a.warc").exists());
}
