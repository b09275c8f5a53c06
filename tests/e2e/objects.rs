//! Object storage: the registry's public part as objects in a real S3-compatible store, in another, and in a folder.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use cleartitle_schema::id::{BlobId, ContentId, ListId};
use cleartitle_schema::signed::{STATEMENT_TYPE, sign};
use cleartitle_server::objects::address::Address;
use cleartitle_server::objects::{ObjectError, Objects, layout};
use harness::objects::{self as servers, BUCKET, Moto, Objects as Server};
use harness::provenance::{Row, manifest};
use harness::publisher::{host_scope, terms};
use harness::{Publisher, Ran, Registry, Seeded, UNLIMITED, binaries, cleartitle, cleartitle_server, postgres};
use serde_json::json;

// What storage must do is told where it is at home.
#[path = "../../server/src/objects/conformance.rs"]
mod conformance;

/// Empty storages of one server.
fn storages(environment: &[(&'static str, String)]) -> impl Fn() -> Objects {
    let made = AtomicU32::new(0);
    move || {
        let address = format!("s3://{BUCKET}/conformance-{}", made.fetch_add(1, Ordering::Relaxed));
        Objects::open_with(&address.parse::<Address>().unwrap(), environment).unwrap()
    }
}

#[test]
fn seaweedfs_does_what_is_asked_of_object_storage() {
    let Some(server) = servers::shared("object storage on SeaweedFS") else { return };
    conformance::check(&storages(&server.environment()));
}

#[test]
fn moto_does_what_is_asked_of_object_storage() {
    let Some(server) = Moto::start("object storage on moto") else { return };
    conformance::check(&storages(&server.environment()));
}

const NDJSON: &str = "application/x-ndjson";

/// How long the job may take to come to rest on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until something holds.
#[track_caller]
fn until(what: &str, registry: &Registry, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}\n{}", registry.said());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Waits until the bucket shows the checkpoint that the registry shows.
#[track_caller]
fn caught_up(registry: &Registry, server: &Server, prefix: &str) {
    let shown = || registry.read("/checkpoint").is(200).body;
    until("the bucket does not catch up", registry, || {
        server.read(BUCKET, &format!("{prefix}checkpoint")) == Some(shown())
    });
}

/// Waits until the bucket's newest snapshot is of the checkpoint that the registry shows.
#[track_caller]
fn snapshot_caught_up(registry: &Registry, server: &Server, prefix: &str) {
    let shown = || registry.read("/v1/snapshots/latest").is(200).body;
    until("no snapshot is published", registry, || {
        server.read(BUCKET, &format!("{prefix}v1/snapshots/latest")) == Some(shown())
    });
}

fn audit(registry: &Registry) -> Ran {
    cleartitle_server(&["audit", "--data", &registry.data().display().to_string()])
}

/// An observation of a site that names these bytes as what was read.
fn observe(registry: &Registry, observer: &Publisher, read: &[u8]) -> String {
    let sighting = json!({ "observed_at": "2026-01-02T03:00:00Z", "parser": "test 1",
        "sources": [{ "standard": "robots", "url": "https://press.example/robots.txt", "outcome": "read",
            "evidence": BlobId::of(read) }] });
    let scope = host_scope("press.example");
    let payload = observer.statement(json!({ "kind": "observation", "scope": scope, "sighting": sighting }));
    let _ = registry.try_register(&observer.sign(&payload)).expect("an answer").is(201);
    BlobId::of(read).to_string()
}

/// A batch of records, with the list that the statement signs.
fn batch(registry: &Registry, press: &Publisher, rows: usize) -> String {
    let record = |number: usize| {
        json!({ "urls": [{ "role": "fetched", "url": format!("https://press.example/{number}") }],
            "content": [ContentId::of(format!("document {number}").as_bytes()).to_string()],
            "captured_at": "2026-01-01T00:00:00Z" })
    };
    let list: Vec<u8> = (0..rows).flat_map(|number| format!("{}\n", record(number)).into_bytes()).collect();
    let statement = press.statement(json!({ "kind": "manifest", "role": "provenance", "rows": rows,
        "list": ListId::of(&list).to_string(), "bytes": list.len(), "media_type": NDJSON }));
    let mut body = press.sign(&statement).to_bytes();
    body.push(b'\n');
    body.extend_from_slice(&list);
    let _ = registry.post("/v1/documents", NDJSON, body).is(201);
    ListId::of(&list).to_string()
}

/// Registers this many statements from several threads; what the registry does not take is no failure while it is killed.
fn crowd(registry: &Registry, press: &Publisher, round: usize, count: usize, done: &AtomicUsize) {
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for number in 0..count / 4 {
                    let mut payload = press.reservation("press.example");
                    payload["note"] = json!(format!("round {round}, thread {thread}, number {number}"));
                    match registry.try_register(&press.sign(&payload)) {
                        Ok(answer) if matches!(answer.status, 200 | 201) => _ = done.fetch_add(1, Ordering::Relaxed),
                        Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
                        Err(_) => return,
                    }
                }
            });
        }
    });
}

