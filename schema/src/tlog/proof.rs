//! Inclusion and consistency proofs, and receipts (`c2sp.org/tlog-proof@v1`) that anybody can check offline.
//!
//! Proofs are made as RFC 6962 section 2.1 says and checked as RFC 9162 sections 2.1.3.2 and 2.1.4.2 say.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::hash::{Hash, decimal, empty_root, leaf_hash, node_hash, split};
use super::note::{MAX_NOTE, Note, NoteError, NoteVerifier};
use super::tile::{TileError, TileId, TileTree};

/// The most hashes that an inclusion proof can need: one a level of a tree of 2^63 leaves.
pub const MAX_PROOF: usize = 63;

/// The longest receipt that is read: a note, a proof and some extra data.
pub const MAX_RECEIPT: usize = MAX_NOTE + 64 * 1024;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf is not below the tree size, or the older tree is the greater one.
    #[error("{position} lies outside a tree of {size} leaves")]
    Outside {
        /// The leaf index, or the older size.
        position: u64,
        /// The tree size.
        size: u64,
    },
    /// The proof has fewer or more hashes than this place in this tree needs.
    #[error("a proof of {0} hashes has the wrong length for its place")]
    Length(usize),
    /// The hashes do not lead to the older tree's root.
    #[error("the proof does not lead to the older root")]
    OldRoot,
    /// The hashes do not lead to the root.
    #[error("the proof does not lead to the root")]
    Root,
}

/// Why a receipt was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Longer than [`MAX_RECEIPT`].
    #[error("a receipt of {0} bytes is longer than {MAX_RECEIPT}")]
    TooLong(usize),
    /// Not UTF-8.
    #[error("a receipt must be UTF-8")]
    NotUtf8,
    /// The first line names no format or another one.
    #[error("a receipt begins with the line `{FIRST_LINE}`")]
    Format,
    /// The `extra` line is not base64 of at least one byte.
    #[error("the receipt's `extra` line is malformed")]
    Extra,
    /// No `index` line in its place, or no plain decimal below 2^63 on it.
    #[error("the receipt's `index` line is malformed")]
    Index,
    /// A line of the proof is not the base64 of 32 bytes, or there are more than [`MAX_PROOF`].
    #[error("line {0} of the receipt's proof is malformed")]
    ProofLine(usize),
    /// No blank line before the checkpoint.
    #[error("the receipt ends before its checkpoint")]
    NoCheckpoint,
    /// The checkpoint was refused.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The proof does not hold for this leaf.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl From<NoteError> for ReceiptError {
    fn from(error: NoteError) -> Self {
        ReceiptError::Checkpoint(CheckpointError::Note(error))
    }
}

/// The proof that leaf `index` is in the tree of `size` leaves: from the leaf's sibling up to the root's child.
///
/// # Errors
///
/// [`TileError::Outside`], and what the reader lacks.
pub fn inclusion(index: u64, size: u64, reader: impl Fn(TileId) -> Option<Vec<u8>>) -> Result<Vec<Hash>, TileError> {
    inclusion_in(&TileTree::new(size, reader)?, index)
}

/// The proof that leaf `index` is in this tree, as [`inclusion`] gives it: cheaper for many leaves of one tree.
///
/// # Errors
///
/// [`TileError::Outside`], and what the reader lacks.
pub fn inclusion_in<R>(tree: &TileTree<R>, index: u64) -> Result<Vec<Hash>, TileError>
where
    R: Fn(TileId) -> Option<Vec<u8>>,
{
    let size = tree.size();
    if index >= size {
        return Err(TileError::Outside { position: index, size });
    }
    let (mut low, mut high) = (0, size);
    let mut proof = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            proof.push(tree.range(middle, high)?);
            high = middle;
        } else {
            proof.push(tree.range(low, middle)?);
            low = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The proof that the tree of `old` leaves is a prefix of the tree of `new` leaves; empty from the empty tree and to itself.
///
/// # Errors
///
/// [`TileError::Outside`], and what the reader of the newer tree lacks.
pub fn consistency(old: u64, new: u64, reader: impl Fn(TileId) -> Option<Vec<u8>>) -> Result<Vec<Hash>, TileError> {
    let tree = TileTree::new(new, reader)?;
    if old > new {
        return Err(TileError::Outside { position: old, size: new });
    }
    let mut proof = Vec::new();
    if old == 0 {
        return Ok(proof);
    }
    let (mut low, mut high) = (0, new);
    while old != high {
        let middle = low + split(high - low);
        if old <= middle {
            proof.push(tree.range(middle, high)?);
            high = middle;
        } else {
            proof.push(tree.range(low, middle)?);
            low = middle;
        }
    }
    // With `low` at 0 this subtree is the whole older tree, whose root the verifier has.
    if low > 0 {
        proof.push(tree.range(low, high)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Checks that the leaf with hash `leaf` is number `index` in the tree of `size` leaves with root `root`.
///
/// # Errors
///
/// [`ProofError::Outside`], [`ProofError::Length`] and [`ProofError::Root`].
pub fn verify_inclusion(index: u64, size: u64, leaf: &Hash, proof: &[Hash], root: &Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Outside { position: index, size });
    }
    let (mut node, mut last) = (index, size - 1);
    let mut found = *leaf;
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length(proof.len()));
        }
        if node & 1 == 1 || node == last {
            found = node_hash(sibling, &found);
            climb(&mut node, &mut last);
        } else {
            found = node_hash(&found, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length(proof.len()));
    }
    if found == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// Checks that the tree of `old` leaves with root `old_root` is a prefix of the tree of `new` leaves with `new_root`.
///
/// The empty tree is a prefix of every tree, by an empty proof and its one root.
///
/// # Errors
///
/// [`ProofError::Outside`], [`ProofError::Length`], [`ProofError::OldRoot`] and [`ProofError::Root`].
pub fn verify_consistency(
    old: u64,
    new: u64,
    old_root: &Hash,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::Outside { position: old, size: new });
    }
    if old == new || old == 0 {
        return match proof {
            _ if old == 0 && *old_root != empty_root() => Err(ProofError::OldRoot),
            _ if old == new && old_root != new_root => Err(ProofError::Root),
            [] => Ok(()),
            _ => Err(ProofError::Length(proof.len())),
        };
    }
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    // A complete older tree is its own starting point; otherwise the proof brings one.
    let (start, rest) = match proof {
        _ if old.is_power_of_two() => (*old_root, proof),
        [first, rest @ ..] => (*first, rest),
        [] => return Err(ProofError::Length(0)),
    };
    let (mut found_old, mut found_new) = (start, start);
    for sibling in rest {
        if last == 0 {
            return Err(ProofError::Length(proof.len()));
        }
        if node & 1 == 1 || node == last {
            found_old = node_hash(sibling, &found_old);
            found_new = node_hash(sibling, &found_new);
            climb(&mut node, &mut last);
        } else {
            found_new = node_hash(&found_new, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length(proof.len()));
    }
    if found_old != *old_root {
        return Err(ProofError::OldRoot);
    }
    if found_new == *new_root { Ok(()) } else { Err(ProofError::Root) }
}

