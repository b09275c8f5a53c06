//! What the memo gives is what a direct decision gives, reasons and all, whatever the statements, the copies, the ways of asking
//! and the times: those that meet a moment at which something changes, and the seconds before and after it.

mod drawn;

use cleartitle_schema::acquisition::{Acquisition, Keys};
use cleartitle_schema::decide::{CLAIM_LAPSE, Decision, Question, decide};
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::ledger::Ledger;
use cleartitle_schema::memo::{Asked, Key, Memo, Plain};
use cleartitle_schema::policy::Reading;
use cleartitle_schema::snapshot::{Candidates, Head, Snapshot, Tables, VerifiedSnapshot, build};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::Hash;
use cleartitle_schema::vocab::{Artefact, Use};
use drawn::{Dice, HOSTS, LOG};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

type Made = VerifiedSnapshot<Vec<u8>>;

fn snapshot(statements: Vec<Registered>) -> Made {
    let ledger: Ledger = statements.into_iter().collect();
    let last = ledger.statements().last().expect("a statement");
    let (origin, root) = (LOG.to_owned(), Hash([7; 32]));
    let head = Head { origin, size: last.index + 1, root, time: last.registered_at };
    let mut body = Vec::new();
    build(ledger.statements(), &head, &Tables::default(), &mut body).expect("a snapshot");
    Snapshot::open(body).expect("a body").verify().expect("a sound body")
}

/// Moments at which something may change.
fn moments(statements: &[Registered]) -> Vec<Timestamp> {
    let of = |registered: &Registered| {
        let effective = registered.statement.effective;
        let all = [Some(registered.registered_at), effective.from, effective.until, registered.tenure_from];
        all.into_iter().flatten()
    };
    statements.iter().flat_map(of).collect()
}

fn time(dice: &mut Dice, moments: &[Timestamp]) -> Timestamp {
    let moment = if dice.chance(3) { dice.moment() } else { dice.one(moments) };
    let later = if dice.chance(4) { CLAIM_LAPSE } else { 0 };
    moment.plus_seconds(later).plus_seconds(dice.one(&[-1, 0, 0, 1]))
}

/// Ways of asking: a few, so that they meet.
fn ways(dice: &mut Dice) -> Vec<Question> {
    let way = |dice: &mut Dice| {
        let asker = match dice.roll(3) {
            0 => json!({}),
            1 => json!({"domain": "lab.example", "class": "commercial"}),
            _ => json!({"domain": dice.one(&HOSTS)}),
        };
        Question {
            acquisition: Acquisition::default(),
            asker: serde_json::from_value(asker).expect("an asker"),
            category: dice.one(&[Use::TrainAi, Use::TrainAi, Use::AiUse]),
            used_at: Timestamp(0),
            territory: dice.chance(2).then(|| dice.one(&["DE", "US"]).to_owned()),
            model: dice.chance(3).then(|| "lab-1".to_owned()),
            artefact: dice.chance(4).then_some(Artefact::ALL[0]),
        }
    };
    (0..3).map(|_| way(dice)).collect()
}

fn reading(dice: &mut Dice) -> Reading {
    let mut reading = Reading::default();
    if dice.chance(2) {
        reading.trusted_observers = vec![dice.one(&HOSTS).parse().expect("a domain")];
    }
    if dice.chance(3) {
        let site = json!({"host": "other.example", "list": "a list", "from": dice.moment()});
        reading.infringing_sites = vec![serde_json::from_value(site).expect("a site")];
    }
    reading
}

#[derive(Default)]
struct Seen {
    kinds: BTreeSet<&'static str>,
    verdicts: BTreeMap<&'static str, usize>,
    recalled: usize,
    asked: usize,
}

fn agrees(seed: u64, seen: &mut Seen) {
    let mut dice = Dice(seed);
    let statements = drawn::statements(&mut dice);
    if statements.is_empty() {
        return;
    }
    seen.kinds.extend(statements.iter().map(|registered| registered.statement.kind().word()));
    let moments = moments(&statements);
    let snapshot = snapshot(statements);
    let (ways, reading) = (ways(&mut dice), reading(&mut dice));
    let memo: Memo<Decision> = Memo::within(1 << 20, 1 << 20);
    let (mut key, mut sets) = (Key::default(), Vec::new());
    // Few of each, so that questions meet which the memo can't tell apart.
    let copies: Vec<Acquisition> = (0..12).map(|_| drawn::copy(&mut dice)).collect();
    let times: Vec<Timestamp> = (0..8).map(|_| time(&mut dice, &moments)).collect();
    for _ in 0..120 {
        let way = usize::try_from(dice.roll(ways.len() as u64)).expect("small");
        let mut copy = copies[usize::try_from(dice.roll(12)).expect("small")].clone();
        copy.captured_at = (!dice.chance(4)).then(|| dice.one(&times));
        copy.acquired_at = dice.chance(3).then(|| dice.one(&times));
        let question = Question { acquisition: copy.clone(), used_at: dice.one(&times), ..ways[way].clone() };
        let direct = decide(&question, &snapshot.gather(&copy).expect("evidence"), &reading);
        let (keys, unread): (Keys, _) = copy.keys();
        let Some(plain) = Plain::of(&copy).filter(|_| unread.is_empty()) else { continue };
        let found = snapshot.sets_for(&keys).expect("sets");
        sets.clear();
        found.write(&mut sets);
        let group = memo.group(&sets, &Candidates { snapshot: &snapshot, sets: &found }).expect("a group");
        let beside = [u8::try_from(way).expect("small")];
        let used_at = question.used_at;
        let asked = Asked { sets: &sets, keys: &keys, copy: plain, used_at, reading: &reading, beside: &beside };
        key.write(&asked, (!found.is_empty()).then_some(&*group));
        seen.asked += 1;
        *seen.verdicts.entry(direct.verdict.word()).or_default() += 1;
        match memo.recall(&key) {
            Some(ruling) => {
                seen.recalled += 1;
                assert_eq!(*ruling, direct, "seed {seed}: {question:?}");
            }
            None => memo.keep(&key, &Arc::new(direct), 1000),
        }
    }
}

#[test]
fn the_memo_gives_what_a_direct_decision_gives() {
    let mut seen = Seen::default();
    (0..200).for_each(|seed| agrees(seed, &mut seen));
    // Or the test would say nothing.
    assert!(seen.recalled * 5 > seen.asked, "{} of {} were recalled", seen.recalled, seen.asked);
    assert!(seen.kinds.len() >= 12 && seen.verdicts.len() == 5, "{:?} {:?}", seen.kinds, seen.verdicts);
    println!("{} of {} were recalled: {:?}", seen.recalled, seen.asked, seen.verdicts);
}