#[test]
fn every_object_is_what_the_registry_serves() {
    let Some(server) = servers::shared("objects of a registry on SeaweedFS") else { return };
    let (registry, address) =
        Registry::with_objects(server, &[&["--objects-snapshot-every", "1s"][..], &UNLIMITED].concat());
    let prefix = servers::prefix_of(&address);
    let press = registry.publisher("press.example");
    let observer = registry.publisher("observer.example");
    let robots = b"User-agent: GPTBot\nDisallow: /the-very-words-to-find\n";
    let blob = observe(&registry, &observer, robots);
    registry.read(&format!("/v1/blobs/{blob}")).is_problem(404, "not-found");
    let _ = registry.put_blob(&blob, robots).is(201);
    let _ = registry.put_blob(&blob, robots).is(200);
    registry.put_blob(&blob, b"other bytes").is_problem(422, "blob-mismatch");
    let empty = observe(&registry, &observer, b"");
    let _ = registry.put_blob(&empty, b"").is(201);
    let list = batch(&registry, &press, 40);
    // A provenance table is a list too.
    let rows: Vec<Row> =
        (0..9_000).map(|row| Row::of(&format!("{row}"), &format!("https://press.example/t/{row}"))).collect();
    let table = harness::provenance::table(&rows, 3_000);
    let sent = crate::uploads::send(&registry, &press, &manifest(&press, &table, rows.len()), &table).is(200).json();
    let view = crate::uploads::ended(&registry, sent["statement"].as_str().expect("an id"));
    assert_eq!(view["state"], "registered", "{view}");
    let sheet = ListId::of(&table).to_string();
    // More than one tile.
    crowd(&registry, &press, 0, 300, &AtomicUsize::new(0));
    caught_up(&registry, server, &prefix);
    snapshot_caught_up(&registry, server, &prefix);
    registry.audit();

    let keys = server.keys(BUCKET, &prefix);
    for key in &keys {
        let served = registry.read(&format!("/{key}")).is(200).body;
        assert!(server.read(BUCKET, &format!("{prefix}{key}")) == Some(served), "{key}");
    }
    let size: u64 =
        registry.read("/checkpoint").text().lines().nth(1).and_then(|line| line.parse().ok()).expect("a size");
    let wanted =
        ["checkpoint", "v1/log-key", "v1/snapshots/latest", "tile/0/000", "tile/entries/000", "tile/1/000.p/1"];
    let named = [
        format!("v1/blobs/{blob}"),
        format!("v1/blobs/{empty}"),
        format!("v1/lists/{list}"),
        format!("v1/lists/{sheet}"),
        format!("v1/snapshots/{size}"),
        format!("tile/0/001.p/{}", size - 256),
        format!("tile/entries/001.p/{}", size - 256),
    ];
    for key in wanted.into_iter().map(str::to_owned).chain(named) {
        assert!(keys.contains(&key), "{key} is missing among {keys:?}");
    }
    let opened = keys.iter().filter(|key| key.starts_with("v1/published/")).count() as u64;
    assert_eq!(opened, size, "every leaf is public");
    for (key, media, cache) in [
        ("checkpoint", "text/plain; charset=utf-8", "no-cache"),
        ("v1/snapshots/latest", "application/json", "no-cache"),
        ("tile/0/000", "application/octet-stream", "public, max-age=31536000, immutable"),
    ] {
        let header = |name| server.header(BUCKET, &format!("{prefix}{key}"), name);
        assert_eq!((header("content-type").as_str(), header("cache-control").as_str()), (media, cache), "{key}");
    }
    let media = server.header(BUCKET, &format!("{prefix}v1/lists/{sheet}"), "content-type");
    assert_eq!(media, harness::provenance::PARQUET);
    let disposition = server.header(BUCKET, &format!("{prefix}v1/blobs/{blob}"), "content-disposition");
    assert!(disposition.starts_with("attachment"), "a site's script is no page of the bucket's: `{disposition}`");

    // With no server behind, whoever serves the bucket is a registry for those who pull and audit.
    assert_eq!(registry.stop(), 0);
    let (public, key) = (server.public(&address), registry.log_key());
    let snapshot = registry.scratch().join("terms.snapshot").display().to_string();
    let _ = cleartitle(&["pull", "--registry", &public, "--log-key", &key, "--out", &snapshot]).exits(0);
    let outside = cleartitle(&["audit", "--registry", &public, "--log-key", &key, "--snapshot", &snapshot]).exits(0);
    assert!(outside.stdout.contains(&format!("{size} leaves")), "{}", outside.stdout);

    // Evidence lies there alone.
    let said = audit(&registry).exits(0).stdout;
    assert!(said.contains(" 2 blobs") && said.contains(" objects") && said.contains("all is right"), "{said}");
    let database = std::fs::read(registry.data().join("registry.sqlite")).expect("the database");
    assert!(memchr::memmem::find(&database, b"/the-very-words-to-find").is_none());
    assert!(memchr::memmem::find(&database, b"press.example").is_some());
    let backup = registry.scratch().join("registry.tar").display().to_string();
    let data = registry.data().display().to_string();
    let backed = cleartitle_server(&["backup", "--data", &data, "--out", &backup]).exits(0);
    assert!(backed.stderr.contains("evidence lies among the objects"), "{}", backed.stderr);
    registry.begin();
    assert_eq!(registry.read(&format!("/v1/blobs/{blob}")).is(200).body, robots);
}

