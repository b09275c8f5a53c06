//! Witnesses: registries cosigned by real ones, ours and another implementation's; kills, races, and receipts that outlive all.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cleartitle_schema::tlog::Hash;
use cleartitle_schema::tlog::checkpoint::Checkpoint;
use cleartitle_schema::tlog::hash::leaf_hash;
use cleartitle_schema::tlog::note::NoteSigner;
use cleartitle_schema::tlog::proof::consistency;
use cleartitle_schema::tlog::tile::{TileId, tiles_after};
use cleartitle_schema::tlog::witness::AddCheckpoint;
use ed25519_dalek::SigningKey;
use harness::{Publisher, Ran, Registry, Seeded, UNLIMITED, Witness, cleartitle, independent};
use serde_json::{Value, json};

/// Asks until the answer is the wanted one.
#[track_caller]
fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} did not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn state(registry: &Registry, press: &Publisher, note: &str) -> Value {
    let mut payload = press.reservation("press.example");
    payload["note"] = json!(note);
    registry.try_register(&press.sign(&payload)).expect("an answer").is(201).json()
}

fn shown_size(registry: &Registry) -> Option<u64> {
    let answer = registry.read("/checkpoint");
    (answer.status == 200).then(|| answer.text().lines().nth(1)?.parse().ok()).flatten()
}

/// The flags by which a registry is told of witnesses, and the quorum that it asks.
fn flags(witnesses: &[&Witness], quorum: usize) -> Vec<String> {
    let mut flags: Vec<String> = UNLIMITED.map(str::to_owned).to_vec();
    flags.extend(["--witness-quorum".to_owned(), quorum.to_string()]);
    witnesses.iter().for_each(|witness| flags.extend(["--witness".to_owned(), witness.flag()]));
    flags
}

