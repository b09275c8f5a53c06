//! Inputs wherever they lie: globs, lists, standard input and a real S3-compatible server give the bytes that files give.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use harness::crawl::{self, KEEP_CLEARED, Lab};
use harness::objects::Objects;
use harness::{Ran, Registry, binaries};

fn lab() -> Lab {
    let registry = Registry::start();
    let open = registry.publisher("open.example");
    registry.register(&open, &open.grant("open.example"));
    Lab::pull(&registry)
}

/// Runs the filter with inputs as text, variables and standard input.
fn filter(lab: &Lab, out: &str, inputs: &[&str], environment: &[(&str, String)], stdin: Option<&[u8]>) -> Ran {
    let mut arguments = lab.filter_arguments(KEEP_CLEARED, out, &[], &[]);
    arguments.extend(inputs.iter().map(|input| (*input).to_owned()));
    let mut command = binaries::command(binaries::client_path());
    command.args(&arguments).envs(environment.iter().map(|(name, value)| (name, value))).current_dir(lab.folder());
    command.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the filter starts");
    if let (Some(bytes), Some(mut pipe)) = (stdin, child.stdin.take()) {
        pipe.write_all(bytes).expect("a pipe");
    }
    binaries::ran(format!("{arguments:?}"), child.wait_with_output().expect("an end"))
}

/// All outputs but the state and the report, which say where the inputs lay.
fn outputs(lab: &Lab, out: &str) -> BTreeMap<String, Vec<u8>> {
    fn collect(folder: &Path, root: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).expect("a listing") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(root).expect("below").display().to_string();
            if path.is_dir() {
                if name != "state" {
                    collect(&path, root, found);
                }
            } else if name != "report.json" {
                found.insert(name, std::fs::read(&path).expect("a file"));
            }
        }
    }
    let (root, mut found) = (lab.folder().join(out), BTreeMap::new());
    collect(&root, &root, &mut found);
    found
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn globs_lists_and_standard_input_give_what_files_give() {
    let lab = lab();
    for (number, name) in ["a.warc", "b.warc", "c.warc"].iter().enumerate() {
        crawl::write_warc(&lab.folder().join(name), number * 100, 60);
    }
    filter(&lab, "files", &["a.warc", "b.warc", "c.warc"], &[], None).exits(0);
    let wanted = outputs(&lab, "files");
    assert!(wanted["manifest.jsonl"].len() > 1_000);
    filter(&lab, "glob", &["?.warc"], &[], None).exits(0);
    assert!(outputs(&lab, "glob") == wanted, "a quoted glob differs");
    std::fs::write(lab.folder().join("list.gz"), zipped(b"a.warc\nb.warc\n\nc.warc\n")).expect("a list");
    filter(&lab, "list", &["--list", "list.gz"], &[], None).exits(0);
    assert!(outputs(&lab, "list") == wanted, "a list differs");
    filter(&lab, "piped", &["--list", "-"], &[], Some(b"a.warc\nb.warc\nc.warc")).exits(0);
    assert!(outputs(&lab, "piped") == wanted, "a list from standard input differs");

    filter(&lab, "one", &["a.warc"], &[], None).exits(0);
    let bytes = std::fs::read(lab.folder().join("a.warc")).expect("a crawl");
    let ran = filter(&lab, "stdin", &["--kept", "-", "-"], &[], Some(&bytes)).exits(0);
    let kept = std::fs::read(lab.folder().join("one/kept/a.warc")).expect("kept records");
    assert_eq!(ran.stdout.as_bytes(), kept, "standard output holds the kept records and nothing else");
    assert!(ran.stderr.contains("filter: 20 kept"), "{}", ran.stderr);
    assert_eq!(outputs(&lab, "stdin")["kept/stdin"], kept);
    let ran = filter(&lab, "stdin", &["--resume", "-"], &[], Some(&bytes)).exits(0);
    assert!(ran.stderr.contains("finished before"), "{}", ran.stderr);
    // Another stream under the same name is another input.
    let ran = filter(&lab, "stdin", &["--resume", "-"], &[], Some(&bytes[..bytes.len() / 2])).exits(1);
    assert!(!ran.stderr.contains("finished before"), "{}", ran.stderr);

    for (out, inputs, said) in [
        ("m1", vec!["*.none"], "nothing matches `*.none`"),
        ("m2", vec!["gs://bucket/a.warc"], "neither as a file nor as an object"),
        ("m3", vec!["-", "-"], "standard input can be read once"),
        ("m4", vec!["--kept", "-", "a.warc", "b.warc"], "takes one input"),
        ("m5", vec!["."], "name its files"),
    ] {
        let ran = filter(&lab, out, &inputs, &[], Some(b"")).exits(2);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        assert!(!lab.folder().join(out).join("report.json").exists());
    }
}

