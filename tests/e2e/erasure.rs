//! Erasure by law: the bytes are gone from every file, a tombstone explains, permissions stop, reservations go on, the log holds.

use std::path::{Path, PathBuf};

use cleartitle_schema::id::BlobId;
use harness::publisher::{host_scope, terms};
use harness::{Publisher, Ran, Registry, cleartitle, cleartitle_server};
use serde_json::{Value, json};

const NEEDLE: &str = "Roderick Usher of Tarn Road 12";
const EVIDENCE: &[u8] = b"a letter by Madeline Usher, which nobody else names";
const SHARED: &[u8] = b"a contract of the house, which another statement names too";

fn erase(registry: &Registry, id: &Value) -> Ran {
    let (data, id) = (registry.data().display().to_string(), id.as_str().expect("an id").to_owned());
    cleartitle_server(&["erase", "--data", &data, "--statement", &id, "--reason", "GDPR article 17, request 7"])
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a listing") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// The files of the data folder that hold these bytes, plain or in base64 at any of its three offsets.
fn holding(registry: &Registry, needle: &[u8]) -> Vec<PathBuf> {
    use base64::Engine as _;
    let mut spellings = vec![needle.to_vec()];
    for offset in 0..3 {
        let padded = [&vec![b'x'; offset][..], needle].concat();
        let text = base64::engine::general_purpose::STANDARD.encode(padded);
        spellings.push(text.as_bytes()[4..text.len() - 4].to_vec());
    }
    let mut all = Vec::new();
    files(&registry.data(), &mut all);
    all.retain(|path| {
        let bytes = std::fs::read(path).expect("a file");
        spellings.iter().any(|spelling| memchr::memmem::find(&bytes, spelling).is_some())
    });
    all
}

fn verdict(registry: &Registry, host: &str, query: &str) -> String {
    let question = json!({ "url": format!("https://{host}/a"), "use": "train-ai" });
    let answer = registry.post_json(&format!("/v1/decisions{query}"), &question).is(200).json();
    answer["decision"]["verdict"].as_str().expect("a verdict").to_owned()
}

struct Stage {
    registry: Registry,
    press: Publisher,
    open: Publisher,
    reserved: Value,
    granted: Value,
    other: Value,
}

/// A reservation and a grant that tell of persons, evidence beside the first, and a statement that shares one exhibit.
fn stage() -> Stage {
    stage_on(Registry::start())
}

fn stage_on(registry: Registry) -> Stage {
    let (press, open) = (registry.publisher("press.example"), registry.publisher("open.example"));
    let exhibit = |bytes: &[u8]| json!({ "blob": BlobId::of(bytes).to_string(), "media_type": "text/plain" });
    let mut payload = press.reservation("press.example");
    payload["note"] = json!(NEEDLE);
    payload["issuer"]["legal_name"] = json!(format!("{NEEDLE} Ltd"));
    let mut exhibits = [exhibit(EVIDENCE), exhibit(SHARED)];
    exhibits.sort_by_key(|it| it["blob"].as_str().map(str::to_owned));
    payload["evidence"] = json!(exhibits);
    let reserved = registry.register(&press, &payload);
    let mut payload = open.grant("open.example");
    payload["note"] = json!(NEEDLE);
    let granted = registry.register(&open, &payload);
    let mut payload = open.statement(json!({ "kind": "reservation", "basis": "owner",
        "scope": host_scope("closed.open.example"), "terms": terms("disallowed", "train-ai") }));
    payload["evidence"] = json!([exhibit(SHARED)]);
    let other = registry.register(&open, &payload);
    for bytes in [EVIDENCE, SHARED] {
        let _ = registry.put_blob(&BlobId::of(bytes).to_string(), bytes).is(201);
    }
    Stage { registry, press, open, reserved, granted, other }
}

#[test]
fn what_is_erased_is_in_no_file_and_what_it_reserved_stays_reserved() {
    let Stage { registry, press, open, reserved, granted, other } = stage_on(Registry::in_folder("warn"));
    // A lab pulled before, and the operator's own snapshots lie in the folder.
    let snapshot = registry.scratch().join("terms.snapshot").display().to_string();
    let (url, key) = (registry.url(""), registry.log_key());
    let pull = |url: &str| cleartitle(&["pull", "--registry", url, "--log-key", &key, "--out", &snapshot]).exits(0);
    let _ = pull(&url);
    assert_eq!(verdict(&registry, "press.example", ""), "reserved");
    assert_eq!(verdict(&registry, "open.example", ""), "cleared");
    assert!(!holding(&registry, NEEDLE.as_bytes()).is_empty(), "the search finds what is there");
    assert!(!holding(&registry, EVIDENCE).is_empty());
    let refused = erase(&registry, &reserved["statement"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("stop it first"), "{}", refused.stderr);

    assert_eq!(registry.stop(), 0);
    let done = erase(&registry, &reserved["statement"]).exits(0);
    assert!(done.stdout.contains("its compiled rule remains"), "{}", done.stdout);
    let done = erase(&registry, &granted["statement"]).exits(0);
    assert!(done.stdout.contains("nothing remains of it"), "{}", done.stdout);
    assert_eq!(holding(&registry, NEEDLE.as_bytes()), Vec::<PathBuf>::new());
    assert_eq!(holding(&registry, EVIDENCE), Vec::<PathBuf>::new());
    assert!(!holding(&registry, SHARED).is_empty(), "what another statement names stays");
    // Asking again is harmless, and what can't be erased says so.
    assert!(erase(&registry, &granted["statement"]).exits(0).stdout.contains("logged before"));
    let data = registry.data().display().to_string();
    let rebuilt = cleartitle_server(&["rebuild", "--data", &data]).exits(0);
    assert!(rebuilt.stdout.contains("every projection is as it was"), "{}", rebuilt.stdout);
    registry.begin();
    // Receipts of all, the erased ones' too, hold: leaves, tiles and checkpoints are what they were.
    registry.audit();
    let report: Value =
        serde_json::from_str(&cleartitle_server(&["audit", "--data", &data, "--format", "json"]).exits(0).stdout)
            .expect("JSON");
    assert_eq!(report["erased"], 2);

    assert_eq!(verdict(&registry, "press.example", ""), "reserved");
    assert_eq!(verdict(&registry, "open.example", ""), "unknown");
    assert_eq!(verdict(&registry, "closed.open.example", ""), "reserved");
    // The history answers without what is gone: it must not clear in the past either.
    let then = format!("?as_of={}", other["index"].as_u64().expect("an index") + 1);
    assert_eq!(verdict(&registry, "press.example", &then), "reserved");
    assert_eq!(verdict(&registry, "open.example", &then), "unknown");
    let read = |registration: &Value| {
        registry.read(&format!("/v1/statements/{}", registration["statement"].as_str().expect("an id")))
    };
    let view = read(&reserved).is(200).json();
    assert_eq!((&view["payload"]["remains_of"], &view["envelope"]), (&reserved["statement"], &Value::Null));
    assert_eq!(view["registration"]["receipt"], reserved["receipt"]);
    assert_eq!(view["named_by"][0]["relation"], "erases");
    read(&granted).is_problem(410, "erased");
    registry
        .read(&format!("/v1/published/{}", granted["commitment"].as_str().expect("it")))
        .is_problem(404, "not-found");
    // Everybody can see that it was, when and why, and not what.
    let feed = registry.read("/v1/changes").is(200).json();
    let changes = feed["changes"].as_array().expect("changes");
    assert_eq!(
        changes[usize::try_from(granted["index"].as_u64().expect("an index")).expect("it")]["withheld"],
        "erased"
    );
    let tombstones: Vec<&Value> = changes.iter().filter(|change| change["kind"] == "erasure").collect();
    assert_eq!(tombstones.len(), 2);
    assert_eq!(tombstones[1]["names"], json!([{ "statement": granted["statement"], "relation": "erases" }]));
    let why = read(tombstones[1]).is(200).json();
    assert_eq!(why["payload"]["body"]["reason"], "GDPR article 17, request 7");

    // It does not come back by being sent again, by whoever kept a copy.
    let mut again = open.grant("open.example");
    again["note"] = json!(NEEDLE);
    registry.try_register(&open.sign(&again)).expect("an answer").is_problem(410, "erased");
    // What ends the reservation names it as ever.
    let withdrawal = press.statement(json!({ "kind": "withdrawal", "statement": reserved["statement"] }));
    registry.register(&press, &withdrawal);
    assert_eq!(verdict(&registry, "press.example", ""), "unknown");
    // A pull over what was pulled before comes to the new body.
    let _ = pull(&registry.url(""));
    let bytes = std::fs::read(&snapshot).expect("a snapshot");
    assert!(memchr::memmem::find(&bytes, NEEDLE.as_bytes()).is_none());
    let outside = ["audit", "--registry", &registry.url(""), "--log-key", &key, "--snapshot", &snapshot];
    let _ = cleartitle(&outside).exits(0);
}

#[test]
fn two_builders_make_one_snapshot_of_what_remains() {
    let Stage { registry, reserved, granted, .. } = stage();
    assert_eq!(registry.stop(), 0);
    for erased in [&reserved, &granted] {
        let _ = erase(&registry, &erased["statement"]).exits(0);
    }
    let other = registry.copy();
    let _ = other.read("/healthz").is(200);
    assert_eq!(other.stop(), 0);
    let _ = cleartitle_server(&["rebuild", "--data", &other.data().display().to_string()]).exits(0);
    registry.begin();
    other.begin();
    let body = |registry: &Registry| {
        let latest = registry.read("/v1/snapshots/latest").is(200).json();
        registry.read(latest["url"].as_str().expect("a path")).is(200).body
    };
    assert!(body(&registry) == body(&other));
    let [one, two] = [&registry, &other]
        .map(|registry| cleartitle_server(&["dump", "--data", &registry.data().display().to_string()]).exits(0).stdout);
    assert!(one == two && !one.is_empty());
}

#[test]
fn an_older_backup_brings_it_back_until_it_is_erased_again() {
    let Stage { registry, granted, reserved, .. } = stage_on(Registry::in_folder("warn"));
    let archive = registry.scratch().join("before.tar");
    let (data, file) = (registry.data().display().to_string(), archive.display().to_string());
    let _ = cleartitle_server(&["backup", "--data", &data, "--out", &file]).exits(0);
    let before = registry.read(&format!("/v1/published/{}", granted["commitment"].as_str().expect("it"))).is(200).body;
    assert_eq!(registry.stop(), 0);
    let _ = erase(&registry, &granted["statement"]).exits(0);
    let restored = Registry::restored(&archive, vec![reserved], &[]);
    assert_eq!(verdict(&restored, "open.example", ""), "cleared");
    assert!(!holding(&restored, NEEDLE.as_bytes()).is_empty());
    assert_eq!(restored.stop(), 0);
    let _ = erase(&restored, &granted["statement"]).exits(0);
    restored.begin();
    assert_eq!(verdict(&restored, "open.example", ""), "unknown");
    restored.audit();
    // A tombstone whose subject lies there again accuses the operator until it is gone.
    assert_eq!(restored.stop(), 0);
    let database = rusqlite::Connection::open(restored.data().join("registry.sqlite")).expect("the database");
    let hex = granted["commitment"].as_str().expect("it").trim_start_matches("commitment:").to_owned();
    let put = format!("INSERT INTO published (commitment, blob) VALUES (x'{hex}', ?1)");
    database.execute(&put, [&before]).expect("a row");
    drop(database);
    let data = restored.data().display().to_string();
    let accused = cleartitle_server(&["audit", "--data", &data]);
    assert_eq!(accused.code, 1);
    assert!(accused.stdout.contains("is still here"), "{}", accused.stdout);
    let _ = erase(&restored, &granted["statement"]).exits(0);
    let _ = cleartitle_server(&["audit", "--data", &data]).exits(0);
}

#[test]
fn nobody_but_the_operator_erases_and_not_the_keys() {
    let Stage { registry, press, reserved, .. } = stage();
    let tombstone = press.statement(json!({ "kind": "erasure", "commitment": reserved["commitment"],
        "statement": reserved["statement"], "reason": "mine" }));
    registry.try_register(&press.sign(&tombstone)).expect("an answer").is_problem(403, "operator-only");
    let mut remains = press.reservation("other.press.example");
    remains["remains_of"] = reserved["statement"].clone();
    registry.try_register(&press.sign(&remains)).expect("an answer").is_problem(403, "operator-only");
    let binding = registry.read("/v1/issuers/press.example").is(200).json()["keys"][0]["binding"].clone();
    assert_eq!(registry.stop(), 0);
    let refused = erase(&registry, &binding);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("can't be erased"), "{}", refused.stderr);
    let unknown = json!(format!("statement:{}", "7".repeat(64)));
    assert_eq!(erase(&registry, &unknown).code, 2);
    registry.begin();
    registry.audit();
}

#[test]
fn a_blob_that_is_gone_without_a_word_is_found() {
    let Stage { registry, granted, .. } = stage_on(Registry::in_folder("warn"));
    assert_eq!(registry.stop(), 0);
    let database = rusqlite::Connection::open(registry.data().join("registry.sqlite")).expect("the database");
    let hex = granted["commitment"].as_str().expect("it").trim_start_matches("commitment:").to_owned();
    database.execute(&format!("DELETE FROM published WHERE commitment = x'{hex}'"), []).expect("a row less");
    drop(database);
    let data = registry.data().display().to_string();
    let found = cleartitle_server(&["audit", "--data", &data]);
    assert_eq!(found.code, 1);
    assert!(found.stdout.contains("no erasure says why"), "{}", found.stdout);
    // Nobody needs the operator's own audit for that.
    registry.begin();
    let outside = ["audit", "--registry", &registry.url(""), "--log-key", &registry.log_key()];
    let found = cleartitle(&outside).exits(1);
    let told = format!("what leaf {} commits to is not published", granted["index"]);
    assert!(found.stdout.contains(&told), "{}", found.stdout);
    assert!(found.stdout.contains("altered-bytes"), "{}", found.stdout);
}
