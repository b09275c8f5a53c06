//! Store: what the registry keeps, in the registry's words; the contract that every back end is held to.
//!
//! Deliberately absent: SQL and rows (each back end is written natively), checks of any kind (`registration`), signatures
//! and clocks (`log`).

#[cfg(test)]
mod conformance;
pub mod database;
mod distrust;
pub mod postgres;
pub mod sqlite;
mod tables;
mod tombstones;
pub mod uploads;
pub mod usage;
pub mod webhooks;
pub mod witnessed;

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::Range;

use cleartitle_schema::bindings::{Binding, Known};
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::{BlobId, Commitment, ContentName, KeyId, ListId, StatementId};
use cleartitle_schema::issuer::{Authority, Domain};
use cleartitle_schema::leaf::{Leaf, Published};
use cleartitle_schema::statement::{Body, Kind, Statement};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::hash::{Hash, empty_root};
use cleartitle_schema::tlog::tile::TileId;
use cleartitle_schema::vocab::UnknownWord;

pub use self::distrust::Distrust;

/// Why the store could not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The back end failed: disk full, locked too long, input or output error.
    #[error("the store failed: {0}")]
    Backend(String),
    /// The back end has no room: its disk is full, or it has no memory or no connection left. Nothing is said of what is stored.
    #[error("the store has no room: {0}")]
    Full(String),
    /// What is stored can't be read back as what it should be.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// The database was written by a newer version of this program.
    #[error("the database has version {found}, this program knows versions up to {known}")]
    Newer {
        /// The version of the database.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// Whoever answered is not known to be the database that was meant. Nothing was told to it.
    #[error("`{database}` is not trusted: {why}")]
    Untrusted {
        /// The database, without a password.
        database: String,
        /// Why not.
        why: Distrust,
    },
}

impl StoreError {
    /// What to do.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Untrusted { why, .. } => Some(why.hint()),
            Self::Full(_) => {
                Some("make room where the database lies, then do it again: nothing that was acknowledged is lost")
            }
            _ => None,
        }
    }
}

/// Why a batch was not committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The log has another head than the batch was built on. Nothing was written: build it again on this head.
    #[error("the log has moved on to {} leaves", .0.size)]
    Moved(Head),
    /// The store failed. After an error the caller must ask for the head again: the batch may or may not be written, but
    /// never in part.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where the log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of leaves.
    pub size: u64,
    /// Their root.
    pub root: Hash,
    /// When the last leaf was registered.
    pub registered_at: Timestamp,
}

impl Head {
    /// The head of the empty log.
    #[must_use]
    pub fn empty() -> Self {
        Self { size: 0, root: empty_root(), registered_at: Timestamp::MIN }
    }
}

/// A signed checkpoint as it is kept and served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead {
    /// The number of leaves that it covers.
    pub size: u64,
    /// Their root.
    pub root: Hash,
    /// The signed note, verbatim.
    pub note: String,
}

/// One public leaf with all that follows from it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The leaf.
    pub leaf: Leaf,
    /// The blob that opens it.
    pub published: Published,
    /// The statement, with what registration established.
    pub registered: Registered,
    /// The bulk list that the statement names, where the registry keeps it.
    pub list: Option<Vec<u8>>,
}

/// What the registry holds of a sealed leaf for its parties.
#[derive(Debug, Clone)]
pub struct Held {
    /// The salt and the envelope.
    pub published: Published,
    /// The statement, with what registration established.
    pub registered: Registered,
    /// Who it is given to.
    pub parties: BTreeSet<Domain>,
}

/// One sealed leaf.
#[derive(Debug, Clone)]
pub struct SealedEntry {
    /// The leaf.
    pub leaf: Leaf,
    /// Its place.
    pub index: u64,
    /// What is held of it; nothing where its parties keep it themselves.
    pub held: Option<Held>,
}

/// What one tick adds to the log: leaves, tiles and the checkpoint that covers them.
#[derive(Debug, Clone)]
pub struct Batch {
    /// New public entries, in order.
    pub entries: Vec<Entry>,
    /// New sealed leaves, in order. Both together take each place from the old head's size on once.
    pub sealed: Vec<SealedEntry>,
    /// Every tile that is new or has grown.
    pub tiles: Vec<(TileId, Vec<u8>)>,
    /// The checkpoint over the old and the new leaves.
    pub checkpoint: SignedHead,
}