/// A registry that asks for both of two witnesses, and somebody who pins both.
struct Scene {
    registry: Registry,
    press: Publisher,
    key: String,
    first: Witness,
    second: Witness,
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let registry = Registry::start();
        let press = registry.publisher("press.example");
        let key = registry.log_key();
        let first = Witness::start("first.example/w", std::slice::from_ref(&key));
        let second = Witness::start("second.example", std::slice::from_ref(&key));
        registry.restart_with(&flags(&[&first, &second], 2));
        Self { registry, press, key, first, second, folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Registers a statement: its id, and the size of the log with it.
    fn state(&self, note: &str) -> (String, u64) {
        let registered = state(&self.registry, &self.press, note);
        let id = registered["statement"].as_str().expect("an id").to_owned();
        (id, registered["index"].as_u64().expect("an index") + 1)
    }

    fn shown_from(&self, size: u64) {
        wait_for("a checkpoint with its quorum", || shown_size(&self.registry).filter(|shown| *shown >= size));
    }

    /// A verb with both witnesses pinned, and with the registry where it is asked.
    fn run(&self, verb: &str, more: &[&str]) -> Ran {
        let (one, two, address) = (self.first.key(), self.second.key(), self.registry.url(""));
        let mut all = vec![verb, "--log-key", &self.key, "--witness", &one, "--witness", &two];
        if verb != "verify" {
            all.extend(["--registry", &address]);
        }
        all.extend(more);
        cleartitle(&all)
    }
}

#[test]
fn a_quorum_of_witnesses_makes_receipts_that_outlive_the_registry() {
    let scene = Scene::new();
    let (statement, size) = scene.state("cosigned");
    scene.shown_from(size);
    let note = scene.registry.read("/checkpoint").is(200).text();
    assert_eq!(note.lines().filter(|line| line.starts_with('\u{2014}')).count(), 3, "{note}");
    let [receipt, bare, envelope, other] =
        ["a.receipt.json", "a.tlog-proof", "a.json", "b.json"].map(|it| scene.path(it));
    let told = scene.run("receipt", &["--wait", "30", "--out", &receipt, &statement]).exits(0);
    assert!(told.stderr.contains("seen by the witnesses at"), "{}", told.stderr);
    // The bare text too, with the envelope beside it.
    let _ = scene.run("receipt", &["--out", &bare, &statement]).exits(0);
    let view = scene.registry.read(&format!("/v1/statements/{statement}")).is(200).json();
    std::fs::write(&envelope, view["envelope"].to_string()).expect("an envelope");
    std::fs::write(&other, scene.press.sign(&scene.press.grant("press.example")).to_bytes()).expect("an envelope");
    // Twice the same: under the oldest cosigned checkpoint that covers it.
    let text = scene.registry.read(&format!("/v1/statements/{statement}/receipt")).is(200).text();
    let (_, later) = scene.state("another");
    scene.shown_from(later);
    assert_eq!(scene.registry.read(&format!("/v1/statements/{statement}/receipt")).is(200).text(), text);
    scene.registry.audit();

    // Years later: registry and witnesses are gone, the files and the pinned keys are left.
    assert_eq!(scene.registry.stop(), 0);
    scene.first.kill();
    scene.second.kill();
    let held = scene.run("verify", &["--format", "json", &receipt]).exits(0);
    let held: Value = serde_json::from_str(&held.stdout).expect("JSON");
    assert_eq!((&held["holds"], &held["said"]["statement"]), (&json!(true), &json!(statement)), "{held}");
    assert!(held["said"]["seen_at"].is_string(), "{held}");
    let held = scene.run("verify", &["--envelope", &envelope, &bare]).exits(0);
    assert!(held.stdout.contains("tlog-proof holds: statement:"), "{}", held.stdout);
    let foreign = scene.run("verify", &["--envelope", &other, &bare]).exits(1);
    assert!(foreign.stdout.contains("(foreign-receipt)"), "{}", foreign.stdout);
    let open = scene.run("verify", &[&bare]).exits(2);
    assert!(open.stdout.contains("--envelope"), "{}", open.stdout);
    let stranger = Witness::start("third.example", std::slice::from_ref(&scene.key)).key();
    let pinned = ["verify", "--log-key", &scene.key, "--witness", &stranger, "--format", "json", &receipt];
    let refused = cleartitle(&pinned).exits(1);
    assert!(refused.stdout.contains("\"code\":\"not-witnessed\""), "{}", refused.stdout);
    let Some(python) = independent::python("cosigned receipts, by OpenSSL and hashlib") else { return };
    let script = independent::script("check_cosigned.py");
    let keys = [scene.first.key(), scene.second.key()];
    let said = independent::run(&python, &[&script, &receipt, &scene.key, &keys[0], &keys[1]]).exits(0).stdout;
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((&said["cosignatures"], &said["size"]), (&json!(2), &json!(size)), "{said}");
}

#[test]
fn a_lab_that_pins_witnesses_pulls_and_asks_what_they_have_seen() {
    let scene = Scene::new();
    let (_, size) = scene.state("cosigned");
    scene.shown_from(size);
    let (out, policy) = (scene.path("terms.snapshot"), scene.path("policy.toml"));
    let pulled = scene.run("pull", &["--out", &out, "--max-age", "1"]).exits(0);
    assert!(pulled.stderr.contains("seen by witnesses of 2 operators"), "{}", pulled.stderr);
    let _ = scene.run("verify", &[&out]).exits(0);
    let _ = scene.run("audit", &["--snapshot", &out]).exits(0);
    // The same by a policy, which `filter` and `check` read as `ask` does.
    let (key, one, two) = (&scene.key, scene.first.key(), scene.second.key());
    let text = format!(
        "version = 1\nuse = \"train-ai\"\nlog_key = \"{key}\"\nwitnesses = [\"{one}\", \"{two}\"]\nwitness_quorum = 2\n"
    );
    std::fs::write(&policy, &text).expect("a policy");
    let ask = ["ask", "--snapshot", &out, "--policy", &policy, "https://press.example/a"];
    let _ = cleartitle(&ask).exits(1);
    let stranger = Witness::start("third.example", std::slice::from_ref(key)).key();
    std::fs::write(&policy, text.replace(&two, &stranger)).expect("a policy");
    let refused = cleartitle(&ask).exits(2);
    assert!(refused.stderr.contains("not witnessed"), "{}", refused.stderr);
    std::fs::write(&policy, text.replace("quorum = 2", "quorum = 3")).expect("a policy");
    let refused = cleartitle(&ask).exits(2);
    assert!(refused.stderr.contains("a quorum is 1 to 2"), "{}", refused.stderr);
}

#[test]
fn a_witness_that_is_away_holds_nobody_up_and_nothing_is_shown_without_it() {
    let scene = Scene::new();
    let (_, size) = scene.state("with both");
    scene.shown_from(size);
    scene.second.kill();
    let begun = Instant::now();
    let (late, late_size) = scene.state("while a witness is away");
    assert!(begun.elapsed() < Duration::from_secs(5));
    std::thread::sleep(Duration::from_secs(2));
    let registry = &scene.registry;
    assert!(shown_size(registry).is_some_and(|shown| shown < late_size));
    registry.read(&format!("/v1/statements/{late}/receipt")).is_problem(404, "not-yet-witnessed");
    let _ = scene.run("receipt", &["--out", &scene.path("late.json"), &late]).exits(2);
    let failures = registry.read("/metrics").is(200).text();
    assert!(failures.contains("cleartitle_witness_failures_in_a_row{witness=\"second.example\"}"), "{failures}");
    // Killed and started again, the registry still shows nothing newer, nor anything older.
    let shown = shown_size(registry);
    registry.kill();
    registry.begin();
    assert!(shown_size(registry) >= shown && shown_size(registry).is_some_and(|shown| shown < late_size));
    scene.second.begin();
    scene.shown_from(late_size);
    let _ = scene.run("receipt", &["--out", &scene.path("late.json"), &late]).exits(0);
    registry.audit();
}

#[test]
fn a_log_that_never_rests_gets_its_quorum_all_the_same() {
    let scene = Scene::new();
    let stop = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        for thread in 0..2 {
            let (scene, stop) = (&scene, &stop);
            scope.spawn(move || {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    scene.state(&format!("thread {thread}, number {number}"));
                }
            });
        }
        let (begun, mut seen) = (Instant::now(), Vec::new());
        while begun.elapsed() < Duration::from_secs(8) {
            seen.extend(shown_size(&scene.registry));
            std::thread::sleep(Duration::from_millis(50));
        }
        stop.store(true, Ordering::Relaxed);
        seen
    });
    assert!(seen.is_sorted(), "it went back: {seen:?}");
    let mut different = seen.clone();
    different.dedup();
    let (_, size) = scene.state("the last");
    println!("{} checkpoints had their quorum while the log grew to {size}", different.len());
    assert!(different.len() >= 4, "{different:?} of {size}");
    scene.shown_from(size);
    scene.registry.audit();
}

