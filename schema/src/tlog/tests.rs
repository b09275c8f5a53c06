//! The log against independent implementations: a naive RFC 6962 tree, `tlog_tiles`, `signed_note`, and random bytes.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::checkpoint::{Checkpoint, CheckpointError};
use super::hash::{Hash, empty_root, leaf_hash};
use super::note::{Note, NoteError, NoteSignature, NoteSigner, NoteVerifier};
use super::proof::{self, ProofError, Receipt, ReceiptError};
use super::tile::{self, EntriesId, EntryBundle, TileError, TileId};

const ORIGIN: &str = "registry.example/log";

/// RFC 6962 section 2.1, word for word, on the leaves themselves.
fn naive_root(leaves: &[Vec<u8>]) -> [u8; 32] {
    match leaves {
        [] => Sha256::digest(b"").into(),
        [leaf] => Sha256::digest([&[0], leaf.as_slice()].concat()).into(),
        _ => {
            let mut left = 1;
            while left * 2 < leaves.len() {
                left *= 2;
            }
            let (first, rest) = leaves.split_at(left);
            Sha256::digest([&[1], naive_root(first).as_slice(), &naive_root(rest)].concat()).into()
        }
    }
}

fn leaves(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| format!("leaf {number}").into_bytes()).collect()
}

fn signer(name: &str, seed: u8) -> NoteSigner {
    NoteSigner::new(name, SigningKey::from_bytes(&[seed; 32])).unwrap()
}

/// A log that keeps every tile that was ever written.
#[derive(Default)]
struct Shelf {
    size: u64,
    root: Option<Hash>,
    tiles: HashMap<TileId, Vec<u8>>,
}

impl Shelf {
    fn append(&mut self, leaves: &[Vec<u8>]) {
        let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
        let (written, root) = tile::tiles_after(self.size, &hashes, |id| self.tiles.get(&id).cloned()).unwrap();
        for (id, bytes) in written {
            assert_eq!(bytes.len(), usize::from(id.width) * 32);
            assert!(self.tiles.insert(id, bytes).is_none(), "{id:?} was written twice");
        }
        self.size += leaves.len() as u64;
        self.root = Some(root);
    }

    fn of(count: usize) -> Self {
        let mut shelf = Shelf::default();
        shelf.append(&leaves(count));
        shelf
    }

    fn read(&self, id: TileId) -> Option<Vec<u8>> {
        self.tiles.get(&id).cloned()
    }
}

/// Every place of every tree up to 40 leaves, around one full tile, and up to 300 in steps; proptest takes the rest.
#[test]
fn proofs_hold_for_every_place() {
    let all = leaves(300);
    let roots: Vec<Hash> = (0..=300).map(|size| Hash(naive_root(&all[..size]))).collect();
    assert_eq!(roots[0], empty_root());
    for size in (1..=300_u64).filter(|size| *size <= 40 || (254..=258).contains(size) || size % 50 == 0) {
        let shelf = Shelf::of(size as usize);
        let root = roots[size as usize];
        assert_eq!(shelf.root, Some(root));
        for index in 0..size {
            check_inclusion(&shelf, &all, index, root);
        }
        for old in 0..=size {
            let old_root = roots[old as usize];
            let path = proof::consistency(old, size, |id| shelf.read(id)).unwrap();
            proof::verify_consistency(old, size, &old_root, &root, &path).unwrap();
        }
    }
}

