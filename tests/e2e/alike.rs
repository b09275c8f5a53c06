//! One crawl decided three ways: by the filter of its records, by way of its index, and by the registry's batch answers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use harness::Registry;
use harness::crawl::{self, KEEP_EVERYTHING, Lab};
use harness::publisher::{Publisher, host_scope, path_scope, terms};
use serde_json::{Value, json};

/// The moment of use of every run of [`Lab::filter`].
const USED_AT: &str = "2027-01-01T00:00:00Z";

/// Small numbers from a seed: a run is named by its seed alone.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Something that the site of a document could say of it: of its host, its path, or its bytes, for or against.
fn body(dice: &mut Dice, host: &str, row: &Value) -> Value {
    let path = row["url"].as_str().expect("a URL").splitn(4, '/').nth(3).unwrap_or_default();
    let scope = match dice.roll(4) {
        0 => path_scope(host, &format!("/{path}")),
        1 => json!({"include": [{"target": "content", "ids": [row["content"]]}]}),
        2 => json!({
            "include": [{"target": "host", "host": host}], "exclude": [{"target": "content", "ids": [row["content"]]}],
        }),
        _ => host_scope(host),
    };
    let mut said = match dice.roll(5) {
        0 | 1 => terms("disallowed", ["train-ai", "ai-use", "search"][dice.roll(3) as usize]),
        _ => terms("allowed", "train-ai"),
    };
    let allowed = said["clauses"][0]["rules"][0]["preference"] == "allowed";
    if allowed && dice.roll(3) == 0 {
        said["any_copy"] = json!(true);
    }
    if allowed && dice.roll(2) == 0 {
        said["clauses"][0]["rules"][0]["duties"] = json!([{"phase": "before", "action": {"duty": "attribute"}}]);
    }
    let kind = if allowed { "grant" } else { "reservation" };
    json!({"kind": kind, "basis": "owner", "scope": scope, "terms": said})
}

/// Registers what some of the crawl's sites say. Returns how much was registered.
fn register(registry: &Registry, dice: &mut Dice, rows: &[Value]) -> usize {
    let mut publishers: BTreeMap<String, Publisher> = BTreeMap::new();
    let mut registered = 0;
    for row in rows {
        let host = row["url"].as_str().and_then(|url| url.split('/').nth(2)).unwrap_or_default();
        let host = host.strip_prefix("www.").unwrap_or(host);
        if host.is_empty() || host.contains(':') || (publishers.len() > 12 && !publishers.contains_key(host)) {
            continue;
        }
        // Some eight statements in all, so that a host is spoken of by few.
        if dice.roll(rows.len() as u64) >= 8 {
            continue;
        }
        let publisher = publishers.entry(host.to_owned()).or_insert_with(|| registry.publisher(host));
        let statement = publisher.statement(body(dice, host, row));
        let answer = registry.try_register(&publisher.sign(&statement)).expect("an answer");
        registered += usize::from(answer.status == 201);
    }
    registry.audit();
    registered
}

/// The question that the filter asked of a kept document, as the manifest tells it.
fn question(row: &Value) -> Value {
    let mut copy = json!({
        "urls": [{"role": "fetched", "url": row["url"]}],
        "content": [row["content"]], "captured_at": row["captured_at"], "channel": "crawl", "access": "open",
        // A page that says nothing was looked at all the same.
        "in_record": {"parser": cleartitle_schema::signals::PARSER, "signals": []},
    });
    let content = copy["content"].as_array_mut().expect("names");
    content.extend(row["aliases"].as_array().cloned().unwrap_or_default());
    if let Some(url) = row.get("canonical") {
        copy["urls"].as_array_mut().expect("URLs").push(json!({"role": "canonical", "url": url}));
    }
    for member in ["marks", "credits", "in_record"] {
        if let Some(value) = row.get(member) {
            copy[member] = value.clone();
        }
    }
    json!({
        "acquisition": copy, "use": "train-ai", "used_at": USED_AT,
        "asker": {"domain": "biglab.example", "class": "commercial"},
    })
}

fn told(row: &Value) -> Value {
    let list = |member: &str| row.get(member).cloned().unwrap_or_else(|| json!([]));
    json!({"verdict": row["verdict"], "reasons": list("reasons"), "statements": list("statements")})
}