/// Two pasts of one log that share their first leaves, and its key.
struct Forks {
    signer: NoteSigner,
    hashes: [Vec<Hash>; 2],
}

const COMMON: u64 = 4;
const LONGEST: u64 = 300;

impl Forks {
    fn new() -> Self {
        let leaf = |past: &str, number: u64| {
            let past = if number < COMMON { "common" } else { past };
            leaf_hash(format!("{past} {number}").as_bytes())
        };
        let hashes = ["a", "b"].map(|past| (0..LONGEST).map(|number| leaf(past, number)).collect::<Vec<_>>());
        let signer = NoteSigner::new("forked.example/log", SigningKey::from_bytes(&[9; 32])).expect("a signer");
        Self { signer, hashes }
    }

    fn key(&self) -> String {
        self.signer.verifier().to_string()
    }

    fn checkpoint(&self, past: usize, size: u64) -> (Checkpoint, Vec<(TileId, Vec<u8>)>) {
        let (tiles, root) = tiles_after(0, &self.hashes[past][..size as usize], |_| None).expect("tiles");
        let origin = self.signer.verifier().name().to_owned();
        (Checkpoint { origin, size, root, extensions: Vec::new() }, tiles)
    }

    fn body(&self, past: usize, old: u64, size: u64) -> String {
        let (checkpoint, tiles) = self.checkpoint(past, size);
        let reader = |id| tiles.iter().find(|(tile, _)| *tile == id).map(|(_, bytes)| bytes.clone());
        let proof = if old <= size { consistency(old, size, reader).expect("a proof") } else { Vec::new() };
        AddCheckpoint { old, proof, note: checkpoint.sign(&[&self.signer]).expect("a note").to_text() }.to_text()
    }
}

