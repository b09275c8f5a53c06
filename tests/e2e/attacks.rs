//! What an operator, a mirror or a thief could do to a log, each done for real, and caught by its own code.
//!
//! The pages of the codes are `schema/faults.md`. Registries are real ones: two servers that sign with one log key, a database
//! edited behind a server's back, answers changed on the way.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::between::between;
use cleartitle_schema::fault::Fault;
use harness::{Publisher, Ran, Registry, Witness, cleartitle, cleartitle_server};
use rusqlite::Connection;
use serde_json::{Value, json};

/// A registry with a publisher and some statements, and a copy that signs with the same keys.
struct Twins {
    one: Registry,
    other: Registry,
    press: Publisher,
}

/// Registers one more statement; nothing is audited, since nothing is right any more.
fn state(registry: &Registry, press: &Publisher, note: &str) -> Value {
    let mut payload = press.reservation("press.example");
    payload["note"] = json!(note);
    registry.try_register(&press.sign(&payload)).expect("an answer").is(201).json()
}

fn twins() -> Twins {
    let one = Registry::in_folder("warn");
    let press = one.publisher("press.example");
    for number in 0..5 {
        state(&one, &press, &format!("common {number}"));
    }
    one.audit();
    assert_eq!(one.stop(), 0);
    let other = one.copy();
    one.begin();
    // Answered once, both have their signals in hand and can be asked to end.
    let _ = (one.read("/healthz").is(200), other.read("/healthz").is(200));
    Twins { one, other, press }
}

/// A lab: a folder, and the log's key.
struct Lab {
    folder: tempfile::TempDir,
    key: String,
}

impl Lab {
    fn of(registry: &Registry) -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), key: registry.log_key() }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn pull(&self, address: &str, more: &[&str]) -> Ran {
        let out = self.path("terms.snapshot");
        let mut all = vec!["pull", "--registry", address, "--log-key", &self.key, "--out", &out, "--format", "json"];
        all.extend(more);
        cleartitle(&all)
    }

    /// A pull that is refused, with this code in JSON and behind the error.
    #[track_caller]
    fn refused(&self, address: &str, more: &[&str], fault: Fault) {
        let before = std::fs::read(self.path("terms.snapshot")).ok();
        let ran = self.pull(address, more).exits(2);
        let told: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        assert_eq!((&told["refused"], &told["code"]), (&json!(true), &json!(fault)), "{told} {}", ran.stderr);
        assert!(ran.stderr.contains(&format!("({fault})")), "{}", ran.stderr);
        assert!(std::fs::read(self.path("terms.snapshot")).ok() == before, "what was refused was put in place");
    }

    /// The codes of an audit from outside.
    fn audits(&self, registry: &Registry, more: &[&str]) -> Vec<String> {
        let address = registry.url("");
        let mut all = vec!["audit", "--registry", &address, "--log-key", &self.key, "--format", "json"];
        all.extend(more);
        let ran = cleartitle(&all);
        let told: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr));
        let codes = codes(&told);
        assert_eq!(ran.code, i32::from(!codes.is_empty()), "{told}");
        codes
    }

    fn gossip(&self, more: &[&str]) -> Ran {
        let proof = self.path("proof.json");
        let mut all = vec!["gossip", "--log-key", &self.key, "--proof", &proof, "--format", "json"];
        all.extend(more);
        cleartitle(&all)
    }

    fn verify(&self, more: &[&str]) -> (i32, Value) {
        let mut all = vec!["verify", "--log-key", &self.key, "--format", "json"];
        all.extend(more);
        let ran = cleartitle(&all);
        (ran.code, serde_json::from_str(&ran.stdout).expect("JSON"))
    }
}

/// The codes that the operator's own audit gives of a stopped registry's data.
fn audited(registry: &Registry) -> Vec<String> {
    let data = registry.data().display().to_string();
    let ran = cleartitle_server(&["audit", "--data", &data, "--format", "json"]).exits(1);
    codes(&serde_json::from_str(&ran.stdout).expect("JSON"))
}

