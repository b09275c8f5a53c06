//! Faults: full and slow disks, clocks that jump, connections that are cut inside a commit. Whatever happens, nothing that was acknowledged is
//! lost, nothing is there twice, the log is one, and the audit finds nothing.
//!
//! Processes that are killed in turn are in `killed.rs`, two servers that race for the head and the failover in `postgres.rs`, signal 9 at any
//! moment of a server on SQLite in `crash.rs` and `load.rs`, replicas in `replicas.rs`.

use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use harness::disk::Disk;
use harness::machine::Machine;
use harness::proxy::Proxy;
use harness::{Postgres, Publisher, Registry, Seeded, UNLIMITED, cleartitle_server, postgres};
use serde_json::{Value, json};

use super::postgres::{audited, register_many};

pub(crate) fn noted(press: &Publisher, note: &str) -> Value {
    let mut payload = press.reservation("press.example");
    payload["note"] = json!(note);
    payload
}

#[track_caller]
fn until(what: &str, registry: &Registry, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}: not within a minute\n{}", registry.said());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Sends it until it is acknowledged; how often it was not.
#[track_caller]
fn insist(registry: &Registry, press: &Publisher, payload: &Value) -> usize {
    let (envelope, begun) = (press.sign(payload), Instant::now());
    for times in 0.. {
        let answer = registry.try_register(&envelope).expect("an answer");
        match answer.status {
            200 | 201 => return times,
            503 => std::thread::sleep(Duration::from_millis(20)),
            _ => panic!("{}", answer.text()),
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "it is never registered\n{}", registry.said());
    }
    0
}

/// The disk under a running registry gets full, and empty again.
fn fills_up_and_goes_on(registry: &Registry, disk: &Disk, in_folder: bool) {
    let press = registry.publisher("press.example");
    registry.register(&press, &press.reservation("press.example"));
    disk.fill(256 << 10);
    let refused = (0..3000).find_map(|number| {
        let payload = noted(&press, &format!("number {number}, {}", "and so on ".repeat(100)));
        let answer = registry.try_register(&press.sign(&payload)).expect("an answer");
        assert!(matches!(answer.status, 201 | 503), "{}", answer.text());
        (answer.status == 503).then_some(payload)
    });
    let refused = refused.expect("the disk gets full");
    assert!(registry.acknowledged().len() > 5, "nothing had room");
    // All that was acknowledged is shown while nothing can be written, and an audit that has no room accuses nobody.
    for registration in registry.acknowledged() {
        let path = format!("/v1/statements/{}", registration["statement"].as_str().expect("an id"));
        assert_eq!(registry.read(&path).is(200).json()["registration"]["receipt"], registration["receipt"]);
    }
    let ran = cleartitle_server(&["audit", "--data", &registry.data().display().to_string()]);
    let no_room = ran.code == 2 && ran.stderr.contains("no room") && ran.stderr.contains("\n\nhint: make room");
    assert!(ran.code == 0 || no_room, "{} {}{}", ran.code, ran.stdout, ran.stderr);
    if in_folder {
        // PostgreSQL may have room left for the one row that is tried, and none for a statement.
        until("it says that it is not ready", registry, || registry.read("/readyz").status == 503);
    }
    disk.empty();
    until("it is ready again", registry, || registry.read("/readyz").status == 200);
    let _ = insist(registry, &press, &refused);
    registry.register(&press, &press.grant("press.example"));
    assert!(audited(registry).contains("all is right"));
}

#[test]
fn a_full_disk_under_sqlite_loses_nothing() {
    let Some(disk) = Disk::new("a full disk under SQLite", 24) else { return };
    let registry = Registry::below(&disk.path(), &UNLIMITED);
    fills_up_and_goes_on(&registry, &disk, true);
    drop(registry);
}

#[test]
fn a_full_disk_under_postgresql_loses_nothing() {
    let Some(disk) = Disk::new("a full disk under PostgreSQL", 48) else { return };
    let Some(server) = Postgres::start("a full disk under PostgreSQL", &[]) else { return };
    let registry = Registry::on_postgres(&server.database_in(&disk.path()), None);
    fills_up_and_goes_on(&registry, &disk, false);
    drop((registry, server));
}

/// Registries on both kinds of database, not started.
fn of_both_kinds(check: &str) -> Vec<Registry> {
    let mut all = vec![Registry::unstarted(Vec::new(), &UNLIMITED)];
    if let Some(database) = postgres::database(check) {
        let shared = Registry::unstarted(Vec::new(), &UNLIMITED);
        shared.use_database(&database);
        all.push(shared);
    }
    all
}

