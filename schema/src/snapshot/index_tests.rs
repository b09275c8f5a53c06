//! The indexes where they are large or crowded: hosts with many rules, names that begin alike, builds in little memory.

use super::tests::{a_ledger, body, head, registered, reservation, sorted, statement, terms};
use super::*;
use crate::acquisition::{Acquisition, Keys};
use crate::evidence::{Lookup as _, Registered};
use crate::id::{ContentId, ContentName, Sha256Alias, WarcSha1Alias};
use crate::ledger::Ledger;
use crate::scope::{Scope, Target};
use crate::statement::Body;
use crate::vocab::{Basis, Preference};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::convert::Infallible;
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

fn url(host: &str, path: String) -> Target {
    Target::Url { host: host.parse().unwrap(), port: None, path }
}

fn keys(url: &str) -> Keys {
    Acquisition::fetched(url).keys().0
}

fn ledger_of(targets: impl IntoIterator<Item = Vec<Target>>) -> Ledger {
    let rows = targets.into_iter().enumerate().map(|(index, include)| {
        let scope = Scope { include: sorted(include), exclude: Vec::new() };
        let mut said = statement("press.example", reservation(scope));
        // Two that say the same would be one statement.
        said.note = Some(format!("number {index}"));
        registered(index as u64, said)
    });
    rows.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Prefixes that nest and share, more than fit a group, patterns under any of them.
    #[test]
    fn a_host_with_many_rules_answers_as_the_ledger(
        rules in vec(vec(vec(select(vec!["a", "b", "/", "*", "c", "$"]), 0..7), 1..9), 1..30),
        paths in vec(vec(select(vec!["a", "b", "/", "c", "A"]), 0..9), 1..20),
    ) {
        let targets = rules.iter().map(|paths| {
            paths.iter().map(|parts| url("press.example", format!("/{}", parts.concat()))).collect()
        });
        let ledger = ledger_of(targets);
        let snapshot = Snapshot::open(body(&ledger, 40)).unwrap().verify().unwrap();
        let copies: Vec<Keys> =
            paths.iter().map(|parts| keys(&format!("https://www.press.example/{}", parts.concat()))).collect();
        let sets = snapshot.sets_for_each(&copies).unwrap();
        for (keys, sets) in copies.iter().zip(&sets) {
            prop_assert_eq!(snapshot.covering(keys), ledger.covering(keys));
            prop_assert_eq!(sets, &snapshot.sets_for(keys).unwrap());
        }
    }

    /// Digests that somebody made up, so that buckets run over: within reach, beyond it, and behind the last bucket.
    #[test]
    fn crowded_names_answer_as_the_ledger(
        rows in vec((vec((select(vec![0u64, 1, 1 << 40, 1 << 63, u64::MAX - 1, u64::MAX]), 0u8..40), 1..60), any::<bool>()), 1..12),
        spread in vec(any::<u64>(), 0..60),
    ) {
        let name = |first: u64, tail: u8| {
            let mut digest = [tail; 32];
            digest[..8].copy_from_slice(&first.to_be_bytes());
            ContentName::Blake3(ContentId(digest))
        };
        let mut listed: Vec<(Vec<ContentName>, bool)> = rows
            .iter()
            .map(|(names, grants)| (names.iter().map(|(first, tail)| name(*first, *tail)).collect(), *grants))
            .collect();
        if !spread.is_empty() {
            listed.push((spread.iter().map(|first| name(*first, 0)).collect(), false));
        }
        let ledger: Ledger = listed
            .iter()
            .enumerate()
            .map(|(index, (ids, grants))| {
                let mut ids = sorted(ids.clone());
                ids.dedup();
                let scope = Scope { include: vec![Target::Content { ids }], exclude: Vec::new() };
                let body = if *grants {
                    Body::Grant { basis: Basis::Owner, scope, terms: terms(Preference::Allowed) }
                } else {
                    reservation(scope)
                };
                let mut said = statement("press.example", body);
                said.note = Some(format!("number {index}"));
                registered(index as u64, said)
            })
            .collect();
        let snapshot = Snapshot::open(body(&ledger, 40)).unwrap().verify().unwrap();
        let mut asked: Vec<ContentName> = listed.iter().flat_map(|(ids, _)| ids.iter().copied()).collect();
        asked.extend((0..40).flat_map(|tail| [0, 2, 1 << 63, u64::MAX].map(|first| name(first, tail))));
        let found = snapshot.by_content_each(&asked).unwrap();
        for (name, found) in asked.iter().zip(found) {
            let copy = Keys { content: vec![*name], ..Keys::default() };
            prop_assert_eq!(snapshot.covering(&copy), ledger.covering(&copy));
            prop_assert_eq!(found, snapshot.by_content(name).unwrap());
        }
    }

    #[test]
    fn a_build_in_little_memory_writes_the_same_bytes(ledger in a_ledger(), budget in 0usize..2_000_000) {
        let whole = body(&ledger, 40);
        let (bounded, _) = build_bounded(ledger.statements().iter().cloned(), budget);
        prop_assert_eq!(bounded, whole);
    }
}

fn build_bounded(statements: impl Iterator<Item = Arc<Registered>>, budget: usize) -> (Vec<u8>, usize) {
    let mut opened = 0;
    let mut room = Room::bounded(budget, || {
        opened += 1;
        Ok(Box::new(Cursor::new(Vec::new())))
    });
    let mut out = Vec::new();
    let statements = statements.map(Ok::<_, Infallible>);
    build_within(statements, &head(40), &Tables::default(), &mut room, &mut out).unwrap();
    drop(room);
    (out, opened)
}