/// The codes of a report's findings, each once.
fn codes(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().expect("findings");
    let mut codes: Vec<String> =
        findings.iter().map(|finding| finding["code"].as_str().unwrap_or_default().to_owned()).collect();
    codes.sort();
    codes.dedup();
    codes
}

fn database(registry: &Registry) -> Connection {
    Connection::open(registry.data().join("registry.sqlite")).expect("the registry's database")
}

#[test]
fn a_split_view_is_caught_by_one_reader_and_proven_by_two() {
    let Twins { one, other, press } = twins();
    state(&one, &press, "what everybody is shown");
    state(&other, &press, "what the lab is shown");
    // One reader that asks both, or is led to another mirror.
    let lab = Lab::of(&one);
    let _ = lab.pull(&one.url(""), &[]).exits(0);
    lab.refused(&other.url(""), &[], Fault::SplitView);
    // The proof lies there already, and so it does for one who asks a peer before the first pull.
    assert_eq!(lab.verify(&[&lab.path("terms.snapshot.contradiction.json")]).0, 0);
    let careful = Lab::of(&one);
    careful.refused(&other.url(""), &["--peer", &one.url("")], Fault::SplitView);
    assert_eq!(careful.verify(&[&careful.path("terms.snapshot.contradiction.json")]).0, 0);
    let _ = careful.pull(&one.url(""), &["--peer", &one.url("")]).exits(0);
    // Two readers who never meet the other registry exchange what they keep.
    let friend = Lab::of(&other);
    let _ = friend.pull(&other.url(""), &[]).exits(0);
    let (ours, theirs) = (lab.path("terms.snapshot.checkpoint"), friend.path("terms.snapshot.checkpoint"));
    let ran = lab.gossip(&[&ours, &theirs]).exits(1);
    let told: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!((&told["code"], &told["one_log"]), (&json!(Fault::SplitView), &json!(false)), "{told}");
    // The proof convicts the log's key offline, and no other.
    assert_eq!((one.stop(), other.stop()), (0, 0));
    let (code, held) = lab.verify(&[&lab.path("proof.json")]);
    assert_eq!((code, &held["holds"], &held["said"]["code"]), (0, &json!(true), &json!(Fault::SplitView)), "{held}");
    let stranger = Lab::of(&Registry::in_folder("warn"));
    assert_eq!(stranger.verify(&[&lab.path("proof.json")]).0, 1);
    // A made-up one does not: the same checkpoint twice.
    let mut forged: Value =
        serde_json::from_slice(&std::fs::read(lab.path("proof.json")).expect("a proof")).expect("JSON");
    forged["longer"] = forged["shorter"].clone();
    std::fs::write(lab.path("forged.json"), forged.to_string()).expect("a file");
    let (code, held) = lab.verify(&[&lab.path("forged.json")]);
    assert_eq!((code, &held["holds"]), (1, &json!(false)), "{held}");
}

#[test]
fn a_rollback_is_caught() {
    let Twins { one, other, press } = twins();
    let lab = Lab::of(&one);
    state(&one, &press, "soon forgotten");
    let _ = lab.pull(&one.url(""), &[]).exits(0);
    // The copy, as a backup put back: a true past of the log, and too short.
    lab.refused(&other.url(""), &[], Fault::Rollback);
    // Against what `ask` and `register` keep as well.
    let seen = lab.path("seen.checkpoint");
    let ask = |registry: &Registry| {
        let address = registry.url("");
        let key = lab.key.clone();
        cleartitle(&["ask", "--registry", &address, "--log-key", &key, "--seen", &seen, "https://press.example/a"])
    };
    let ran = ask(&one).exits(1);
    assert!(ran.stderr.contains("was not seen before"), "{}", ran.stderr);
    let ran = ask(&other).exits(2);
    assert!(ran.stderr.contains("(rollback)"), "{}", ran.stderr);
    // A witness tells the operator, who may have put a backup back without knowing.
    let witness = Witness::start("witness.example", &[one.log_key()]);
    let flag = ["--witness".to_owned(), witness.flag()];
    one.restart_with(&flag);
    let cosigned = Instant::now();
    while one.read("/checkpoint").is(200).text().lines().count() < 6 {
        assert!(cosigned.elapsed() < Duration::from_secs(30), "no cosignature: {}", one.said());
        std::thread::sleep(Duration::from_millis(100));
    }
    other.restart_with(&flag);
    let asked = Instant::now();
    while !other.said().contains("was an old backup put back") {
        assert!(asked.elapsed() < Duration::from_secs(30), "nothing was told: {}", other.said());
        std::thread::sleep(Duration::from_millis(100));
    }
    // Between the two nothing is contradictory: the one is a past of the other.
    let ran = lab.gossip(&["--registry", &one.url(""), "--peer", &other.url("")]).exits(0);
    assert!(ran.stdout.contains("\"one_log\":true"), "{}", ran.stdout);
}

