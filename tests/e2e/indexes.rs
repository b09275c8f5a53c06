//! Index first as a lab runs it: indexes that warcio and pyarrow wrote, real crawls, records fetched from folders and from S3.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use harness::crawl::{self, KEEP_CLEARED, KEEP_EVERYTHING, Lab};
use harness::objects::Objects;
use harness::{Ran, Registry, binaries, independent};
use serde_json::{Value, json};

/// Copies crawls into a folder of the lab and has them indexed; the names of those that have rows.
fn indexed(lab: &Lab, python: &Path, inputs: &[PathBuf]) -> Vec<String> {
    let root = lab.folder().join("root");
    std::fs::create_dir_all(&root).expect("a folder");
    let mut names = Vec::new();
    for input in inputs {
        let name = input.file_name().expect("a name").to_string_lossy().into_owned();
        std::fs::copy(input, root.join(&name)).expect("a copy");
        names.push(name);
    }
    let script = independent::script("index_crawl.py");
    let folder = root.display().to_string();
    let arguments: Vec<&str> =
        [script.as_str(), folder.as_str()].into_iter().chain(names.iter().map(String::as_str)).collect();
    let told = independent::run(python, &arguments).exits(0).stdout;
    let rows = told.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    rows.filter(|row| row["rows"] != 0).map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
}

/// The lines of a file, none where there is no file.
fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// What became of each document, by its offset: for those kept, all that the manifest says but where they lie.
fn fates(out: &Path, name: &str) -> BTreeMap<u64, String> {
    let mut found = BTreeMap::new();
    for mut row in lines(&out.join("manifest.jsonl")) {
        let offset = row["source"]["offset"].as_u64().expect("an offset");
        row["container"] = Value::Null;
        row["source"]["file"] = Value::Null;
        assert!(found.insert(offset, format!("keep {row}")).is_none());
    }
    for row in lines(&out.join(format!("excluded/{name}.decisions.jsonl"))) {
        assert!(found.insert(row["offset"].as_u64().expect("an offset"), row["action"].to_string()).is_none());
    }
    for row in lines(&out.join("damage.jsonl")) {
        found.insert(row["offset"].as_u64().expect("an offset"), "damaged".to_owned());
    }
    found
}

#[test]
fn index_first_is_the_full_filter_on_real_crawls() {
    let Some(python) = independent::python("indexes, by warcio and pyarrow") else { return };
    let lab = Lab::pull(&Registry::with_press_and_open());
    let mut inputs = crawl::files();
    inputs.retain(|path| [".warc", ".warc.gz"].iter().any(|end| path.to_string_lossy().ends_with(end)));
    let made = lab.folder().join("made.warc");
    crawl::write_warc(&made, 0, 120);
    inputs.push(made);
    let root = lab.folder().join("root").display().to_string();
    let (mut compared, mut kept, mut excluded) = (0, 0, 0);
    for name in indexed(&lab, &python, &inputs) {
        for (policy, word) in [(KEEP_CLEARED, "cleared"), (KEEP_EVERYTHING, "all")] {
            let full = format!("{name}-{word}");
            let input = lab.folder().join("root").join(&name);
            let ran = lab.filter(policy, &full, std::slice::from_ref(&input), &[]);
            assert!(ran.code < 2, "{}", ran.stderr);
            let wanted = fates(&lab.folder().join(&full), &name);
            for index in [format!("{name}.cdxj"), format!("{name}.parquet")] {
                let out = format!("{index}-{word}");
                let path = lab.folder().join("root").join(&index);
                let ran = lab.filter(policy, &out, &[path], &["--index", "--fetch", &root]);
                assert!(ran.code < 2, "{}", ran.stderr);
                let found = fates(&lab.folder().join(&out), &index);
                let rows = lines(&lab.folder().join(&out).join(format!("excluded/{index}.decisions.jsonl")));
                let alone = |offset: &u64| {
                    rows.iter().any(|row| row["record_signals"] == "not-checked" && row["offset"] == *offset)
                };
                for (offset, fate) in &found {
                    // A damaged record that its row excludes is not read.
                    let unread = alone(offset) && wanted[offset] == "damaged";
                    assert!(unread || wanted.get(offset) == Some(fate), "{index} at {offset} {fate} {}", ran.stderr);
                    compared += 1;
                    kept += usize::from(fate.starts_with("keep"));
                }
                excluded += lines(&lab.folder().join(&out).join(format!("excluded/{index}.decisions.jsonl")))
                    .iter()
                    .filter(|row| row["record_signals"] == "not-checked")
                    .count();
                let missed = wanted.iter().filter(|(offset, _)| !found.contains_key(offset)).count();
                let rows = lines_of(&lab.folder().join("root").join(format!("{name}.cdxj")));
                assert!(found.len() >= rows.min(wanted.len()), "{index}: {missed} of {} missing", wanted.len());
            }
        }
    }
    println!("{compared} rows compared, {kept} kept, {excluded} excluded by their rows alone");
    assert!(compared >= 480 && kept >= 320 && excluded >= 160, "{compared} {kept} {excluded}");
}

