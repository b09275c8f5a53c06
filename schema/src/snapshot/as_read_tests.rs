//! A body whose blocks are checked when they are first read: a changed byte is refused or met, and never gives another answer.

use super::tests::{body, full_ledger};
use super::*;
use crate::acquisition::{Acquisition, Keys};
use crate::evidence::{Lookup as _, Registered};
use crate::id::{ContentId, ContentName};
use crate::ledger::Ledger;
use std::sync::Arc;

/// Blocks of 1 KiB, so that a small body has several.
const BITS: u32 = 10;

type Answer = Result<Vec<Arc<Registered>>, Damage>;

fn copies() -> Vec<Keys> {
    let mut copies: Vec<Keys> = [
        "https://press.example/",
        "https://press.example/open/a",
        "https://news.press.example/a",
        "https://news.press.example/a/b",
        "https://news.press.example/a/c.pdf",
        "https://other.example/",
    ]
    .map(|url| Acquisition::fetched(url).keys().0)
    .into();
    let name = |text: &[u8]| Keys { content: vec![ContentName::Blake3(ContentId::of(text))], ..Keys::default() };
    copies.extend([name(b"text"), name(b"another")]);
    copies.push(Keys { works: vec!["isbn:9780000000000".to_owned().try_into().unwrap()], ..Keys::default() });
    copies.push(Keys { collections: vec!["books".to_owned()], ..Keys::default() });
    copies
}

/// Everything that a reader may ask.
fn answers(snapshot: &Snapshot<Vec<u8>>, ledger: &Ledger) -> Vec<Answer> {
    let mut answers: Vec<Answer> = copies().iter().map(|keys| snapshot.try_covering(keys)).collect();
    let together = snapshot.sets_for_each(&copies());
    match together {
        Ok(sets) => answers.extend(sets.iter().map(|key| -> Answer {
            snapshot.places(key)?.into_iter().map(|place| snapshot.statement(place)).collect()
        })),
        Err(damage) => answers.extend(copies().iter().map(|_| Err(damage))),
    }
    for registered in ledger.statements() {
        answers.push(snapshot.try_naming(&registered.id));
        answers.push(
            snapshot
                .find(&registered.id)
                .and_then(|place| place.map(|place| snapshot.statement(place)).into_iter().collect()),
        );
    }
    answers
}

#[test]
fn a_changed_byte_gives_damage_or_the_same_answer() {
    let ledger = full_ledger();
    let bytes = body(&ledger, 9);
    let hash = *blake3::hash(&bytes).as_bytes();
    let tree = Tree::with_bits(&bytes, BITS).to_bytes();
    let open = |bytes: Vec<u8>| {
        let length = bytes.len();
        let tree = Tree::parse_bits(&tree, length, &hash, BITS).map_err(|_| VerifyError::Hash)?;
        Snapshot::open(bytes).map_err(|_| VerifyError::Header)?.verify_as_read(tree)
    };
    let honest = open(bytes.clone()).unwrap();
    assert_eq!(honest.verified_hash(), hash);
    let expected = answers(&honest, &ledger);
    assert!(expected.iter().all(Result::is_ok));
    let (mut refused, mut met) = (0, 0);
    for at in 0..bytes.len() {
        for bit in [0x01, 0x40] {
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            let Ok(snapshot) = open(changed) else {
                refused += 1;
                continue;
            };
            let got = answers(&snapshot, &ledger);
            assert_eq!(got.len(), expected.len());
            for (got, expected) in got.iter().zip(&expected) {
                assert!(got.is_err() || got == expected, "byte {at} was changed and gave another answer");
            }
            met += usize::from(got.iter().any(Result::is_err));
            // What gathers evidence for verdicts says so for good.
            let copy = Acquisition::fetched("https://news.press.example/a/b");
            let evidence = snapshot.gather(&copy);
            assert!(evidence.is_err() == snapshot.damaged());
            assert!(evidence.is_ok() || snapshot.covering(&copy.keys().0).is_empty());
        }
    }
    assert!(refused >= 2 * 1024, "the header's blocks are checked at opening: {refused}");
    // All blocks behind hold something that one of the questions reads.
    assert_eq!(refused + met, 2 * bytes.len());
    // A file that grew, or was cut short, is none that the tree is of.
    assert!(open(bytes[..bytes.len() - 8].to_vec()).is_err() && open([&bytes[..], &[0; 8]].concat()).is_err());
}

#[test]
fn a_tree_of_another_body_is_refused() {
    let bytes = body(&full_ledger(), 9);
    let hash = *blake3::hash(&bytes).as_bytes();
    let tree = Tree::of(&bytes);
    assert_eq!(tree.root(), hash);
    let written = tree.to_bytes();
    for at in 0..written.len() {
        let mut changed = written.clone();
        changed[at] ^= 1;
        assert_eq!(Tree::parse(&changed, bytes.len(), &hash), Err(TreeError));
    }
    let other = Tree::of(&bytes[..bytes.len() - 1]);
    assert!(matches!(Snapshot::open(bytes).unwrap().verify_as_read(other), Err(VerifyError::Hash)));
}