#[test]
fn a_forked_log_is_caught_and_proven() {
    let Twins { one, other, press } = twins();
    let lab = Lab::of(&one);
    state(&one, &press, "the one past");
    let _ = lab.pull(&one.url(""), &[]).exits(0);
    state(&other, &press, "another past");
    state(&other, &press, "and longer");
    lab.refused(&other.url(""), &[], Fault::ForkedLog);
    let kept = lab.path("terms.snapshot.checkpoint");
    let ran = lab.gossip(&[&kept, "--registry", &other.url("")]).exits(1);
    let told: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(told["code"], json!(Fault::ForkedLog), "{told}");
    assert_eq!((one.stop(), other.stop()), (0, 0));
    let (code, held) = lab.verify(&[&lab.path("proof.json")]);
    assert_eq!((code, &held["said"]["code"]), (0, &json!(Fault::ForkedLog)), "{held}");
    // Without the hashes the two checkpoints prove nothing, and with others neither.
    let proof: Value = serde_json::from_slice(&std::fs::read(lab.path("proof.json")).expect("a proof")).expect("JSON");
    for (member, value) in
        [("other_root", Value::Null), ("proof", json!([])), ("other_root", proof["proof"][0].clone())]
    {
        let mut forged = proof.clone();
        forged[member] = value;
        std::fs::write(lab.path("forged.json"), forged.to_string()).expect("a file");
        assert_eq!(lab.verify(&[&lab.path("forged.json")]).0, 1, "{forged}");
    }
}

#[test]
fn an_altered_entry_is_caught_by_the_audit_and_by_its_receipt() {
    let Twins { one, press, .. } = twins();
    let registered = state(&one, &press, "what was said");
    let statement = registered["statement"].as_str().expect("an id").to_owned();
    assert_eq!(one.stop(), 0);
    // The leaf says another time, in its canonical form.
    let index = registered["index"].as_i64().expect("an index");
    let at = registered["registered_at"].as_str().expect("a time");
    let other_at = at.replacen("20", "21", 1);
    let file = database(&one);
    let leaf: Vec<u8> =
        file.query_row("SELECT leaf FROM leaves WHERE idx = ?1", [index], |row| row.get(0)).expect("a leaf");
    let altered = String::from_utf8(leaf).expect("JSON").replace(at, &other_at);
    file.execute("UPDATE leaves SET leaf = ?1 WHERE idx = ?2", (altered.as_bytes(), index)).expect("an edit");
    drop(file);
    let codes = audited(&one);
    assert!(codes.contains(&"altered-entry".to_owned()), "{codes:?}");
    // Without the operator: an audit from outside, and its receipt, which no longer proves it.
    let lab = Lab::of(&one);
    let witness = Witness::start("witness.example", &[one.log_key()]);
    one.begin();
    let _ = one.read("/healthz").is(200);
    one.restart_with(&["--witness".to_owned(), witness.flag()]);
    assert_eq!(lab.audits(&one, &[]), ["altered-entry"]);
    let out = lab.path("a.receipt.json");
    let address = one.url("");
    let ran = cleartitle(&[
        "receipt",
        "--registry",
        &address,
        "--log-key",
        &lab.key,
        "--wait",
        "30",
        "--format",
        "json",
        "--out",
        &out,
        &statement,
    ])
    .exits(2);
    assert!(ran.stdout.contains("\"code\":\"altered-entry\""), "{} {}", ran.stdout, ran.stderr);
    assert!(!PathBuf::from(out).exists());
}

