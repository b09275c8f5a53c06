//! What the client believes of a log: its pinned key, the last checkpoint seen, and receipts that it has checked.

use crate::registry::{Registry, RegistryError};
use cleartitle_schema::api::Registration;
use cleartitle_schema::id::StatementId;
use cleartitle_schema::leaf::{Leaf, LeafError, LeafKind, Salt};
use cleartitle_schema::signed::{Envelope, SignedError};
use cleartitle_schema::statement::{Statement, StatementError};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::checkpoint::{Checkpoint, CheckpointError};
use cleartitle_schema::tlog::note::{NoteError, NoteVerifier};
use cleartitle_schema::tlog::proof::{ProofError, Receipt, ReceiptError, consistency, verify_consistency};
use cleartitle_schema::tlog::tile::{TileError, TileId};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;

/// The version of receipt file that is written.
pub const RECEIPT_VERSION: u32 = 1;

/// The longest receipt file that is read.
pub const MAX_RECEIPT_FILE: u64 = 512 * 1024;

/// Why a log, or what it gave, is not believed.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Not a log's key.
    #[error("`{0}` is not a log's key")]
    Key(String, #[source] NoteError),
    /// The registry is another log's than the pinned one.
    #[error("the registry's log is `{found}`, the pinned key is `{pinned}`")]
    OtherLog {
        /// The key that is pinned.
        pinned: String,
        /// The key that the registry names.
        found: String,
    },
    /// The checkpoint is not signed as it should be.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The log is shorter than it was.
    #[error("the log was rolled back: it had {seen} leaves when last seen, and now shows {shown}")]
    Rollback {
        /// Leaves when last seen.
        seen: u64,
        /// Leaves now.
        shown: u64,
    },
    /// The log does not contain what it contained.
    #[error(
        "split view: the log of {shown} leaves is not a continuation of the one of {seen} leaves seen before ({why})"
    )]
    SplitView {
        /// Leaves when last seen.
        seen: u64,
        /// Leaves now.
        shown: u64,
        /// Which check failed.
        why: ProofError,
    },
    /// The tiles that a proof needs can't be had.
    #[error("the proof that the log only grew can't be made")]
    Tiles(#[source] TileError),
    /// A tile can't be fetched.
    #[error("a tile of the log can't be fetched")]
    Fetch(#[source] RegistryError),
    /// The receipt does not hold.
    #[error("the receipt does not hold: {0}")]
    Receipt(#[from] ReceiptError),
    /// The leaf can't be read.
    #[error("the receipt's leaf is refused: {0}")]
    Leaf(#[from] LeafError),
    /// The envelope can't be read.
    #[error("the receipt's envelope is refused: {0}")]
    Envelope(#[from] SignedError),
    /// The statement can't be read.
    #[error("the receipt's statement is refused: {0}")]
    Statement(#[from] StatementError),
    /// The receipt is about something else.
    #[error("the receipt is about another {0}")]
    Other(&'static str),
    /// The receipt file can't be read.
    #[error("the receipt file can't be read: {0}")]
    ReceiptFile(String),
    /// A checkpoint that is kept can't be read.
    #[error("the log's signature on its checkpoint is refused: {0}")]
    Note(#[from] NoteError),
}

/// What is told of a text that is no log's key: its beginning where it has a verifier key's shape, and nothing of any other,
/// since people paste private keys where public ones belong.
fn told(text: &str) -> String {
    let shown = if text.contains('+') && text.contains('.') { text } else { "what was given" };
    shown.chars().filter(|c| !c.is_control()).take(120).collect()
}

/// A log that the client pins: its name and key.
#[derive(Clone, PartialEq, Eq)]
pub struct PinnedLog {
    verifier: NoteVerifier,
}

impl std::fmt::Debug for PinnedLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PinnedLog({})", self.verifier)
    }
}

impl PinnedLog {
    /// Reads a key in its text form `origin+hash+base64`.
    ///
    /// # Errors
    /// [`TrustError::Key`].
    pub fn parse(key: &str) -> Result<Self, TrustError> {
        let key = key.trim();
        let verifier = NoteVerifier::parse(key).map_err(|error| TrustError::Key(told(key), error))?;
        Ok(Self { verifier })
    }

    /// The log's origin.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.verifier.name()
    }

    /// The key.
    #[must_use]
    pub fn verifier(&self) -> &NoteVerifier {
        &self.verifier
    }

    /// The same key under the name that signs snapshots.
    ///
    /// # Errors
    /// [`TrustError::Note`], which no name that was read gives.
    pub fn snapshot_verifier(&self) -> Result<NoteVerifier, TrustError> {
        Ok(NoteVerifier::new(&format!("{}/snapshot", self.origin()), *self.verifier.key())?)
    }

    /// Opens a signed checkpoint.
    ///
    /// # Errors
    /// [`TrustError::Checkpoint`].
    pub fn open(&self, note: &[u8]) -> Result<Checkpoint, TrustError> {
        Ok(Checkpoint::open(note, self.origin(), std::slice::from_ref(&self.verifier))?)
    }
}

/// Checks that the log only grew from a checkpoint seen before, with tiles of the registry.
///
/// The tiles are taken at nobody's word: a proof made of wrong ones does not lead from the one signed root to the other.
///
/// # Errors
/// [`TrustError::Rollback`], [`TrustError::SplitView`], [`TrustError::Fetch`], [`TrustError::Tiles`].
pub fn check_growth(seen: &Checkpoint, shown: &Checkpoint, registry: &Registry) -> Result<(), TrustError> {
    if shown.size < seen.size {
        return Err(TrustError::Rollback { seen: seen.size, shown: shown.size });
    }
    let split = |why| TrustError::SplitView { seen: seen.size, shown: shown.size, why };
    let proof = if seen.size == shown.size || seen.size == 0 {
        Vec::new()
    } else {
        let failed = RefCell::new(None);
        let reader = |tile: TileId| match registry.tile(tile) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                failed.borrow_mut().get_or_insert(error);
                None
            }
        };
        let made = consistency(seen.size, shown.size, reader);
        match (made, failed.into_inner()) {
            (Ok(proof), _) => proof,
            (Err(_), Some(error)) => return Err(TrustError::Fetch(error)),
            (Err(error), None) => return Err(TrustError::Tiles(error)),
        }
    };
    verify_consistency(seen.size, shown.size, &seen.root, &shown.root, &proof).map_err(split)
}

/// A receipt as the client keeps it: everything that a stranger needs to check it offline, but for the log's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptFile {
    /// [`RECEIPT_VERSION`]; its name tells what the file is.
    pub cleartitle_receipt: u32,
    /// The statement's id.
    pub statement: StatementId,
    /// The leaf's number.
    pub index: u64,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// The signed envelope.
    pub envelope: Envelope,
    /// The salt of the commitment, 64 hex digits.
    pub salt: String,
    /// The canonical leaf.
    pub leaf: String,
    /// The receipt (`c2sp.org/tlog-proof@v1`).
    pub receipt: String,
}

/// A receipt that holds.
#[derive(Debug, Clone)]
pub struct CheckedReceipt {
    /// What was said. Whose keys signed it is the log's word, by its bindings.
    pub statement: Statement,
    /// The checkpoint that covers it.
    pub checkpoint: Checkpoint,
    /// Its envelope is published nowhere: whoever shows it was party to it, or was shown it by one.
    pub sealed: bool,
}

impl ReceiptFile {
    /// What a registry answered about an envelope.
    #[must_use]
    pub fn new(envelope: Envelope, registration: &Registration) -> Self {
        Self {
            cleartitle_receipt: RECEIPT_VERSION,
            statement: registration.statement,
            index: registration.index,
            registered_at: registration.registered_at,
            envelope,
            salt: registration.salt.clone(),
            leaf: registration.leaf.clone(),
            receipt: registration.receipt.clone(),
        }
    }

    /// Reads a receipt file.
    ///
    /// # Errors
    /// [`TrustError::ReceiptFile`].
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustError> {
        let told = |why: String| TrustError::ReceiptFile(why.chars().take(200).collect());
        let file: Self = serde_json::from_slice(bytes).map_err(|error| told(error.to_string()))?;
        if file.cleartitle_receipt != RECEIPT_VERSION {
            return Err(told(format!(
                "it has version {}, this reader knows {RECEIPT_VERSION}",
                file.cleartitle_receipt
            )));
        }
        Ok(file)
    }

    /// The file's text.
    ///
    /// # Errors
    /// [`TrustError::ReceiptFile`], which no receipt is known to cause.
    pub fn to_text(&self) -> Result<String, TrustError> {
        serde_json::to_string_pretty(self)
            .map(|text| text + "\n")
            .map_err(|error| TrustError::ReceiptFile(error.to_string()))
    }

    /// Checks everything offline: that the leaf commits to this very envelope, that the leaf is in the log, and that every
    /// member says what the leaf and the envelope say.
    ///
    /// # Errors
    /// [`TrustError`], one variant a fact.
    pub fn check(&self, log: &PinnedLog) -> Result<CheckedReceipt, TrustError> {
        let leaf = Leaf::parse(self.leaf.as_bytes())?;
        if leaf.commitment != Salt::from_hex(&self.salt)?.commit(&self.envelope.to_bytes()) {
            return Err(TrustError::Other("envelope"));
        }
        if leaf.registered_at != self.registered_at {
            return Err(TrustError::Other("moment"));
        }
        if StatementId::of(self.envelope.payload()) != self.statement {
            return Err(TrustError::Other("statement"));
        }
        let statement = Statement::parse(self.envelope.payload())?;
        if statement.log != log.origin() {
            return Err(TrustError::Other("log"));
        }
        let receipt = Receipt::parse(self.receipt.as_bytes())?;
        if receipt.index != self.index {
            return Err(TrustError::Other("index"));
        }
        let checkpoint = receipt.verify(self.leaf.as_bytes(), log.verifier(), log.origin())?;
        Ok(CheckedReceipt { statement, checkpoint, sealed: leaf.kind == LeafKind::Sealed })
    }
}

/// The envelope that a registry gives back is ours: the same payload and type, whoever else signed first.
#[must_use]
pub fn same_payload(one: &Envelope, other: &Envelope) -> bool {
    one.payload_type() == other.payload_type() && one.payload() == other.payload()
}