fn check_inclusion(shelf: &Shelf, all: &[Vec<u8>], index: u64, root: Hash) {
    let leaf = leaf_hash(&all[index as usize]);
    let path = proof::inclusion(index, shelf.size, |id| shelf.read(id)).unwrap();
    proof::verify_inclusion(index, shelf.size, &leaf, &path, &root).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn proofs_hold_and_changed_ones_do_not(size in 2..=300_u64, place: prop::sample::Index, bit: prop::sample::Index) {
        let all = leaves(size as usize);
        let shelf = Shelf::of(size as usize);
        let root = Hash(naive_root(&all));
        let index = place.index(size as usize) as u64;
        let leaf = leaf_hash(&all[index as usize]);
        let path = proof::inclusion(index, size, |id| shelf.read(id)).unwrap();
        prop_assert_eq!(proof::verify_inclusion(index, size, &leaf, &path, &root), Ok(()));
        let mut changed = path.clone();
        let bit = bit.index(changed.len() * 256);
        changed[bit / 256].0[bit % 256 / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(proof::verify_inclusion(index, size, &leaf, &changed, &root), Err(ProofError::Root));
        let shorter = &path[1..];
        prop_assert_eq!(proof::verify_inclusion(index, size, &leaf, shorter, &root).is_err(), true);
        let longer = [path.as_slice(), &[root]].concat();
        let length = Err(ProofError::Length(longer.len()));
        prop_assert_eq!(proof::verify_inclusion(index, size, &leaf, &longer, &root), length);
        for other in (0..size).filter(|other| *other != index) {
            prop_assert!(proof::verify_inclusion(other, size, &leaf, &path, &root).is_err());
        }

        let old = 1 + place.index(size as usize - 1) as u64;
        let old_root = Hash(naive_root(&all[..old as usize]));
        let path = proof::consistency(old, size, |id| shelf.read(id)).unwrap();
        prop_assert_eq!(proof::verify_consistency(old, size, &old_root, &root, &path), Ok(()));
        prop_assert!(proof::verify_consistency(old, size, &root, &root, &path).is_err());
        prop_assert!(proof::verify_consistency(old, size, &old_root, &old_root, &path).is_err());
        let mut changed = path.clone();
        changed[bit % path.len()].0[0] ^= 1;
        prop_assert!(proof::verify_consistency(old, size, &old_root, &root, &changed).is_err());
        prop_assert!(proof::verify_consistency(old, size, &old_root, &root, &path[1..]).is_err());
        let longer = [path.as_slice(), &[root]].concat();
        let length = Err(ProofError::Length(longer.len()));
        prop_assert_eq!(proof::verify_consistency(old, size, &old_root, &root, &longer), length);
        for other in (1..=size).filter(|other| *other != old) {
            prop_assert!(proof::verify_consistency(other, size, &old_root, &root, &path).is_err());
        }
    }

    #[test]
    fn batches_give_the_tiles_of_one_append(cuts in prop::collection::vec(0..200_usize, 1..6)) {
        let total = cuts.iter().sum();
        let all = leaves(total);
        let mut shelf = Shelf::default();
        let mut entries: BTreeMap<EntriesId, Vec<u8>> = BTreeMap::new();
        let mut done = 0;
        for cut in cuts {
            let batch = &all[done..done + cut];
            let written = tile::bundles_after(done as u64, batch, |id| entries.get(&id).cloned()).unwrap();
            for (id, bytes) in written {
                prop_assert!(entries.insert(id, bytes).is_none());
            }
            shelf.append(batch);
            done += cut;
        }
        prop_assert_eq!(shelf.root, Some(Hash(naive_root(&all))));
        for (id, bytes) in &Shelf::of(total).tiles {
            prop_assert_eq!(shelf.tiles.get(id), Some(bytes));
        }
        for (index, leaf) in all.iter().enumerate() {
            let (id, place) = EntriesId::holding(index as u64, total as u64).unwrap();
            let bundle = EntryBundle::decode(&entries[&id], id.width).unwrap();
            prop_assert_eq!(&bundle.entries[place], leaf);
        }
        prop_assert_eq!(EntriesId::holding(total as u64, total as u64), None);
    }
}

proptest! {
    #[test]
    fn parsers_never_panic_on_arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400), width in 0..=300_u16, text: String) {
        let _ = Note::parse(&bytes);
        let _ = Receipt::parse(&bytes);
        let _ = EntryBundle::decode(&bytes, width);
        let _ = NoteVerifier::parse(&text);
        let _ = Note::parse(text.as_bytes());
        let _ = Checkpoint::parse_text(&text);
        let _ = TileId::parse_path(&text);
        let _ = EntriesId::parse_path(&text);
        let _ = Hash::from_base64(&text);
    }

    #[test]
    fn paths_have_one_form(level in 0..64_u8, index in 0..=i64::MAX as u64, width in 1..=256_u16, change in "[x/.p0-9+ -]", place: prop::sample::Index) {
        let id = TileId { level, index, width };
        prop_assert_eq!(TileId::parse_path(&id.path()), Ok(id));
        let entries = EntriesId { index, width };
        prop_assert_eq!(EntriesId::parse_path(&entries.path()), Ok(entries));
        let mut path = id.path();
        let place = place.index(path.len());
        path.replace_range(place..=place, &change);
        if let Ok(other) = TileId::parse_path(&path) {
            prop_assert_eq!(other.path(), path);
        }
    }

    #[test]
    fn mutated_texts_never_panic_nor_verify(place: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        let (shelf, log) = (Shelf::of(9), signer(ORIGIN, 7));
        let receipt = receipt_for(&shelf, 5, &log);
        let text = receipt.to_text().into_bytes();
        let mut changed = text.clone();
        let place = place.index(text.len());
        changed[place] = byte;
        let leaf = b"leaf 5".as_slice();
        if let Ok(parsed) = Receipt::parse(&changed)
            && let Ok(checkpoint) = parsed.verify(leaf, log.verifier(), ORIGIN)
        {
            // What the log signed can't have changed; unsigned extra data may.
            prop_assert_eq!(checkpoint.root, shelf.root.unwrap());
            prop_assert_eq!(parsed.index, 5);
            prop_assert_eq!(&parsed.checkpoint_note, &receipt.checkpoint_note);
        }
        let _ = Receipt::parse(&text[..cut.index(text.len())]);
        let note = receipt.checkpoint_note.as_bytes();
        let _ = Checkpoint::open(&note[..cut.index(note.len())], ORIGIN, &[log.verifier().clone()]);
    }
}