#[test]
fn a_clock_that_jumps_turns_no_time_of_the_log_back() {
    let Some(machine) = Machine::new("a clock that jumps") else { return };
    for registry in of_both_kinds("a clock that jumps") {
        machine.clock(0);
        machine.carry(&registry);
        registry.begin();
        let press = registry.publisher("press.example");
        let registered = |note: &str| {
            let registration = registry.register(&press, &noted(&press, note));
            registration["registered_at"].as_str().expect("a time").to_owned()
        };
        let day = 24 * 3600;
        let now = registered("at the true time");
        machine.clock(-day);
        let back = registered("a day earlier");
        assert!(back >= now, "{now}, then {back}");
        machine.clock(3 * day);
        let ahead = registered("three days ahead");
        assert!(ahead > back, "the clock did not jump: {back}, then {ahead}");
        machine.clock(0);
        let again = registered("at the true time again");
        assert!(again >= ahead, "{ahead}, then {again}");
        // It counts from the moment that it is registered, whatever the clock says of that.
        let question = json!({ "url": "https://press.example/story", "use": "train-ai" });
        let decided = registry.post_json("/v1/decisions", &question).is(200).json();
        assert_eq!(decided["decision"]["verdict"], "reserved", "{decided}");
        // Nor does a start at a time before the log's own end change it.
        machine.clock(-day);
        assert_eq!(registry.stop(), 0);
        registry.begin();
        let _ = registered("after a start in the past");
        let changes = registry.read("/v1/changes?limit=500").is(200).json();
        let times = changes["changes"].as_array().expect("changes").iter().map(|it| it["registered_at"].as_str());
        assert!(times.clone().count() > 5 && times.is_sorted(), "{changes}");
        assert!(audited(&registry).contains("all is right"));
    }
}

#[test]
fn a_slow_disk_is_waited_for_and_a_kill_while_it_writes_loses_nothing() {
    let Some(machine) = Machine::new("a slow disk") else { return };
    let registry = Registry::unstarted(Vec::new(), &UNLIMITED);
    machine.carry(&registry);
    registry.begin();
    let press = registry.publisher("press.example");
    registry.register(&press, &press.reservation("press.example"));
    machine.sync(250);
    let (begun, done) = (Instant::now(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (registry, press, done) = (&registry, &press, &done);
            scope.spawn(move || register_many(registry, press, &format!("slowly, thread {thread}"), 4, done));
        }
    });
    assert!(begun.elapsed() > Duration::from_secs(1), "the disk was not slow: {:?}", begun.elapsed());
    registry.audit();
    // Killed inside of a sync: what nobody was told may be there or not.
    machine.sync(1500);
    for round in 0..3 {
        let payload = noted(&press, &format!("in the middle of it, round {round}"));
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| registry.try_register(&press.sign(&payload)).is_ok());
            std::thread::sleep(Duration::from_millis(500 + 400 * round));
            registry.kill();
            assert!(!asking.join().expect("a thread") || round > 1, "it was answered before it was durable");
        });
        machine.sync(0);
        registry.begin();
        let _ = insist(&registry, &press, &payload);
        registry.audit();
        machine.sync(1500);
    }
    machine.sync(0);
    assert!(audited(&registry).contains("all is right"));
}

#[test]
fn a_connection_that_is_cut_anywhere_in_a_commit_loses_nothing_and_doubles_nothing() {
    let Some(server) = Postgres::start("a connection that is cut", &[]) else { return };
    let database = server.database();
    let proxy = Proxy::before(&server.host());
    let name = database.rsplit('/').next().expect("a name");
    let registry = Registry::on_postgres(&format!("postgres://reg@{}/{name}", proxy.host()), None);
    let press = registry.publisher("press.example");
    let before: u64 =
        registry.read("/checkpoint").text().lines().nth(1).and_then(|it| it.parse().ok()).expect("a size");
    let mut seeded = Seeded(7);
    let (rounds, mut repeated) = (40_u32, 0);
    for round in 0..rounds {
        // Some four hundred names: most of what a commit says is inside of a COPY.
        let ids = |number: u64| format!("blake3:{}", blake3::hash(format!("{round} {number}").as_bytes()).to_hex());
        let mut ids: Vec<String> = (0..400).map(ids).collect();
        ids.sort();
        let mut payload = noted(&press, &format!("round {round}"));
        payload["body"]["scope"]["include"] = json!([{ "target": "content", "ids": ids }]);
        let cut = u32::try_from(seeded.below(140_000)).expect("small");
        // Every fourth time it is the answer that is cut, and nobody knows whether it was committed.
        if round % 4 == 3 {
            proxy.cut_to_server(cut % 3000)
        } else {
            proxy.cut_to_database(cut)
        }
        repeated += insist(&registry, &press, &payload);
    }
    println!("{} cuts, {repeated} answers that it was not registered", proxy.cuts());
    assert!(proxy.cuts() > 15, "{} cuts", proxy.cuts());
    let told = server.told();
    // Which of them a cut meets depends on what else goes over the wire just then.
    let copies = ["published", "statements", "claims"];
    let met = copies.iter().filter(|table| told.contains(&format!("STATEMENT:  COPY {table} "))).count();
    assert!(met > 0, "no cut inside of a COPY of {copies:?}\n{told}");
    registry.audit();
    assert!(audited(&registry).contains("all is right"));
    let after: u64 = registry.read("/checkpoint").text().lines().nth(1).and_then(|it| it.parse().ok()).expect("a size");
    assert_eq!(after - before, u64::from(rounds), "one leaf for each, however often it was sent");
}
