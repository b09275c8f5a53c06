//! Parquet that pyarrow wrote, filtered, and what was kept read by pyarrow again: rows, schema and metadata unchanged.

use std::path::PathBuf;

use harness::crawl::{KEEP_CLEARED, KEEP_EVERYTHING, Lab};
use harness::{Registry, independent};
use serde_json::Value;

#[test]
fn kept_rows_are_what_pyarrow_wrote() {
    let Some(python) = independent::python("Parquet, by pyarrow") else { return };
    let lab = Lab::pull(&Registry::with_press_and_open());
    let script = independent::script("tables.py");
    let folder = lab.folder().display().to_string();
    let _ = independent::run(&python, &[&script, "make", &folder]).exits(0);
    let name = |name: &str| lab.folder().join(format!("{name}.parquet"));
    let mut kept = 0;
    for table in ["snappy", "zstd", "gzip", "lz4", "none", "paged", "plain", "empty", "sorted"] {
        for (policy, out) in [(KEEP_CLEARED, "cleared"), (KEEP_EVERYTHING, "all")] {
            let out = format!("{table}-{out}");
            let ran = lab.filter(policy, &out, &[name(table)], &["--format", "json"]).exits(0);
            let report: Value = serde_json::from_str(&ran.stdout).expect("a report");
            let at = |path: &str| lab.folder().join(&out).join(path).display().to_string();
            let (kept_table, manifest) = (at(&format!("kept/{table}.parquet")), at("manifest.jsonl"));
            let source = name(table).display().to_string();
            let checked = independent::run(&python, &[&script, "check", &source, &kept_table, &manifest]).exits(0);
            let checked: Value = serde_json::from_str(&checked.stdout).expect("JSON");
            let wanted = match (table, policy == KEEP_CLEARED) {
                ("empty", _) => 0,
                (_, true) => 300,
                (_, false) => 900,
            };
            assert_eq!(checked["rows"], wanted, "{table} {report}");
            kept += wanted;
            // The auditor finds the same rows; a manifest without any is none.
            if wanted > 0 {
                let _ = harness::cleartitle(&["verify", &manifest]).exits(0);
            }
        }
    }
    println!("{kept} rows kept, unchanged to pyarrow");
    // Sorted by host, a row group stays whole or goes: the first is the input's own bytes.
    let (source, out) = (
        std::fs::read(name("sorted")).unwrap(),
        std::fs::read(lab.folder().join("sorted-cleared/kept/sorted.parquet")).unwrap(),
    );
    assert_eq!(out[4..8_000], source[4..8_000]);
    let excluded = lab.rows("sorted-cleared", "excluded/sorted.parquet.decisions.jsonl");
    assert_eq!(excluded.len(), 600);
    // URLs decided alone, so that no text of a dropped row was read.
    assert!(
        excluded.iter().all(|row| row.get("content").is_none() && row["row_group"].is_u64() && row["row"].is_u64())
    );
}

#[test]
fn bytes_that_a_grant_leaves_out_are_found_and_other_names_are_told() {
    let Some(python) = independent::python("Parquet content, by pyarrow") else { return };
    let registry = Registry::start();
    let open = registry.publisher("open.example");
    let text = format!("text 3 {}", "lorem ipsum ".repeat(3));
    let content = format!("blake3:{}", blake3::hash(text.as_bytes()).to_hex());
    let mut but_for = open.grant("open.example");
    but_for["body"]["scope"]["exclude"] = serde_json::json!([{"target": "content", "ids": [content]}]);
    registry.register(&open, &but_for);
    let lab = Lab::pull(&registry);
    let script = independent::script("tables.py");
    let _ = independent::run(&python, &[&script, "make", &lab.folder().display().to_string()]).exits(0);
    let input = |name: &str| -> Vec<PathBuf> { vec![lab.folder().join(name)] };
    lab.filter(KEEP_CLEARED, "by-bytes", &input("zstd.parquet"), &[]).exits(0);
    let excluded = lab.rows("by-bytes", "excluded/zstd.parquet.decisions.jsonl");
    let found: Vec<&Value> = excluded.iter().filter(|row| row["content"] == content.as_str()).collect();
    assert_eq!(found.len(), 1, "its page is on open.example, where all else is cleared");
    assert_eq!((found[0]["row_group"].as_u64(), found[0]["row"].as_u64()), (Some(0), Some(3)));
    assert_ne!(found[0]["verdict"], "cleared");
    // Bytes may decide on its site alone, so that no other site's text was read.
    let read = |row: &&Value| row["content"].is_string();
    assert_eq!((excluded.len(), excluded.iter().filter(read).count()), (601, 1));
    let ran = lab.filter(KEEP_CLEARED, "c4", &input("c4.parquet"), &[]).exits(0);
    assert!(ran.stdout.contains("filter: 29 kept"), "{}", ran.stdout);
    let ran = lab.filter(KEEP_CLEARED, "dolma", &input("c4.parquet"), &["--layout", "dolma"]).exits(2);
    assert!(
        ran.stderr.contains("no URL: looked for `metadata.url`, found `url`") && ran.stderr.contains("hint: "),
        "{}",
        ran.stderr
    );
}

