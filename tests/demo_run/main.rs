//! The demo as the README has it, run as a process: it ends well, its page shows both labs, and it leaves nothing behind.

use harness::binaries::{command, run};
use serde_json::Value;
use std::path::Path;

const DEMO: &str = env!("CARGO_BIN_EXE_cleartitle-demo");

/// The cells of the first line that begins with a label.
#[track_caller]
fn cells<'a>(page: &'a str, label: &str) -> Vec<&'a str> {
    let mut lines = page.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines.find(|cells| cells.first() == Some(&label)).unwrap_or_else(|| panic!("no line `{label}` in\n{page}"))
}

#[test]
fn two_labs_stand_side_by_side_with_their_bills() {
    let scratch = tempfile::tempdir().expect("a folder");
    let mut demo = command(Path::new(DEMO));
    // A temporary folder of its own, so that what is left behind can be seen.
    let output = demo.env("TMPDIR", scratch.path()).output().expect("the demo can be started");
    let (page, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{page}\n{said}");

    let documents = |label: &str| {
        let cells = cells(&page, label);
        (cells[1].to_owned(), cells[cells.len().min(4) - 1].to_owned())
    };
    assert_eq!(documents("cleared"), ("24".into(), "4".into()), "{page}");
    assert_eq!(documents("keep"), ("26".into(), "4".into()), "{page}");
    assert_eq!(documents("reserved"), ("8".into(), "21".into()), "{page}");
    for line in ["250,000,000 USD", "5,000 USD each", "0.03 USD each", "undisclosed: 20,000,000 to 25,000,000 USD"] {
        assert!(page.contains(line), "`{line}` stands on a bill:\n{page}");
    }
    assert!(page.contains("smalllab.example owes nobody any money"), "{page}");
    for number in 1..=15 {
        let reported = page.lines().any(|line| line.starts_with(&format!("  {number:02} ")) && line.contains("20"));
        assert!(reported, "{number:02} says where and when its shape was reported:\n{page}");
    }
    assert!(page.contains("What you saw, and what it cannot know"), "{page}");
    for line in page.lines() {
        assert!(line.chars().count() <= 100, "wider than 100 columns: {line}");
        assert!(!line.contains('\u{1b}'), "colour: {line}");
    }
    assert!(page.lines().count() <= 110, "{} lines", page.lines().count());
    let left: Vec<_> = std::fs::read_dir(scratch.path()).expect("a listing").collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

#[test]
fn the_same_as_json_with_everything_kept() {
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = scratch.path().join("demo");
    let kept = folder.display().to_string();
    let page = run(Path::new(DEMO), &["--keep", &kept, "--format", "json"], None).exits(0).stdout;
    let page: Value = serde_json::from_str(&page).expect("one JSON object");
    assert_eq!(page["differences"], Value::Array(Vec::new()));
    assert_eq!(page["statements"].as_array().map(Vec::len), Some(18));
    for lab in ["bigmodel", "smalllab"] {
        assert_eq!(page["outcomes"][lab].as_object().map(serde_json::Map::len), Some(65));
        for file in ["report.json", "manifest.jsonl", "kept/crawl.warc.gz"] {
            assert!(folder.join(lab).join(file).is_file(), "{lab}/{file} is kept");
        }
    }
    run(Path::new(DEMO), &["--keep", &kept], None).exits(2);
    assert!(folder.join("terms.snapshot").is_file(), "a folder that holds something is left as it is");
}

#[test]
fn what_it_does_not_know_is_refused() {
    let refused = run(Path::new(DEMO), &["--faster"], None).exits(2);
    assert!(refused.stderr.contains("`--faster` is no argument"), "{}", refused.stderr);
    let helped = run(Path::new(DEMO), &["--help"], None).exits(0);
    assert!(helped.stdout.contains("--keep DIR"), "{}", helped.stdout);
}