/// A statement as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The statement, with what registration established.
    pub registered: Registered,
    /// The commitment of its leaf.
    pub commitment: Commitment,
}

/// How one statement names another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// Takes its place.
    Supersedes,
    /// Ends it.
    Withdraws,
    /// Takes up the offer.
    Accepts,
    /// Says that a duty of it is met.
    Discharges,
    /// Suspends the agreement.
    Disputes,
    /// Says that its envelope is gone.
    Erases,
    /// Shows that the claimed bytes were served.
    Proves,
    /// Doubts the claim.
    Challenges,
    /// Replies to the challenge.
    Answers,
}

impl Relation {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Supersedes, "supersedes"),
        (Self::Withdraws, "withdraws"),
        (Self::Accepts, "accepts"),
        (Self::Discharges, "discharges"),
        (Self::Disputes, "disputes"),
        (Self::Erases, "erases"),
        (Self::Proves, "proves"),
        (Self::Challenges, "challenges"),
        (Self::Answers, "answers"),
    ];

    /// The word that is stored.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(relation, _)| *relation == self).map_or("", |(_, word)| word)
    }

    /// Every statement that this one names, and how.
    #[must_use]
    pub fn all_of(registered: &Registered) -> Vec<(StatementId, Self)> {
        let statement = &registered.statement;
        let mut found: Vec<_> = statement.supersedes.iter().map(|id| (*id, Self::Supersedes)).collect();
        match &statement.body {
            Body::Withdrawal { statement, .. } => found.push((*statement, Self::Withdraws)),
            Body::Acceptance { offer, .. } => found.push((*offer, Self::Accepts)),
            Body::Discharge { statement, .. } => found.push((*statement, Self::Discharges)),
            Body::Dispute { agreement: Some(agreement), .. } => found.push((*agreement, Self::Disputes)),
            Body::Erasure { statement: Some(statement), .. } => found.push((*statement, Self::Erases)),
            Body::ClaimProof { claim, .. } => found.push((*claim, Self::Proves)),
            Body::Challenge { claim, .. } => found.push((*claim, Self::Challenges)),
            Body::Answer { challenge, .. } => found.push((*challenge, Self::Answers)),
            _ => {}
        }
        found
    }
}

impl std::str::FromStr for Relation {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.iter().find(|(_, word)| *word == text);
        found.map(|(relation, _)| *relation).ok_or_else(|| UnknownWord {
            word: text.chars().take(60).collect(),
            known: Self::ALL.map(|(_, word)| word).join(", "),
        })
    }
}

/// Every blob that a statement names as evidence, among its exhibits or as what an observer read.
#[must_use]
pub fn evidence_of(statement: &Statement) -> BTreeSet<BlobId> {
    let mut named: BTreeSet<BlobId> = statement.evidence.iter().map(|exhibit| exhibit.blob).collect();
    if let Body::Observation { sighting, .. } = &statement.body {
        named.extend(sighting.sources.iter().filter_map(|source| source.evidence));
    }
    named
}

/// What looking again at what a domain publishes came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProofCheck {
    /// When it was looked at last.
    pub at: Timestamp,
    /// Since when each look found the key missing.
    pub missing_since: Option<Timestamp>,
    /// Since when each look found nobody there.
    pub unreachable_since: Option<Timestamp>,
}

/// Which statements to list, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Only by this issuer.
    pub issuer: Option<Domain>,
    /// Only of this kind.
    pub kind: Option<Kind>,
    /// Only at this index or later.
    pub from: u64,
    /// Only below this index.
    pub below: Option<u64>,
    /// At most so many.
    pub limit: usize,
    /// The newest first, those that come first being the ones kept within the limit.
    pub newest_first: bool,
}

/// One provenance record, as its batch has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The leaf of the manifest statement that lists it.
    pub index: u64,
    /// Its line in the batch, from 1.
    pub line: u64,
    /// The line's bytes: JSON of one acquisition.
    pub bytes: Vec<u8>,
}

/// What differs between a projection as it stood and as it was made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// How many leaves were read.
    pub leaves: u64,
    /// Names of the derived tables that differed before.
    pub differing: Vec<String>,
}