#[test]
fn a_witness_answers_as_the_protocol_says() {
    let forks = Forks::new();
    let witness = Witness::start("witness.example/w1", &[forks.key()]);
    let path = cleartitle_schema::tlog::witness::checkpoint_path("forked.example/log");
    let _ = witness.read(&format!("/{path}")).is(404);
    let conflict = witness.add(&forks.body(0, 3, 6)).is(409);
    assert_eq!((conflict.media_type.as_str(), conflict.text().as_str()), ("text/x.tlog.size", "0\n"));
    let line = witness.add(&forks.body(0, 0, 6)).is(200).text();
    assert!(
        line.starts_with("\u{2014} witness.example/w1 ") && line.ends_with('\n') && line.lines().count() == 1,
        "{line}"
    );
    let _ = witness.add(&forks.body(1, 6, 6)).is(422);
    let _ = witness.add(&forks.body(1, 6, 9)).is(422);
    assert_eq!(witness.add(&forks.body(0, 3, 5)).is(409).text(), "6\n", "a rollback");
    let _ = witness.add(&forks.body(0, 6, 5)).is(400);
    let _ = witness.add("old 6\n").is(400);
    let _ = witness.add(&forks.body(0, 6, 9).replace("forked.example/log\n9", "other.example/log\n9")).is(404);
    let _ = witness.add(&forks.body(0, 6, 9).replace("\n9\n", "\n10\n")).is(403);
    let _ = witness.add(&"o".repeat(400_000)).is(413);
    assert_eq!(
        harness::http::send(harness::http::client().get(witness.url("/add-checkpoint"))).expect("an answer").status,
        405
    );
    // The log's line and the witness's, and a stranger's not.
    let mut body = forks.body(0, 6, 9);
    body.push_str("\u{2014} stranger.example AAAAAAAA\n");
    let line = witness.add(&body).is(200).text();
    let note = witness.read(&format!("/{path}")).is(200).text();
    assert!(note.ends_with(&line) && !note.contains("stranger"), "{note}");
    // A key is used by one memory alone; a memory that is gone is not begun anew.
    witness.kill();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(witness.data().join("keys/witness.pem")).expect("a key").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let data = witness.data().display().to_string();
    let start = |name: &str| {
        let key = forks.key();
        harness::cleartitle_server(&[
            "witness",
            "--data",
            &data,
            "--name",
            name,
            "--listen",
            "127.0.0.1:0",
            "--log",
            &key,
        ])
    };
    let other = start("other.example").exits(2);
    assert!(other.stderr.contains("belongs to the witness `witness.example/w1+"), "{}", other.stderr);
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{data}/witness.sqlite{ending}"));
    }
    let lost = start("witness.example/w1").exits(2);
    assert!(lost.stderr.contains("hint:"), "{}", lost.stderr);
}

/// What a witness cosigned, by size: roots, as they were sent.
type Cosigned = Mutex<BTreeMap<u64, Vec<usize>>>;

/// Sends both pasts at random until told to stop, each time from where the witness says that it is.
fn press_on(witness: &Witness, forks: &Forks, seed: u64, stop: &AtomicBool, cosigned: &Cosigned) {
    let mut seeded = Seeded(seed);
    let mut old = 0;
    while !stop.load(Ordering::Relaxed) {
        let (past, step) = (seeded.below(2) as usize, seeded.below(4));
        let size = (old + step).clamp(1, LONGEST - 1);
        let Ok(answer) = witness.try_add(&forks.body(past, old, size)) else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        match answer.status {
            200 => {
                cosigned.lock().expect("a lock").entry(size).or_default().push(past);
                old = size;
            }
            409 => old = answer.text().trim().parse().expect("a size"),
            422 => {}
            other => panic!("{other}: {}", answer.text()),
        }
    }
}

#[test]
fn kill_9_of_a_witness_that_two_pasts_race_for_gives_one_past() {
    let forks = Forks::new();
    let witness = Witness::start("witness.example", &[forks.key()]);
    let (stop, cosigned) = (AtomicBool::new(false), Cosigned::default());
    let kills = if harness::long("crash") { 50 } else { 6 };
    let mut seeded = Seeded(7);
    let path = format!("/{}", cleartitle_schema::tlog::witness::checkpoint_path("forked.example/log"));
    let size_of = |note: &str| note.lines().nth(1).and_then(|line| line.parse::<u64>().ok()).unwrap_or_default();
    let mut largest = 0;
    std::thread::scope(|scope| {
        for number in 0..6 {
            let (witness, forks, stop, cosigned) = (&witness, &forks, &stop, &cosigned);
            scope.spawn(move || press_on(witness, forks, number, stop, cosigned));
        }
        for _ in 0..kills {
            std::thread::sleep(Duration::from_millis(50 + seeded.below(150)));
            let acknowledged = cosigned.lock().expect("a lock").keys().next_back().copied().unwrap_or(0);
            witness.kill();
            witness.begin();
            let answer = witness.read(&path);
            let kept = if answer.status == 200 { size_of(&answer.text()) } else { 0 };
            assert!(
                kept >= acknowledged && kept >= largest,
                "{kept} is kept, {acknowledged} was answered, {largest} before"
            );
            largest = kept;
        }
        stop.store(true, Ordering::Relaxed);
    });
    let cosigned = cosigned.into_inner().expect("a lock");
    let beyond: Vec<usize> = cosigned.range(COMMON + 1..).flat_map(|(_, pasts)| pasts.clone()).collect();
    assert!(beyond.len() > 10, "the race was none: {cosigned:?}");
    assert!(beyond.iter().all(|past| *past == beyond[0]), "two pasts were cosigned: {cosigned:?}");
    println!("{kills} kills, {} cosignatures beyond the common leaves, all of one past", beyond.len());
}