#[test]
fn evidence_elsewhere_is_never_taken_for_read() {
    let Some(server) = servers::shared("evidence in a bucket that is not named") else { return };
    let (registry, address) = Registry::with_objects(server, &[]);
    let prefix = servers::prefix_of(&address);
    let observer = registry.publisher("observer.example");
    let blob = observe(&registry, &observer, b"User-agent: *");
    let _ = registry.put_blob(&blob, b"User-agent: *").is(201);
    caught_up(&registry, server, &prefix);
    assert_eq!(registry.stop(), 0);
    let data = registry.data().display().to_string();
    let bare = |arguments: &[&str]| {
        let mut command = binaries::command(binaries::server_path());
        let ran = command.args(arguments).args(["--data", &data]).output().expect("the program can be started");
        let (out, err) =
            (String::from_utf8_lossy(&ran.stdout).into_owned(), String::from_utf8_lossy(&ran.stderr).into_owned());
        (ran.status.code(), out, err)
    };
    let (code, out, err) = bare(&["audit"]);
    assert!(
        code == Some(2) && out.contains("1 blobs not looked at") && err.contains("--objects"),
        "{code:?} {out}{err}"
    );
    let (code, _, err) = bare(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(code == Some(2) && err.contains(&format!("evidence lies in {address}")), "{code:?} {err}");
    let (code, _, err) = bare(&["serve", "--listen", "127.0.0.1:0", "--objects", "gs://elsewhere/x"]);
    assert!(code == Some(2) && err.contains("hint: s3://"), "{code:?} {err}");
    // Other bytes, and none.
    server.put(BUCKET, &format!("{prefix}v1/blobs/{blob}"), b"User-agent: x");
    let said = audit(&registry).exits(1).stdout;
    assert!(said.contains(&format!("`v1/blobs/{blob}` has other bytes")) && said.contains("altered-bytes"), "{said}");
    registry.begin();
    registry.read(&format!("/v1/blobs/{blob}")).is_problem(500, "internal");
    let answer = registry.put_blob(&blob, b"User-agent: *");
    answer.is_problem(500, "internal");
    server.delete(BUCKET, &format!("{prefix}v1/blobs/{blob}"));
    registry.read(&format!("/v1/blobs/{blob}")).is_problem(500, "internal");
    assert!(audit(&registry).exits(1).stdout.contains("is not among the objects"));
    let _ = registry.put_blob(&blob, b"User-agent: *").is(200);
    assert_eq!(registry.read(&format!("/v1/blobs/{blob}")).is(200).body, b"User-agent: *");
    let _ = audit(&registry).exits(0);
}

#[test]
fn kill_9_in_the_midst_of_publishing_is_made_good() {
    let Some(server) = servers::shared("kill -9 while objects are published") else { return };
    let (registry, address) =
        Registry::with_objects(server, &[&["--objects-snapshot-every", "1s"][..], &UNLIMITED].concat());
    let prefix = servers::prefix_of(&address);
    let press = registry.publisher("press.example");
    let mut seeded = Seeded(7);
    for round in 0..5 {
        let done = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| crowd(&registry, &press, round, 120, &done));
            while done.load(Ordering::Relaxed) < 40 {
                std::thread::sleep(Duration::from_millis(2));
            }
            // Into the rounds that follow: half a second apart, of many requests each.
            std::thread::sleep(Duration::from_millis(seeded.below(900)));
            registry.kill();
        });
        // Whatever the checkpoint commits to is there, wherever the job was.
        let said = audit(&registry).exits(0).stdout;
        assert!(said.contains("all is right"), "{said}");
        registry.begin();
    }
    caught_up(&registry, server, &prefix);
    snapshot_caught_up(&registry, server, &prefix);
    registry.audit();
}

