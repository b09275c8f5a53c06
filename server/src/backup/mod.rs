//! Backup: one archive of a registry, what it holds and how it is checked.
//!
//! A plain tar file whose first member, `manifest.json`, names every other with its length and BLAKE3; nothing else may be
//! in it, and its length follows from the manifest to the byte. The checksums find damage. They don't find a forger, who
//! makes new ones; a forged log is found by its signatures and by the checkpoints that others keep.
//!
//! The database in it is a file of SQLite, whatever the registry stands on: what can't be made again is copied from there, row after row, so that a
//! backup of one kind of database restores into the other.
//!
//! Deliberately absent: snapshots and tiles' bodies that a registry makes again, the observer's notes, certificates.

mod restore;
mod write;

pub use restore::{RestoreError, Restored, restore};
pub use write::{Backed, BackupError, back_up};

use std::io::Read;

use cleartitle_schema::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The member that stands first.
const MANIFEST: &str = "manifest.json";

/// The member that holds the log and everything else that is kept in tables.
const DATABASE: &str = "registry.sqlite";

/// The log's verifier key.
const LOG_KEY: &str = "log.pub";

/// The operator's public key.
const OPERATOR_KEY: &str = "operator.pub";

/// What the manifest calls its format.
const FORMAT: &str = "cleartitle-backup";

/// The only version so far.
const VERSION: u32 = 1;

/// The longest manifest.
const MAX_MANIFEST: u64 = 1 << 20;

/// The longest member that is not the database: keys are far shorter.
const MAX_SMALL: u64 = 64 << 10;

/// The most members.
const MAX_FILES: usize = 64;

/// A tar block.
const BLOCK: u64 = 512;

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: String,
    version: u32,
    made_at: Timestamp,
    origin: String,
    /// The log's verifier key, as clients pin it.
    log_key: String,
    /// How many leaves the log has in it.
    size: u64,
    /// The newest checkpoint, verbatim.
    checkpoint: String,
    /// Whether the private keys are in it.
    private_keys: bool,
    files: Vec<Member>,
}

/// One file of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    name: String,
    length: u64,
    /// BLAKE3, in hex, as `b3sum` prints it.
    blake3: String,
}

/// The name of a private key in the archive: `keys/NAME.pem`, and no name that could lead elsewhere.
fn is_key(name: &str) -> bool {
    let word = name.strip_prefix("keys/").and_then(|name| name.strip_suffix(".pem"));
    word.is_some_and(|word| {
        (1..=40).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    })
}

/// Whether an archive may have a member of this name and length. A list of what is taken, not of what is refused.
fn is_taken(member: &Member) -> bool {
    match member.name.as_str() {
        DATABASE => true,
        LOG_KEY | OPERATOR_KEY => member.length <= MAX_SMALL,
        name => is_key(name) && member.length <= MAX_SMALL,
    }
}

/// How many bytes the archive of these members has: a header and whole blocks each, and two empty blocks at the end.
fn archive_length(lengths: impl IntoIterator<Item = u64>) -> Option<u64> {
    lengths.into_iter().try_fold(2 * BLOCK, |sum, length| {
        length.checked_next_multiple_of(BLOCK).and_then(|whole| sum.checked_add(BLOCK)?.checked_add(whole))
    })
}

/// The BLAKE3 and the length of what a reader gives.
fn digest(reader: impl Read) -> std::io::Result<(String, u64)> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(reader)?;
    Ok((hasher.finalize().to_hex().to_string(), hasher.count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_list_are_taken() {
        let member = |name: &str, length| Member { name: name.to_owned(), length, blake3: String::new() };
        for name in [DATABASE, LOG_KEY, OPERATOR_KEY, "keys/log.pem", "keys/witness-2.pem"] {
            assert!(is_taken(&member(name, 1)), "{name}");
        }
        for name in [
            "",
            "/registry.sqlite",
            "./registry.sqlite",
            "../registry.sqlite",
            "registry.sqlite/",
            "registry.sqlite-wal",
            "keys/../log.pem",
            "keys/a/b.pem",
            "keys/.pem",
            "keys/..pem",
            "keys/LOG.pem",
            "keys/log.pem\0",
            "keys\\log.pem",
            "lock",
        ] {
            assert!(!is_taken(&member(name, 1)), "{name}");
        }
        assert!(!is_taken(&member("keys/log.pem", MAX_SMALL + 1)));
    }

    #[test]
    fn lengths_that_overflow_are_no_lengths() {
        assert_eq!(archive_length([0, 1, 512, 513]), Some(1024 + 512 + 1024 + 1024 + 1536));
        assert_eq!(archive_length([u64::MAX]), None);
        assert_eq!(archive_length([u64::MAX - 600, 1]), None);
    }
}
