//! How many registrations a second a registry takes, each durable and answered with its receipt, and how long one takes at full load and
//! at half of it: on SQLite, and on PostgreSQL, whose tables are weighed besides.
//!
//! `cargo bench -p cleartitle-tests --bench registrations`; `CLEARTITLE_SECONDS=30` sets how long each part lasts, and
//! `CLEARTITLE_BENCH_ON=postgres` (or `sqlite`) leaves the other out. The real server over loopback, on the disk of the temporary folder
//! (`TMPDIR`), clients and PostgreSQL on the same cores, `fsync` on. Statements are signed beforehand, by as many publishers as there are
//! connections; the server verifies each.

mod connection;
mod tables;

use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use connection::Connection;
use harness::{Postgres, Publisher, Registry, UNLIMITED};
use serde_json::json;

/// Connections that are tried for the greatest rate.
const CONNECTIONS: [usize; 4] = [1, 16, 64, 256];

/// Connections that share half the load.
const STEADY: usize = 64;

/// Publishers who register at once.
const PUBLISHERS: usize = 64;

fn envelopes(presses: &[Publisher], part: &str, count: usize) -> Vec<Vec<u8>> {
    let one = |number: usize| {
        let press = &presses[number % presses.len()];
        let mut payload = press.reservation(&press.domain);
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

/// As many as go: each connection sends the next when it has its receipt. How many a second, and the latencies, sorted.
fn greatest(
    registry: &Registry,
    presses: &[Publisher],
    connections: usize,
    time: Duration,
    guess: usize,
) -> (f64, Vec<Duration>) {
    let all = envelopes(presses, &format!("{connections} connections"), guess);
    let next = AtomicUsize::new(0);
    let begun = Instant::now();
    let mut latencies: Vec<Duration> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..connections)
            .map(|_| {
                scope.spawn(|| {
                    let (mut connection, mut latencies) = (Connection::open(&registry.socket()), Vec::new());
                    while begun.elapsed() < time {
                        let Some(envelope) = all.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                        let sent = Instant::now();
                        connection.register(envelope);
                        latencies.push(sent.elapsed());
                    }
                    latencies
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().expect("a client")).collect()
    });
    let rate = latencies.len() as f64 / begun.elapsed().as_secs_f64();
    latencies.sort_unstable();
    (rate, latencies)
}

/// The latency that such a part of all is within.
fn within(latencies: &[Duration], part: f64) -> Duration {
    latencies[((latencies.len() - 1) as f64 * part) as usize]
}

/// So many a second, each at its own time whether or not those before it are done: a late one's wait counts. The latencies,
/// sorted.
fn steady(registry: &Registry, presses: &[Publisher], rate: f64, time: Duration) -> Vec<Duration> {
    let all = envelopes(presses, "steady", (rate * time.as_secs_f64()) as usize);
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

/// Everything that is measured of one registry.
fn measure(registry: &Registry, on: &str, time: Duration) {
    let presses: Vec<Publisher> =
        (0..PUBLISHERS).map(|number| registry.publisher(&format!("press-{number}.example"))).collect();
    println!("\non {on}, {PUBLISHERS} publishers:");
    let mut best = 0.0_f64;
    for connections in CONNECTIONS {
        // More than can be done: running out would end a part early.
        let guess = ((best.max(200.0) * 4.0) as usize).max(connections * 50) * time.as_secs() as usize;
        let (rate, latencies) = greatest(registry, &presses, connections, time, guess);
        println!(
            "{connections:>4} in flight: {rate:>7.0} registrations/s, durable and with their receipts; median {:.1?}, 99th percentile {:.1?}",
            within(&latencies, 0.5),
            within(&latencies, 0.99)
        );
        best = best.max(rate);
    }
    let latencies = steady(registry, &presses, best / 2.0, time);
    println!(
        "half load ({:.0}/s on {STEADY} connections): median {:.1?}, 99th percentile {:.1?}, longest {:.1?}",
        best / 2.0,
        within(&latencies, 0.5),
        within(&latencies, 0.99),
        within(&latencies, 1.0)
    );
    let size = registry.read("/checkpoint").is(200).text().lines().nth(1).unwrap_or_default().to_owned();
    println!("the log has {size} leaves");
}

fn audited(registry: &Registry) {
    let data = registry.data().display().to_string();
    println!("{}", harness::cleartitle_server(&["audit", "--data", &data]).exits(0).stdout.trim());
}

fn main() {
    let seconds = std::env::var("CLEARTITLE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let (time, only) = (Duration::from_secs(seconds), std::env::var("CLEARTITLE_BENCH_ON").unwrap_or_default());
    if only != "postgres" {
        let registry = Registry::in_folder_with("warn", &UNLIMITED);
        machine(registry.scratch());
        measure(&registry, "SQLite", time);
        audited(&registry);
    }
    if only != "sqlite"
        && let Some(server) = Postgres::start("registrations on PostgreSQL", &["fsync=on"])
    {
        let database = server.database();
        let registry = Registry::on_postgres(&database, None);
        machine(registry.scratch());
        measure(&registry, "PostgreSQL", time);
        tables::weigh(&server, &database, &registry);
        audited(&registry);
    }
}