#[test]
fn an_altered_tile_is_caught_and_told_from_a_fork() {
    let Twins { one, press, .. } = twins();
    let lab = Lab::of(&one);
    let _ = lab.pull(&one.url(""), &[]).exits(0);
    state(&one, &press, "one more");
    state(&one, &press, "and another");
    // On the way: a cache that hands out another hash.
    let server = one.socket();
    let liar = between(
        move |_| server.clone(),
        |path, answer| {
            if path.starts_with("/tile/0/")
                && let Some(last) = answer.last_mut()
            {
                *last ^= 1;
            }
        },
    );
    lab.refused(&liar, &[], Fault::AlteredTile);
    assert_eq!(lab.audits(&one, &[]), [""; 0]);
    // In the database: the leaves are right, and so is what the log signed.
    assert_eq!(one.stop(), 0);
    let file = database(&one);
    let mut tile: Vec<u8> =
        file.query_row("SELECT bytes FROM tiles WHERE level = 0", [], |row| row.get(0)).expect("a tile");
    tile[40] ^= 1;
    file.execute("UPDATE tiles SET bytes = ?1 WHERE level = 0", [tile]).expect("an edit");
    drop(file);
    assert_eq!(audited(&one), ["altered-tile"]);
    one.begin();
    lab.refused(&one.url(""), &[], Fault::AlteredTile);
    assert_eq!(lab.audits(&one, &[]), ["altered-tile"]);
}

#[test]
fn an_altered_projection_is_caught() {
    let Twins { one, press, .. } = twins();
    let lab = Lab::of(&one);
    let kept = lab.path("terms.snapshot");
    let _ = lab.pull(&one.url(""), &[]).exits(0);
    assert_eq!(lab.audits(&one, &["--snapshot", &kept]), [""; 0]);
    // Later statements don't speak against an older snapshot.
    state(&one, &press, "later");
    assert_eq!(lab.audits(&one, &["--snapshot", &kept]), [""; 0]);
    // The tables that answers and snapshots are made of say otherwise than the log: reservations that nobody finds, one that
    // another has signed. What else is edited so, the builder of snapshots refuses.
    for edit in [
        "DELETE FROM statements WHERE kind = 'reservation' AND idx > 3",
        "UPDATE statements SET signed_by = '[\"biglab.example\"]' WHERE idx = 4",
    ] {
        assert_eq!(one.stop(), 0);
        let copy = one.copy();
        let _ = copy.read("/healthz").is(200);
        assert_eq!(copy.stop(), 0);
        let file = database(&copy);
        assert!(file.execute(edit, []).expect("an edit") > 0, "{edit}");
        drop(file);
        for made in std::fs::read_dir(copy.data().join("snapshots")).expect("a folder").flatten() {
            std::fs::remove_file(made.path()).expect("removed");
        }
        assert_eq!(audited(&copy), ["altered-projection"], "{edit}");
        // The lab sees neither database nor operator: it is given a snapshot that the log's key signs.
        copy.begin();
        let lab = Lab::of(&copy);
        let ran = lab.pull(&copy.url(""), &[]);
        assert_eq!(ran.code, 0, "{edit}: {}\n{}", ran.stderr, copy.said());
        let kept = lab.path("terms.snapshot");
        assert_eq!(lab.verify(&[&kept]).0, 0, "by itself it is sound");
        assert_eq!(lab.audits(&copy, &["--snapshot", &kept]), ["altered-projection"], "{edit}");
        one.begin();
        let _ = one.read("/healthz").is(200);
    }
}

