//! What the client believes of a log: its pinned key and witnesses, the last checkpoint seen, and receipts that it has checked.

use crate::registry::{Registry, RegistryError};
use cleartitle_schema::api::Registration;
use cleartitle_schema::fault::Fault;
use cleartitle_schema::id::StatementId;
use cleartitle_schema::leaf::{Leaf, LeafError, LeafKind, Salt};
use cleartitle_schema::opening::Opening;
use cleartitle_schema::signed::{Envelope, SignedError};
use cleartitle_schema::statement::{Statement, StatementError};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::Hash;
use cleartitle_schema::tlog::checkpoint::{Checkpoint, CheckpointError};
use cleartitle_schema::tlog::cosignature::{CosignatureError, WitnessPolicy};
use cleartitle_schema::tlog::note::{Note, NoteError, NoteVerifier};
use cleartitle_schema::tlog::proof::{ProofError, Receipt, ReceiptError, consistency, verify_consistency};
use cleartitle_schema::tlog::tile::{TileError, TileId, root_within};
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
    /// Two roots of one size.
    #[error("split view: the log signed two roots of {size} leaves")]
    SplitView {
        /// The size of both.
        size: u64,
    },
    /// The log does not contain what it contained, and its own tiles show it.
    #[error("forked log: the log of {shown} leaves is not a continuation of the one of {seen} leaves seen before")]
    Forked {
        /// Leaves when last seen.
        seen: u64,
        /// Leaves now.
        shown: u64,
        /// What the longer log holds in the place of what was seen.
        other: Box<OtherPast>,
    },
    /// Tiles that lead to no signed root: nothing is shown, for the log or against it.
    #[error("altered tiles: those that came do not lead to the signed root of {shown} leaves ({why})")]
    AlteredTiles {
        /// Leaves of the checkpoint.
        shown: u64,
        /// Which check failed.
        why: ProofError,
    },
    /// Too few of the pinned witnesses have seen the checkpoint.
    #[error("not witnessed: {0}")]
    NotWitnessed(#[from] CosignatureError),
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
    /// The receipt says nothing of its leaf, so that nobody can tell what it proves.
    #[error("it does not carry the leaf that it is about")]
    NoLeaf,
    /// The receipt file can't be read.
    #[error("the receipt file can't be read: {0}")]
    ReceiptFile(String),
    /// A checkpoint that is kept can't be read.
    #[error("the log's signature on its checkpoint is refused: {0}")]
    Note(#[from] NoteError),
}

impl TrustError {
    /// The stable code of what was found; `None` where nothing was, since something could not be had.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        let by_checkpoint = |error: &CheckpointError, other: Fault| match error {
            CheckpointError::Origin { .. } | CheckpointError::Note(NoteError::Unsigned) => other,
            CheckpointError::Note(NoteError::BadSignature { .. }) => Fault::WrongSignature,
            _ => Fault::Damaged,
        };
        Some(match self {
            Self::Key(..) | Self::Tiles(_) | Self::Fetch(_) | Self::NoLeaf => return None,
            Self::Rollback { .. } => Fault::Rollback,
            Self::SplitView { .. } => Fault::SplitView,
            Self::Forked { .. } => Fault::ForkedLog,
            Self::AlteredTiles { .. } => Fault::AlteredTile,
            Self::NotWitnessed(CosignatureError::Wrong { .. }) => Fault::WrongSignature,
            Self::NotWitnessed(_) => Fault::NotWitnessed,
            Self::Checkpoint(error) => by_checkpoint(error, Fault::WrongSignature),
            Self::Receipt(ReceiptError::Checkpoint(error)) => by_checkpoint(error, Fault::ForeignReceipt),
            Self::Receipt(ReceiptError::Proof(_)) | Self::Other("envelope") => Fault::AlteredEntry,
            Self::Other(_) => Fault::ForeignReceipt,
            Self::OtherLog { .. } | Self::Note(NoteError::BadSignature { .. } | NoteError::Unsigned) => {
                Fault::WrongSignature
            }
            Self::Receipt(_)
            | Self::Leaf(_)
            | Self::Envelope(_)
            | Self::Statement(_)
            | Self::ReceiptFile(_)
            | Self::Note(_) => Fault::Damaged,
        })
    }
}