fn receipt_for(shelf: &Shelf, index: u64, log: &NoteSigner) -> Receipt {
    let checkpoint =
        Checkpoint { origin: ORIGIN.to_owned(), size: shelf.size, root: shelf.root.unwrap(), extensions: Vec::new() };
    Receipt {
        index,
        proof: proof::inclusion(index, shelf.size, |id| shelf.read(id)).unwrap(),
        checkpoint_note: checkpoint.sign(&[log]).unwrap().to_text(),
        extra: Some(b"context".to_vec()),
    }
}

/// The crate `tlog_tiles` as the oracle: same tiles to write, same bytes, same proofs.
mod oracle {
    use super::*;
    use tlog_tiles::{HashReader, Tile};

    #[derive(Default)]
    struct Stored(Vec<tlog_tiles::Hash>);

    impl HashReader for Stored {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
            Ok(indexes.iter().map(|index| self.0[*index as usize]).collect())
        }
    }

    #[test]
    fn tiles_and_proofs_are_those_of_tlog_tiles() {
        let all = leaves(70_000);
        let mut stored = Stored::default();
        for (number, leaf) in all.iter().enumerate() {
            let hashes = tlog_tiles::stored_hashes(number as u64, leaf, &stored).unwrap();
            stored.0.extend(hashes);
        }
        let mut shelf = Shelf::default();
        for size in [1_u64, 255, 256, 257, 513, 65_535, 65_536, 69_888, 70_000] {
            let (old, before) = (shelf.size, shelf.tiles.len());
            shelf.append(&all[old as usize..size as usize]);
            let wanted = Tile::new_tiles(8, old, size);
            assert_eq!(shelf.tiles.len() - before, wanted.len(), "{old} to {size}");
            for tile in wanted {
                let id = TileId { level: tile.level(), index: tile.level_index(), width: tile.width() as u16 };
                // The oracle's paths name the height, as Go's sum database does; C2SP's do not.
                assert_eq!(format!("tile/8{}", id.path().strip_prefix("tile").unwrap()), tile.path());
                assert_eq!(shelf.tiles[&id], tile.read_data(&stored).unwrap(), "{}", id.path());
            }
            assert_eq!(shelf.root.unwrap().0, tlog_tiles::tree_hash(size, &stored).unwrap().0);
        }
        for index in [0, 1, 255, 256, 65_535, 65_536, 69_887, 69_999] {
            let ours = proof::inclusion(index, 70_000, |id| shelf.read(id)).unwrap();
            let theirs = tlog_tiles::prove_record(70_000, index, &stored).unwrap();
            assert_eq!(bytes(&ours), theirs.iter().map(|hash| hash.0).collect::<Vec<_>>());
        }
        for old in [1, 2, 255, 256, 257, 65_535, 65_536, 69_888, 69_999, 70_000] {
            let ours = proof::consistency(old, 70_000, |id| shelf.read(id)).unwrap();
            let theirs = tlog_tiles::prove_tree(70_000, old, &stored).unwrap();
            assert_eq!(bytes(&ours), theirs.iter().map(|hash| hash.0).collect::<Vec<_>>());
        }
        widths_are_those_of_the_specification(&shelf);
    }

    /// `c2sp.org/tlog-tiles` says which tiles 70,000 leaves have. Older partial tiles may be gone by then.
    fn widths_are_those_of_the_specification(shelf: &Shelf) {
        let wanted = RefCell::new(BTreeMap::<u8, Vec<u16>>::new());
        let read = |id: TileId| {
            let last = (70_000_u64 >> (8 * u32::from(id.level))) / 256;
            let width = if id.index == last { (70_000 >> (8 * u32::from(id.level))) % 256 } else { 256 };
            assert_eq!(u64::from(id.width), width, "{}", id.path());
            wanted.borrow_mut().entry(id.level).or_default().push(id.width);
            shelf.read(id)
        };
        assert_eq!(tile::root(70_000, read).ok(), shelf.root);
        let wanted = wanted.into_inner();
        assert_eq!(
            (wanted[&0].as_slice(), wanted[&1].as_slice(), wanted[&2].as_slice()),
            (&[112][..], &[17][..], &[1][..])
        );
        let full = |level: u8| shelf.tiles.keys().filter(|id| id.level == level && id.width == 256).count();
        assert_eq!((full(0), full(1), full(2)), (273, 1, 0));
    }

    fn bytes(hashes: &[Hash]) -> Vec<[u8; 32]> {
        hashes.iter().map(|hash| hash.0).collect()
    }

    #[test]
    fn notes_are_those_of_signed_note() {
        use signed_note::{StandardSigner, StandardVerifier, VerifierList};
        for seed in 0..20 {
            let ours = signer(ORIGIN, seed);
            let verifier_key = ours.verifier().to_string();
            let secret = data_encoding::BASE64.encode(&[[1].as_slice(), &[seed; 32]].concat());
            let signer_key = format!("PRIVATE+KEY+{ORIGIN}+{:08x}+{secret}", ours.verifier().key_hash());
            let theirs = StandardSigner::new(&signer_key).unwrap();
            let text = format!("{ORIGIN}\n{seed}\n\nsome text with an empty line\n");

            let note = Note::sign(&text, &[&ours]).unwrap().to_text();
            let mut their_note = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
            their_note.add_sigs(&[&theirs]).unwrap();
            assert_eq!(note.as_bytes(), their_note.to_bytes());

            let known = VerifierList::new(vec![Box::new(StandardVerifier::new(&verifier_key).unwrap())]);
            let (verified, _) = signed_note::Note::from_bytes(note.as_bytes()).unwrap().verify(&known).unwrap();
            assert_eq!(verified.len(), 1);
            let verifier = [NoteVerifier::parse(&verifier_key).unwrap()];
            assert_eq!(Note::parse(&their_note.to_bytes()).unwrap().verify(&verifier).unwrap(), [&verifier[0]]);
        }
    }
}