/// The most memory that a process of this machine held, in KiB, looked at until it ended.
#[cfg(target_os = "linux")]
fn peak(arguments: &[String]) -> (i32, u64, String) {
    use std::io::Read as _;
    let mut command = harness::binaries::command(harness::binaries::client_path());
    let piped = std::process::Stdio::piped;
    let mut child =
        command.args(arguments).stdout(std::process::Stdio::null()).stderr(piped()).spawn().expect("a process");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let code = loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let held = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        peak = held.trim().trim_end_matches(" kB").parse().unwrap_or(peak).max(peak);
        if let Some(ended) = child.try_wait().expect("a state") {
            break ended.code().unwrap_or(-1);
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    };
    let mut said = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    (code, peak, said)
}

#[cfg(target_os = "linux")]
#[test]
fn memory_stays_bounded_whatever_a_table_holds() {
    let Some(python) = independent::python("Parquet's memory, by pyarrow") else { return };
    let lab = Lab::pull(&Registry::with_press_and_open());
    // Small files that are large inside: a page of 60 MiB, a value of 20 MiB said again by a dictionary for 2,000 rows, one
    // row group of a hundred thousand rows, a list of a million elements in one row, and texts under a prefix encoding.
    let program = "
import sys, pyarrow as pa, pyarrow.parquet as pq
folder = sys.argv[1]
def table(texts, **more):
    rows = len(texts)
    return pa.table({'text': texts, 'url': [f'http://open.example/{n}' for n in range(rows)], 'date': ['2026-12-01T00:00:00Z'] * rows, **more})
big = 'a' * (60 << 20)
pq.write_table(table([big]), f'{folder}/page.parquet', compression='zstd', use_dictionary=False)
texts = pa.DictionaryArray.from_arrays(pa.array([0] * 2000, pa.int32()), pa.array(['b' * (20 << 20)]))
pq.write_table(table(texts), f'{folder}/dictionary.parquet', compression='zstd', dictionary_pagesize_limit=1 << 30)
pq.write_table(table(['c' * 400] * 100000), f'{folder}/rows.parquet', compression='zstd', row_group_size=100000, use_dictionary=False)
lists = table(['d', 'e'], tags=pa.array([['x'] * 1000000, None]))
lists = lists.set_column(1, 'url', pa.array(['http://open.example/0', 'http://press.example/1']))
pq.write_table(lists, f'{folder}/list.parquet', compression='zstd')
pq.write_table(table(['f' * 1000] * 100), f'{folder}/prefix.parquet', use_dictionary=False, column_encoding={'text': 'DELTA_BYTE_ARRAY'})
";
    let folder = lab.folder().display().to_string();
    let _ = independent::run(&python, &["-c", program, &folder]).exits(0);
    for (name, code) in [("page", 0), ("dictionary", 0), ("rows", 0), ("list", 0), ("prefix", 1)] {
        let input = lab.folder().join(format!("{name}.parquet"));
        let (ended, peak, said) = peak(&lab.filter_arguments(KEEP_CLEARED, name, &[input], &[]));
        println!("{name}: {} MiB at most", peak / 1024);
        assert_eq!(ended, code, "{name}: {said}");
        assert!(peak > 0 && peak < 512 * 1024, "{name}: {peak} KiB");
        if name == "prefix" {
            assert!(said.contains("DELTA_BYTE_ARRAY, which is not read"), "{said}");
            assert!(lab.rows(name, "manifest.jsonl").is_empty());
        }
    }
}
