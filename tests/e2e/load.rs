//! Load with signal 9 again and again: every acknowledged statement is in the log with the leaf that was promised, no two
//! checkpoints of one size were ever shown, and the audit passes.
//!
//! The long form, ten minutes with a kill every twenty seconds:
//! `CLEARTITLE_LOAD_SECONDS=600 cargo test --release -p cleartitle-tests --test e2e kill_9_under_load -- --nocapture`.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use harness::{Publisher, Registry, UNLIMITED, audit};
use serde_json::{Value, json};

/// How many clients register at once.
const CLIENTS: usize = 32;

/// One of so many registrations is kept whole, so that the audit checks its receipt by hand; of the others the leaf and the
/// checkpoint are.
const WHOLE: u64 = 50;

/// How long in all, and how long between two kills.
fn times() -> (Duration, Duration) {
    let asked = std::env::var("CLEARTITLE_LOAD_SECONDS").ok().map(|text| text.parse::<u64>().expect("seconds"));
    let seconds = asked.unwrap_or(16);
    (Duration::from_secs(seconds), Duration::from_secs(if seconds >= 60 { 20 } else { 4 }))
}

/// The checkpoints that anybody saw, the text under each size: a second text for a size is a fork.
#[derive(Default)]
struct Seen(Mutex<HashMap<u64, String>>);

impl Seen {
    /// Notes a checkpoint; its size.
    #[track_caller]
    fn note(&self, note: &str) -> u64 {
        let text = note.split("\n\n").next().expect("a note's text").to_owned();
        let size = text.lines().nth(1).and_then(|line| line.parse().ok()).expect("a size");
        let mut seen = self.0.lock().expect("a lock");
        let before = seen.entry(size).or_insert_with(|| text.clone());
        assert_eq!(*before, text, "two checkpoints of size {size}");
        size
    }
}

/// What a client keeps of each answer.
struct Promise {
    index: u64,
    leaf: blake3::Hash,
}

struct Load<'r> {
    registry: &'r Registry,
    press: &'r Publisher,
    stop: AtomicBool,
    registered: AtomicU64,
    again: AtomicU64,
    seen: Seen,
}

impl Load<'_> {
    /// Registers statements one after the other until told to stop; whatever was not answered is sent again.
    fn client(&self, number: usize) -> Vec<Promise> {
        let mut kept = Vec::new();
        for count in 0_u64.. {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let mut payload = self.press.reservation("press.example");
            payload["note"] = json!(format!("client {number}, number {count}"));
            let envelope = self.press.sign(&payload).to_bytes();
            let Some(answer) = self.until_answered(&envelope) else { break };
            let receipt = answer["receipt"].as_str().expect("a receipt");
            let (_, note) = receipt.split_once("\n\n").expect("a checkpoint");
            let size = self.seen.note(note);
            let index = answer["index"].as_u64().expect("an index");
            assert!(index < size, "the receipt's checkpoint covers the leaf");
            kept.push(Promise { index, leaf: blake3::hash(answer["leaf"].as_str().expect("a leaf").as_bytes()) });
            if index % WHOLE == 0 {
                self.registry.remember(answer);
            }
            self.registered.fetch_add(1, Ordering::Relaxed);
        }
        kept
    }

    fn until_answered(&self, envelope: &[u8]) -> Option<Value> {
        loop {
            match self.registry.try_post("/v1/statements", "application/json", envelope.to_vec()) {
                Ok(answer) if answer.status == 201 => return Some(answer.json()),
                Ok(answer) if answer.status == 200 => {
                    // In the log before the kill, answered after it.
                    self.again.fetch_add(1, Ordering::Relaxed);
                    return Some(answer.json());
                }
                Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
                Err(_) if self.stop.load(Ordering::Relaxed) => return None,
                Err(_) => {}
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Reads checkpoints all the while, as a monitor does.
    fn monitor(&self) -> u64 {
        let (mut last, mut read) = (0, 0);
        while !self.stop.load(Ordering::Relaxed) {
            let request = harness::http::client().get(self.registry.url("/checkpoint"));
            if let Ok(answer) = harness::http::send(request)
                && answer.status == 200
            {
                let size = self.seen.note(&answer.text());
                assert!(size >= last, "the log shrank from {last} to {size}");
                (last, read) = (size, read + 1);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        read
    }
}

#[test]
fn kill_9_under_load_loses_nothing_and_forks_nothing() {
    let (whole, between) = times();
    let registry = Registry::start_with(&UNLIMITED);
    let press = registry.publisher("press.example");
    let load = Load {
        registry: &registry,
        press: &press,
        stop: AtomicBool::new(false),
        registered: AtomicU64::new(0),
        again: AtomicU64::new(0),
        seen: Seen::default(),
    };
    let begun = Instant::now();
    let (promises, read, kills) = std::thread::scope(|scope| {
        let load = &load;
        let clients: Vec<_> = (0..CLIENTS).map(|number| scope.spawn(move || load.client(number))).collect();
        let monitor = scope.spawn(|| load.monitor());
        let mut kills = 0;
        while begun.elapsed() + between < whole {
            let before = load.registered.load(Ordering::Relaxed);
            std::thread::sleep(between);
            let after = load.registered.load(Ordering::Relaxed);
            // No panic here: the clients would go on for ever.
            if after == before {
                println!("nothing was registered between two kills");
                break;
            }
            registry.kill();
            registry.begin();
            kills += 1;
        }
        std::thread::sleep(Duration::from_secs(1));
        load.stop.store(true, Ordering::Relaxed);
        let promises: Vec<Promise> = clients.into_iter().flat_map(|client| client.join().expect("a client")).collect();
        (promises, monitor.join().expect("a monitor"), kills)
    });
    let took = begun.elapsed();
    let rate = promises.len() as f64 / took.as_secs_f64();
    println!(
        "{} registrations acknowledged in {took:.1?} from {CLIENTS} clients, {rate:.0}/s with {kills} kills in between; {} were in the \
         log already when they were sent again; {read} checkpoints read, {} sizes seen",
        promises.len(),
        load.again.load(Ordering::Relaxed),
        load.seen.0.lock().expect("a lock").len(),
    );
    assert!(kills >= 2 && read > 0, "{kills} kills, {read} checkpoints");

    let key = std::fs::read_to_string(registry.data().join("log.pub")).expect("the log's key");
    let (size, _) = audit::open_checkpoint(&registry.read("/checkpoint").is(200).text(), &key);
    let entries = audit::entries(&registry, size);
    for promise in &promises {
        let index = usize::try_from(promise.index).expect("an index");
        let leaf = entries.get(index).unwrap_or_else(|| panic!("leaf {index} was acknowledged and is lost"));
        assert_eq!(blake3::hash(leaf), promise.leaf, "leaf {index} is not the one that was acknowledged");
    }
    // Every checkpoint that anybody saw is of this history.
    let mut tree = audit::Tree::new(&entries);
    for (size, text) in load.seen.0.lock().expect("a lock").iter() {
        let root = tree.hash(0, usize::try_from(*size).expect("a size"));
        let shown = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, root);
        assert_eq!(text.lines().nth(2), Some(shown.as_str()), "the checkpoint of size {size} is of another history");
    }
    registry.audit();
}
