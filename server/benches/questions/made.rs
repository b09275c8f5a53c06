//! A registry of many rules, made as any other: statements of hundreds of rules each, signed, committed to its log and compiled
//! by it; and URLs to ask for, of which half are covered.

use cleartitle_schema::canon::to_canonical;
use cleartitle_schema::id::StatementId;
use cleartitle_schema::signed::{Envelope, STATEMENT_TYPE, sign};
use cleartitle_schema::statement::Statement;
use cleartitle_server::app::Registry;
use cleartitle_server::log::Candidate;
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;

pub const ORIGIN: &str = "registry.example/log";
/// Near the most that a payload of 48,000 bytes holds.
const RULES_EACH: u64 = 400;
/// Statements of one commit.
const TOGETHER: u64 = 250;

#[derive(Clone, Copy)]
pub struct Size {
    pub rules: u64,
    pub hosts: u64,
}

/// A number that looks drawn: the finaliser of SplitMix64.
pub fn mixed(seed: u64) -> u64 {
    let mut word = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

fn host(number: u64) -> String {
    let word = mixed(number);
    let letters: String = (0..6 + word % 8).map(|at| char::from(b'a' + (mixed(word ^ at) % 26) as u8)).collect();
    // Below the issuer's own domain: it speaks for them, and who does is looked up for each question.
    format!("{letters}{number:x}.press.example")
}

/// The path of a rule: a prefix, and every fourth time a pattern.
fn path(rule: u64) -> String {
    let word = mixed(!rule);
    match word >> 62 {
        0 => format!("/{:x}/*/print$", word & 0xfffff),
        _ => format!("/story-{:x}", word & 0xff_ffff),
    }
}

pub fn key() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

/// A statement with its signature.
pub fn signed(body: &Value, note: &str) -> (Envelope, Statement, StatementId) {
    let payload = json!({"version": 1, "log": ORIGIN, "issuer": {"domain": "press.example"},
        "issued_at": "2026-01-01T00:00:00Z", "note": note, "body": body});
    let payload = to_canonical(&payload).expect("JSON");
    let statement = Statement::parse(&payload).expect("a statement");
    (sign(STATEMENT_TYPE, &payload, &[&key()]).expect("a key"), statement, StatementId::of(&payload))
}

/// A reservation of these targets.
pub fn reservation(mut targets: Vec<Value>) -> Value {
    let order = |target: &Value| (target["host"].to_string(), target["path"].to_string());
    targets.sort_by_key(order);
    targets.dedup();
    json!({"kind": "reservation", "basis": "owner", "scope": {"include": targets},
        "terms": {"clauses": [{"rules": [{"preference": "disallowed", "uses": ["train-ai"]}]}]}})
}

fn candidate(size: Size, number: u64) -> Candidate {
    let rules = number * RULES_EACH..((number + 1) * RULES_EACH).min(size.rules);
    let rules = rules.map(|rule| json!({"target": "url", "host": host(rule % size.hosts), "path": path(rule)}));
    let (envelope, statement, id) = signed(&reservation(rules.collect()), &format!("{number}"));
    Candidate { id, envelope, statement, list: None, sealed: false }
}

/// The registry in a folder, made where there is none.
pub fn registry(folder: &Path, size: Size) -> Registry {
    let begun = Instant::now();
    let registry = Registry::open(folder, Some(ORIGIN)).expect("a registry");
    let statements = size.rules.div_ceil(RULES_EACH);
    if registry.store.head().expect("a head").is_some_and(|head| head.size > statements) {
        println!("the folder holds a registry already");
        return registry;
    }
    registry.bind(&"press.example".parse().expect("a domain"), &key().verifying_key(), false).expect("bound");
    let sequencer = registry.sequencer();
    let (sender, made) = std::sync::mpsc::sync_channel(2);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for first in (0..statements).step_by(TOGETHER as usize) {
                let some: Vec<_> =
                    (first..(first + TOGETHER).min(statements)).map(|number| candidate(size, number)).collect();
                sender.send(some).expect("somebody takes them");
            }
        });
        for (batch, candidates) in made.iter().enumerate() {
            assert!(sequencer.commit(&candidates).iter().all(Result::is_ok), "batch {batch}");
        }
    });
    println!("{statements} statements of {RULES_EACH} rules signed and committed in {:.0?}", begun.elapsed());
    registry
}

/// URLs: of four, two are covered, one is of a known host, and one of nobody's.
pub fn url(size: Size, at: u64) -> String {
    let rule = mixed(at ^ 0xabcd_0000) % size.rules;
    let known = host(rule % size.hosts);
    match at % 4 {
        0 | 1 => {
            let path = path(rule);
            let end = if path.ends_with('$') { "" } else { "-of-words.html" };
            format!("https://{known}{}{end}", path.trim_end_matches('$').replace('*', "b"))
        }
        2 => format!("https://{known}/q/other.html"),
        _ => format!("https://{}/q/other.html", host(size.hosts + rule)),
    }
}
