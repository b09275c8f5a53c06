//! Checkpoints (`c2sp.org/tlog-checkpoint`): the log's origin, size and root as the text of a signed note.

use super::hash::{Hash, decimal};
use super::note::{Note, NoteError, NoteSigner, NoteVerifier};

/// Why a checkpoint was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note around it was refused.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Not three or more non-empty lines, each ended by a newline.
    #[error("a checkpoint is origin, size and root, one a line")]
    Shape,
    /// The second line is not a plain decimal below 2^63.
    #[error("the checkpoint's tree size is malformed")]
    Size,
    /// The third line is not the base64 of 32 bytes.
    #[error("the checkpoint's root hash is malformed")]
    Root,
    /// Another log's checkpoint.
    #[error("the checkpoint is by the log `{found}`, not by `{expected}`")]
    Origin {
        /// The log that was meant.
        expected: String,
        /// The log that issued it.
        found: String,
    },
}

/// A log's tree head: what the log commits to when it signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log, one line.
    pub origin: String,
    /// The number of leaves.
    pub size: u64,
    /// The RFC 6962 root of that many leaves.
    pub root: Hash,
    /// Further lines, opaque; ours has none.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// The text that is signed: one line each, the last ended by a newline too.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, self.root);
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Reads the text as [`Checkpoint::to_text`] writes it.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Shape`], [`CheckpointError::Size`] and [`CheckpointError::Root`].
    pub fn parse_text(text: &str) -> Result<Self, CheckpointError> {
        let body = text.strip_suffix('\n').ok_or(CheckpointError::Shape)?;
        if body.contains('\r') || body.split('\n').any(str::is_empty) {
            return Err(CheckpointError::Shape);
        }
        let mut lines = body.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(CheckpointError::Shape);
        };
        Ok(Checkpoint {
            origin: origin.to_owned(),
            size: decimal(size).ok_or(CheckpointError::Size)?,
            root: Hash::from_base64(root).ok_or(CheckpointError::Root)?,
            extensions: lines.map(str::to_owned).collect(),
        })
    }

    /// Signs the checkpoint. A log signs no checkpoint that is inconsistent with an earlier one: its caller's duty.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Shape`], [`CheckpointError::Size`] for fields that could not be read back, and
    /// [`CheckpointError::Note`].
    pub fn sign(&self, signers: &[&NoteSigner]) -> Result<Note, CheckpointError> {
        let text = self.to_text();
        // An origin or extension with a newline in it would say something else than it seems to.
        if Checkpoint::parse_text(&text)? != *self {
            return Err(CheckpointError::Shape);
        }
        Ok(Note::sign(&text, signers)?)
    }

    /// Reads a signed checkpoint that one of the known keys signed, issued by the log `origin`.
    ///
    /// `known` holds the log's own keys, and no witness's: a witness alone must not be able to make a checkpoint.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Note`] for a malformed, wrong or unknown signature, [`CheckpointError::Origin`] for another
    /// log's checkpoint, and those of [`Checkpoint::parse_text`].
    pub fn open(note: &[u8], origin: &str, known: &[NoteVerifier]) -> Result<Self, CheckpointError> {
        let note = Note::parse(note)?;
        note.verify(known)?;
        let checkpoint = Checkpoint::parse_text(note.text())?;
        if checkpoint.origin != origin {
            return Err(CheckpointError::Origin { expected: origin.to_owned(), found: checkpoint.origin });
        }
        Ok(checkpoint)
    }
}
