//! Reading from replicas that really stream: what was registered here is read here, whatever the replica does or is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use harness::{Postgres, Publisher, Registry, UNLIMITED, cleartitle_server, postgres};
use serde_json::{Value, json};

/// How often a replica was asked with this outcome.
fn asked(registry: &Registry, outcome: &str) -> f64 {
    let text = registry.read("/metrics").is(200).text();
    let named = format!("outcome=\"{outcome}\"");
    let lines =
        text.lines().filter(|line| line.starts_with("cleartitle_replica_reads_total{") && line.contains(&named));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

fn left_alone(registry: &Registry) -> bool {
    let text = registry.read("/metrics").is(200).text();
    text.lines().any(|line| line.starts_with("cleartitle_replica_left_alone{") && line.ends_with(" 1"))
}

#[track_caller]
fn until(what: &str, registry: &Registry, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}: not within a minute\n{}", registry.said());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Reads until a replica has answered some of it.
#[track_caller]
fn until_answered(registry: &Registry) {
    let before = asked(registry, "answered");
    until("a replica answers", registry, || {
        let _ = registry.read("/v1/statements").is(200);
        asked(registry, "answered") > before
    });
}

/// A registry on a primary, with a replica that streams from it.
fn replicated(check: &str) -> Option<(Postgres, Postgres, Registry)> {
    let primary = Postgres::start(check, &["wal_level=replica"])?;
    let database = primary.database();
    let replica = primary.standby("reader");
    let registry = Registry::on_postgres(&database, None);
    read_from(&registry, &format!("postgres://reg@{}/{}", replica.host(), database.rsplit('/').next().unwrap()));
    Some((primary, replica, registry))
}

fn read_from(registry: &Registry, replica: &str) {
    let flags: Vec<String> = UNLIMITED.iter().copied().chain(["--read-database", replica]).map(str::to_owned).collect();
    registry.restart_with(&flags);
}

/// Registers one more statement; everything that a reader can ask about it says so at once.
#[track_caller]
fn read_at_once(registry: &Registry, press: &Publisher, note: &str) -> Value {
    let mut payload = press.reservation("press.example");
    payload["note"] = json!(note);
    let registered = registry.try_register(&press.sign(&payload)).expect("an answer").is(201).json();
    let (id, index) = (registered["statement"].as_str().unwrap(), registered["index"].as_u64().unwrap());
    let shown = registry.read(&format!("/v1/statements/{id}")).is(200).json();
    assert_eq!(shown["registration"]["receipt"], registered["receipt"], "{shown}");
    assert!(registry.read(&format!("/v1/statements?after={}", index - 1)).is(200).text().contains(id));
    let changes = registry.read(&format!("/v1/changes?after={}", index - 1)).is(200).text();
    assert!(changes.contains(id), "{changes}");
    let again = registry.try_register(&press.sign(&payload)).expect("an answer").is(200).json();
    assert_eq!(again["receipt"], registered["receipt"]);
    registered
}

#[test]
fn what_was_registered_here_is_read_here_while_the_replica_stands_still() {
    let Some((_primary, replica, registry)) = replicated("a replica that stands still") else { return };
    let press = registry.publisher("press.example");
    let first = read_at_once(&registry, &press, "before");
    registry.audit();
    until_answered(&registry);
    let _ = replica.sql("postgres", "SELECT pg_wal_replay_pause()");
    let behind = asked(&registry, "behind");
    for number in 0..5 {
        let _ = read_at_once(&registry, &press, &format!("meanwhile, number {number}"));
    }
    registry.audit();
    assert!(asked(&registry, "behind") > behind, "the replica was never behind");
    assert!(!left_alone(&registry));
    let answered = asked(&registry, "answered");
    for _ in 0..20 {
        let _ = registry.read("/v1/statements").is(200);
    }
    assert_eq!(asked(&registry, "answered"), answered, "a replica answers from the past");
    let _ = replica.sql("postgres", "SELECT pg_wal_replay_resume()");
    until_answered(&registry);
    registry.audit();
    let id = first["statement"].as_str().unwrap();
    assert_eq!(
        registry.read(&format!("/v1/statements/{id}")).is(200).json()["registration"]["receipt"],
        first["receipt"]
    );
}

#[test]
fn two_servers_register_while_replicas_follow_and_every_reader_sees_one_log() {
    let Some((primary, replica, first)) = replicated("two servers and a replica") else { return };
    let name = std::fs::read_to_string(first.scratch().join("database.url")).expect("an address");
    let second = Registry::on_postgres(&name, Some(&first));
    let press = first.publisher("press.example");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Standing still and going on by turns: ahead of one server, behind the other.
            while !stop.load(Ordering::Relaxed) {
                let _ = replica.sql("postgres", "SELECT pg_wal_replay_pause()");
                std::thread::sleep(Duration::from_millis(60));
                let _ = replica.sql("postgres", "SELECT pg_wal_replay_resume()");
                std::thread::sleep(Duration::from_millis(60));
            }
        });
        let writing: Vec<_> = [&first, &second]
            .map(|server| {
                let press = &press;
                scope.spawn(move || {
                    for number in 0..25 {
                        let _ = read_at_once(server, press, &format!("{}, number {number}", server.socket()));
                    }
                })
            })
            .into();
        let written: Vec<_> = writing.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        stop.store(true, Ordering::Relaxed);
        assert!(written.iter().all(Result::is_ok));
    });
    let all: Vec<Value> = [&first, &second].iter().flat_map(|server| server.acknowledged()).collect();
    all.iter().for_each(|registration| first.remember(registration.clone()));
    first.audit();
    until_answered(&first);
    first.audit();
    drop(primary);
}