#[test]
fn two_servers_publish_into_one_bucket() {
    let Some(database) = postgres::database("two servers and one bucket") else { return };
    let Some(server) = servers::shared("two servers and one bucket") else { return };
    let first = Registry::on_postgres_with(&database, None, Some(server));
    let second = Registry::on_postgres_with(&database, Some(&first), None);
    let variables = harness::server::objects_of(&second.data());
    assert_eq!(variables, harness::server::objects_of(&first.data()));
    let prefix = servers::prefix_of(&variables[0].1);
    let press = first.publisher("press.example");
    let observer = second.publisher("observer.example");
    std::thread::scope(|scope| {
        for (round, registry) in [&first, &second].into_iter().enumerate() {
            let press = &press;
            scope.spawn(move || crowd(registry, press, round, 160, &AtomicUsize::new(0)));
        }
        let blob = observe(&second, &observer, b"seen by the second");
        let _ = second.put_blob(&blob, b"seen by the second").is(201);
        assert_eq!(first.read(&format!("/v1/blobs/{blob}")).is(200).body, b"seen by the second");
    });
    caught_up(&first, server, &prefix);
    caught_up(&second, server, &prefix);
    for registry in [&first, &second] {
        assert_eq!(registry.read("/readyz").status, 200, "{}", registry.said());
    }
    // One that is killed leaves it to the other.
    first.kill();
    crowd(&second, &press, 2, 40, &AtomicUsize::new(0));
    caught_up(&second, server, &prefix);
    let _ = audit(&second).exits(0);
}