/// Skips the levels at which the right edge has no sibling.
fn climb(node: &mut u64, last: &mut u64) {
    while *node & 1 == 0 && *node != 0 {
        *node >>= 1;
        *last >>= 1;
    }
}

/// The proof, with the log's checkpoint, that one leaf is in the log. It does not carry the leaf itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The number of the leaf, from 0.
    pub index: u64,
    /// The inclusion proof in the checkpoint's tree.
    pub proof: Vec<Hash>,
    /// The signed checkpoint, verbatim, with all its signature lines.
    pub checkpoint_note: String,
    /// Bytes that travel along. Nobody signed them: never believe them.
    pub extra: Option<Vec<u8>>,
}

impl Receipt {
    /// The text form.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{FIRST_LINE}\n");
        if let Some(extra) = self.extra.as_ref().filter(|extra| !extra.is_empty()) {
            text.push_str(&format!("extra {}\n", STANDARD.encode(extra)));
        }
        text.push_str(&format!("index {}\n", self.index));
        for hash in &self.proof {
            text.push_str(&format!("{hash}\n"));
        }
        text.push('\n');
        text.push_str(&self.checkpoint_note);
        text
    }

    /// Reads the text form. The checkpoint must be a well-formed note; nothing is believed before [`Receipt::verify`].
    ///
    /// # Errors
    ///
    /// Every variant of [`ReceiptError`] but [`ReceiptError::Proof`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptError> {
        if bytes.len() > MAX_RECEIPT {
            return Err(ReceiptError::TooLong(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| ReceiptError::NotUtf8)?;
        let mut rest =
            text.strip_prefix(FIRST_LINE).and_then(|rest| rest.strip_prefix('\n')).ok_or(ReceiptError::Format)?;
        let mut extra = None;
        if let Some(after) = rest.strip_prefix("extra ") {
            let (encoded, after) = after.split_once('\n').ok_or(ReceiptError::Extra)?;
            let decoded = STANDARD.decode(encoded).map_err(|_| ReceiptError::Extra)?;
            extra = Some(decoded).filter(|decoded| !decoded.is_empty());
            if extra.is_none() {
                return Err(ReceiptError::Extra);
            }
            rest = after;
        }
        let (index, mut rest) =
            rest.strip_prefix("index ").and_then(|rest| rest.split_once('\n')).ok_or(ReceiptError::Index)?;
        let index = decimal(index).ok_or(ReceiptError::Index)?;
        let mut proof = Vec::new();
        loop {
            let (line, after) = rest.split_once('\n').ok_or(ReceiptError::NoCheckpoint)?;
            rest = after;
            if line.is_empty() {
                break;
            }
            let hash = Hash::from_base64(line).filter(|_| proof.len() < MAX_PROOF);
            proof.push(hash.ok_or(ReceiptError::ProofLine(proof.len() + 1))?);
        }
        Checkpoint::parse_text(Note::parse(rest.as_bytes())?.text())?;
        Ok(Receipt { index, proof, checkpoint_note: rest.to_owned(), extra })
    }

    /// Checks that `leaf` is in the log `origin`, by the log's key alone; returns the checkpoint that says so.
    ///
    /// # Errors
    ///
    /// [`ReceiptError::Checkpoint`] when the log did not sign it, [`ReceiptError::Proof`] when the leaf is another one.
    pub fn verify(&self, leaf: &[u8], log: &NoteVerifier, origin: &str) -> Result<Checkpoint, ReceiptError> {
        let checkpoint = Checkpoint::open(self.checkpoint_note.as_bytes(), origin, std::slice::from_ref(log))?;
        verify_inclusion(self.index, checkpoint.size, &leaf_hash(leaf), &self.proof, &checkpoint.root)?;
        Ok(checkpoint)
    }
}