/// The past that a longer log has where another was seen: its root at the older size, and the proof that the longer log does
/// contain it. With the two signed checkpoints it convinces anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherPast {
    /// The root of as many leaves as were seen.
    pub root: Hash,
    /// The consistency proof from it to the longer log.
    pub proof: Vec<Hash>,
}

/// A log that the client pins: its name and key, and the witnesses that must have seen its checkpoints.
#[derive(Clone, PartialEq, Eq)]
pub struct PinnedLog {
    verifier: NoteVerifier,
    witnesses: Option<WitnessPolicy>,
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
        let verifier = NoteVerifier::parse(key)
            .map_err(|error| TrustError::Key(key.chars().filter(|c| !c.is_control()).take(120).collect(), error))?;
        Ok(Self { verifier, witnesses: None })
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

    /// The same log, with witnesses that must have seen a checkpoint before it is believed.
    #[must_use]
    pub fn with_witnesses(self, witnesses: Option<WitnessPolicy>) -> Self {
        Self { witnesses, ..self }
    }

    /// The witnesses that are pinned.
    #[must_use]
    pub fn witnesses(&self) -> Option<&WitnessPolicy> {
        self.witnesses.as_ref()
    }

    /// Opens a checkpoint that the log signed and the pinned witnesses, if any, have seen.
    ///
    /// # Errors
    /// [`TrustError::Checkpoint`], [`TrustError::NotWitnessed`].
    pub fn open(&self, note: &[u8]) -> Result<Checkpoint, TrustError> {
        let checkpoint = self.open_signed(note)?;
        self.seen_at(note)?;
        Ok(checkpoint)
    }

    /// Opens a checkpoint by the log's signature alone: one to hold against others, not one to rely on.
    ///
    /// # Errors
    /// [`TrustError::Checkpoint`].
    pub fn open_signed(&self, note: &[u8]) -> Result<Checkpoint, TrustError> {
        Ok(Checkpoint::open(note, self.origin(), std::slice::from_ref(&self.verifier))?)
    }

    /// When the pinned witnesses had seen a checkpoint; `None` where none are pinned.
    ///
    /// # Errors
    /// [`TrustError::NotWitnessed`] for too few of them.
    pub fn seen_at(&self, note: &[u8]) -> Result<Option<Timestamp>, TrustError> {
        let Some(policy) = &self.witnesses else { return Ok(None) };
        let note = Note::parse(note)?;
        let seen = policy.seen_at(&policy.check(&note)?);
        Ok(seen.map(|seconds| Timestamp(i64::try_from(seconds).unwrap_or(i64::MAX)).min(Timestamp::MAX)))
    }
}

