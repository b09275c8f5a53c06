//! Every process of a shared registry killed in turn, under load; and a standby that hangs or is killed, which every commit waits for.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use harness::{Postgres, Registry, cleartitle_server};

use super::faults::noted;
use super::postgres::{audited, one_log, register_many};

#[test]
fn every_process_is_killed_in_turn_under_load() {
    let Some(database) = Postgres::start("signal 9 for every process", &[]) else { return };
    let address = database.database();
    let first = Registry::on_postgres(&address, None);
    let second = Registry::on_postgres(&address, Some(&first));
    let press = first.publisher("press.example");
    let (done, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for (server, name) in [(&first, "one"), (&second, "two")] {
            for thread in 0..3 {
                let (press, done, stop) = (&press, &done, &stop);
                scope.spawn(move || {
                    for round in 0.. {
                        if stop.load(Ordering::Relaxed) {
                            return;
                        }
                        register_many(server, press, &format!("{name}, thread {thread}, round {round}"), 3, done);
                    }
                });
            }
        }
        let more = |what: &str| {
            let (before, begun) = (done.load(Ordering::Relaxed), Instant::now());
            while done.load(Ordering::Relaxed) < before + 12 && begun.elapsed() < Duration::from_secs(60) {
                std::thread::sleep(Duration::from_millis(5));
            }
            println!("{what}: {} registered in {:?}", done.load(Ordering::Relaxed) - before, begun.elapsed());
        };
        for _ in 0..2 {
            more("all are well");
            first.kill();
            more("without the first server");
            first.begin();
            second.kill();
            more("without the second server");
            second.begin();
            // One process of the database: it ends all others, and begins again by itself.
            let one =
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'cleartitle-server' ORDER BY state LIMIT 1";
            let one = database.sql("postgres", one);
            let killed = std::process::Command::new("kill").args(["-9", &one]).status();
            assert!(killed.is_ok_and(|status| status.success()), "{one}");
            more("one process of the database is gone");
            database.kill();
            std::thread::sleep(Duration::from_millis(300));
            database.begin(&[]);
            more("the database began again");
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(done.load(Ordering::Relaxed) > 60);
    one_log(&[&first, &second]);
    assert!(audited(&first).contains("all is right"));
    let data = second.data().display().to_string();
    assert_eq!((first.stop(), second.stop()), (0, 0));
    let rebuilt = cleartitle_server(&["rebuild", "--data", &data]).exits(0);
    assert!(rebuilt.stdout.contains("every projection is as it was"), "{}", rebuilt.stdout);
}

#[test]
fn a_standby_that_hangs_or_is_killed_is_waited_for_and_no_commit_is_answered_without_it() {
    let Some(primary) = Postgres::start("a slow standby", &["wal_level=replica"]) else { return };
    let standby = primary.standby("standby");
    let _ = primary.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'standby'");
    let _ = primary.sql("postgres", "SELECT pg_reload_conf()");
    let registry = Registry::on_postgres(&primary.database(), None);
    let press = registry.publisher("press.example");
    registry.register(&press, &press.reservation("press.example"));
    for (what, away, back) in [
        ("held", Postgres::hold as fn(&Postgres), Postgres::let_go as fn(&Postgres)),
        ("killed", Postgres::kill as fn(&Postgres), (|standby| standby.begin(&[])) as fn(&Postgres)),
    ] {
        away(&standby);
        let payload = noted(&press, &format!("while the standby is {what}"));
        let answered = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let answer = registry.try_register(&press.sign(&payload));
                answered.store(true, Ordering::Relaxed);
                answer.is_ok_and(|answer| matches!(answer.status, 200 | 201))
            });
            std::thread::sleep(Duration::from_secs(4));
            let early = answered.load(Ordering::Relaxed);
            back(&standby);
            assert!(asking.join().expect("a thread"), "{what}: it was not registered\n{}", registry.said());
            assert!(!early, "{what}: it was answered before the standby had it");
        });
        registry.audit();
    }
    assert!(audited(&registry).contains("all is right"));
}
