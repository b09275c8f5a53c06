//! Cosignatures and the witness protocol against values that another implementation gave, and against hostile bytes.
//!
//! The known answers are by the PyPI package `aics-tlog` 0.2.1, from the seeds below; `tests/e2e/witness.rs` runs it live.

use ed25519_dalek::SigningKey;
use proptest::prelude::*;

use super::checkpoint::Checkpoint;
use super::cosignature::{CosignatureError, WitnessPolicy, WitnessSigner, WitnessVerifier};
use super::hash::{Hash, empty_root, leaf_hash};
use super::note::{Note, NoteError, NoteSignature, NoteSigner, NoteVerifier};
use super::proof::consistency;
use super::tile::{root, root_within, tiles_after};
use super::witness::{AddCheckpoint, AddCheckpointError, Objection, checkpoint_path, follows};

const TEXT: &str = "registry.example/log\n5\nNBUVmC1lDiNSDb1U1/zwr6G3DMOhakEdRk3JwayWwwE=\n";
const TIME: u64 = 1_767_000_000;
const LOG_LINE: &str = "— registry.example/log lVQbjsPhdiZcWSRAyyHEcE2OVW917ftn9LlOeLMj3U8PWOHHKJXAq+CBLh90fIpRllsWz5UYMrQHeYlER2YZAFPlgAg=\n";
const COSIGNED_LINE: &str = "— witness.example/w1 qkoJ0QAAAABpUkfATRWqClEXy2WG0KqJIYshyc8J2tF0A/QJlGfV2wMXgkyx1ZXDNk5h863+k0MSDHWByV+ViW/6kBvpJmPH3QdVDQ==\n";

fn witness(name: &str, seed: u8) -> WitnessSigner {
    WitnessSigner::new(name, SigningKey::from_bytes(&[seed; 32])).unwrap()
}

fn log() -> NoteSigner {
    NoteSigner::new("registry.example/log", SigningKey::from_bytes(&[3; 32])).unwrap()
}

fn note(cosigners: &[(&WitnessSigner, u64)]) -> Note {
    let mut note = Note::sign(TEXT, &[&log()]).unwrap();
    for (witness, time) in cosigners {
        note.add(witness.cosign(TEXT, *time).unwrap()).unwrap();
    }
    note
}

#[test]
fn cosignatures_are_those_of_another_implementation() {
    let signer = witness("witness.example/w1", 7);
    assert_eq!(signer.cosign(TEXT, TIME).unwrap().to_line(), COSIGNED_LINE);
    assert_eq!(note(&[(&signer, TIME)]).to_text(), format!("{TEXT}\n{LOG_LINE}{COSIGNED_LINE}"));
    let lines = NoteSignature::parse_lines(format!("{LOG_LINE}{COSIGNED_LINE}").as_bytes()).unwrap();
    assert_eq!(signer.verifier().verify(TEXT, &lines[1]), Ok(Some(TIME)));
    assert_eq!(signer.verifier().verify(TEXT, &lines[0]), Ok(None), "another key's line says nothing");
    let key = signer.verifier().to_string();
    assert_eq!(&key[.."witness.example/w1+aa4a09d1+".len()], "witness.example/w1+aa4a09d1+");
    assert_eq!(WitnessVerifier::parse(&key).as_ref(), Ok(signer.verifier()));
}

#[test]
fn a_key_of_one_kind_is_none_of_the_other() {
    let (log, witness) = (log().verifier().to_string(), witness("w.example", 7).verifier().to_string());
    assert_eq!(WitnessVerifier::parse(&log), Err(NoteError::KeyType(1)));
    assert_eq!(NoteVerifier::parse(&witness), Err(NoteError::KeyType(4)));
    // Nor does a log's signature over the text count as a cosignature, with a time in front or not.
    let policy = WitnessPolicy::new(vec![WitnessVerifier::parse(&witness).unwrap()], 1).unwrap();
    assert_eq!(policy.check(&note(&[])), Err(CosignatureError::Quorum { found: 0, quorum: 1 }));
}

