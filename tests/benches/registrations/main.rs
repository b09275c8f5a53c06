//! How many registrations a second a registry takes, each durable and answered with its receipt, and how long one takes at half
//! that load.
//!
//! `cargo bench -p cleartitle-tests --bench registrations`; `CLEARTITLE_SECONDS=30` sets how long each part lasts. The real
//! server over loopback, on the disk of the temporary folder (`TMPDIR`), clients on the same cores. Statements are signed
//! beforehand; the server verifies each.

mod connection;

use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use connection::Connection;
use harness::{Publisher, Registry, UNLIMITED};
use serde_json::json;

/// Connections that are tried for the greatest rate.
const CONNECTIONS: [usize; 4] = [1, 16, 64, 256];

/// Connections that share half the load.
const STEADY: usize = 64;

fn envelopes(press: &Publisher, part: &str, count: usize) -> Vec<Vec<u8>> {
    let one = |number: usize| {
        let mut payload = press.reservation("press.example");
        payload["note"] = json!(format!("{part} {number}"));
        press.sign(&payload).to_bytes()
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || (thread..count).step_by(threads).map(one).collect::<Vec<_>>()))
            .collect();
        parts.into_iter().flat_map(|part| part.join().expect("envelopes")).collect()
    })
}

/// As many as go: each connection sends the next when it has its receipt. How many a second.
fn greatest(registry: &Registry, press: &Publisher, connections: usize, time: Duration, guess: usize) -> f64 {
    let all = envelopes(press, &format!("{connections} connections"), guess);
    let next = AtomicUsize::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                let mut connection = Connection::open(&registry.socket());
                while begun.elapsed() < time {
                    let Some(envelope) = all.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
                    connection.register(envelope);
                }
            });
        }
    });
    let done = next.load(Ordering::Relaxed).min(all.len());
    done as f64 / begun.elapsed().as_secs_f64()
}

/// So many a second, each at its own time whether or not those before it are done: a late one's wait counts. The latencies,
/// sorted.
fn steady(registry: &Registry, press: &Publisher, rate: f64, time: Duration) -> Vec<Duration> {
    let all = envelopes(press, "steady", (rate * time.as_secs_f64()) as usize);
    let next = AtomicUsize::new(0);
    let begun = Instant::now();
    let mut latencies: Vec<Duration> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..STEADY)
            .map(|_| {
                scope.spawn(|| {
                    let mut connection = Connection::open(&registry.socket());
                    let mut latencies = Vec::new();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(envelope) = all.get(number) else { return latencies };
                        let due = begun + Duration::from_secs_f64(number as f64 / rate);
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                        connection.register(envelope);
                        latencies.push(due.elapsed());
                    }
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().expect("a client")).collect()
    });
    latencies.sort_unstable();
    latencies
}

/// The median time of a small write that is on the disk.
fn sync_time(folder: &Path) -> Duration {
    let mut file = std::fs::File::create(folder.join("sync")).expect("a file");
    let mut times: Vec<Duration> = (0..200)
        .map(|_| {
            let begun = Instant::now();
            file.write_all(&[0; 4096]).and_then(|()| file.sync_data()).expect("a write");
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn machine(folder: &Path) {
    let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = told.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "machine: {}, {cores} cores, Linux {}, load {}; a synced write of 4 KiB takes {:?} at the median",
        model.trim_start_matches([':', '\t', ' ']),
        kernel.trim(),
        load.split(' ').next().unwrap_or_default(),
        sync_time(folder),
    );
}

fn main() {
    let seconds = std::env::var("CLEARTITLE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let time = Duration::from_secs(seconds);
    let registry = Registry::start_with(&UNLIMITED);
    let press = registry.publisher("press.example");
    machine(registry.scratch());
    let mut best = 0.0_f64;
    for connections in CONNECTIONS {
        // More than can be done: running out would end a part early.
        let guess = ((best.max(200.0) * 4.0) as usize).max(connections * 50) * usize::try_from(seconds).unwrap_or(10);
        let rate = greatest(&registry, &press, connections, time, guess);
        println!("{connections:>4} connections: {rate:>7.0} registrations/s, durable and with their receipts");
        best = best.max(rate);
    }
    let latencies = steady(&registry, &press, best / 2.0, time);
    let at = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize];
    println!(
        "half load ({:.0}/s on {STEADY} connections): median {:?}, 99th percentile {:?}, longest {:?}",
        best / 2.0,
        at(0.5),
        at(0.99),
        at(1.0)
    );
    let size = registry.read("/checkpoint").is(200).text().lines().nth(1).unwrap_or_default().to_owned();
    println!("the log has {size} leaves");
    let data = registry.data().display().to_string();
    println!("{}", harness::cleartitle_server(&["audit", "--data", &data]).exits(0).stdout.trim());
}