/// An index of the crawl, made from what the filter said of its records.
fn write_index(path: &Path, name: &str, rows: &[Value]) {
    let line = |row: &Value| {
        let digits: String =
            row["captured_at"].as_str().expect("a time").chars().filter(char::is_ascii_digit).collect();
        let place = |member: &str| row["source"][member].to_string();
        let object = json!({
            "url": row["url"], "mime": "text/html", "status": "200", "filename": name,
            "offset": place("offset"), "length": place("length"),
        });
        format!("key {digits} {object}\n")
    };
    std::fs::write(path, rows.iter().map(line).collect::<String>()).expect("an index");
}

/// Whether a crawl holds pages as they were served; of extracted text nobody could have read marks.
fn is_of_pages(path: &Path) -> bool {
    let name = path.to_string_lossy();
    [".warc", ".warc.gz"].iter().any(|end| name.ends_with(end)) && !name.contains("wet") && !name.contains("wat")
}

/// How many documents of a crawl came to each verdict, one way and the two others.
fn decided_alike(input: &Path, seed: u64) -> BTreeMap<String, usize> {
    let registry = Registry::start();
    let name = input.file_name().expect("a name").to_string_lossy().into_owned();
    let rows_of = |lab: &Lab, out: &str, input: &Path, more: &[&str]| {
        let ran = lab.filter(KEEP_EVERYTHING, out, &[input.to_owned()], more);
        assert!(ran.code < 2, "{name} {}", ran.stderr);
        lab.rows(out, "manifest.jsonl")
    };
    let rows = rows_of(&Lab::pull(&registry), "before", input, &[]);
    let registered = register(&registry, &mut Dice(seed), &rows);
    let lab = Lab::pull(&registry);
    let mut rows = rows_of(&lab, "full", input, &[]);
    rows.retain(|row| row.get("url").is_some() && row.get("captured_at").is_some());
    let lines: String = rows.iter().map(|row| format!("{}\n", question(row))).collect();
    let answer = registry.post("/v1/decisions", "application/x-ndjson", lines).is(200);
    let answers: Vec<Value> = answer.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(answers.len(), rows.len() + 2, "a beginning, a row for each document, an end");
    for (row, answer) in rows.iter().zip(&answers[1..]) {
        assert_eq!(told(row), told(answer), "{name} seed {seed}, {} statements: {row}", registered);
    }
    let root = input.parent().expect("a folder").display().to_string();
    let index = lab.folder().join("index.cdxj");
    write_index(&index, &name, &rows);
    let by_index = rows_of(&lab, "by-index", &index, &["--index", "--fetch", &root]);
    let by_place = |rows: &[Value]| -> BTreeMap<String, Value> {
        rows.iter().map(|row| (row["source"]["offset"].to_string(), told(row))).collect()
    };
    // Where one member holds several records no index can name one of them.
    if !name.contains("non-chunked") {
        assert_eq!(by_place(&by_index), by_place(&rows), "{name} seed {seed}");
    }
    let mut verdicts = BTreeMap::new();
    for row in &rows {
        *verdicts.entry(row["verdict"].as_str().expect("a verdict").to_owned()).or_default() += 1;
    }
    verdicts
}

/// `CLEARTITLE_CASES=100` looks longer.
fn cases() -> usize {
    std::env::var("CLEARTITLE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(6)
}

#[test]
fn records_index_and_registry_decide_alike() {
    let mut inputs: Vec<PathBuf> = crawl::files().into_iter().filter(|path| is_of_pages(path)).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let made = folder.path().join("made.warc");
    crawl::write_warc(&made, 0, 60);
    inputs.extend(std::iter::repeat_n(made, cases()));
    let (mut documents, mut seen) = (0, BTreeSet::new());
    for (seed, input) in (1_u64..).zip(&inputs) {
        let verdicts = decided_alike(input, seed);
        println!("{}: {verdicts:?}", input.display());
        documents += verdicts.values().sum::<usize>();
        seen.extend(verdicts.into_keys());
    }
    assert!(documents >= 360 && seen.len() >= 4, "{documents} documents of {} crawls, {seen:?}", inputs.len());
}