#[test]
fn a_bucket_that_is_away_holds_up_nobody_who_registers() {
    let Some(server) = Server::start("a bucket that is slow and gone") else { return };
    let (registry, address) = Registry::with_objects(&server, &UNLIMITED);
    let prefix = servers::prefix_of(&address);
    let press = registry.publisher("press.example");
    let observer = registry.publisher("observer.example");
    caught_up(&registry, &server, &prefix);
    for (name, away, back) in
        [("slow", Server::pause as fn(&Server), Server::resume as fn(&Server)), ("gone", Server::kill, Server::begin)]
    {
        away(&server);
        let done = AtomicUsize::new(0);
        let blob = observe(&registry, &observer, name.as_bytes());
        std::thread::scope(|scope| {
            // Who brings evidence is told, within the bound of a request.
            let brought = scope.spawn(|| registry.put_blob(&blob, name.as_bytes()));
            let begun = Instant::now();
            crowd(&registry, &press, name.len() * 1000 + name.as_bytes()[0] as usize, 40, &done);
            assert_eq!(done.load(Ordering::Relaxed), 40);
            assert!(begun.elapsed() < Duration::from_secs(20), "{name}: {:?}", begun.elapsed());
            assert_eq!(registry.read("/readyz").status, 200, "{name}");
            brought.join().expect("an answer").is_problem(503, "overloaded");
        });
        until("the metric does not say so", &registry, || {
            registry.metric("cleartitle_objects_behind").is_some_and(|behind| behind >= 40.0)
        });
        until("the log does not say so", &registry, || registry.said().contains("the object storage is behind"));
        back(&server);
        caught_up(&registry, &server, &prefix);
        until("the metric stays", &registry, || registry.metric("cleartitle_objects_behind") == Some(0.0));
        let _ = registry.put_blob(&blob, name.as_bytes()).is(201);
        let _ = audit(&registry).exits(0);
    }
    assert!(registry.said().contains("has caught up"), "{}", registry.said());

    // A wrong key is told, and is told nowhere.
    assert_eq!(registry.stop(), 0);
    let wrong = |(name, value): (&'static str, String)| match name {
        "AWS_SECRET_ACCESS_KEY" => (name, "wr0ng-and-never-told".to_owned()),
        _ => (name, value),
    };
    let environment: Vec<_> = server.environment().into_iter().map(wrong).collect();
    registry.use_objects_at(&address, &environment);
    registry.begin();
    let done = AtomicUsize::new(0);
    crowd(&registry, &press, 77, 8, &done);
    assert_eq!((done.load(Ordering::Relaxed), registry.read("/readyz").status), (8, 200));
    until("a refusal is not told", &registry, || registry.said().contains("the object storage refuses access to `"));
    let refused = audit(&registry).exits(2);
    assert!(refused.stderr.contains("refuses access"), "{}", refused.stderr);
    for said in [registry.said(), refused.stderr, registry.read("/metrics").text()] {
        assert!(!said.contains("wr0ng-and-never-told"), "{said}");
    }
    assert_eq!(registry.stop(), 0);
    registry.use_objects_at(&address, &server.environment());
    registry.begin();
    caught_up(&registry, &server, &prefix);
    let _ = audit(&registry).exits(0);
}

/// Waits until the job has stopped for good and everybody is told.
#[track_caller]
fn forked(registry: &Registry, what: &str) {
    until("a fork is not told", registry, || registry.read("/readyz").status == 503);
    registry.read("/readyz").is_problem(503, "not-ready");
    assert_eq!(registry.metric("cleartitle_objects_forked"), Some(1.0));
    assert!(registry.said().contains("ERROR") && registry.said().contains(what), "{}", registry.said());
}