#[test]
fn the_empty_tree_is_a_prefix_of_every_tree() {
    let (empty, root) = (empty_root(), Hash(naive_root(&leaves(3))));
    assert_eq!(proof::verify_consistency(0, 3, &empty, &root, &[]), Ok(()));
    assert_eq!(proof::verify_consistency(0, 0, &empty, &empty, &[]), Ok(()));
    assert_eq!(proof::verify_consistency(3, 3, &root, &root, &[]), Ok(()));
    assert_eq!(proof::verify_consistency(0, 3, &root, &root, &[]), Err(ProofError::OldRoot));
    assert_eq!(proof::verify_consistency(0, 0, &empty, &root, &[]), Err(ProofError::Root));
    assert_eq!(proof::verify_consistency(3, 3, &root, &empty, &[]), Err(ProofError::Root));
    assert_eq!(proof::verify_consistency(3, 3, &root, &root, &[root]), Err(ProofError::Length(1)));
    assert_eq!(proof::verify_consistency(0, 3, &empty, &root, &[root]), Err(ProofError::Length(1)));
    assert_eq!(proof::verify_consistency(2, 3, &empty, &root, &[]), Err(ProofError::Length(0)));
    let outside = Err(ProofError::Outside { position: 4, size: 3 });
    assert_eq!(proof::verify_consistency(4, 3, &root, &root, &[]), outside);
    let outside = Err(ProofError::Outside { position: 0, size: 0 });
    assert_eq!(proof::verify_inclusion(0, 0, &empty, &[], &empty), outside);
}