#[test]
fn objects_give_what_files_give() {
    let Some(objects) = Objects::start("inputs from S3") else { return };
    let lab = lab();
    std::fs::create_dir(lab.folder().join("x")).expect("a folder");
    std::fs::create_dir(lab.folder().join("y")).expect("a folder");
    crawl::write_warc(&lab.folder().join("x/a.warc"), 0, 60);
    crawl::write_warc(&lab.folder().join("y/a.warc"), 100, 60);
    let lines: String = (0..300)
        .map(|number| {
            format!("{{\"text\":\"t{number}\",\"metadata\":{{\"url\":\"http://open.example/{number}\"}},\"created\":\"2026-12-01T00:00:00Z\"}}\n")
        })
        .collect();
    std::fs::write(lab.folder().join("y/dolma.jsonl.gz"), zipped(lines.as_bytes())).expect("lines");
    // Larger than three ranges, so that several are read ahead.
    let large = |number: u64| {
        let text = number.to_string().repeat(1 << 20);
        format!("{{\"text\":\"{text}\",\"url\":\"http://open.example/{number}\",\"date\":\"2026-12-01T00:00:00Z\"}}\n")
    };
    std::fs::write(lab.folder().join("y/all.jsonl"), (10..24).map(large).collect::<String>()).expect("lines");
    let mut names = vec!["x/a.warc", "y/a.warc", "y/all.jsonl", "y/dolma.jsonl.gz"];
    if let Some(python) = harness::independent::python("Parquet from S3, by pyarrow") {
        let script = harness::independent::script("tables.py");
        let _ = harness::independent::run(&python, &[&script, "make", &lab.folder().display().to_string()]).exits(0);
        std::fs::rename(lab.folder().join("zstd.parquet"), lab.folder().join("y/rows.parquet")).expect("a table");
        names.push("y/rows.parquet");
    }
    for name in &names {
        objects.put("crawls", &format!("in/{name}"), &std::fs::read(lab.folder().join(name)).expect("a file"));
    }
    objects.put("crawls", "in/_SUCCESS", b"done");
    let environment = objects.environment();
    filter(&lab, "files", &names, &[], None).exits(0);
    let wanted = outputs(&lab, "files");
    let whole: Vec<String> = names.iter().map(|name| format!("s3://crawls/in/{name}")).collect();
    let whole: Vec<&str> = whole.iter().map(String::as_str).collect();
    let ran = filter(&lab, "objects", &whole, &environment, None).exits(0);
    assert!(ran.stdout.contains("kept"), "{}", ran.stdout);
    assert!(outputs(&lab, "objects") == wanted, "objects differ");
    filter(&lab, "prefix", &["s3://crawls/in/"], &environment, None).exits(0);
    assert!(outputs(&lab, "prefix") == wanted, "a prefix differs");
    filter(&lab, "glob", &["s3://crawls/in/*/[ad]*", "s3://crawls/in/y/r*"], &environment, None).exits(0);
    assert!(outputs(&lab, "glob") == wanted, "a glob differs");
    let ran = filter(&lab, "glob", &["--resume", "s3://crawls/in/*/[ad]*", "s3://crawls/in/y/r*"], &environment, None)
        .exits(0);
    assert_eq!(ran.stderr.matches("finished before").count(), names.len(), "{}", ran.stderr);
    // A changed object is another input.
    objects.put("crawls", "in/y/a.warc", &std::fs::read(lab.folder().join("x/a.warc")).expect("a file")[..]);
    let ran = filter(&lab, "glob", &["--resume", "s3://crawls/in/*/[ad]*", "s3://crawls/in/y/r*"], &environment, None)
        .exits(0);
    assert_eq!(ran.stderr.matches("finished before").count(), names.len() - 1, "{}", ran.stderr);

    for (out, input, said) in [
        ("gone", "s3://crawls/in/gone.warc", "s3://crawls/in/gone.warc"),
        ("none", "s3://crawls/in/*.none", "nothing matches"),
        ("empty", "s3://crawls/nowhere/", "nothing matches"),
    ] {
        let ran = filter(&lab, out, &[input], &environment, None).exits(2);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        assert!(!lab.folder().join(out).join("report.json").exists());
    }
    // Another key is shown the door, and the run says so.
    let mut stranger = environment.clone();
    stranger.retain(|(name, _)| *name != "AWS_SECRET_ACCESS_KEY");
    stranger.push(("AWS_SECRET_ACCESS_KEY", "not the key".to_owned()));
    let ran = filter(&lab, "stranger", &["s3://crawls/in/x/a.warc"], &stranger, None).exits(2);
    assert!(ran.stderr.contains("cannot read"), "{}", ran.stderr);
    assert!(!lab.folder().join("stranger/kept/a.warc").exists());
}