#[test]
fn a_changed_time_text_or_signature_is_wrong() {
    let signer = witness("witness.example/w1", 7);
    let line = signer.cosign(TEXT, TIME).unwrap();
    let wrong = Err(CosignatureError::Wrong {
        name: "witness.example/w1".to_owned(),
        key_hash: signer.cosign(TEXT, 0).unwrap().key_hash,
    });
    for place in 0..line.signature.len() {
        let mut other = line.clone();
        other.signature[place] ^= 1;
        assert_eq!(signer.verifier().verify(TEXT, &other), wrong, "byte {place}");
    }
    for length in [1, 8, 71, 73] {
        let mut other = line.clone();
        other.signature.resize(length, 0);
        assert_eq!(signer.verifier().verify(TEXT, &other), wrong, "{length} bytes");
    }
    assert_eq!(signer.verifier().verify(&TEXT.replace('5', "6"), &line), wrong);
    assert_eq!(signer.verifier().verify(TEXT, &signer.cosign(TEXT, 1 << 63).unwrap()), wrong, "beyond 2^63 - 1");
    assert!(signer.cosign("roster/v1\n", TIME).is_err(), "a witness signs checkpoints alone");
}

#[test]
fn a_quorum_counts_each_operator_and_each_key_once() {
    let (one, again) = (witness("one.example/a", 1), witness("One.example/b", 2));
    let (two, copied) = (witness("two.example", 5), witness("three.example", 5));
    let all: Vec<WitnessVerifier> = [&one, &again, &two, &copied].map(|it| it.verifier().clone()).to_vec();
    assert_eq!(WitnessPolicy::new(all.clone(), 3), Err(CosignatureError::Policy { quorum: 3, operators: 2 }));
    assert_eq!(WitnessPolicy::new(all.clone(), 0), Err(CosignatureError::Policy { quorum: 0, operators: 2 }));
    assert_eq!(WitnessPolicy::new(vec![all[0].clone(); 33], 1), Err(CosignatureError::TooMany));
    let policy = WitnessPolicy::new(all, 2).unwrap();
    let few = Err(CosignatureError::Quorum { found: 1, quorum: 2 });
    assert_eq!(policy.check(&note(&[(&one, 5), (&again, 6)])), few);
    assert_eq!(policy.check(&note(&[(&two, 5), (&copied, 6)])), few);
    let stranger = witness("four.example", 9);
    assert_eq!(policy.check(&note(&[(&one, 5), (&stranger, 6)])), few);
    let good = note(&[(&one, 5), (&two, 9), (&again, 7)]);
    let cosignatures = policy.check(&good).unwrap();
    assert_eq!(cosignatures.len(), 3);
    assert_eq!(policy.seen_at(&cosignatures), Some(7), "two operators had seen it at 7: `two` at 9, `one` at 7");
    assert_eq!(policy.seen_at(&cosignatures[..1]), None);
    // One wrong line of a known witness spoils the rest: somebody tampered.
    let forged = good.to_text().replace("two.example", "two.examplf");
    assert_eq!(policy.check(&Note::parse(forged.as_bytes()).unwrap()), few, "under another name it is a stranger's");
    let mut spoiled = good.clone();
    let mut line = two.cosign(TEXT, 9).unwrap();
    line.signature[0] = 1;
    spoiled.add(line).unwrap();
    assert!(matches!(policy.check(&spoiled), Err(CosignatureError::Wrong { .. })));
}

/// A tree of so many leaves: its root, and the proof from an older size.
fn tree(size: u64, old: u64) -> (Checkpoint, Vec<Hash>) {
    let hashes: Vec<Hash> = (0..size).map(|number| leaf_hash(&number.to_be_bytes())).collect();
    let (tiles, _) = tiles_after(0, &hashes, |_| None).unwrap();
    let reader = |id| tiles.iter().find(|(tile, _)| *tile == id).map(|(_, bytes)| bytes.clone());
    let checkpoint = Checkpoint {
        origin: "registry.example/log".to_owned(),
        size,
        root: root(size, reader).unwrap(),
        extensions: Vec::new(),
    };
    (checkpoint, consistency(old.min(size), size, reader).unwrap())
}

