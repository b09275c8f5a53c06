//! The hash tree of a body: what each block of it hashes to, so that a block can be checked when it is first read.
//!
//! BLAKE3 is itself a tree over its input. The hash that the log signs is the root over the values of the body's blocks, so
//! the list of those is taken at nobody's word: it leads to the signed hash, or it is refused. Nothing more is signed for
//! it, and no byte of the body is.

use blake3::hazmat::{HasherExt as _, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// A block has 2 to the power of so many bytes, the last one what is left.
const BLOCK_BITS: u32 = 16;

/// Bytes of a block's value.
const VALUE: usize = 32;

/// The list of values is not the one of a body with the signed hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot's hash tree does not lead to the hash that its note signs")]
pub struct TreeError;

/// The values of a body's blocks, which lead to its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    length: usize,
    bits: u32,
    values: Vec<[u8; VALUE]>,
    root: [u8; 32],
}

impl Tree {
    /// The tree of a body: one pass over all bytes.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        Self::with_bits(body, BLOCK_BITS)
    }

    pub(super) fn with_bits(body: &[u8], bits: u32) -> Self {
        let values: Vec<_> = (0..blocks(body.len(), bits)).map(|block| value(body, bits, block)).collect();
        let root = root(&values, bits, body.len()).unwrap_or_default();
        Self { length: body.len(), bits, values, root }
    }

    /// Reads what [`Tree::to_bytes`] wrote of a body with this length and this BLAKE3.
    ///
    /// # Errors
    /// [`TreeError`] for all else.
    pub fn parse(bytes: &[u8], length: usize, hash: &[u8; 32]) -> Result<Self, TreeError> {
        Self::parse_bits(bytes, length, hash, BLOCK_BITS)
    }

    pub(super) fn parse_bits(bytes: &[u8], length: usize, hash: &[u8; 32], bits: u32) -> Result<Self, TreeError> {
        let (values, rest) = bytes.as_chunks::<VALUE>();
        if !rest.is_empty() || values.len() != blocks(length, bits) || root(values, bits, length) != Some(*hash) {
            return Err(TreeError);
        }
        Ok(Self { length, bits, values: values.to_vec(), root: *hash })
    }

    /// How many bytes [`Tree::to_bytes`] gives for a body of this length.
    #[must_use]
    pub fn bytes_for(length: u64) -> u64 {
        (length.div_ceil(1 << BLOCK_BITS)).max(1) * VALUE as u64
    }

    /// The values one after the other, 32 bytes for each 65,536 of the body.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.values.concat()
    }

    /// BLAKE3 of the whole body.
    #[must_use]
    pub const fn root(&self) -> [u8; 32] {
        self.root
    }

    /// The length of the body.
    pub(super) const fn length(&self) -> usize {
        self.length
    }
}

const fn blocks(length: usize, bits: u32) -> usize {
    let count = length.div_ceil(1 << bits);
    if count == 0 { 1 } else { count }
}

/// What a block hashes to: inside the tree, or of a body of one block the hash itself.
fn value(body: &[u8], bits: u32, block: usize) -> [u8; VALUE] {
    let start = block << bits;
    let end = body.len().min(start + (1 << bits));
    let bytes = body.get(start..end).unwrap_or_default();
    if body.len() <= 1 << bits {
        return *blake3::hash(bytes).as_bytes();
    }
    blake3::Hasher::new().set_input_offset(start as u64).update(bytes).finalize_non_root()
}

/// BLAKE3 of a body of this length, from its blocks' values.
fn root(values: &[[u8; VALUE]], bits: u32, length: usize) -> Option<[u8; 32]> {
    if let [only] = values {
        return Some(*only);
    }
    let left = usize::try_from(left_subtree_len(length as u64)).ok()?;
    let (before, behind) = values.split_at_checked(left >> bits)?;
    let (before, behind) = (subtree(before, bits, left)?, subtree(behind, bits, length - left)?);
    Some(*merge_subtrees_root(&before, &behind, Mode::Hash).as_bytes())
}

/// The value of a part of the tree. Halving goes no deeper than a length has bits.
fn subtree(values: &[[u8; VALUE]], bits: u32, length: usize) -> Option<[u8; VALUE]> {
    if let [only] = values {
        return Some(*only);
    }
    let left = usize::try_from(left_subtree_len(length as u64)).ok()?;
    let (before, behind) = values.split_at_checked(left >> bits)?;
    let (before, behind) = (subtree(before, bits, left)?, subtree(behind, bits, length.checked_sub(left)?)?);
    Some(merge_subtrees_non_root(&before, &behind, Mode::Hash))
}