/// What the registry keeps. All methods block, so that callers in async code move to a blocking thread first.
///
/// **Durability.** When [`Store::commit`] or [`Store::put_blob`] returns `Ok`, what it wrote survives the end of the process
/// and the loss of power.
/// **Atomicity.** A batch is there whole or not at all; readers never see leaves without the checkpoint that covers them.
/// **Consistency.** Each read sees one committed state. Two reads may see two, the second never older.
/// **Concurrency.** Any number of threads and processes may read and commit; of two commits from one head one gets
/// [`CommitError::Moved`]. **Immutability.** Leaves and checkpoints never change; a list or a blob is kept once under its
/// own digest.
pub trait Store: Send + Sync {
    /// Where the log ends; `None` before the first checkpoint.
    ///
    /// # Errors
    /// [`StoreError`], as for every method.
    fn head(&self) -> Result<Option<Head>, StoreError>;

    /// Adds a batch if the log still ends at `from` ([`Head::empty`] before the first): a compare-and-swap on the head.
    /// A batch without entries is kept only as the log's first, so that the empty log has a checkpoint too.
    ///
    /// # Errors
    /// [`CommitError::Moved`] with the present head, or a failure.
    fn commit(&self, from: &Head, batch: &Batch) -> Result<Head, CommitError>;

    /// The oldest checkpoint that covers at least `size` leaves.
    ///
    /// # Errors
    /// [`StoreError`].
    fn checkpoint_from(&self, size: u64) -> Result<Option<SignedHead>, StoreError>;

    /// The newest checkpoint.
    ///
    /// # Errors
    /// [`StoreError`].
    fn latest_checkpoint(&self) -> Result<Option<SignedHead>, StoreError>;

    /// How many leaves were registered at this time or before.
    ///
    /// # Errors
    /// [`StoreError`].
    fn size_at(&self, time: Timestamp) -> Result<u64, StoreError>;