#[test]
fn a_witness_takes_what_continues_and_nothing_else() {
    for (old, new) in [(0, 0), (0, 1), (1, 1), (1, 2), (3, 7), (4, 300), (256, 257), (300, 300)] {
        let ((older, _), (newer, proof)) = (tree(old, 0), tree(new, old));
        let last = (old > 0).then_some((old, older.root));
        assert_eq!(follows(last, old, &proof, &newer), Ok(()), "{old} to {new}");
        let other = Some((old, leaf_hash(b"another past")));
        if old > 0 {
            assert_eq!(follows(other, old, &proof, &newer), Err(Objection::Inconsistent(old)), "{old} to {new}");
            assert_eq!(follows(None, old, &proof, &newer), Err(Objection::Conflict(0)));
            assert_eq!(follows(Some((old + 1, older.root)), old, &proof, &newer), Err(Objection::Conflict(old + 1)));
        }
        let mut longer = proof.clone();
        longer.push(empty_root());
        assert_eq!(follows(last, old, &longer, &newer), Err(Objection::Inconsistent(old)), "{old} to {new}");
    }
    let (smaller, _) = tree(3, 0);
    assert_eq!(follows(None, 4, &[], &smaller), Err(Objection::Backwards { old: 4, size: 3 }));
    let last = Some((7, tree(7, 0).0.root));
    assert_eq!(follows(last, 3, &[], &smaller), Err(Objection::Conflict(7)), "a rollback is a conflict");
    let hollow = Checkpoint { size: 0, root: leaf_hash(b""), ..smaller };
    assert_eq!(follows(None, 0, &[], &hollow), Err(Objection::Inconsistent(0)));
}

#[test]
fn an_older_root_is_read_off_the_newer_tiles() {
    let hashes: Vec<Hash> = (0..600_u64).map(|number| leaf_hash(&number.to_be_bytes())).collect();
    let (tiles, _) = tiles_after(0, &hashes, |_| None).unwrap();
    let reader = |id| tiles.iter().find(|(tile, _)| *tile == id).map(|(_, bytes)| bytes.clone());
    for old in [0, 1, 2, 3, 255, 256, 257, 511, 512, 599, 600] {
        assert_eq!(root_within(old, 600, reader), Ok(tree(old, 0).0.root), "{old}");
    }
    assert!(root_within(601, 600, reader).is_err());
}

#[test]
fn bodies_have_one_form() {
    let (checkpoint, proof) = tree(7, 3);
    let note = checkpoint.sign(&[&log()]).unwrap().to_text();
    let body = AddCheckpoint { old: 3, proof, note };
    let text = body.to_text();
    assert_eq!(AddCheckpoint::parse(text.as_bytes()), Ok(body.clone()));
    use AddCheckpointError as E;
    for (bad, error) in [
        (text.replacen("old 3", "old 03", 1), E::Old),
        (text.replacen("old 3", "old +3", 1), E::Old),
        (text.replacen("old 3", "new 3", 1), E::Old),
        (text.replacen("old 3\n", "old 3\r\n", 1), E::Old),
        (text.replacen("=\n", "\n", 1), E::ProofLine(1)),
        (text.split("\n\n").next().unwrap_or_default().to_owned(), E::NoCheckpoint),
        (String::new(), E::Old),
    ] {
        assert_eq!(AddCheckpoint::parse(bad.as_bytes()), Err(error), "{bad:?}");
    }
    let many = AddCheckpoint { proof: vec![empty_root(); 64], ..body.clone() };
    assert_eq!(AddCheckpoint::parse(many.to_text().as_bytes()), Err(E::ProofLine(64)));
    let long = vec![b'o'; super::witness::MAX_ADD_CHECKPOINT + 1];
    assert_eq!(AddCheckpoint::parse(&long), Err(E::TooLong(long.len())));
    assert_eq!(
        checkpoint_path("registry.example/log"),
        // `printf %s registry.example/log | sha256sum`
        "90c260edca4df4b82e4fbac93ad4f9c4b75909a7ec0160b266c8609ef2ed251e/checkpoint"
    );
}

proptest! {
    #[test]
    fn foreign_bytes_are_read_back_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 0_usize..400) {
        let _ = AddCheckpoint::parse(&bytes);
        let _ = NoteSignature::parse_lines(&bytes);
        let good = format!("old 0\n\n{TEXT}\n{LOG_LINE}");
        let mut spoiled = good.clone().into_bytes();
        let place = cut % spoiled.len();
        spoiled[place] ^= bytes.first().copied().unwrap_or(1);
        if let Ok(read) = AddCheckpoint::parse(&spoiled) {
            prop_assert_eq!(read.to_text().into_bytes(), spoiled);
        }
    }
}
