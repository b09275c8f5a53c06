//! The transparency log: C2SP hashing, tiles, notes, checkpoints, proofs and receipts, and nothing of Cleartitle's own.
//!
//! This folder imports nothing else of the crate and knows nothing of statements: what a leaf says is `leaf.rs`'s
//! business, here it is bytes. It holds no storage, no network, no clock and no pruning. It is the one
//! place where SHA-256 is hashed into trees, because RFC 6962 fixes it; [`hash::Hash`] never meets a BLAKE3 name.
//!
//! Specifications, as read in November 2026: `c2sp.org/tlog-tiles`, `c2sp.org/signed-note@v1.0.0`,
//! `c2sp.org/tlog-checkpoint`, `c2sp.org/tlog-proof@v1`, `c2sp.org/tlog-cosignature` and `c2sp.org/tlog-witness` (both v1.1.0,
//! Ed25519 alone), RFC 6962 section 2.1 and RFC 9162 section 2.1 (verifying).
//! The tree arithmetic is ours: the crate `tlog_tiles` 0.2.0 asserts on odd input and shifts out of range beyond
//! 2^56 leaves, so it serves the tests as an oracle instead.

pub mod checkpoint;
pub mod cosignature;
pub mod frontier;
pub mod hash;
pub mod note;
pub mod proof;
pub mod tile;
pub mod witness;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod witness_tests;

pub use hash::Hash;