/// Checks that the log only grew from a checkpoint seen before, with tiles of the registry.
///
/// The tiles are taken at nobody's word: a proof made of wrong ones does not lead from the one signed root to the other. Where
/// the proof fails, the tiles themselves tell whose fault it is: if they lead to the newer signed root with another past in
/// it, the log forked; if they don't lead there at all, somebody changed them.
///
/// # Errors
/// [`TrustError::Rollback`], [`TrustError::SplitView`], [`TrustError::Forked`], [`TrustError::AlteredTiles`],
/// [`TrustError::Fetch`], [`TrustError::Tiles`].
pub fn check_growth(seen: &Checkpoint, shown: &Checkpoint, registry: &Registry) -> Result<(), TrustError> {
    if shown.size < seen.size {
        return Err(TrustError::Rollback { seen: seen.size, shown: shown.size });
    }
    if seen.size == shown.size {
        let same = seen.root == shown.root;
        return if same { Ok(()) } else { Err(TrustError::SplitView { size: seen.size }) };
    }
    let altered = |why| TrustError::AlteredTiles { shown: shown.size, why };
    if seen.size == 0 {
        return verify_consistency(0, shown.size, &seen.root, &shown.root, &[]).map_err(altered);
    }
    let failed = RefCell::new(None);
    let reader = |tile: TileId| match registry.tile(tile) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            failed.borrow_mut().get_or_insert(error);
            None
        }
    };
    let missing = |error| match failed.take() {
        Some(fetch) => TrustError::Fetch(fetch),
        None => TrustError::Tiles(error),
    };
    let proof = consistency(seen.size, shown.size, reader).map_err(missing)?;
    if verify_consistency(seen.size, shown.size, &seen.root, &shown.root, &proof).is_ok() {
        return Ok(());
    }
    let past = root_within(seen.size, shown.size, reader).map_err(missing)?;
    verify_consistency(seen.size, shown.size, &past, &shown.root, &proof).map_err(altered)?;
    let other = Box::new(OtherPast { root: past, proof });
    Err(TrustError::Forked { seen: seen.size, shown: shown.size, other })
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
    /// When the pinned witnesses had seen that checkpoint.
    pub seen_at: Option<Timestamp>,
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
        // First whether the log has this leaf at all: what the file says besides could only be wrong about it.
        let receipt = Receipt::parse(self.receipt.as_bytes())?;
        if receipt.index != self.index {
            return Err(TrustError::Other("index"));
        }
        let checkpoint = receipt.verify(self.leaf.as_bytes(), log.verifier(), log.origin())?;
        if leaf.kind != LeafKind::Public {
            return Err(TrustError::Other("kind of leaf"));
        }
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
        let seen_at = log.seen_at(receipt.checkpoint_note.as_bytes())?;
        Ok(CheckedReceipt { statement, checkpoint, seen_at })
    }
}

/// The envelope that a registry gives back is ours: the same payload and type, whoever else signed first.
#[must_use]
pub fn same_payload(one: &Envelope, other: &Envelope) -> bool {
    one.payload_type() == other.payload_type() && one.payload() == other.payload()
}

/// A bare receipt: the text of `c2sp.org/tlog-proof@v1` that carries its leaf along, as `GET /v1/statements/ID/receipt` gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    text: String,
    receipt: Receipt,
    opening: Opening,
}

impl TlogProof {
    /// Reads a bare receipt.
    ///
    /// # Errors
    /// [`TrustError::Receipt`], [`TrustError::NoLeaf`].
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustError> {
        let receipt = Receipt::parse(bytes)?;
        let opening = receipt.extra.as_deref().and_then(Opening::parse).ok_or(TrustError::NoLeaf)?;
        Ok(Self { text: receipt.to_text(), receipt, opening })
    }

    /// Checks everything offline, as [`ReceiptFile::check`] does, for the envelope that is kept beside it.
    ///
    /// # Errors
    /// [`TrustError`], one variant a fact.
    pub fn check(&self, envelope: &Envelope, log: &PinnedLog) -> Result<(ReceiptFile, CheckedReceipt), TrustError> {
        let file = ReceiptFile {
            cleartitle_receipt: RECEIPT_VERSION,
            statement: StatementId::of(envelope.payload()),
            index: self.receipt.index,
            registered_at: Leaf::parse(self.opening.leaf.as_bytes())?.registered_at,
            envelope: envelope.clone(),
            salt: self.opening.salt.clone().ok_or(TrustError::NoLeaf)?,
            leaf: self.opening.leaf.clone(),
            receipt: self.text.clone(),
        };
        let checked = file.check(log).map_err(|error| match error {
            // Which of the two is the wrong one can't be told here: they lay apart.
            TrustError::Other("envelope") => TrustError::Other("statement"),
            other => other,
        })?;
        Ok((file, checked))
    }
}
