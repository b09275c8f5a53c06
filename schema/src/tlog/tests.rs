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

#[test]
fn proofs_hold_for_every_place_and_size() {
    let all = leaves(300);
    let roots: Vec<Hash> = (0..=300).map(|size| Hash(naive_root(&all[..size]))).collect();
    for size in 1..=300_u64 {
        let shelf = Shelf::of(size as usize);
        let root = roots[size as usize];
        assert_eq!(shelf.root, Some(root));
        for index in 0..size {
            let leaf = leaf_hash(&all[index as usize]);
            let path = proof::inclusion(index, size, |id| shelf.read(id)).unwrap();
            proof::verify_inclusion(index, size, &leaf, &path, &root).unwrap();
        }
        for old in 0..=size {
            let old_root = roots[old as usize];
            let path = proof::consistency(old, size, |id| shelf.read(id)).unwrap();
            proof::verify_consistency(old, size, &old_root, &root, &path).unwrap();
        }
    }
}