#[test]
fn a_missing_or_cut_tile_is_named() {
    let shelf = Shelf::of(300);
    let without = |gone: TileId| move |id: TileId| if id == gone { None } else { Shelf::of(300).read(id) };
    let full = TileId { level: 0, index: 0, width: 256 };
    assert_eq!(proof::inclusion(3, 300, without(full)), Err(TileError::MissingTile("tile/0/000".to_owned())));
    let cut = |id: TileId| shelf.read(id).map(|bytes| bytes[..bytes.len() - 1].to_vec());
    let error = TileError::TileLength { path: "tile/0/001.p/44".to_owned(), expected: 1408, found: 1407 };
    assert_eq!(proof::inclusion(3, 300, cut), Err(error));
    assert_eq!(proof::inclusion(300, 300, |_| None), Err(TileError::Outside { position: 300, size: 300 }));
    assert_eq!(proof::consistency(301, 300, |_| None), Err(TileError::Outside { position: 301, size: 300 }));
    assert_eq!(tile::root(u64::MAX, |_| None), Err(TileError::TreeSize));
    assert_eq!(tile::tiles_after(i64::MAX as u64, &[empty_root()], |_| None), Err(TileError::TreeSize));
    assert!(matches!(tile::root(i64::MAX as u64, |_| None), Err(TileError::MissingTile(_))));
    assert_eq!(tile::root(0, |_| None), Ok(empty_root()));
}

#[test]
fn a_full_tile_stands_in_for_a_partial_one() {
    let shelf = Shelf::of(300);
    let only_full = |id: TileId| if id.width == 256 { shelf.read(id) } else { None };
    let root = Hash(naive_root(&leaves(100)));
    assert_eq!(tile::root(100, only_full), Ok(root));
    let (written, root) = tile::tiles_after(100, &[leaf_hash(b"leaf 100")], only_full).unwrap();
    assert_eq!(written.len(), 1);
    assert_eq!(root, Hash(naive_root(&leaves(101))));
}

#[test]
fn bundles_are_exact() {
    let bundle = EntryBundle { entries: vec![b"ab".to_vec(), Vec::new()] };
    let bytes = bundle.encode().unwrap();
    assert_eq!(bytes, b"\x00\x02ab\x00\x00");
    assert_eq!(EntryBundle::decode(&bytes, 2), Ok(bundle));
    assert_eq!(EntryBundle::decode(&bytes, 1), Err(TileError::BundleLength { expected: 1, offset: 4 }));
    assert_eq!(EntryBundle::decode(&bytes, 3), Err(TileError::BundleLength { expected: 3, offset: 6 }));
    assert_eq!(EntryBundle::decode(&bytes[..3], 1), Err(TileError::BundleLength { expected: 1, offset: 0 }));
    assert_eq!(EntryBundle::decode(&bytes, 0), Err(TileError::BundleWidth(0)));
    let long = EntryBundle { entries: vec![vec![0; 65_536]] };
    assert_eq!(long.encode(), Err(TileError::EntryLength(65_536)));
    assert!(EntryBundle { entries: vec![vec![0; 65_535]] }.encode().is_ok());
    assert_eq!(EntryBundle { entries: vec![Vec::new(); 257] }.encode(), Err(TileError::BundleWidth(257)));
    assert_eq!(EntryBundle { entries: Vec::new() }.encode(), Err(TileError::BundleWidth(0)));
}