#[test]
fn a_stale_snapshot_is_caught() {
    let Twins { one, other, press } = twins();
    let lab = Lab::of(&one);
    state(&one, &press, "a withdrawal, say");
    let _ = lab.pull(&one.url(""), &[]).exits(0);
    // The newest checkpoint with a snapshot from before: each rightly signed.
    let (newer, older) = (one.socket(), other.socket());
    let mixed =
        between(move |path| if path.starts_with("/v1/snapshots") { older.clone() } else { newer.clone() }, |_, _| {});
    lab.refused(&mixed, &[], Fault::StaleSnapshot);
    // A registry that stands still: by the last statement, and where witnesses are pinned, by when they looked.
    let fresh = Lab::of(&one);
    std::thread::sleep(Duration::from_secs(2));
    fresh.refused(&one.url(""), &["--max-age", "0"], Fault::StaleSnapshot);
    let (code, told) = {
        let out = lab.path("terms.snapshot");
        lab.verify(&["--max-age", "0", &out])
    };
    assert_eq!((code, &told["code"]), (1, &json!(Fault::StaleSnapshot)), "{told}");
    let policy = lab.path("policy.toml");
    std::fs::write(&policy, "version = 1\nuse = \"train-ai\"\nmax_snapshot_age_days = 0\n").expect("a policy");
    let kept = lab.path("terms.snapshot");
    let ran = cleartitle(&["verify", "--log-key", &lab.key, "--policy", &policy, &kept]).exits(1);
    assert!(ran.stdout.contains("(stale-snapshot)"), "{}", ran.stdout);
}

#[test]
fn a_foreign_receipt_is_caught() {
    // The same origin, another key: what a forger would set up.
    let (one, forger) = (Registry::in_folder("warn"), Registry::in_folder("warn"));
    let press = forger.publisher("press.example");
    let lab = Lab::of(&one);
    let kept = lab.path("receipts");
    let private = press.write_keys(lab.folder.path()).display().to_string();
    let terms = lab.path("terms.toml");
    let _ = cleartitle(&["init", "--terms", "--out", &terms]).exits(0);
    let address = forger.url("");
    let ran = cleartitle(&[
        "register",
        "--registry",
        &address,
        "--key",
        &private,
        "--issuer",
        "press.example",
        "--receipt-dir",
        &kept,
        &terms,
    ]);
    let _ = ran.exits(0);
    let receipt = std::fs::read_dir(&kept).expect("a folder").flatten().next().expect("a receipt").path();
    let (code, told) = lab.verify(&[&receipt.display().to_string()]);
    assert_eq!((code, &told["code"]), (1, &json!(Fault::ForeignReceipt)), "{told}");
    // And one of the right log that is shown for another statement.
    let own = Lab::of(&forger);
    let mut swapped: Value = serde_json::from_slice(&std::fs::read(&receipt).expect("a receipt")).expect("JSON");
    swapped["statement"] = json!(format!("statement:{}", "0".repeat(64)));
    std::fs::write(own.path("swapped.json"), swapped.to_string()).expect("a file");
    let (code, told) = own.verify(&[&own.path("swapped.json")]);
    assert_eq!((code, &told["code"]), (1, &json!(Fault::ForeignReceipt)), "{told}");
    assert_eq!(own.verify(&[&receipt.display().to_string()]).0, 0, "the true one holds under its own log's key");
}