#[test]
fn what_this_log_never_wrote_is_found_and_not_overwritten() {
    let Some(server) = servers::shared("foreign objects in a bucket") else { return };
    let (registry, address) = Registry::with_objects(server, &["--objects-snapshot-every", "1s"]);
    let prefix = servers::prefix_of(&address);
    let key = |key: &str| format!("{prefix}{key}");
    let press = registry.publisher("press.example");
    registry.register(&press, &press.reservation("press.example"));
    caught_up(&registry, server, &prefix);
    snapshot_caught_up(&registry, server, &prefix);
    let size: u64 =
        registry.read("/checkpoint").text().lines().nth(1).and_then(|line| line.parse().ok()).expect("a size");

    // In the place of the very next tile.
    let next = key(&format!("tile/0/000.p/{}", size + 1));
    server.put(BUCKET, &next, b"a foreign tile");
    let mut payload = press.reservation("press.example");
    payload["note"] = json!("the next");
    let _ = registry.try_register(&press.sign(&payload)).expect("an answer").is(201);
    forked(&registry, &format!("tile/0/000.p/{}", size + 1));
    assert_eq!(server.read(BUCKET, &next).as_deref(), Some(&b"a foreign tile"[..]));
    let shown = server.read(BUCKET, &key("checkpoint")).expect("a checkpoint");
    assert_eq!(String::from_utf8_lossy(&shown).lines().nth(1), Some(size.to_string().as_str()), "the old one stays");
    // Registering goes on, for whoever does not look at readiness.
    payload["note"] = json!("one more");
    let _ = registry.try_register(&press.sign(&payload)).expect("an answer").is(201);
    server.delete(BUCKET, &next);
    assert_eq!(registry.stop(), 0);
    registry.begin();
    caught_up(&registry, server, &prefix);
    snapshot_caught_up(&registry, server, &prefix);
    let _ = audit(&registry).exits(0);
    assert_eq!(registry.stop(), 0);

    // What is changed afterwards the audit finds, each by its code.
    let now = size + 2;
    let opened = server.keys(BUCKET, &key("v1/published/")).into_iter().next().expect("an opened leaf");
    for (changed, code) in [
        (format!("tile/0/000.p/{now}"), "altered-tile"),
        (format!("tile/entries/000.p/{now}"), "altered-entry"),
        (format!("v1/published/{opened}"), "altered-bytes"),
        (format!("v1/snapshots/{now}"), "altered-bytes"),
        ("v1/snapshots/latest".to_owned(), "wrong-signature"),
        ("checkpoint".to_owned(), "wrong-signature"),
    ] {
        let before = server.read(BUCKET, &key(&changed)).unwrap_or_else(|| panic!("no {changed}"));
        let mut other = before.clone();
        other[before.len() / 2] ^= 1;
        server.put(BUCKET, &key(&changed), &other);
        let said = audit(&registry).exits(1).stdout;
        assert!(said.contains(code) && said.contains("DAMAGED"), "{changed}: {said}");
        server.put(BUCKET, &key(&changed), &before);
    }
    let _ = audit(&registry).exits(0);

    // Another log's checkpoint, and this log's own of leaves that it no longer has.
    let other = Registry::in_folder("warn");
    let ours = server.read(BUCKET, &key("checkpoint")).expect("a checkpoint");
    server.put(BUCKET, &key("checkpoint"), &other.read("/checkpoint").is(200).body);
    registry.begin();
    forked(&registry, "`checkpoint` in the object storage is not this log's");
    assert_eq!(registry.stop(), 0);
    server.put(BUCKET, &key("checkpoint"), &ours);

    let archive = registry.scratch().join("older.tar");
    let (data, file) = (registry.data().display().to_string(), archive.display().to_string());
    let _ = cleartitle_server(&["backup", "--data", &data, "--out", &file]).exits(0);
    registry.begin();
    payload["note"] = json!("after the backup");
    let _ = registry.try_register(&press.sign(&payload)).expect("an answer").is(201);
    caught_up(&registry, server, &prefix);
    assert_eq!(registry.stop(), 0);
    let restored = Registry::in_folder("info");
    assert_eq!(restored.stop(), 0);
    std::fs::remove_dir_all(restored.data()).expect("a folder less");
    let _ = cleartitle_server(&["restore", "--data", &restored.data().display().to_string(), &file]).exits(0);
    restored.use_objects_at(&address, &server.environment());
    assert!(audit(&restored).exits(1).stdout.contains("rollback"));
    restored.begin();
    forked(&restored, "was an older backup restored?");
}

