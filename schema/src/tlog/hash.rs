//! RFC 6962 hashes (SHA-256) of leaves and nodes, and the base64 and decimal texts that the log's files share.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The number of bytes of a [`struct@Hash`].
pub const HASH_BYTES: usize = 32;

/// The greatest tree size and leaf index that is read or made: 2^63 - 1, the greatest that other implementations hold.
pub const MAX_SIZE: u64 = i64::MAX as u64;

/// A SHA-256 hash of a leaf, an inner node or a whole tree, in the sense of RFC 6962 section 2.1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; HASH_BYTES]);

impl Hash {
    /// Reads the base64 form (standard alphabet, padded, 44 characters); `None` for anything else.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        // 44 characters hold 32 bytes; asking first keeps a hostile line from being decoded at all.
        if text.len() != 44 {
            return None;
        }
        STANDARD.decode(text).ok()?.try_into().ok().map(Hash)
    }

    /// Writes the base64 form that checkpoints and receipts use.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_base64())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Hash({self})")
    }
}

/// The root of the empty tree: the hash of no bytes.
#[must_use]
pub fn empty_root() -> Hash {
    Hash(Sha256::digest(b"").into())
}

/// The hash of one leaf: SHA-256 of a zero byte and the leaf's bytes.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0]).chain_update(leaf).finalize().into())
}

/// The hash of an inner node: SHA-256 of a one byte and both children.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// The size of the left subtree of a tree of `count` leaves: the greatest power of two smaller than `count` (at least 2).
pub(super) fn split(count: u64) -> u64 {
    debug_assert!(count >= 2, "a tree of {count} leaves has no two halves");
    1 << (63 - (count - 1).leading_zeros())
}

/// Reads an ASCII decimal without sign, leading zeroes or spaces, at most [`MAX_SIZE`].
pub(super) fn decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    // `u64::from_str` takes a leading `+`, which no C2SP text allows.
    if !canonical || text.len() > 19 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|number| *number <= MAX_SIZE)
}

#[cfg(test)]
mod tests {
    use super::{decimal, empty_root, leaf_hash, split};
    use data_encoding::HEXLOWER;

    #[test]
    fn hashes_of_rfc_6962_test_vectors() {
        let hex = |bytes: [u8; 32]| HEXLOWER.encode(&bytes);
        assert_eq!(hex(empty_root().0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(hex(leaf_hash(b"").0), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    }

    #[test]
    fn split_is_the_greatest_smaller_power_of_two() {
        for (count, left) in [(2, 1), (3, 2), (4, 2), (5, 4), (256, 128), (257, 256), (u64::MAX, 1 << 63)] {
            assert_eq!(split(count), left, "{count}");
        }
    }

    #[test]
    fn decimals_have_one_form() {
        assert_eq!(decimal("0"), Some(0));
        assert_eq!(decimal("9223372036854775807"), Some(i64::MAX as u64));
        for bad in ["", "+1", "-1", "01", "00", " 1", "1 ", "1\r", "9223372036854775808", "18446744073709551616", "١"]
        {
            assert_eq!(decimal(bad), None, "{bad:?}");
        }
    }
}