fn lines_of(path: &Path) -> usize {
    std::fs::read_to_string(path).expect("an index").lines().count()
}

fn filter(lab: &Lab, out: &str, index: &str, more: &[&str], environment: &[(&str, String)]) -> Ran {
    let mut arguments = lab.filter_arguments(KEEP_CLEARED, out, &[], &["--index"]);
    arguments.extend(more.iter().map(|it| (*it).to_owned()));
    arguments.push(index.to_owned());
    let mut command = binaries::command(binaries::client_path());
    command.args(&arguments).envs(environment.iter().map(|(name, value)| (name, value))).current_dir(lab.folder());
    binaries::ran(format!("{arguments:?}"), command.output().expect("an end"))
}

/// Every output but the report and the state, which say where things lay.
fn outputs(lab: &Lab, out: &str) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut open) = (BTreeMap::new(), vec![lab.folder().join(out)]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a listing") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(lab.folder().join(out)).expect("below").display().to_string();
            if path.is_dir() && name != "state" {
                open.push(path);
            } else if path.is_file() && name != "report.json" {
                found.insert(name, std::fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

#[test]
fn records_of_s3_are_those_of_a_folder() {
    let Some(python) = independent::python("indexes, by warcio and pyarrow") else { return };
    let Some(objects) = Objects::start("records fetched from S3") else { return };
    let lab = Lab::pull(&Registry::with_press_and_open());
    let made = lab.folder().join("made.warc");
    crawl::write_warc(&made, 0, 300);
    assert_eq!(indexed(&lab, &python, std::slice::from_ref(&made)), ["made.warc"]);
    for index in ["made.warc.cdxj", "made.warc.parquet"] {
        objects.put(
            "crawls",
            &format!("index/{index}"),
            &std::fs::read(lab.folder().join("root").join(index)).expect("it"),
        );
    }
    objects.put("crawls", "deep/crawl/made.warc", &std::fs::read(&made).expect("a crawl"));
    let environment = objects.environment();
    for index in ["made.warc.cdxj", "made.warc.parquet"] {
        let (local, remote) = (format!("local-{index}"), format!("remote-{index}"));
        let ran = filter(&lab, &local, &format!("root/{index}"), &["--fetch", "root"], &[]).exits(0);
        assert!(ran.stdout.contains("filter: 100 kept"), "{}", ran.stdout);
        let (root, index_at) = ("s3://crawls/deep/crawl", format!("s3://crawls/index/{index}"));
        filter(&lab, &remote, &index_at, &["--fetch", root], &environment).exits(0);
        assert!(outputs(&lab, &remote) == outputs(&lab, &local), "{index}: objects differ");
        assert!(!outputs(&lab, &local)[&format!("kept/{index}.warc")].is_empty());
        let again = filter(&lab, &remote, &index_at, &["--fetch", root, "--resume"], &environment).exits(0);
        assert!(again.stderr.contains("finished before"), "{}", again.stderr);
        // Where nothing is fetched, the candidates are rows; another root has none of the files.
        let ran = filter(&lab, &format!("rows-{index}"), &index_at, &[], &environment).exits(0);
        assert!(ran.stdout.contains("0 kept, 0 for review, 200 excluded, 0 damaged, 100 candidates"), "{}", ran.stdout);
        let ran = filter(&lab, &format!("gone-{index}"), &index_at, &["--fetch", "s3://crawls/index/"], &environment)
            .exits(1);
        assert!(ran.stderr.contains("missing-file"), "{}", ran.stderr);
        assert!(lab.rows(&format!("gone-{index}"), "manifest.jsonl").is_empty());
    }
    let script = independent::script("tables.py");
    let (source, kept) = ("root/made.warc.parquet", "rows-made.warc.parquet/candidates/made.warc.parquet");
    let at = |path: &str| lab.folder().join(path).display().to_string();
    let _ = independent::run(&python, &[&script, "same", &at(source), &at(kept), "100"]).exits(0);
}

#[test]
fn a_false_index_keeps_nothing_and_says_so() {
    let Some(python) = independent::python("indexes, by warcio and pyarrow") else { return };
    let lab = Lab::pull(&Registry::with_press_and_open());
    let made = lab.folder().join("made.warc");
    crawl::write_warc(&made, 0, 9);
    let _ = indexed(&lab, &python, std::slice::from_ref(&made));
    std::fs::copy(&made, lab.folder().join("secret.warc")).expect("a copy");
    let index = lab.folder().join("root/made.warc.cdxj");
    let true_lines = std::fs::read_to_string(&index).expect("an index");
    // The third document is of nobody.example, the first of open.example: its address is put over a reserved record.
    let lines: Vec<&str> = true_lines.lines().collect();
    let value = |line: &str| -> Value { serde_json::from_str(&line[line.find('{').expect("JSON")..]).expect("JSON") };
    let (open, press) = (value(lines[0]), value(lines[1]));
    let lie = |member: &str, to: &Value| {
        let mut told = open.clone();
        told[member] = to.clone();
        format!("example,open)/0 20261001000000 {told}\n")
    };
    let mut over = press.clone();
    over["url"] = open["url"].clone();
    for (out, text, said) in [
        ("over", format!("example,open)/0 20261001000000 {over}\n"), "index-mismatch"),
        ("digest", lie("digest", &press["digest"]), "index-mismatch"),
        ("offset", lie("offset", &json!("99999999")), "beyond-the-file"),
        ("escape", lie("filename", &json!("../secret.warc")), "unsafe-filename"),
        ("absolute", lie("filename", &json!(lab.folder().join("secret.warc"))), "unsafe-filename"),
        ("none", lie("filename", &json!("none.warc")), "missing-file"),
        ("short", lie("length", &json!("20")), "damage"),
        ("bad", "example,open)/0 20261001000000 {\"url\": 1}\n".to_owned(), "malformed-row"),
    ] {
        std::fs::write(lab.folder().join("false.cdxj"), format!("{text}{}\n", lines[3])).expect("an index");
        let ran = filter(&lab, out, "false.cdxj", &["--fetch", "root"], &[]).exits(1);
        assert!(ran.stderr.contains(said) && ran.stderr.contains("line 1"), "{out}: {}", ran.stderr);
        // The run goes on: the sound row beside it is kept, and nothing else.
        let kept = lab.rows(out, "manifest.jsonl");
        assert_eq!(kept.len(), 1, "{out}: {kept:?}");
        assert_eq!(kept[0]["url"], "http://open.example/3", "{out}");
    }
    for (more, said) in [
        (vec!["--fetch", "nowhere"], "is no folder that records could be fetched from"),
        (vec!["--fetch", "gs://bucket/"], "neither a folder nor"),
    ] {
        let ran = filter(&lab, "refused", "false.cdxj", &more, &[]).exits(2);
        assert!(ran.stderr.contains(said) && ran.stderr.contains("hint:"), "{}", ran.stderr);
    }
}

#[test]
fn a_registered_sha1_reserves_by_the_row_alone() {
    let Some(python) = independent::python("indexes, by warcio and pyarrow") else { return };
    let lab_of = |statement: &dyn Fn(&harness::Publisher) -> Value| {
        let registry = Registry::start();
        let open = registry.publisher("open.example");
        registry.register(&open, &statement(&open));
        Lab::pull(&registry)
    };
    // What is named by SHA-1 alone is the second document of open.example.
    let body = "document 3 of open.example ".repeat(4);
    let digest = <sha1::Sha1 as sha1::Digest>::digest(body.as_bytes());
    let name: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let ids = json!({"include": [{"target": "content", "ids": [format!("warc-sha1:{name}")]}]});
    let made = |lab: &Lab| {
        let made = lab.folder().join("made.warc");
        crawl::write_warc(&made, 0, 9);
        indexed(lab, &python, &[made])
    };
    let lab = lab_of(&|open| {
        let mut reservation = open.reservation("open.example");
        reservation["body"]["scope"] = ids.clone();
        reservation
    });
    let _ = made(&lab);
    let index = lab.folder().join("root/made.warc.cdxj");
    let ran = lab.filter(KEEP_CLEARED, "reserved", std::slice::from_ref(&index), &["--index"]).exits(0);
    let rows = lab.rows("reserved", "excluded/made.warc.cdxj.decisions.jsonl");
    let reserved: Vec<&Value> = rows.iter().filter(|row| row["verdict"] == "reserved").collect();
    assert_eq!(reserved.len(), 1, "{}", ran.stdout);
    assert_eq!(reserved[0]["url"], "http://open.example/3");
    // A grant by the same name clears nothing, not even on its issuer's own site.
    let lab = lab_of(&|open| {
        let mut grant = open.grant("open.example");
        grant["body"]["scope"] = ids.clone();
        grant
    });
    let _ = made(&lab);
    let index = lab.folder().join("root/made.warc.cdxj");
    let root = lab.folder().join("root").display().to_string();
    lab.filter(KEEP_CLEARED, "granted", &[index], &["--index", "--fetch", &root]).exits(0);
    assert!(lab.rows("granted", "manifest.jsonl").is_empty());
}
