//! What the client believes of a log: its pinned key and witnesses, and that it only grew since it was last seen.

use crate::registry::{Registry, RegistryError};
use crate::tiles::Tiles;
use cleartitle_schema::fault::Fault;
use cleartitle_schema::leaf::LeafError;
use cleartitle_schema::signed::SignedError;
use cleartitle_schema::statement::StatementError;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::Hash;
use cleartitle_schema::tlog::checkpoint::{Checkpoint, CheckpointError};
use cleartitle_schema::tlog::cosignature::{CosignatureError, WitnessPolicy};
use cleartitle_schema::tlog::note::{Note, NoteError, NoteVerifier};
use cleartitle_schema::tlog::proof::{ProofError, ReceiptError, consistency, verify_consistency};
use cleartitle_schema::tlog::tile::{TileError, TileId, root_within};
use std::cell::RefCell;

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

/// What is told of a text that is no log's key: its beginning where it has a verifier key's shape, and nothing of any other,
/// since people paste private keys where public ones belong.
fn told(text: &str) -> String {
    let shown = if text.contains('+') && text.contains('.') { text } else { "what was given" };
    shown.chars().filter(|c| !c.is_control()).take(120).collect()
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
        let verifier = NoteVerifier::parse(key).map_err(|error| TrustError::Key(told(key), error))?;
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
    proven_growth(seen, shown, registry).map(|_| ())
}

/// The same, and gives the proof, which is empty where the two are one state.
///
/// # Errors
/// As [`check_growth`].
pub fn proven_growth(seen: &Checkpoint, shown: &Checkpoint, registry: &Registry) -> Result<Vec<Hash>, TrustError> {
    if shown.size < seen.size {
        return Err(TrustError::Rollback { seen: seen.size, shown: shown.size });
    }
    if seen.size == shown.size {
        let same = seen.root == shown.root;
        return if same { Ok(Vec::new()) } else { Err(TrustError::SplitView { size: seen.size }) };
    }
    let altered = |why| TrustError::AlteredTiles { shown: shown.size, why };
    if seen.size == 0 {
        verify_consistency(0, shown.size, &seen.root, &shown.root, &[]).map_err(altered)?;
        return Ok(Vec::new());
    }
    let (tiles, failed) = (Tiles::at(registry), RefCell::new(None));
    let reader = |tile: TileId| match tiles.tile(tile) {
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
        return Ok(proof);
    }
    let past = root_within(seen.size, shown.size, reader).map_err(missing)?;
    verify_consistency(seen.size, shown.size, &past, &shown.root, &proof).map_err(altered)?;
    let other = Box::new(OtherPast { root: past, proof });
    Err(TrustError::Forked { seen: seen.size, shown: shown.size, other })
}
