//! Signal 9 at any moment of registering, rebuilding: no acknowledged statement is lost, and the audit passes.
//!
//! The long form, fifty rounds of 1,000 registrations:
//! `CLEARTITLE_LONG=crash cargo test -p cleartitle-tests --test e2e crash -- --nocapture`. A failure is run again with the
//! printed seed in `CLEARTITLE_SEED`.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use harness::{Publisher, Registry, Seeded, UNLIMITED};
use serde_json::json;

fn seed() -> u64 {
    let given = std::env::var("CLEARTITLE_SEED").ok().and_then(|seed| seed.parse().ok());
    let clock =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |now| now.as_nanos() as u64);
    let seed = given.unwrap_or(clock);
    println!("CLEARTITLE_SEED={seed}");
    seed
}

/// Posts `count` distinct statements from several threads, or until told to stop, and counts those acknowledged.
fn post_many(
    registry: &Registry,
    press: &Publisher,
    round: usize,
    count: usize,
    threads: usize,
    stop: &AtomicBool,
    done: &AtomicUsize,
) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count || stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let mut payload = press.reservation("press.example");
                    payload["note"] = json!(format!("round {round}, number {number}"));
                    match registry.try_register(&press.sign(&payload)) {
                        Ok(answer) if answer.status == 201 => {
                            done.fetch_add(1, Ordering::Relaxed);
                        }
                        // Overload is an answer too, though no acknowledgement; the server being gone is the test.
                        Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
                        Err(_) => return,
                    }
                }
            });
        }
    });
}

/// One life of a registry: an undisturbed round that is measured, then kills, each at a moment of the round drawn by count
/// and not by the clock, so that it falls inside whatever else the machine does. Returns how many statements were
/// acknowledged.
fn rounds_of_kills(seeded: &mut Seeded, first: usize, rounds: usize, count: usize, threads: usize) -> usize {
    let registry = Registry::start_with(&UNLIMITED);
    let press = registry.publisher("press.example");
    let (begun, done) = (Instant::now(), AtomicUsize::new(0));
    post_many(&registry, &press, 0, count, threads, &AtomicBool::new(false), &done);
    let whole = begun.elapsed();
    assert_eq!(done.into_inner(), count);
    let rate = count as f64 / whole.as_secs_f64();
    println!("undisturbed: {count} registrations from {threads} threads in {whole:?}, {rate:.0}/s");
    registry.audit();
    let mut acknowledged = count;
    let mut killed = 0;
    for round in first.. {
        let target = usize::try_from(seeded.below(count as u64)).expect("small");
        let then = Duration::from_micros(seeded.below(5_000));
        let (stop, done) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            let posting = scope.spawn(|| post_many(&registry, &press, round, count, threads, &stop, &done));
            while done.load(Ordering::Relaxed) < target && !posting.is_finished() {
                std::thread::sleep(Duration::from_micros(50));
            }
            std::thread::sleep(then);
            registry.kill();
            stop.store(true, Ordering::Relaxed);
        });
        let done = done.into_inner();
        acknowledged += done;
        registry.begin();
        registry.audit();
        println!("round {round}: killed {then:?} after {target} were acknowledged, {done} in the end, audit passed");
        // One that came just after the last answer is no kill of a round, and another is tried.
        killed += usize::from(done < count);
        if killed == rounds {
            break;
        }
        assert!(round < first + 3 * rounds, "kills keep coming after their rounds");
    }
    // And still it takes statements, and every blob opens its leaf.
    registry.register(&press, &press.grant("press.example"));
    harness::audit::check_blobs(&registry);
    acknowledged
}

#[test]
fn kill_9_while_registering_loses_nothing() {
    let mut seeded = Seeded(seed());
    // A new registry every five rounds keeps the audits, which read everything each time, from growing without bound.
    let (lives, rounds, count, threads) = if harness::long("crash") { (10, 5, 1000, 64) } else { (1, 3, 100, 8) };
    let mut acknowledged = 0;
    for life in 0..lives {
        acknowledged += rounds_of_kills(&mut seeded, 1 + life * 100, rounds, count, threads);
    }
    println!("{} kills, each inside a round of {count}; {acknowledged} acknowledged, none lost", lives * rounds);
}

#[test]
fn kill_9_while_rebuilding_loses_nothing() {
    let mut seeded = Seeded(seed());
    let registry = Registry::start_with(&UNLIMITED);
    let press = registry.publisher("press.example");
    post_many(&registry, &press, 0, 300, 32, &AtomicBool::new(false), &AtomicUsize::new(0));
    registry.audit();
    assert_eq!(registry.stop(), 0);
    let data = registry.data().display().to_string();
    let rebuild = ["rebuild", "--data", data.as_str()];
    let dump = || harness::cleartitle_server(&["dump", "--data", &data]).exits(0).stdout;
    let before = dump();
    let begun = Instant::now();
    harness::cleartitle_server(&rebuild).exits(0);
    let whole = begun.elapsed();
    let rounds = if harness::long("crash") { 50 } else { 8 };
    for _ in 0..rounds {
        let mut child = harness::binaries::command(harness::binaries::server_path())
            .args(rebuild)
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("a rebuild");
        std::thread::sleep(Duration::from_micros(seeded.below(whole.as_micros() as u64)));
        child.kill().expect("signal 9");
        child.wait().expect("an end");
        assert_eq!(dump(), before, "what a killed rebuild leaves is the old or the new, which are equal");
    }
    harness::cleartitle_server(&rebuild).exits(0);
    registry.begin();
    registry.audit();
}
