//! Inventories read back: what an inventory carries of its papers' entries is what they say, and nobody who checks the inventory
//! instead of the papers comes to a better verdict.

use cleartitle::dataset::{Entry, Item, open};
use harness::{Registry, cleartitle};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

/// A manifest by its file's name and its text, and whether a form has a place for everything in it.
fn manifests() -> Vec<(&'static str, String, bool)> {
    let (blake3, sha256) = (format!("blake3:{}", "1".repeat(64)), format!("sha256:{}", "2".repeat(64)));
    let rows = |rows: &[Value]| rows.iter().map(|row| format!("{row}\n")).collect::<String>();
    vec![
        ("cleared.jsonl", rows(&[json!({ "url": "https://open.example/a" })]), true),
        ("reserved.jsonl", rows(&[json!({ "url": "https://press.example/b" })]), true),
        (
            "origins.jsonl",
            rows(&[
                json!({ "url": "https://press.example/b", "name": "b" }),
                json!({ "url": "https://open.example/c", "name": "mix", "derived_from": [{ "link": "adaptation", "of": "b" }] }),
                json!({ "url": "https://open.example/d", "name": "gone",
                    "derived_from": [{ "link": "generated", "of": "nowhere" }, { "link": "same-content", "of": "mix" }] }),
            ]),
            true,
        ),
        (
            "bytes.jsonl",
            rows(&[json!({ "content": [blake3, sha256], "name": "bytes", "collections": ["letters", "clips"] })]),
            true,
        ),
        (
            "pages.jsonl",
            rows(&[json!({ "urls": [{ "role": "fetched", "url": "https://open.example/e" },
                { "role": "embedding", "url": "https://press.example/page" }] })]),
            true,
        ),
        ("times.jsonl", rows(&[json!({ "url": "https://open.example/f", "captured_at": "2026-01-01T00:00:00Z" })]), false),
        (
            "roles.jsonl",
            rows(&[json!({ "urls": [{ "role": "fetched", "url": "https://open.example/g" },
                { "role": "canonical", "url": "https://press.example/g" }] })]),
            false,
        ),
        ("damaged.jsonl", format!("{}{{\n", rows(&[json!({ "url": "https://open.example/h" })])), false),
        (
            "long.jsonl",
            (0..1_100).map(|rank| format!("{}\n", json!({ "url": format!("https://open.example/{rank}") }))).collect(),
            false,
        ),
        (
            "sheet.csv",
            "name,license,url,derived_from\nLetters,CC-BY-4.0,https://open.example/letters,clips\nClips,all rights reserved,https://press.example/clips,\n".to_owned(),
            true,
        ),
    ]
}

const FORMS: [&str; 3] = ["croissant", "spdx", "cyclonedx"];

struct Lab {
    registry: Registry,
}

impl Lab {
    fn new() -> Self {
        let registry = Registry::start();
        let (press, open) = (registry.publisher("press.example"), registry.publisher("open.example"));
        registry.register(&press, &press.reservation("press.example"));
        let mut grant = open.grant("open.example");
        grant["effective"] = json!({ "from": "2025-01-01T00:00:00Z" });
        registry.register(&open, &grant);
        let lab = Self { registry };
        // Nobody's word is enough for this lab, so that nothing but a worse verdict, or damage, closes the gate.
        let policy =
            "version = 1\nuse = \"train-ai\"\n[asker]\ndomain = \"lab.example\"\n[actions]\nunknown = \"keep\"\n";
        std::fs::write(lab.path("policy.toml"), policy).expect("a policy");
        let (out, url, key) = (lab.path("s.snapshot"), lab.registry.url(""), lab.registry.log_key());
        let _ = cleartitle(&["pull", "--registry", &url, "--log-key", &key, "--out", &out]).exits(0);
        lab
    }

    fn path(&self, name: &str) -> String {
        self.registry.scratch().join(name).display().to_string()
    }

