//! The witness protocol (`c2sp.org/tlog-witness`, read at v1.1.0 as of November 2026): the body of `add-checkpoint`, and what
//! a witness must find wrong before it cosigns.
//!
//! Deliberately absent: HTTP, storage and the clock, which are the server's; `sign-subtree`, which is optional.

use sha2::{Digest, Sha256};

use super::checkpoint::Checkpoint;
use super::hash::{Hash, decimal, empty_root};
use super::note::{MAX_NOTE, Note, NoteError};
use super::proof::{MAX_PROOF, verify_consistency};

/// The longest body that is read.
pub const MAX_ADD_CHECKPOINT: usize = MAX_NOTE + (MAX_PROOF + 1) * 48;

/// The path that checkpoints are posted to, below a witness's submission prefix.
pub const ADD_CHECKPOINT: &str = "add-checkpoint";

/// The media type of the size that a witness answers with 409.
pub const SIZE_MEDIA_TYPE: &str = "text/x.tlog.size";

/// Why a body of `add-checkpoint` was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddCheckpointError {
    /// Longer than [`MAX_ADD_CHECKPOINT`].
    #[error("a body of {0} bytes is longer than {MAX_ADD_CHECKPOINT}")]
    TooLong(usize),
    /// Not UTF-8.
    #[error("the body must be UTF-8")]
    NotUtf8,
    /// The first line is not `old` and a plain decimal below 2^63.
    #[error("the body begins with the line `old SIZE`")]
    Old,
    /// A line of the proof is not the base64 of 32 bytes, or there are more than [`MAX_PROOF`].
    #[error("line {0} of the consistency proof is malformed")]
    ProofLine(usize),
    /// No blank line before the checkpoint.
    #[error("the body ends before its checkpoint")]
    NoCheckpoint,
    /// The checkpoint is no note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The note is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] super::checkpoint::CheckpointError),
}

/// What a log sends to its witnesses: its newest checkpoint, and the proof that it continues the one they last cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the checkpoint that the witness is believed to have cosigned last; 0 for none.
    pub old: u64,
    /// The consistency proof from there.
    pub proof: Vec<Hash>,
    /// The signed checkpoint, verbatim.
    pub note: String,
}

impl AddCheckpoint {
    /// The body.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("old {}\n", self.old);
        for hash in &self.proof {
            text.push_str(&format!("{hash}\n"));
        }
        text.push('\n');
        text.push_str(&self.note);
        text
    }

    /// Reads a body. Its note and checkpoint are well formed then; nobody's signature has been checked.
    ///
    /// # Errors
    ///
    /// Every variant of [`AddCheckpointError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, AddCheckpointError> {
        if bytes.len() > MAX_ADD_CHECKPOINT {
            return Err(AddCheckpointError::TooLong(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| AddCheckpointError::NotUtf8)?;
        let (old, mut rest) =
            text.strip_prefix("old ").and_then(|rest| rest.split_once('\n')).ok_or(AddCheckpointError::Old)?;
        let old = decimal(old).ok_or(AddCheckpointError::Old)?;
        let mut proof = Vec::new();
        loop {
            let (line, after) = rest.split_once('\n').ok_or(AddCheckpointError::NoCheckpoint)?;
            rest = after;
            if line.is_empty() {
                break;
            }
            let hash = Hash::from_base64(line).filter(|_| proof.len() < MAX_PROOF);
            proof.push(hash.ok_or(AddCheckpointError::ProofLine(proof.len() + 1))?);
        }
        Checkpoint::parse_text(Note::parse(rest.as_bytes())?.text())?;
        Ok(Self { old, proof, note: rest.to_owned() })
    }
}

/// Why a witness does not cosign, each with a status of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    /// 400: the older size is beyond the checkpoint.
    #[error("the old size {old} is beyond the checkpoint's {size}")]
    Backwards {
        /// As asked.
        old: u64,
        /// As signed.
        size: u64,
    },
    /// 409: the checkpoint cosigned last has another size than the log believes.
    #[error("the checkpoint cosigned last has {0} leaves")]
    Conflict(u64),
    /// 422: it does not continue what was cosigned. With a log's signature on it, evidence against the log.
    #[error("the checkpoint does not continue the one of {0} leaves that was cosigned last")]
    Inconsistent(u64),
}

/// Whether a checkpoint may follow the one cosigned last (size and root; `None` for none): the rule that makes a witness.
///
/// # Errors
///
/// [`Objection`], checked in the specification's order.
pub fn follows(last: Option<(u64, Hash)>, old: u64, proof: &[Hash], checkpoint: &Checkpoint) -> Result<(), Objection> {
    let (size, root) = last.unwrap_or((0, empty_root()));
    if old > checkpoint.size {
        return Err(Objection::Backwards { old, size: checkpoint.size });
    }
    if old != size {
        return Err(Objection::Conflict(size));
    }
    if checkpoint.size == 0 && checkpoint.root != empty_root() {
        return Err(Objection::Inconsistent(size));
    }
    verify_consistency(old, checkpoint.size, &root, &checkpoint.root, proof).map_err(|_| Objection::Inconsistent(size))
}

/// Where a witness shows the checkpoint of a log that it cosigned last, below its monitoring prefix.
#[must_use]
pub fn checkpoint_path(origin: &str) -> String {
    let digest: String = Sha256::digest(origin).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{digest}/checkpoint")
}
