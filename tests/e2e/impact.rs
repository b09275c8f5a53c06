//! Impact: what was registered since a lab's snapshot, told as rows of its own manifest that must go or may come.

use harness::publisher::{host_scope, path_scope, terms};
use harness::{Ran, Registry, cleartitle};
use serde_json::{Value, json};

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

struct Lab<'r> {
    registry: &'r Registry,
    manifest: String,
}

impl Lab<'_> {
    fn path(&self, name: &str) -> String {
        self.registry.scratch().join(name).display().to_string()
    }

    fn pull(&self, name: &str) -> String {
        let (out, url, key) = (self.path(name), self.registry.url(""), self.registry.log_key());
        let _ = cleartitle(&["pull", "--registry", &url, "--log-key", &key, "--out", &out]).exits(0);
        out
    }

    fn impact(&self, since: &str, newer: &str, more: &[&str]) -> Ran {
        let policy = self.path("policy.toml");
        let base = ["impact", "--since", since, "--snapshot", newer, "--policy", &policy];
        cleartitle(&[&base[..], more, &[&self.manifest]].concat())
    }
}

#[test]
fn a_lab_learns_what_must_go_why_and_by_whose_word() {
    let registry = Registry::start();
    let (press, open) = (registry.publisher("press.example"), registry.publisher("open.example"));
    let granted = registry.register(&open, &open.grant("open.example"));
    let reserved = registry.register(&press, &press.reservation("press.example"));
    let lab = Lab { registry: &registry, manifest: registry.scratch().join("m.jsonl").display().to_string() };
    let policy = "version = 1\nuse = \"train-ai\"\n[asker]\ndomain = \"lab.example\"\n[actions]\ncleared = \"keep\"\n";
    std::fs::write(lab.path("policy.toml"), policy).expect("a policy");
    let urls = ["open.example/a", "open.example/closed/b", "press.example/c", "nobody.example/d"];
    let line =
        |url: &&str| json!({ "url": format!("https://{url}"), "captured_at": "2026-01-01T00:00:00Z" }).to_string();
    std::fs::write(&lab.manifest, urls.iter().map(line).collect::<Vec<_>>().join("\n")).expect("a manifest");
    let old = lab.pull("old.snapshot");
    let same = lab.impact(&old, &old, &[]).exits(0);
    assert!(same.stdout.contains("impact: 4 rows, log size 5 to 5: 0 to remove, 0 to admit"), "{}", same.stdout);

    // The open house closes a folder; the press withdraws its reservation and grants.
    let closing = open.statement(json!({ "kind": "reservation", "basis": "owner",
        "scope": path_scope("open.example", "/closed/"), "terms": terms("disallowed", "train-ai") }));
    let closed = registry.register(&open, &closing);
    let mut grant = press.grant("press.example");
    grant["supersedes"] = json!([reserved["statement"]]);
    grant["effective"] = json!({ "from": "2025-01-01T00:00:00Z" });
    registry.register(&press, &grant);
    let new = lab.pull("new.snapshot");
    let out = lab.path("changed.jsonl");
    let told = lab.impact(&old, &new, &["--format", "json", "--out", &out]).exits(1);
    let sum: Value = serde_json::from_str(&told.stdout).expect("JSON");
    assert_eq!((&sum["rows"], &sum["remove"]), (&json!(4), &json!(1)), "{sum}");
    assert_eq!((&sum["log_size_before"], &sum["log_size"]), (&json!(5), &json!(7)));
    let by_closing = &sum["statements"][0];
    assert_eq!((&by_closing["statement"], &by_closing["remove"]), (&closed["statement"], &json!(1)));
    assert_eq!(sum["rightsholders"][0], json!({ "rightsholder": "open.example", "remove": 1, "admit": 0, "other": 0 }));
    let changed = rows(&std::fs::read_to_string(&out).expect("rows"));
    let gone = changed.iter().find(|row| row["change"] == "remove").expect("a row");
    assert_eq!((&gone["line"], &gone["about"]), (&json!(2), &json!("https://open.example/closed/b")));
    assert_eq!((&gone["was"]["verdict"], &gone["now"]["verdict"]), (&json!("cleared"), &json!("reserved")));
    assert_eq!(gone["now"]["reasons"][0], "rights-reserved");
    assert!(gone["statements"].as_array().expect("statements").contains(&closed["statement"]));
    assert!(changed.iter().any(|row| row["line"] == 3 && row["change"] != "remove"), "{changed:?}");
    assert!(changed.iter().all(|row| row["line"] != 1 && row["line"] != 4));

    // The same by size, and by a time, from the newer snapshot alone.
    let by_size: Value =
        serde_json::from_str(&lab.impact("5", &new, &["--format", "json"]).exits(1).stdout).expect("JSON");
    assert_eq!(
        (&by_size["remove"], &by_size["admit"], &by_size["other"]),
        (&sum["remove"], &sum["admit"], &sum["other"])
    );
    let _ = lab.impact("2025-06-01", &new, &[]);
    let human = lab.impact("5", &new, &[]).exits(1);
    assert!(human.stdout.contains("  open.example  1 remove, 0 admit, 0 other"), "{}", human.stdout);

    // A permission that is withdrawn takes the rest.
    let withdrawal = open.statement(json!({ "kind": "withdrawal", "statement": granted["statement"] }));
    registry.register(&open, &withdrawal);
    let newest = lab.pull("newest.snapshot");
    let sum: Value =
        serde_json::from_str(&lab.impact(&old, &newest, &["--format", "json"]).exits(1).stdout).expect("JSON");
    assert_eq!(sum["remove"], 2, "{sum}");
    // What can't be read is no all-clear, and states in the wrong order are refused.
    std::fs::write(&lab.manifest, "{\"url\": 7}\n").expect("a manifest");
    assert_eq!(lab.impact(&old, &newest, &[]).code, 2);
    let wrong = lab.impact(&newest, &old, &[]);
    assert!(wrong.code == 2 && wrong.stderr.contains("later state"), "{}", wrong.stderr);
    let beyond = lab.impact("900", &newest, &[]);
    assert!(beyond.code == 2 && beyond.stderr.contains("hint: "), "{}", beyond.stderr);
}

#[test]
fn time_alone_takes_a_permission_away() {
    let registry = Registry::start();
    let open = registry.publisher("open.example");
    let mut grant = open.statement(json!({ "kind": "grant", "basis": "owner", "scope": host_scope("open.example"),
        "terms": terms("allowed", "train-ai") }));
    grant["effective"] = json!({ "from": "2025-01-01T00:00:00Z", "until": "2036-01-01T00:00:00Z" });
    registry.register(&open, &grant);
    let lab = Lab { registry: &registry, manifest: registry.scratch().join("m.jsonl").display().to_string() };
    std::fs::write(lab.path("policy.toml"), "version = 1\nuse = \"train-ai\"\n[asker]\ndomain = \"lab.example\"\n")
        .expect("a policy");
    std::fs::write(&lab.manifest, "{\"url\":\"https://open.example/a\",\"captured_at\":\"2026-01-01T00:00:00Z\"}\n")
        .expect("it");
    let snapshot = lab.pull("terms.snapshot");
    let _ = lab.impact(&snapshot, &snapshot, &[]).exits(0);
    let later = lab.impact(&snapshot, &snapshot, &["--used-at", "2036-02-01", "--format", "json"]).exits(1);
    let sum: Value = serde_json::from_str(&later.stdout).expect("JSON");
    assert_eq!(
        (&sum["remove"], &sum["rightsholders"][0]["rightsholder"]),
        (&json!(1), &json!("open.example")),
        "{sum}"
    );
}
