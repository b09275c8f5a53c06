//! Kept lines in another coding: the same lines, under names that say how they are coded, in every run of the same identity.

use super::made::{Made, Run, crawl, files, gzip, keeping, registered, reservation, snapshot};
use crate::filter::{FilterError, OutputCoding};
use crate::run_receipt;
use cleartitle_schema::signed::{self, Envelope};
use cleartitle_schema::time::Timestamp;
use ed25519_dalek::SigningKey;
use std::io::Read as _;
use std::path::{Path, PathBuf};

fn reserved() -> Made {
    snapshot(registered(0, Timestamp(1_700_000_000), reservation("press.example")))
}

/// Lines of which every third is reserved, with what a careless writer would change: spaces, escapes, the order of members.
fn lines() -> Vec<String> {
    let host = |number: usize| if number.is_multiple_of(3) { "press" } else { "open" };
    let line = |number: usize| {
        let text = "caf\\u00e9 und Käse ".repeat(2_000);
        format!(
            "{{ \"url\": \"https://{}.example/{number}\",\"text\":\"{text}\", \"id\":\"{number}\"}}\n",
            host(number)
        )
    };
    (0..90).map(line).collect()
}

fn kept() -> String {
    lines().into_iter().enumerate().filter(|(number, _)| !number.is_multiple_of(3)).map(|(_, line)| line).collect()
}

fn inputs(folder: &Path) -> Vec<PathBuf> {
    let lines = lines();
    let parts: Vec<Vec<u8>> = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
    let zipped = zstd::encode_all(lines.concat().as_bytes(), 3).unwrap();
    let all = [("a.jsonl.zst", zipped), ("b.jsonl.gz", gzip(&parts)), ("c.jsonl", lines.concat().into_bytes())];
    all.map(|(name, bytes)| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    })
    .to_vec()
}

fn plain(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    let mut text = String::new();
    match path.extension().unwrap().to_str().unwrap() {
        "zst" => zstd::Decoder::new(bytes.as_slice()).unwrap().read_to_string(&mut text).unwrap(),
        "gz" => flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap(),
        _ => bytes.as_slice().read_to_string(&mut text).unwrap(),
    };
    text
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn lines_are_the_same_in_every_coding() {
    let folder = tempfile::tempdir().unwrap();
    let (snapshot, keeping, inputs) = (reserved(), keeping(), inputs(folder.path()));
    for (coding, expected) in [
        ("same", ["a.jsonl.zst", "b.jsonl.gz", "c.jsonl"]),
        ("plain", ["a.jsonl", "b.jsonl", "c.jsonl"]),
        ("zstd:1", ["a.jsonl.zst", "b.jsonl.zst", "c.jsonl.zst"]),
        ("zstd:9", ["a.jsonl.zst", "b.jsonl.zst", "c.jsonl.zst"]),
    ] {
        let output_coding: OutputCoding = coding.parse().unwrap();
        let out = folder.path().join(coding);
        let (sign_key, key) =
            (Some(SigningKey::from_bytes(&[5; 32])), SigningKey::from_bytes(&[5; 32]).verifying_key());
        let run = Run { output_coding, sign_key, ..Run::over(&snapshot, &keeping, &out, &inputs) };
        run.run(&mut ()).unwrap();
        assert_eq!(names(&out.join("kept")), expected, "{coding}");
        for name in expected {
            assert!(plain(&out.join("kept").join(name)) == kept(), "{coding}: {name}");
        }
        let manifest = std::fs::read_to_string(out.join("manifest.jsonl")).unwrap();
        let rows: Vec<serde_json::Value> = manifest.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows.len(), 180);
        for (row, name) in [(&rows[0], expected[0]), (&rows[60], expected[1]), (&rows[120], expected[2])] {
            assert_eq!(row["container"]["file"], format!("kept/{name}"), "{coding}");
        }
        // A run that goes on writes the same, and the receipt is of what was written.
        let before = files(&out);
        std::fs::remove_file(out.join("state/a.jsonl.zst.done")).unwrap();
        std::fs::remove_file(out.join("kept").join(expected[0])).unwrap();
        Run { resume: true, ..run }.run(&mut ()).unwrap();
        assert!(files(&out) == before, "{coding}");
        let envelope = Envelope::parse(&std::fs::read(out.join(run_receipt::RECEIPT)).unwrap()).unwrap();
        let verified = signed::open(&envelope, |id| (*id == signed::key_id(&key)).then_some(key)).unwrap();
        assert_eq!(run_receipt::check(&verified, &out).unwrap().outputs, 9, "{coding}");
        assert_eq!(String::from(output_coding), coding);
    }
}

#[test]
fn a_run_goes_on_in_its_own_coding_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (snapshot, keeping, inputs) = (reserved(), keeping(), inputs(folder.path()));
    let out = folder.path().join("out");
    let run = |coding: &str, resume| {
        let output_coding = coding.parse().unwrap();
        Run { output_coding, resume, ..Run::over(&snapshot, &keeping, &out, &inputs) }.run(&mut ())
    };
    run("plain", false).unwrap();
    for other in ["same", "zstd:3"] {
        assert!(matches!(run(other, true), Err(FilterError::OtherCoding(_))), "{other}");
    }
    run("plain", true).unwrap();
    assert_eq!(names(&out.join("kept")), ["a.jsonl", "b.jsonl", "c.jsonl"]);
}

#[test]
fn what_is_no_lines_or_would_share_a_name_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (snapshot, keeping) = (reserved(), keeping());
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let lines = lines().concat().into_bytes();
    let (warc, plain) = (put("x.warc", &crawl(3).concat()), put("x.jsonl", &lines));
    let zipped = put("x.jsonl.zst", &zstd::encode_all(lines.as_slice(), 3).unwrap());
    let run = |inputs: &[&PathBuf]| {
        let inputs: Vec<PathBuf> = inputs.iter().map(|&path| path.clone()).collect();
        let out = folder.path().join("out");
        let refused = Run { output_coding: OutputCoding::Plain, ..Run::over(&snapshot, &keeping, &out, &inputs) };
        let refused = refused.run(&mut ()).unwrap_err();
        assert!(refused.hint().is_some() && (!out.exists() || names(&out.join("kept")).is_empty()));
        let _ = std::fs::remove_dir_all(out);
        refused
    };
    assert!(matches!(run(&[&warc]), FilterError::NotLines(_)));
    assert!(matches!(run(&[&plain, &zipped]), FilterError::SameName { .. }));
}