/// Another implementation's witness as a process.
struct Foreign {
    child: Child,
    flag: String,
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn foreign(python: &Path, folder: &Path, origin: &str, log_key: &str) -> Foreign {
    let config = folder.join("witness.json").display().to_string();
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
    let listen = format!("127.0.0.1:{port}");
    let run = |more: &[&str]| independent::run(python, &[&["-m", "aics_witness"], more].concat()).exits(0);
    let key = run(&["init", "--config", &config, "--name", "foreign.example/w1", "--listen", &listen]).stdout;
    let key = key.split_whitespace().find(|word| word.starts_with("foreign.example/w1+")).expect("a key").to_owned();
    let _ = run(&["add-log", "--config", &config, "--origin", origin, "--vkey", log_key]);
    let mut command = harness::binaries::command(python);
    command.args(["-m", "aics_witness", "serve", "--config", &config]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a witness");
    let foreign = Foreign { child, flag: format!("http://{listen}={key}") };
    wait_for("the foreign witness", || std::net::TcpStream::connect(&listen).ok());
    foreign
}

#[test]
fn another_implementation_cosigns_ours_and_is_fed_into_ours() {
    let Some(python) = independent::witness_python("witnesses, by aics-witness and aics-tlog") else { return };
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    let key = registry.log_key();
    let folder = tempfile::tempdir().expect("a folder");
    let theirs = foreign(&python, folder.path(), harness::server::ORIGIN, &key);
    let ours = Witness::start("witness.example", std::slice::from_ref(&key));
    let their_key = theirs.flag.split_once('=').expect("a key").1.to_owned();
    let mut all = flags(&[&ours], 2);
    all.extend(["--witness".to_owned(), theirs.flag.clone()]);
    registry.restart_with(&all);
    // Several steps, so that their witness checks proofs of ours.
    for number in 0..5 {
        let size = state(&registry, &press, &number.to_string())["index"].as_u64().expect("an index") + 1;
        wait_for("both cosignatures", || shown_size(&registry).filter(|shown| *shown >= size));
    }
    registry.audit();
    // Their verifier on our checkpoint, with their cosignature and ours.
    let note = folder.path().join("checkpoint").display().to_string();
    std::fs::write(&note, registry.read("/checkpoint").is(200).body).expect("a file");
    let script = independent::script("foreign_witness.py");
    let (our_key, address) = (ours.key(), registry.url(""));
    let _ = independent::run(&python, &[&script, "verify", &note, &key, "2", &our_key, &their_key]).exits(0);
    let _ = independent::run(&python, &[&script, "verify", &note, &key, "2", &our_key, &our_key]).exits(1);
    // Their client, which proves from our tiles, on a witness of ours that is new, and again after the log grew.
    let fresh = Witness::start("fresh.example", std::slice::from_ref(&key));
    let (fresh_key, fresh_url) = (fresh.key(), fresh.url(""));
    for round in ["first", "second"] {
        let fed = independent::run(&python, &[&script, "feed", &address, &key, &fresh_url, &fresh_key]).exits(0).stdout;
        assert!(fed.contains("fresh.example"), "{fed}");
        let size = state(&registry, &press, round)["index"].as_u64().expect("an index") + 1;
        wait_for("both cosignatures", || shown_size(&registry).filter(|shown| *shown >= size));
    }
    // And our client on what theirs cosigned.
    let out = folder.path().join("terms.snapshot").display().to_string();
    let pulled = ["pull", "--registry", &address, "--log-key", &key, "--witness", &their_key, "--out", &out];
    let _ = cleartitle(&pulled).exits(0);
}