#[test]
fn changed_signatures_and_bytes_are_caught() {
    let Twins { one, .. } = twins();
    let lab = Lab::of(&one);
    let witness = Witness::start("witness.example", &[one.log_key()]);
    one.restart_with(&["--witness".to_owned(), witness.flag(), "--witness-quorum".to_owned(), "1".to_owned()]);
    let (pinned, begun) = (witness.key(), Instant::now());
    while lab.pull(&one.url(""), &["--witness", &pinned]).code != 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "no cosignature: {}", one.said());
        std::thread::sleep(Duration::from_millis(200));
    }
    // A cosignature at another time than the witness signed for.
    assert_eq!(one.stop(), 0);
    let file = database(&one);
    let line: String = file.query_row("SELECT line FROM cosignatures", [], |row| row.get(0)).expect("a line");
    let place = line.rfind(' ').expect("base64") + 20;
    let other = if line.as_bytes()[place] == b'A' { "B" } else { "A" };
    let changed = format!("{}{other}{}", &line[..place], &line[place + 1..]);
    file.execute("UPDATE cosignatures SET line = ?1", [changed]).expect("an edit");
    drop(file);
    assert_eq!(audited(&one), ["wrong-signature"]);
    // It would give a fresh one in its place.
    witness.kill();
    one.begin();
    lab.refused(&one.url(""), &["--witness", &pinned], Fault::WrongSignature);
    // A byte of the snapshot that lies here, and a file that breaks off.
    let kept = lab.path("terms.snapshot");
    let mut body = std::fs::read(&kept).expect("a snapshot");
    let last = body.len() - 1;
    body[last] ^= 1;
    std::fs::write(&kept, body).expect("a file");
    let (code, told) = lab.verify(&[&kept]);
    assert_eq!((code, &told["code"]), (1, &json!(Fault::AlteredBytes)), "{told}");
    std::fs::write(lab.path("half.json"), "{\"cleartitle_receipt\": 1, \"statement\":").expect("a file");
    let (code, told) = lab.verify(&[&lab.path("half.json")]);
    assert_eq!((code, &told["code"]), (1, &json!(Fault::Damaged)), "{told}");
}

#[test]
fn a_split_view_gets_no_second_cosignature() {
    let Twins { one, other, press } = twins();
    let witness = Witness::start("witness.example", &[one.log_key()]);
    let flags = ["--witness".to_owned(), witness.flag(), "--witness-quorum".to_owned(), "1".to_owned()];
    one.restart_with(&flags);
    let newest = json!(state(&one, &press, "what everybody is shown")["index"].as_u64().expect("an index") + 1);
    let lab = Lab::of(&one);
    let pinned = witness.key();
    let begun = Instant::now();
    let pulled = || {
        let ran = lab.pull(&one.url(""), &["--witness", &pinned]);
        ran.code == 0 && serde_json::from_str::<Value>(&ran.stdout).expect("JSON")["size"] == newest
    };
    while !pulled() {
        assert!(begun.elapsed() < Duration::from_secs(30), "no cosignature: {}", one.said());
        std::thread::sleep(Duration::from_millis(200));
    }
    // The twin asks the same witness for the same size and another root, and never gets it.
    state(&other, &press, "what the lab is shown");
    other.restart_with(&flags[..2]);
    let asked = Instant::now();
    while !other.said().contains("another past") {
        assert!(asked.elapsed() < Duration::from_secs(30), "the refusal was not told: {}", other.said());
        std::thread::sleep(Duration::from_millis(100));
    }
    let stranger = Lab::of(&other);
    stranger.refused(&other.url(""), &["--witness", &pinned], Fault::NotWitnessed);
    let _ = stranger.pull(&other.url(""), &[]).exits(0);
    let kept = stranger.path("terms.snapshot");
    let (code, told) = stranger.verify(&["--witness", &pinned, &kept]);
    assert_eq!((code, &told["code"]), (1, &json!(Fault::NotWitnessed)), "{told}");
    let evidence = std::fs::read_dir(witness.data().join("evidence")).expect("a folder").flatten().next();
    let evidence = evidence.expect("the witness keeps what the log signed").path().display().to_string();
    // What the witness has against what the stranger was shown: the split view, without the other registry.
    let kept = stranger.path("terms.snapshot.checkpoint");
    for shown in [kept, evidence] {
        let ran = stranger.gossip(&["--peer", &witness.url(""), &shown]).exits(1);
        assert!(ran.stdout.contains("\"code\":\"split-view\""), "{}", ran.stdout);
    }
    // A log without witnesses is refused where they are pinned.
    let alone = Registry::in_folder("warn");
    Lab::of(&alone).refused(&alone.url(""), &["--witness", &pinned], Fault::NotWitnessed);
}