    /// The leaves' bytes, in order; fewer where the log ends.
    ///
    /// # Errors
    /// [`StoreError`].
    fn leaves(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, StoreError>;

    /// The widest tile in this place.
    ///
    /// # Errors
    /// [`StoreError`].
    fn tile(&self, level: u8, index: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// The blob that opens a commitment; `None` when it is sealed, erased or not ours.
    ///
    /// # Errors
    /// [`StoreError`].
    fn published(&self, commitment: &Commitment) -> Result<Option<Vec<u8>>, StoreError>;

    /// The bytes of a bulk list.
    ///
    /// # Errors
    /// [`StoreError`].
    fn list(&self, list: &ListId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Whether a registered statement names this blob as evidence.
    ///
    /// # Errors
    /// [`StoreError`].
    fn names_blob(&self, blob: &BlobId) -> Result<bool, StoreError>;

    /// Keeps the bytes of evidence under their name and returns whether they are new; bytes that are there already stay as
    /// they are. The caller has checked the digest, and that a statement names it. No bytes under another name than theirs are the note
    /// that they lie elsewhere (`objects::evidence`); bytes take its place, and it takes nobody's.
    ///
    /// # Errors
    /// [`StoreError`]; the blob may then be there or not, but never in part.
    fn put_blob(&self, blob: &BlobId, bytes: &[u8]) -> Result<bool, StoreError>;

    /// The bytes of evidence; `None` when nobody has brought them.
    ///
    /// # Errors
    /// [`StoreError`].
    fn blob(&self, blob: &BlobId) -> Result<Option<Vec<u8>>, StoreError>;

    /// One statement.
    ///
    /// # Errors
    /// [`StoreError`].
    fn statement(&self, id: &StatementId) -> Result<Option<Stored>, StoreError>;

    /// Statements in log order.
    ///
    /// # Errors
    /// [`StoreError`].
    fn statements(&self, page: &Page) -> Result<Vec<Stored>, StoreError>;

    /// The statements that name this one, in log order.
    ///
    /// # Errors
    /// [`StoreError`].
    fn naming(&self, id: &StatementId) -> Result<Vec<(Relation, Stored)>, StoreError>;

    /// The keys bound to a domain, ended ones too, in log order.
    ///
    /// # Errors
    /// [`StoreError`].
    fn bindings_of(&self, domain: &Domain) -> Result<Vec<Binding>, StoreError>;

    /// The domains that a key is, or was, bound to, in log order.
    ///
    /// # Errors
    /// [`StoreError`].
    fn bindings_by(&self, key: &KeyId) -> Result<Vec<Binding>, StoreError>;

    /// Bindings that have not ended, at this index or later, at most `limit`, in log order.
    ///
    /// # Errors
    /// [`StoreError`].
    fn bindings_from(&self, index: u64, limit: usize) -> Result<Vec<Binding>, StoreError>;

    /// What the last looks at what a domain publishes came to; `None` before the first. Lost without harm.
    ///
    /// # Errors
    /// [`StoreError`].
    fn proof_check(&self, binding: &StatementId) -> Result<Option<ProofCheck>, StoreError>;

    /// Notes what the last looks came to.
    ///
    /// # Errors
    /// [`StoreError`].
    fn note_proof_check(&self, binding: &StatementId, check: &ProofCheck) -> Result<(), StoreError>;

    /// Takes a nonce of a key that nobody may use again before `until`; false where it was taken before. Forgets those whose time
    /// was over at `now`, so that none is kept longer than the signature that it stood in. Two that take the same at once: one gets it.
    ///
    /// # Errors
    /// [`StoreError`]; then whoever brought the nonce must be turned away.
    fn take_nonce(&self, key: &KeyId, nonce: &str, until: Timestamp, now: Timestamp) -> Result<bool, StoreError>;

    /// How many statements of each kind an issuer has registered.
    ///
    /// # Errors
    /// [`StoreError`].
    fn counts(&self, domain: &Domain) -> Result<Vec<(Kind, u64)>, StoreError>;

    /// Provenance records that name a document, at most `limit`, in log order.
    ///
    /// # Errors
    /// [`StoreError`].
    fn records(&self, name: &ContentName, limit: usize) -> Result<Vec<Record>, StoreError>;

    /// Statements whose scope lists a document, at most `limit`, in log order.
    ///
    /// # Errors
    /// [`StoreError`].
    fn claims(&self, name: &ContentName, limit: usize) -> Result<Vec<Stored>, StoreError>;

    /// Where a sealed leaf stands.
    ///
    /// # Errors
    /// [`StoreError`].
    fn sealed_leaf(&self, commitment: &Commitment) -> Result<Option<u64>, StoreError>;

    /// The blob that opens a sealed leaf, where it is held. For its parties alone, as are the next two.
    ///
    /// # Errors
    /// [`StoreError`].
    fn sealed_blob(&self, commitment: &Commitment) -> Result<Option<Vec<u8>>, StoreError>;

    /// One sealed statement that is held.
    ///
    /// # Errors
    /// [`StoreError`].
    fn sealed_statement(&self, id: &StatementId) -> Result<Option<Stored>, StoreError>;

    /// The leaf of a sealed statement that was erased. For whoever has the statement alone.
    ///
    /// # Errors
    /// [`StoreError`].
    fn sealed_erased(&self, id: &StatementId) -> Result<Option<Commitment>, StoreError>;

    /// The sealed statements of a party at this index or later, at most `limit`, in log order.
    ///
    /// # Errors
    /// [`StoreError`].
    fn sealed_of(&self, party: &Domain, from: u64, limit: usize) -> Result<Vec<Stored>, StoreError>;

    /// Whether a domain is a party of the sealed leaf in this place.
    ///
    /// # Errors
    /// [`StoreError`].
    fn is_party(&self, party: &Domain, index: u64) -> Result<bool, StoreError>;
    /// The authorities that showed a document under their own hosts, by a record that they signed or as the registry saw, at
    /// most `limit`, in the order in which each did so first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn showings(&self, name: &ContentName, limit: usize) -> Result<Vec<Authority>, StoreError>;

    /// Makes every derived thing again from leaves, blobs and lists, in one transaction.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Damaged`] when the primary tables can't be read.
    fn rebuild(&self) -> Result<Rebuilt, StoreError>;

    /// Writes every derived thing in one canonical text form: equal text, equal projections.
    ///
    /// # Errors
    /// [`StoreError`]; a failed write is [`StoreError::Backend`].
    fn dump(&self, out: &mut dyn Write) -> Result<(), StoreError>;
}

impl Known for dyn Store + '_ {
    type Error = StoreError;

    fn bindings_of(&self, domain: &Domain) -> Result<Vec<Binding>, StoreError> {
        Store::bindings_of(self, domain)
    }

    fn bindings_by(&self, key: &KeyId) -> Result<Vec<Binding>, StoreError> {
        Store::bindings_by(self, key)
    }

    fn find(&self, id: &StatementId) -> Result<Option<Registered>, StoreError> {
        Ok(self.statement(id)?.map(|stored| stored.registered))
    }
}