#[test]
fn notes_are_judged_by_known_keys() {
    let (log, witness, stranger) = (signer(ORIGIN, 1), signer("witness.example", 2), signer(ORIGIN, 3));
    let note = Note::sign("text\n", &[&log, &witness]).unwrap();
    let known = |signers: &[&NoteSigner]| signers.iter().map(|one| one.verifier().clone()).collect::<Vec<_>>();
    assert_eq!(note.verify(&known(&[&log])).unwrap(), [log.verifier()]);
    assert_eq!(note.verify(&known(&[&witness, &log])).unwrap(), [log.verifier(), witness.verifier()]);
    assert_eq!(note.verify(&known(&[&stranger])), Err(NoteError::Unsigned));
    assert_eq!(note.verify(&[]), Err(NoteError::Unsigned));

    // A wrong line by a known key refuses the note, even beside a right one by another.
    let mut forged = note.clone();
    let (name, key_hash) = (witness.verifier().name().to_owned(), witness.verifier().key_hash());
    forged.add(NoteSignature { name: name.clone(), key_hash, signature: vec![9; 64] }).unwrap();
    assert_eq!(forged.signatures().len(), 2);
    let error = Err(NoteError::BadSignature { name, key_hash });
    assert_eq!(forged.verify(&known(&[&log, &witness])), error);
    assert_eq!(forged.verify(&known(&[&log])).unwrap(), [log.verifier()]);

    let many = format!("{}{}", note.to_text(), "— w.example AAAAAAA=\n".repeat(62));
    assert!(Note::parse(many.as_bytes()).is_ok());
    let many = format!("{many}— w.example AAAAAAA=\n");
    assert_eq!(Note::parse(many.as_bytes()), Err(NoteError::TooManySignatures));
    assert_eq!(Note::sign("text", &[&log]), Err(NoteError::Shape));
    assert_eq!(Note::sign("text\n", &[]), Err(NoteError::Shape));
    assert_eq!(Note::sign("a\tb\n", &[&log]), Err(NoteError::ControlCharacter(9)));
    for name in ["", "a b", "a+b", "a\u{a0}b", "a\nb"] {
        assert!(matches!(NoteVerifier::new(name, *log.verifier().key()), Err(NoteError::KeyName(_))), "{name:?}");
    }
}

#[test]
fn receipts_prove_one_leaf_of_one_log() {
    let (shelf, log) = (Shelf::of(300), signer(ORIGIN, 7));
    let receipt = receipt_for(&shelf, 5, &log);
    assert_eq!(Receipt::parse(receipt.to_text().as_bytes()), Ok(receipt.clone()));
    assert_eq!(receipt.verify(b"leaf 5", log.verifier(), ORIGIN).unwrap().size, 300);
    assert_eq!(receipt.verify(b"leaf 6", log.verifier(), ORIGIN), Err(ReceiptError::Proof(ProofError::Root)));
    let other = signer(ORIGIN, 8);
    let unsigned = CheckpointError::Note(NoteError::Unsigned);
    assert_eq!(receipt.verify(b"leaf 5", other.verifier(), ORIGIN), Err(ReceiptError::Checkpoint(unsigned)));
    let (expected, found) = ("other.example".to_owned(), ORIGIN.to_owned());
    let origin = CheckpointError::Origin { expected, found };
    assert_eq!(receipt.verify(b"leaf 5", log.verifier(), "other.example"), Err(ReceiptError::Checkpoint(origin)));
    let outside = Receipt { index: 300, ..receipt.clone() };
    let error = ReceiptError::Proof(ProofError::Outside { position: 300, size: 300 });
    assert_eq!(outside.verify(b"leaf 5", log.verifier(), ORIGIN), Err(error));
    // Witnesses add their lines below; the log's own still verifies.
    let mut note = Note::parse(receipt.checkpoint_note.as_bytes()).unwrap();
    note.add(NoteSignature { name: "witness.example".to_owned(), key_hash: 1, signature: vec![1; 72] }).unwrap();
    let cosigned = Receipt { checkpoint_note: note.to_text(), extra: None, ..receipt };
    assert_eq!(Receipt::parse(cosigned.to_text().as_bytes()), Ok(cosigned.clone()));
    assert!(cosigned.verify(b"leaf 5", log.verifier(), ORIGIN).is_ok());
}

#[test]
fn a_proof_is_no_longer_than_the_tallest_tree() {
    let receipt = receipt_for(&Shelf::of(9), 5, &signer(ORIGIN, 7));
    let with = |count: usize| Receipt { proof: vec![empty_root(); count], ..receipt.clone() }.to_text();
    assert!(Receipt::parse(with(63).as_bytes()).is_ok());
    assert_eq!(Receipt::parse(with(64).as_bytes()), Err(ReceiptError::ProofLine(64)));
}