fn many_names(count: u32) -> Ledger {
    let digest = |number: u32| ContentId::of(&number.to_le_bytes());
    let rows = (0..30u32).map(|index| {
        let ids = (0..count).map(|number| ContentName::Blake3(digest(index * count / 2 + number)));
        let hosts = (0..count / 4).map(|number| url(&format!("h{number}.press.example"), format!("/{index}")));
        vec![Target::Content { ids: sorted(ids.collect()) }].into_iter().chain(hosts).collect()
    });
    ledger_of(rows)
}

#[test]
fn spilled_runs_make_the_same_body() {
    let ledger = many_names(200);
    let whole = body(&ledger, 40);
    // The least a sorter gets is 64 KiB, and 6,000 names of 38 bytes and their places are many times that.
    let (bounded, opened) = build_bounded(ledger.statements().iter().cloned(), 0);
    assert_eq!(bounded, whole);
    assert!(opened > format::Section::ALL.len(), "sorters used scratch of their own");
}

#[test]
fn names_that_begin_alike_are_found_and_told_apart_where_they_may_clear() {
    let name = |tail: u8, kind: u8| {
        let mut digest = [7; 32];
        digest[31] = tail;
        match kind {
            1 => ContentName::Blake3(ContentId(digest)),
            2 => ContentName::Sha256(Sha256Alias(digest)),
            _ => {
                let mut short = [7; 20];
                short[19] = tail;
                ContentName::WarcSha1(WarcSha1Alias(short))
            }
        }
    };
    let row = |index: u8, ids: Vec<ContentName>, grants: bool| {
        let scope = Scope { include: vec![Target::Content { ids: sorted(ids) }], exclude: Vec::new() };
        let body = if grants {
            Body::Grant { basis: Basis::Owner, scope, terms: terms(Preference::Allowed) }
        } else {
            reservation(scope)
        };
        registered(u64::from(index), statement("press.example", body))
    };
    // 100 reserved names and 100 granted ones, all alike but for their last byte; SHA-1 never clears.
    let mut rows: Vec<Registered> = (0..100).map(|at| row(at, vec![name(at, 1), name(at, 2)], false)).collect();
    rows.extend((100..200).map(|at| row(at, vec![name(at, 1), name(at, 3)], true)));
    let ledger: Ledger = rows.into_iter().collect();
    let mut out = Vec::new();
    build(ledger.statements(), &head(300), &Tables::default(), &mut out).unwrap();
    let snapshot = Snapshot::open(out).unwrap().verify().unwrap();
    let places = |name| snapshot.places(&snapshot.by_content(&name).unwrap()).unwrap();
    let all = |range: std::ops::Range<u32>| range.collect::<Vec<_>>();
    for at in 0..=255u8 {
        let mut expected = all(0..100);
        if (100..200).contains(&at) {
            expected.push(u32::from(at));
        }
        assert_eq!(places(name(at, 1)), expected, "a granted name is found by all its bytes");
        assert_eq!(places(name(at, 2)), all(0..100));
        assert_eq!(places(name(at, 3)), all(100..200));
        let copy = Keys { content: vec![name(at, 1), name(at, 2), name(at, 3)], ..Keys::default() };
        assert_eq!(snapshot.covering(&copy), ledger.covering(&copy), "and the scopes say the rest");
    }
    assert!(places(ContentName::Blake3(ContentId([8; 32]))).is_empty());
}

#[test]
fn hosts_without_end_and_above_each_other() {
    let mut targets: Vec<Vec<Target>> = Vec::new();
    for number in 0..500 {
        let host = |text: String, subdomains| Target::Host { host: text.parse().unwrap(), subdomains };
        targets.push(vec![
            host(format!("n{number}.press.example"), number % 2 == 0),
            host(format!("a.n{number}.press.example"), true),
            url(&format!("www.n{number}.press.example"), format!("/{number}/*.pdf")),
        ]);
    }
    let ledger = ledger_of(targets);
    let mut out = Vec::new();
    build(ledger.statements(), &head(600), &Tables::default(), &mut out).unwrap();
    let snapshot = Snapshot::open(out).unwrap().verify().unwrap();
    let copies: Vec<Keys> = (0..600)
        .flat_map(|number| {
            ["", "x.", "a.", "y.x.a.", "www."]
                .map(|below| keys(&format!("https://{below}n{number}.press.example/{number}/q.pdf")))
        })
        .collect();
    let sets = snapshot.sets_for_each(&copies).unwrap();
    for (keys, sets) in copies.iter().zip(sets) {
        assert_eq!(snapshot.covering(keys), ledger.covering(keys));
        assert_eq!(sets, snapshot.sets_for(keys).unwrap());
    }
}

/// Scratch that fails after some bytes, as a full disk does.
struct Full(Cursor<Vec<u8>>, usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.get_ref().len() + bytes.len() > self.1 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.0.write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Read for Full {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(into)
    }
}

impl Seek for Full {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let ledger = many_names(200);
    let mut room = Room::bounded(0, || Ok(Box::new(Full(Cursor::default(), 100_000))));
    let statements = ledger.statements().iter().cloned().map(Ok::<_, Infallible>);
    let built = build_within(statements, &head(40), &Tables::default(), &mut room, std::io::sink());
    assert!(matches!(built, Err(BuildError::Write(error)) if error.kind() == std::io::ErrorKind::StorageFull));
}

#[test]
fn a_statement_that_does_not_come_ends_the_build() {
    let first = Arc::clone(&many_names(4).statements()[0]);
    let statements = [Ok(first), Err(std::io::Error::other("the store is gone"))];
    let built = build_within(statements, &head(40), &Tables::default(), &mut Room::memory(), std::io::sink());
    assert!(matches!(built, Err(BuildError::Source(_))));
}
