//! A pull of a snapshot that grew fetches what is new and makes the rest here; the real client and server, on good lines and bad.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::between::between;
use super::filter::kill_after;
use super::resumed::{Line, filled};
use harness::{Registry, Seeded};
use serde_json::json;

/// A lab with a pulled snapshot of some hundred kilobytes.
struct Pulled {
    registry: Registry,
    key: String,
    out: PathBuf,
    body: Vec<u8>,
}

impl Pulled {
    fn new() -> Self {
        let (registry, _, body) = filled();
        let key = std::fs::read_to_string(registry.data().join("log.pub")).expect("a key").trim().to_owned();
        let out = registry.scratch().join("terms.snapshot");
        let pulled = Self { registry, key, out, body };
        let _ = pulled.pull(&pulled.registry.url("")).exits(0);
        assert!(pulled.lies_here() == pulled.body);
        pulled
    }

    fn arguments(&self, address: &str) -> Vec<String> {
        let out = self.out.display().to_string();
        ["pull", "--registry", address, "--log-key", &self.key, "--out", &out].map(str::to_owned).to_vec()
    }

    fn pull(&self, address: &str) -> harness::Ran {
        harness::cleartitle(&self.arguments(address))
    }

    fn lies_here(&self) -> Vec<u8> {
        std::fs::read(&self.out).expect("a snapshot")
    }

    /// Registers one more statement; gives the body that the server now has.
    fn state(&self, note: &str) -> Vec<u8> {
        let press = harness::Publisher::new("press.example", harness::server::ORIGIN);
        let mut payload = press.reservation("press.example");
        payload["note"] = json!(note);
        let _ = self.registry.try_register(&press.sign(&payload)).expect("an answer").is(201);
        let size = self.registry.read("/v1/snapshots/latest").is(200).json()["size"].to_string();
        self.registry.read(&format!("/v1/snapshots/{size}")).is(200).body
    }

    fn verifies(&self) {
        let ran = harness::cleartitle(&["verify", "--log-key", &self.key, &self.out.display().to_string()]);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn after_one_new_statement_little_is_fetched() {
    let lab = Pulled::new();
    let newer = lab.state("one more");
    assert!(newer != lab.body);
    let line = Line::to(&lab.registry, usize::MAX);
    let ran = lab.pull(&line.address).exits(0);
    let answered = line.answered.load(Ordering::SeqCst);
    println!("{answered} bytes of all answers with their headers; the snapshot has {}", newer.len());
    assert!(answered < newer.len() / 10, "{answered} of {} bytes", newer.len());
    assert!(ran.stderr.contains("made the rest of the older one"), "{}", ran.stderr);
    assert!(lab.lies_here() == newer, "what was made is what the server has");
    lab.verifies();

    // Nothing new: less still.
    let line = Line::to(&lab.registry, usize::MAX);
    let ran = lab.pull(&line.address).exits(0);
    let again = line.answered.load(Ordering::SeqCst);
    assert!(again < answered, "{again} bytes for nothing new");
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    assert!(lab.lies_here() == newer);
    lab.registry.audit();
}

/// Passes answers on, but for one byte of every part of a file that is sent; with `all`, of whole files too.
fn liar(registry: &Registry, all: bool) -> String {
    let server = registry.socket();
    between(
        move |_| server.clone(),
        move |_, answer| {
            let head = String::from_utf8_lossy(answer);
            let part = answer.starts_with(b"HTTP/1.1 206");
            let octets = head.contains("application/octet-stream");
            let is_head = head.contains("content-range: bytes 0-");
            if (part && !is_head || all && octets)
                && let Some(last) = answer.last_mut()
            {
                *last ^= 1;
            }
        },
    )
}

#[test]
fn a_changed_part_is_refused_and_the_whole_is_fetched_and_that_is_said() {
    let lab = Pulled::new();
    let newer = lab.state("one more");
    // Parts and whole are changed: nothing of it is taken, and the old snapshot stays.
    let ran = lab.pull(&liar(&lab.registry, true)).exits(2);
    assert!(ran.stderr.contains("error"), "{}", ran.stderr);
    assert!(lab.lies_here() == lab.body, "the older one stays in its place");
    lab.verifies();
    // Parts alone are changed: the whole is fetched.
    let ran = lab.pull(&liar(&lab.registry, false)).exits(0);
    assert!(ran.stderr.contains("warning") && ran.stderr.contains("the whole snapshot was fetched"), "{}", ran.stderr);
    assert!(lab.lies_here() == newer);
    lab.verifies();
}

#[test]
fn a_damaged_older_snapshot_does_no_harm() {
    let lab = Pulled::new();
    let newer = lab.state("one more");
    let mut damaged = lab.body.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x20;
    std::fs::write(&lab.out, damaged).expect("a damaged snapshot");
    let ran = lab.pull(&lab.registry.url("")).exits(0);
    assert!(ran.stderr.contains("the whole snapshot was fetched"), "{}", ran.stderr);
    assert!(lab.lies_here() == newer);
    lab.verifies();
}

#[test]
fn kill_9_while_growing_leaves_the_old_snapshot_or_the_new_one() {
    let lab = Pulled::new();
    let mut seeded = Seeded(11);
    let mut inside = 0;
    let mut last = lab.body.clone();
    for round in 0..if harness::long("crash") { 50 } else { 6 } {
        let newer = lab.state(&format!("round {round}"));
        let arguments = lab.arguments(&lab.registry.url(""));
        inside += usize::from(kill_after(&arguments, Duration::from_micros(seeded.below(80_000))));
        let here = lab.lies_here();
        assert!(here == last || here == newer, "round {round}: half a snapshot");
        lab.verifies();
        last = here;
    }
    assert!(inside > 0, "no kill came while a snapshot was pulled");
    let newest = lab.state("the last");
    let _ = lab.pull(&lab.registry.url("")).exits(0);
    assert!(lab.lies_here() == newest);
    let left = std::fs::read_dir(lab.registry.scratch()).expect("a folder").flatten();
    let left: Vec<_> = left.filter(|entry| entry.file_name().to_string_lossy().contains(".grown-")).collect();
    assert!(left.is_empty(), "what killed pulls left is removed: {left:?}");
    lab.registry.audit();
}