#[test]
fn a_replica_that_is_gone_or_says_nothing_is_left_alone_and_taken_up_again() {
    let Some((_primary, replica, registry)) = replicated("a replica that is gone") else { return };
    let press = registry.publisher("press.example");
    let _ = read_at_once(&registry, &press, "before");
    until_answered(&registry);
    for (what, away, back) in [
        ("killed", Postgres::kill as fn(&Postgres), (|replica| replica.begin(&[])) as fn(&Postgres)),
        ("held", Postgres::hold as fn(&Postgres), Postgres::let_go as fn(&Postgres)),
    ] {
        away(&replica);
        let begun = Instant::now();
        let _ = read_at_once(&registry, &press, what);
        // At most one answer was waited for, and then no more.
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}: {:?}", begun.elapsed());
        assert!(left_alone(&registry), "{what}: {}", registry.said());
        registry.audit();
        back(&replica);
        until_answered(&registry);
        assert!(!left_alone(&registry), "{what}");
        registry.audit();
    }
    let said = registry.said();
    assert!(said.contains("a replica does not answer, and is left alone"), "{said}");
}

#[test]
fn a_replica_of_another_registry_answers_nothing() {
    let Some(server) = postgres::shared("a replica of another registry") else { return };
    let database = server.database();
    let registry = Registry::on_postgres(&database, None);
    let press = registry.publisher("press.example");
    let _ = read_at_once(&registry, &press, "of both");
    assert_eq!(registry.stop(), 0);
    // The same name, the same keys, the same length; and then another statement in the same place.
    let fork = postgres::copy(&database);
    let forked = Registry::on_postgres(&fork, Some(&registry));
    let theirs = read_at_once(&forked, &press, "of the other alone");
    assert_eq!(forked.stop(), 0);
    // The same name, and other keys.
    let stranger = server.database();
    let other = Registry::on_postgres(&stranger, None);
    let other_press = other.publisher("press.example");
    let _ = read_at_once(&other, &other_press, "of a stranger");
    assert_eq!(other.stop(), 0);
    registry.begin();
    let own = read_at_once(&registry, &press, "of the one alone");
    for (lying, told) in [(&fork, "another root"), (&stranger, "another name or key")] {
        read_from(&registry, lying);
        let index = own["index"].as_u64().unwrap();
        let page = registry.read(&format!("/v1/statements?after={}", index - 1)).is(200).text();
        let listed = |registered: &Value| page.contains(registered["statement"].as_str().unwrap());
        assert!(listed(&own) && !listed(&theirs), "{page}");
        registry.audit();
        assert_eq!(asked(&registry, "answered"), 0.0);
        assert!(asked(&registry, "stranger") > 0.0 && left_alone(&registry));
        assert!(registry.said().contains(told), "{told}: {}", registry.said());
    }
}

#[test]
fn what_is_erased_is_shown_by_no_replica() {
    let Some((_primary, replica, registry)) = replicated("erasure and replicas") else { return };
    let press = registry.publisher("press.example");
    let gone = read_at_once(&registry, &press, "a name that the law wants gone");
    until_answered(&registry);
    let shown = |registry: &Registry| {
        let id = gone["statement"].as_str().unwrap();
        let page = registry.read("/v1/statements").is(200).text() + &registry.read("/v1/changes").is(200).text();
        page + &registry.read(&format!("/v1/statements/{id}")).text()
    };
    assert!(shown(&registry).contains("the law wants gone"));
    let _ = replica.sql("postgres", "SELECT pg_wal_replay_pause()");
    assert_eq!(registry.stop(), 0);
    let data = registry.data().display().to_string();
    let id = gone["statement"].as_str().unwrap();
    let _ = cleartitle_server(&["erase", "--data", &data, "--statement", id, "--reason", "a court"]).exits(0);
    registry.begin();
    assert!(!shown(&registry).contains("the law wants gone"));
    let _ = replica.sql("postgres", "SELECT pg_wal_replay_resume()");
    until_answered(&registry);
    assert!(!shown(&registry).contains("the law wants gone"));
}

#[test]
fn a_replica_needs_a_database_and_its_password_is_told_to_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data").display().to_string();
    let serve = |more: &[&str]| {
        let flags = ["serve", "--listen", "127.0.0.1:0", "--data", &data].into_iter().chain(more.iter().copied());
        cleartitle_server(&flags.collect::<Vec<_>>()).exits(2).stderr
    };
    let alone = serve(&["--read-database", "postgres://reg:s3cret@127.0.0.1/reg"]);
    assert!(alone.contains("--database") && !alone.contains("s3cret"), "{alone}");
    let there = ["--database", "postgres://reg@127.0.0.1:1/reg", "--read-database"];
    let unread = serve(&[&there[..], &["mysql://reg:s3cret@127.0.0.1/reg"]].concat());
    assert!(unread.contains("--read-database") && unread.contains("hint: "), "{unread}");
    assert!(!unread.contains("s3cret"), "{unread}");
}
