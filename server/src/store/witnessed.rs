//! What the registry keeps of its witnesses: their cosignatures by checkpoint, and the newest checkpoint with a quorum.

use super::{SignedHead, StoreError};

/// A witness's cosignature of one checkpoint, checked before it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// The size of the checkpoint.
    pub size: u64,
    /// The witness's verifier key.
    pub witness: String,
    /// Who runs it; a quorum counts operators.
    pub operator: String,
    /// When the witness signed, in seconds since 1970.
    pub time: u64,
    /// The signature line with its newline.
    pub line: String,
}

/// What the registry keeps of its witnesses. The contract of [`super::Store`] holds here too: durable when it returns, each
/// call whole or not at all, any number of threads.
pub trait Witnessed: Send + Sync {
    /// Keeps a cosignature, in place of an older one by the same witness over the same size. With a `quorum`, the newest
    /// checkpoint that this many operators have cosigned is marked; the mark never goes back.
    ///
    /// # Errors
    /// [`StoreError`], as for every method.
    fn put_cosignature(&self, cosigned: &Cosigned, quorum: Option<usize>) -> Result<(), StoreError>;

    /// The cosignatures of the checkpoint of this size, by witness.
    ///
    /// # Errors
    /// [`StoreError`].
    fn cosignatures(&self, size: u64) -> Result<Vec<Cosigned>, StoreError>;

    /// The newest cosignature that this witness gave.
    ///
    /// # Errors
    /// [`StoreError`].
    fn last_cosigned(&self, witness: &str) -> Result<Option<Cosigned>, StoreError>;

    /// The oldest checkpoint over at least `size` leaves that so many operators have cosigned.
    ///
    /// # Errors
    /// [`StoreError`].
    fn witnessed_from(&self, size: u64, quorum: usize) -> Result<Option<SignedHead>, StoreError>;

    /// The marked checkpoint.
    ///
    /// # Errors
    /// [`StoreError`].
    fn witnessed(&self) -> Result<Option<SignedHead>, StoreError>;

    /// Takes the mark away: without a quorum, newer checkpoints are shown than were marked.
    ///
    /// # Errors
    /// [`StoreError`].
    fn unmark(&self) -> Result<(), StoreError>;
}

/// A checkpoint's note with these cosignatures below the log's own signature.
#[must_use]
pub fn cosigned_note(head: &SignedHead, cosignatures: &[Cosigned]) -> String {
    let mut note = head.note.clone();
    cosignatures.iter().for_each(|cosigned| note.push_str(&cosigned.line));
    note
}
