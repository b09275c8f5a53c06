//! Signal 9 to the server and to the sender while a provenance table comes in: nothing half is ever seen, and all of it comes in at last.

use harness::provenance::{Row, manifest, table};
use harness::{Registry, Seeded, UNLIMITED, binaries, cleartitle_server};
use serde_json::Value;
use std::time::{Duration, Instant};

use crate::uploads::{ended, on_both};

const PART: usize = 256 << 10;

fn rows(count: usize) -> Vec<Row> {
    (0..count).map(|number| Row::of(&number.to_string(), &format!("https://press.example/{number}"))).collect()
}

fn seed() -> u64 {
    let given = std::env::var("CLEARTITLE_SEED").ok().and_then(|seed| seed.parse().ok());
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
    let seed = given.unwrap_or(since.as_nanos() as u64);
    println!("CLEARTITLE_SEED={seed}");
    seed
}

/// How many of these documents have a record, none or all of which may.
fn seen(registry: &Registry, count: usize) -> usize {
    let probes = [0, count / 2, count - 1];
    let has = |number: usize| {
        let name = cleartitle_schema::id::ContentId::of(number.to_string().as_bytes());
        let view = registry.read(&format!("/v1/documents/{name}")).is(200).json();
        !view["records"].as_array().expect("records").is_empty()
    };
    probes.into_iter().filter(|number| has(*number)).count()
}

#[test]
fn kill_9_while_a_table_comes_in_leaves_nothing_half_seen() {
    let mut seeded = Seeded(seed());
    let (lives, count) = if harness::long("crash") { (10, 60_000) } else { (1, 12_000) };
    let (bytes, probes) = (table(&rows(count), 4000), 3);
    for registry in (0..lives).flat_map(|_| on_both("kills while a table comes in, on PostgreSQL")) {
        let press = registry.publisher("press.example");
        let envelope = press.sign(&manifest(&press, &bytes, count)).to_bytes();
        let (mut kills, mut whole_for, mut done) = (0, Duration::ZERO, None);
        let begun = Instant::now();
        while done.is_none() {
            assert!(begun.elapsed() < Duration::from_secs(240), "it never comes in\n{}", registry.said());
            // Killed after a time that reaches at first into the sending, then into the loading, and at last behind all of it.
            let then = Duration::from_millis(5 + seeded.below(25 + 40 * kills));
            let step = std::thread::scope(|scope| {
                let sending = scope.spawn(|| -> Result<Value, reqwest::Error> {
                    let mut view = registry.try_post("/v1/uploads", "application/json", envelope.clone())?.json();
                    let statement = view["statement"].as_str().expect("an id").to_owned();
                    while view["state"] == "receiving" {
                        let from = view["received"].as_u64().expect("a number") as usize;
                        let piece = bytes[from..bytes.len().min(from + PART)].to_vec();
                        let path = registry.url(&format!("/v1/uploads/{statement}?offset={from}"));
                        let request =
                            harness::http::client().put(path).header("content-type", "application/octet-stream");
                        view = harness::http::send(request.body(piece))?.json();
                    }
                    while view["state"] == "loading" {
                        let request = harness::http::client().get(registry.url(&format!("/v1/uploads/{statement}")));
                        view = harness::http::send(request)?.json();
                    }
                    Ok(view)
                });
                std::thread::sleep(then);
                registry.kill();
                sending.join().expect("no panic")
            });
            whole_for += then;
            registry.begin();
            // What was whole goes on loading at the start, and may come between two of these questions: then all are asked again.
            let found = Some(seen(&registry, count)).filter(|found| *found == 0 || *found == probes);
            let found = found.unwrap_or_else(|| seen(&registry, count));
            assert!(found == 0 || found == probes, "{found} of {probes} documents are seen");
            match step {
                Ok(view) => {
                    assert_eq!(view["state"], "registered", "{view}");
                    assert_eq!(found, probes, "what was acknowledged is there");
                    done = Some(view);
                }
                Err(_) => kills += 1,
            }
        }
        let view = done.expect("a view");
        registry.remember(view["registration"]["registration"].clone());
        registry.audit();
        println!("{kills} kills within {whole_for:?}");
        let data = registry.data().display().to_string();
        assert_eq!(registry.stop(), 0);
        let dump = || cleartitle_server(&["dump", "--data", &data]).exits(0).stdout;
        let before = dump();
        let _ = cleartitle_server(&["rebuild", "--data", &data]).exits(0);
        assert!(dump() == before, "nothing of what was killed is left in the run");
    }
}

#[test]
fn a_sender_that_is_killed_goes_on_with_the_same_statement() {
    let mut seeded = Seeded(seed());
    let registry = Registry::start_with(&UNLIMITED);
    let press = registry.publisher("press.example");
    let file = registry.scratch().join("archive.parquet");
    let count = 40_000;
    std::fs::write(&file, table(&rows(count), 10_000)).expect("a file");
    let key = press.write_keys(registry.scratch()).display().to_string();
    let (url, path) = (registry.url(""), file.display().to_string());
    let arguments = ["register", "--registry", &url, "--key", &key, "--issuer", "press.example", "--documents", &path];
    let command = || {
        let mut command = binaries::command(binaries::client_path());
        command.args(arguments).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command
    };
    for _ in 0..6 {
        let mut child = command().spawn().expect("the command");
        std::thread::sleep(Duration::from_millis(20 + seeded.below(250)));
        child.kill().expect("signal 9");
        child.wait().expect("an end");
    }
    let last = command().status().expect("the command");
    assert!(last.success());
    let listed = registry.read("/v1/statements?issuer=press.example").is(200).json();
    let statements = listed["statements"].as_array().expect("statements");
    // A sender that was killed after the leaf signs anew when it is asked again: it can't know. Never more than that.
    assert!((1..=2).contains(&statements.len()), "{listed}");
    for statement in statements {
        let id = statement["statement"].as_str().or_else(|| statement["id"].as_str()).expect("an id");
        let view = ended(&registry, id);
        registry.remember(view["registration"]["registration"].clone());
    }
    registry.audit();
    assert_eq!(seen(&registry, count), 3);
}
