//! Receipts of filter runs: signed by the real program, checked by it, by Python and by `sha256sum`; shards and dry runs.

use std::path::PathBuf;
use std::process::Command;

use harness::crawl::{self, KEEP_CLEARED, Lab};
use harness::{Registry, cleartitle, independent};
use serde_json::Value;

fn made(lab: &Lab, count: usize) -> Vec<PathBuf> {
    let write = |number: usize| {
        let path = lab.folder().join(format!("made-{number}.warc"));
        crawl::write_warc(&path, number * 30, 30);
        path
    };
    (0..count).map(write).collect()
}

#[test]
fn a_signed_run_is_checked_by_others() {
    let Some(python) = independent::python("receipts of runs, by OpenSSL and hashlib") else { return };
    let lab = Lab::pull(&Registry::with_press_and_open());
    let inputs = made(&lab, 2);
    let key = lab.folder().join("lab.key").display().to_string();
    let _ = cleartitle(&["keys", "new", "--out", &key]).exits(0);
    let _ = lab.filter(KEEP_CLEARED, "out", &inputs, &["--sign-key", &key]).exits(0);
    let out = lab.folder().join("out");
    let (folder, public) = (out.display().to_string(), format!("{key}.pub"));

    let script = independent::script("check_receipt.py");
    let names: Vec<String> = inputs.iter().map(|path| path.display().to_string()).collect();
    let mut arguments = vec![script.as_str(), folder.as_str(), public.as_str()];
    arguments.extend(names.iter().map(String::as_str));
    let said: Value = serde_json::from_str(&independent::run(&python, &arguments).exits(0).stdout).expect("JSON");
    // Each input's kept and excluded; manifest, damage and report.
    assert_eq!((&said["outputs"], &said["inputs"]), (&Value::from(7), &Value::from(2)), "{said}");
    assert_eq!(said["predicate"]["kept"]["documents"], 20, "{said}");
    let listed = Command::new("sha256sum").args(["--check", "--strict", "outputs.sha256"]).current_dir(&out).output();
    assert!(listed.expect("sha256sum").status.success());

    let receipt = out.join("receipt.dsse.json").display().to_string();
    let held = cleartitle(&["verify", "--key", &public, &receipt]).exits(0);
    assert!(held.stdout.contains("run receipt holds: 7 outputs of 2 inputs"), "{}", held.stdout);
    let kept = out.join("kept/made-1.warc");
    let mut bytes = std::fs::read(&kept).expect("kept records");
    bytes.push(b'\n');
    std::fs::write(&kept, bytes).expect("written");
    let forged = cleartitle(&["verify", "--key", &public, &receipt]).exits(1);
    assert!(forged.stdout.contains("`kept/made-1.warc` was changed"), "{}", forged.stdout);
}

#[test]
fn shards_share_a_list_and_a_dry_run_writes_nothing() {
    let lab = Lab::pull(&Registry::with_press_and_open());
    let inputs = made(&lab, 3);
    let planned = lab.filter(KEEP_CLEARED, "planned", &inputs, &["--dry-run", "--shard", "1/2"]).exits(0);
    assert!(planned.stdout.contains("made-0.warc: warc, "), "{}", planned.stdout);
    assert!(!planned.stdout.contains("made-1.warc"), "{}", planned.stdout);
    assert!(planned.stdout.contains("filter: 2 inputs, "), "{}", planned.stdout);
    assert!(!lab.folder().join("planned").exists());

    let _ = lab.filter(KEEP_CLEARED, "whole", &inputs, &[]).exits(0);
    for (shard, mine) in [("1/2", &[0, 2][..]), ("2/2", &[1])] {
        let out = format!("shard-{}", &shard[..1]);
        let _ = lab.filter(KEEP_CLEARED, &out, &inputs, &["--shard", shard]).exits(0);
        for number in 0..3 {
            let name = format!("kept/made-{number}.warc");
            let part = std::fs::read(lab.folder().join(&out).join(&name)).ok();
            let whole = std::fs::read(lab.folder().join("whole").join(&name)).ok();
            assert!(part == whole.filter(|_| mine.contains(&number)), "{name} of shard {shard}");
        }
    }
    let wrong = lab.filter(KEEP_CLEARED, "none", &inputs, &["--shard", "3/2"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("the I-th of N"), "{}", wrong.stderr);
}

#[test]
fn decisions_come_as_a_table_that_others_read() {
    let Some(python) = independent::python("tables of decisions, by pyarrow") else { return };
    let lab = Lab::pull(&Registry::with_press_and_open());
    let inputs = made(&lab, 2);
    let _ = lab.filter(KEEP_CLEARED, "lines", &inputs, &[]).exits(0);
    let _ = lab.filter(KEEP_CLEARED, "tables", &inputs, &["--decisions", "parquet"]).exits(0);
    let table = lab.folder().join("tables/excluded/made-1.warc.decisions.parquet").display().to_string();
    let read = "import json, sys, pyarrow.parquet as pq\nfor row in pq.read_table(sys.argv[1]).to_pylist():\n    \
                print(json.dumps({name: cell for name, cell in row.items() if cell is not None}))";
    let told = independent::run(&python, &["-c", read, &table]).exits(0).stdout;
    let mut rows: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for row in &mut rows {
        for list in ["reasons", "duties"] {
            let text = row.get(list).and_then(Value::as_str).map(|text| serde_json::from_str(text).expect("a list"));
            text.into_iter().for_each(|parsed: Value| row[list] = parsed);
        }
    }
    assert_eq!(rows, lab.rows("lines", "excluded/made-1.warc.decisions.jsonl"));
    assert!(!lab.folder().join("tables/excluded/made-1.warc.decisions.jsonl").exists());
}