#[test]
fn what_the_law_erases_leaves_the_bucket() {
    let Some(server) = Server::start("erasure in a bucket") else { return };
    let (registry, address) = Registry::with_objects(&server, &["--objects-snapshot-every", "1s"]);
    let prefix = servers::prefix_of(&address);
    let key = |key: &str| format!("{prefix}{key}");
    let press = registry.publisher("press.example");
    let mut payload = press.grant("press.example");
    payload["note"] = json!("Roderick Usher of Tarn Road 12");
    let (own, shared) = (b"a letter that nobody else names", b"a contract that another names too");
    let exhibits = |blobs: &[&[u8]]| -> serde_json::Value {
        blobs.iter().map(|bytes| json!({ "blob": BlobId::of(bytes), "media_type": "text/plain" })).collect()
    };
    payload["evidence"] = exhibits(&[own, shared]);
    let doomed = registry.register(&press, &payload);
    let mut other = press.reservation("other.press.example");
    other["evidence"] = exhibits(&[shared]);
    registry.register(&press, &other);
    for bytes in [&own[..], shared] {
        let _ = registry.put_blob(&BlobId::of(bytes).to_string(), bytes).is(201);
    }
    caught_up(&registry, &server, &prefix);
    snapshot_caught_up(&registry, &server, &prefix);
    let before = server.keys(BUCKET, &prefix);
    let commitment = doomed["commitment"].as_str().expect("it");
    let gone = [format!("v1/published/{commitment}"), format!("v1/blobs/{}", BlobId::of(own))];
    let stays = format!("v1/blobs/{}", BlobId::of(shared));
    assert!(gone.iter().chain([&stays]).all(|key| before.contains(key)), "{before:?}");
    assert_eq!(registry.stop(), 0);

    let (data, id) = (registry.data().display().to_string(), doomed["statement"].as_str().expect("an id").to_owned());
    let erase =
        || cleartitle_server(&["erase", "--data", &data, "--statement", &id, "--reason", "GDPR article 17, request 7"]);
    server.kill();
    let refused = erase().exits(2);
    assert!(
        refused.stderr.contains("not yet among the objects") && refused.stderr.contains("hint:"),
        "{}",
        refused.stderr
    );
    server.begin();
    let accused = audit(&registry).exits(1);
    assert!(accused.stdout.contains("is still among the objects"), "{}", accused.stdout);
    let erased = erase().exits(0);
    assert!(
        erased.stdout.contains("objects deleted") && erased.stderr.contains("CDN"),
        "{}{}",
        erased.stdout,
        erased.stderr
    );
    let after = server.keys(BUCKET, &prefix);
    assert!(gone.iter().all(|key| !after.contains(key)) && after.contains(&stays), "{after:?}");
    assert!(!after.contains("v1/snapshots/latest"), "{after:?}");
    let index = doomed["index"].as_u64().expect("an index");
    let bodies = |keys: &std::collections::BTreeSet<String>| -> Vec<u64> {
        keys.iter().filter_map(|key| key.strip_prefix("v1/snapshots/")?.parse().ok()).collect()
    };
    assert!(bodies(&before).iter().any(|size| *size > index) && bodies(&after).iter().all(|size| *size <= index));
    for name in &after {
        let bytes = server.read(BUCKET, &key(name)).expect("an object");
        assert!(memchr::memmem::find(&bytes, b"Roderick Usher").is_none(), "{name}");
    }
    let _ = audit(&registry).exits(0);
    // The tombstone and a snapshot without it follow.
    registry.begin();
    caught_up(&registry, &server, &prefix);
    snapshot_caught_up(&registry, &server, &prefix);
    registry.audit();
    assert!(gone.iter().all(|key| !server.keys(BUCKET, &prefix).contains(key)));
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a listing") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { open.push(path) } else { files.push(path) }
        }
    }
    files
}

#[test]
fn what_is_sealed_is_not_published() {
    let folder = tempfile::tempdir().expect("a folder");
    let objects = folder.path().join("public");
    let registry = Registry::in_folder("warn");
    let press = registry.publisher("press.example");
    registry.use_objects_at(&objects.display().to_string(), &[]);
    assert_eq!(registry.stop(), 0);
    registry.begin();
    let mut deal = press.statement(json!({
        "kind": "agreement", "basis": "owner", "scope": host_scope("press.example"),
        "terms": terms("allowed", "train-ai"), "licensees": [{ "domain": "silent-lab.example" }], "ending": "either-party",
    }));
    deal["note"] = json!("98765432.10 US dollars a year");
    let lab = registry.publisher("silent-lab.example");
    let payload = cleartitle_schema::canon::to_canonical(&deal).expect("a canonical form");
    let envelope = sign(STATEMENT_TYPE, &payload, &[&press.key, &lab.key]).expect("an envelope").to_bytes();
    let sealed = registry.post("/v1/sealed", "application/json", envelope).is(201).json();
    let commitment = sealed["commitment"].as_str().expect("a commitment").to_owned();
    let shown = || registry.read("/checkpoint").is(200).body;
    until("the folder does not catch up", &registry, || {
        std::fs::read(objects.join("checkpoint")).ok() == Some(shown())
    });
    let _ = audit(&registry).exits(0);
    // Its leaf is there, as in the log, and nothing that opens it.
    let bundles: Vec<u8> =
        files(&objects.join("tile/entries")).iter().flat_map(|path| std::fs::read(path).expect("a file")).collect();
    assert!(memchr::memmem::find(&bundles, commitment.as_bytes()).is_some());
    assert!(!objects.join(format!("v1/published/{commitment}")).exists());
    let envelopes = base64::engine::general_purpose::STANDARD.encode(&payload);
    for path in files(&objects) {
        let bytes = std::fs::read(&path).expect("a file");
        for secret in ["98765432.10", &envelopes[..400]] {
            assert!(memchr::memmem::find(&bytes, secret.as_bytes()).is_none(), "{}", path.display());
        }
    }
}