#[test]
fn a_checkpoint_that_could_not_be_read_back_is_not_signed() {
    let log = signer(ORIGIN, 7);
    let sound = Checkpoint { origin: ORIGIN.to_owned(), size: 0, root: empty_root(), extensions: Vec::new() };
    assert!(sound.sign(&[&log]).is_ok());
    let origin = |origin: &str| Checkpoint { origin: origin.to_owned(), ..sound.clone() };
    for bad in [origin(""), origin("a\nb"), origin("a\r"), Checkpoint { size: u64::MAX, ..sound.clone() }] {
        assert!(bad.sign(&[&log]).is_err(), "{bad:?}");
    }
    for extensions in [vec![String::new()], vec!["a\nb".to_owned()]] {
        assert_eq!(Checkpoint { extensions, ..sound.clone() }.sign(&[&log]), Err(CheckpointError::Shape));
    }
}

/// The cases of `tests/vectors/tlog`: texts that other implementations can be held against.
mod vectors {
    use super::*;

    const RECEIPT: &str = include_str!("../../../tests/vectors/tlog/leaf-5-of-300.tlog-proof");
    const VERIFIER: &str = include_str!("../../../tests/vectors/tlog/log.vkey");
    const CASES: &str = include_str!("../../../tests/vectors/tlog/cases.json");

    #[derive(serde::Deserialize)]
    struct Cases {
        paths: Vec<PathCase>,
        not_paths: Vec<String>,
        changed_receipts: Vec<Change>,
        not_verifier_keys: Vec<NotKey>,
    }

    #[derive(serde::Deserialize)]
    struct PathCase {
        path: String,
        /// Missing: entries.
        level: Option<u8>,
        index: u64,
        width: u16,
    }

    #[derive(serde::Deserialize)]
    struct Change {
        story: String,
        replace: String,
        with: String,
        /// Missing: the receipt still verifies.
        error: Option<String>,
    }

    #[derive(serde::Deserialize)]
    struct NotKey {
        text: String,
        error: String,
    }

    fn cases() -> Cases {
        serde_json::from_str(CASES).unwrap()
    }

    #[test]
    fn the_receipt_is_reproduced_and_verifies() {
        let log = signer(ORIGIN, 7);
        assert_eq!(log.verifier().to_string(), VERIFIER.trim_end());
        assert_eq!(receipt_for(&Shelf::of(300), 5, &log).to_text(), RECEIPT);
        let verifier = NoteVerifier::parse(VERIFIER.trim_end()).unwrap();
        let receipt = Receipt::parse(RECEIPT.as_bytes()).unwrap();
        assert_eq!(receipt.verify(b"leaf 5", &verifier, ORIGIN).unwrap().root, Hash(naive_root(&leaves(300))));
    }

    #[test]
    fn changed_receipts_are_refused() {
        let verifier = NoteVerifier::parse(VERIFIER.trim_end()).unwrap();
        for case in cases().changed_receipts {
            assert!(RECEIPT.contains(&case.replace), "{}: nothing to replace", case.story);
            let changed = RECEIPT.replacen(&case.replace, &case.with, 1);
            let result = Receipt::parse(changed.as_bytes()).and_then(|one| one.verify(b"leaf 5", &verifier, ORIGIN));
            assert_eq!(result.err().map(|error| error.to_string()), case.error, "{}", case.story);
        }
    }

    #[test]
    fn paths() {
        let cases = cases();
        for PathCase { path, level, index, width } in cases.paths {
            match level {
                Some(level) => {
                    assert_eq!(TileId { level, index, width }.path(), path);
                    assert_eq!(TileId::parse_path(&path), Ok(TileId { level, index, width }));
                }
                None => {
                    assert_eq!(EntriesId { index, width }.path(), path);
                    assert_eq!(EntriesId::parse_path(&path), Ok(EntriesId { index, width }));
                }
            }
        }
        assert!(cases.not_paths.len() > 20);
        for path in cases.not_paths {
            assert!(TileId::parse_path(&path).is_err() && EntriesId::parse_path(&path).is_err(), "{path}");
        }
    }

    #[test]
    fn verifier_keys_are_refused_with_the_reason() {
        for NotKey { text, error } in cases().not_verifier_keys {
            let found = NoteVerifier::parse(&text).expect_err(&text).to_string();
            assert_eq!(found, error, "{text}");
        }
    }
}