    /// Writes a manifest and its inventory, and gives their paths.
    fn export(&self, name: &str, text: &str, form: &str) -> (String, String) {
        let (manifest, out) = (self.path(name), self.path(&format!("{name}.{form}.json")));
        std::fs::write(&manifest, text).expect("a manifest");
        let (snapshot, policy) = (self.path("s.snapshot"), self.path("policy.toml"));
        let base = ["export", "--to", form, "--snapshot", &snapshot, "--policy", &policy, "--out", &out, &manifest];
        let _ = cleartitle(&base);
        assert!(Path::new(&out).is_file(), "{name} as {form}");
        (manifest, out)
    }

    /// The exit code of a check, its rows, and how many were damaged.
    fn check(&self, paper: &str) -> (i32, Vec<Value>, u64) {
        let (snapshot, policy) = (self.path("s.snapshot"), self.path("policy.toml"));
        let flags = ["check", "--snapshot", &snapshot, "--policy", &policy, "--no-digests", "--format", "json", paper];
        let ran = cleartitle(&flags);
        let rows: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let damaged = rows.last().and_then(|end| end["damaged"].as_u64()).expect("an end");
        (ran.code, rows, damaged)
    }
}

/// What of an entry every form carries, in words that can be compared.
fn carried(entry: &Entry) -> BTreeSet<String> {
    let copy = &entry.copy;
    let content = copy.content.iter().map(|name| format!("is {name}"));
    let urls = copy.urls.iter().map(|url| format!("{} {}", url.role, url.url));
    let licenses = entry.licenses.iter().map(|license| format!("license {}", license.text));
    let origins = entry.derived_from.iter().map(|origin| format!("from {} {}", origin.link, origin.of));
    content.chain(urls).chain(licenses).chain(origins).collect()
}

fn entries(paper: &str) -> Vec<Entry> {
    let items = open(Path::new(paper), None).expect("a paper").map(|item| item.expect("an item"));
    items.filter_map(|item| if let Item::Entry(entry) = item { Some(*entry) } else { None }).collect()
}

#[test]
fn inventories_read_back_say_what_their_papers_say() {
    let lab = Lab::new();
    for (name, text, whole) in manifests() {
        if !whole {
            continue;
        }
        for form in FORMS {
            let (manifest, inventory) = lab.export(name, &text, form);
            let back = entries(&inventory);
            for entry in entries(&manifest) {
                let same = |other: &&Entry| {
                    carried(other) == carried(&entry)
                        && entry.name.as_ref().is_none_or(|name| other.name.as_ref() == Some(name))
                        && entry.copy.collections.iter().all(|name| other.copy.collections.contains(name))
                };
                assert!(back.iter().any(|other| same(&other)), "{name} as {form}: {entry:#?}\nnot in {back:#?}");
            }
        }
    }
}

#[test]
fn an_inventory_never_has_a_better_verdict_than_its_papers() {
    let lab = Lab::new();
    let rank = |row: &Value| {
        let order = ["reserved", "disputed", "unknown", "conditional", "cleared"];
        order.iter().position(|verdict| row["verdict"] == *verdict)
    };
    for (name, text, whole) in manifests() {
        for form in FORMS {
            let (manifest, inventory) = lab.export(name, &text, form);
            let (code, rows, _) = lab.check(&manifest);
            let (code_back, back, damaged) = lab.check(&inventory);
            assert!(code_back >= code, "{name} as {form}: {code} became {code_back}");
            assert_eq!(damaged > 0, !whole, "{name} as {form}: what is not carried closes the gate");
            for row in rows.iter().filter(|row| rank(row).is_some() && whole) {
                let same: Vec<&Value> = back.iter().filter(|it| it["about"] == row["about"]).collect();
                let best = same.iter().filter_map(|it| rank(it)).max();
                assert!(best.is_some() && best <= rank(row), "{name} as {form}: {row}\nbecame {same:?}");
            }
        }
    }
}