/// A body's tree, and which of its blocks were found to be as it says.
#[derive(Debug)]
pub(super) struct Checks {
    tree: Tree,
    /// One bit a block, set for good. Two readers may check one block at a time and both set it; the bit guards no data of
    /// ours, so that no order is asked for.
    sound: Vec<AtomicU64>,
}

impl Checks {
    pub(super) fn new(tree: Tree) -> Self {
        let sound = (0..tree.values.len().div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        Self { tree, sound }
    }

    /// Whether all blocks with bytes of this range are as the tree says.
    #[inline]
    pub(super) fn hold(&self, body: &[u8], range: Range<usize>) -> bool {
        let block = range.start >> self.tree.bits;
        // The usual piece stands in one block, which was looked at before.
        let usual = range.end <= (block + 1) << self.tree.bits
            && self.sound.get(block / 64).is_some_and(|sound| sound.load(Ordering::Relaxed) >> (block % 64) & 1 == 1);
        usual || self.hold_each(body, range)
    }

    #[inline(never)]
    fn hold_each(&self, body: &[u8], range: Range<usize>) -> bool {
        if range.is_empty() {
            return true;
        }
        let (first, last) = (range.start >> self.tree.bits, (range.end - 1) >> self.tree.bits);
        (first / 64..=last / 64).all(|word| {
            let Some(sound) = self.sound.get(word) else { return false };
            let from = if word == first / 64 { u64::MAX << (first % 64) } else { u64::MAX };
            let to = if word == last / 64 { u64::MAX >> (63 - last % 64) } else { u64::MAX };
            let missing = from & to & !sound.load(Ordering::Relaxed);
            missing == 0 || self.check(body, word, missing)
        })
    }

    /// Checks the blocks of a word whose bits are set.
    #[cold]
    fn check(&self, body: &[u8], word: usize, mut missing: u64) -> bool {
        while missing != 0 {
            let bit = missing.trailing_zeros();
            missing &= missing - 1;
            let block = word * 64 + usize::try_from(bit).unwrap_or(usize::MAX);
            let right = body.len() == self.tree.length
                && self.tree.values.get(block).is_some_and(|wanted| *wanted == value(body, self.tree.bits, block));
            if !right {
                return false;
            }
            if let Some(sound) = self.sound.get(word) {
                sound.fetch_or(1 << bit, Ordering::Relaxed);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_the_hash_of_the_whole() {
        let bytes: Vec<u8> = (0..70_000u32).map(|at| (at * 7 % 251) as u8).collect();
        for length in [0, 1, 1023, 1024, 1025, 2048, 2049, 3072, 5000, 65_536, 65_537, 70_000] {
            let (body, hash) = (&bytes[..length], *blake3::hash(&bytes[..length]).as_bytes());
            for bits in [10, 11, 16] {
                let tree = Tree::with_bits(body, bits);
                assert_eq!(tree.root(), hash, "{length} {bits}");
                let written = tree.to_bytes();
                assert_eq!(Tree::parse_bits(&written, length, &hash, bits), Ok(tree), "{length} {bits}");
                assert!(Tree::parse_bits(&written[1..], length, &hash, bits).is_err());
                assert!(Tree::parse_bits(&written[32..], length, &hash, bits).is_err());
                assert!(Tree::parse_bits(&[&written[..], &[0; 32]].concat(), length, &hash, bits).is_err());
                assert!(Tree::parse_bits(&written, length, &[0; 32], bits).is_err());
            }
            assert_eq!(Tree::of(body).to_bytes().len() as u64, Tree::bytes_for(length as u64));
        }
    }

    #[test]
    fn a_changed_byte_fails_its_own_block_and_no_other() {
        let bytes: Vec<u8> = (0..200 * 1024u32).map(|at| (at % 241) as u8).collect();
        for at in [0, 1024, 5000, 199 * 1024 + 1023] {
            let checks = Checks::new(Tree::with_bits(&bytes, 10));
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(!checks.hold(&changed, at..at + 1), "{at}");
            assert!(!checks.hold(&changed, 0..changed.len()), "{at}");
            let block = at / 1024;
            assert!(checks.hold(&changed, 0..block * 1024) && checks.hold(&changed, (block + 1) * 1024..200 * 1024));
            assert!(checks.hold(&bytes, at..at + 1), "a failed block is looked at again, not taken as sound");
            assert!(!Checks::new(Tree::with_bits(&bytes, 10)).hold(&bytes[1..], 0..1), "a cut body has no sound block");
        }
    }
}