#[test]
fn a_folder_is_published_for_any_web_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let objects = folder.path().join("public");
    let registry = Registry::in_folder("info");
    let press = registry.publisher("press.example");
    let observer = registry.publisher("observer.example");
    // Brought before there were objects: it stays where it is, and is published too.
    let before = observe(&registry, &observer, b"before");
    let _ = registry.put_blob(&before, b"before").is(201);
    let flags = ["--objects", &objects.display().to_string(), "--objects-snapshot-every", "1s"];
    registry.use_objects_at(flags[1], &[]);
    registry.restart_with(&flags.map(str::to_owned));
    registry.register(&press, &press.reservation("press.example"));
    let after = observe(&registry, &observer, b"after");
    let _ = registry.put_blob(&after, b"after").is(201);
    let shown = |path: &str| registry.read(&format!("/{path}")).is(200).body;
    for path in ["checkpoint", "v1/snapshots/latest", "v1/log-key", &format!("v1/blobs/{before}")] {
        until("the folder does not catch up", &registry, || {
            std::fs::read(objects.join(path)).ok() == Some(shown(path))
        });
    }
    let files = files(&objects);
    let named = |path: &std::path::Path| path.strip_prefix(&objects).expect("inside").display().to_string();
    let published: Vec<String> = files.iter().map(|path| named(path)).filter(|name| name != ".lock").collect();
    assert!(published.len() > 12 && published.contains(&format!("v1/blobs/{after}")), "{published:?}");
    for name in published {
        assert!(std::fs::read(objects.join(&name)).expect("a file") == shown(&name), "{name}");
    }
    registry.audit();
}

/// A store that speaks as much of S3 as is asked of it here, and reads over every condition; its address.
fn careless_store() -> String {
    use axum::extract::{Path, State};
    use axum::http::{Method, StatusCode};
    use axum::response::{IntoResponse as _, Response};
    use std::collections::HashMap;
    use std::sync::{Arc, Mutex};

    type Kept = Arc<Mutex<HashMap<String, Vec<u8>>>>;
    async fn answer(
        State(kept): State<Kept>,
        Path(key): Path<String>,
        method: Method,
        body: axum::body::Bytes,
    ) -> Response {
        let tag = [("etag", "\"same\""), ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT")];
        let mut kept = kept.lock().expect("a lock");
        match (method, kept.get(&key)) {
            (Method::PUT, _) => {
                let _ = kept.insert(key, body.to_vec());
                (tag, "").into_response()
            }
            (_, Some(bytes)) => (tag, bytes.clone()).into_response(),
            (_, None) => StatusCode::NOT_FOUND.into_response(),
        }
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a listener");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        let network = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        network.block_on(async {
            let routes = axum::Router::new().route("/{*key}", axum::routing::any(answer)).with_state(Kept::default());
            axum::serve(tokio::net::TcpListener::from_std(listener).expect("a listener"), routes).await
        })
    });
    address
}

#[test]
fn a_store_that_reads_over_conditions_is_not_used() {
    let registry = Registry::in_folder("info");
    let press = registry.publisher("press.example");
    assert_eq!(registry.stop(), 0);
    let environment = [
        ("AWS_ENDPOINT_URL", careless_store()),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_SKIP_SIGNATURE", "true".to_owned()),
    ];
    registry.use_objects_at("s3://careless/log", &environment);
    registry.begin();
    forked(&registry, "does not honour the condition of a write (If-None-Match)");
    let _ = registry.try_register(&press.sign(&press.reservation("press.example"))).expect("an answer").is(201);
}
