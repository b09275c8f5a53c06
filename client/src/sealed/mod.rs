//! Sealed deals in the lab's own hands: receipts of leaves whose envelopes are published nowhere, joined to a public snapshot.
//!
//! A deal is believed as the registry would have believed it: the leaf is in the pinned log, the envelope is the one that the leaf
//! commits to, and the keys that signed it spoke for its parties at that leaf, by the bindings of the public snapshot. What is made
//! of both is a snapshot for this lab alone, in a folder that only its owner can read; `filter`, `check` and `ask` then know no
//! difference. A deal that is missing counts as none; one that can't be read or does not hold ends the job.

mod keys;

use crate::files_private;
use crate::receipt::{MAX_RECEIPT_FILE, ReceiptFile};
use crate::snapshot::{self, Mapped, SnapshotError};
use crate::trust::{PinnedLog, TrustError};
use cleartitle_schema::bindings::{ConsentError, Established, consent, establish};
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::{Commitment, StatementId};
use cleartitle_schema::leaf::{Leaf, LeafKind};
use cleartitle_schema::signed::{SignedError, open_statement};
use cleartitle_schema::snapshot::{BuildError, Damage, Head, Room, Snapshot, Tree, build_within};
use cleartitle_schema::statement::Statement;
use keys::KeysSoFar;
use std::collections::BTreeMap;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Memory for sorting; what is more goes to files in the folder of deals.
const SORTED_IN_MEMORY: usize = 256 << 20;

/// Most deals of one folder.
pub const MAX_DEALS: usize = 100_000;

/// How a deal's file ends.
pub const ENDING: &str = ".receipt.json";

/// Why deals can't be joined.
#[derive(Debug, thiserror::Error)]
pub enum SealedError {
    /// A file or the folder can't be read or written.
    #[error("cannot use `{path}`")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The folder is open to others.
    #[error("`{0}` can be read by others, and holds what is sealed")]
    Open(PathBuf),
    /// A receipt does not hold.
    #[error("the deal in `{path}` does not hold")]
    Receipt {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: TrustError,
    },
    /// A receipt of a public leaf.
    #[error("`{0}` is the receipt of a public statement, which the snapshot has already")]
    Public(PathBuf),
    /// More files than are read.
    #[error("there are more than {MAX_DEALS} deals")]
    TooMany,
    /// A deal that is younger than the snapshot.
    #[error("the deal in `{path}` is leaf {index}, and the snapshot ends before leaf {size}")]
    Younger {
        /// Which.
        path: PathBuf,
        /// Its leaf.
        index: u64,
        /// The snapshot's size.
        size: u64,
    },
    /// Two statements in one place of the log.
    #[error("the deal in `{0}` stands where the log has another statement")]
    Taken(PathBuf),
    /// A signature of the deal.
    #[error("a signature of the deal in `{path}` does not hold")]
    Signature {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: SignedError,
    },
    /// Those who must have signed have not.
    #[error("the deal in `{path}` is not signed by its parties")]
    Consent {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: ConsentError,
    },
    /// The public snapshot is damaged.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// The joined snapshot can't be built.
    #[error("the snapshot with the deals can't be built")]
    Build(#[from] BuildError),
    /// The joined snapshot can't be opened.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

fn io_at(path: &Path) -> impl Fn(io::Error) -> SealedError {
    move |source| SealedError::Io { path: path.to_owned(), source }
}

/// A deal whose receipt holds.
#[derive(Debug, Clone)]
pub struct Deal {
    path: PathBuf,
    receipt: ReceiptFile,
    commitment: Commitment,
}

/// The deals of a folder.
#[derive(Debug, Clone)]
pub struct Deals {
    folder: PathBuf,
    deals: Vec<Deal>,
}

impl Deals {
    /// Reads every receipt of a folder and checks each against the pinned log.
    ///
    /// # Errors
    /// [`SealedError`].
    pub fn read(folder: &Path, log: &PinnedLog) -> Result<Self, SealedError> {
        if files_private::open_to_others(folder).map_err(io_at(folder))? {
            return Err(SealedError::Open(folder.to_owned()));
        }
        let mut deals: BTreeMap<u64, Deal> = BTreeMap::new();
        for entry in std::fs::read_dir(folder).map_err(io_at(folder))? {
            let path = entry.map_err(io_at(folder))?.path();
            if !path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(ENDING)) {
                continue;
            }
            if deals.len() >= MAX_DEALS {
                return Err(SealedError::TooMany);
            }
            let deal = Deal::read(path, log)?;
            // The same deal twice, under two names, is one.
            if let Some(other) = deals.get(&deal.receipt.index)
                && other.commitment != deal.commitment
            {
                return Err(SealedError::Taken(deal.path));
            }
            deals.insert(deal.receipt.index, deal);
        }
        Ok(Self { folder: folder.to_owned(), deals: deals.into_values().collect() })
    }

    /// Each deal: where its file lies, its receipt, and what it says.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &ReceiptFile, Option<Statement>)> {
        let statement = |deal: &Deal| Statement::parse(deal.receipt.envelope.payload()).ok();
        self.deals.iter().map(move |deal| (deal.path.as_path(), &deal.receipt, statement(deal)))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.deals.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deals.is_empty()
    }

    /// Those of a log of this size, and how many are younger: under a lock they don't count yet, as public statements don't.
    #[must_use]
    pub fn of_state(mut self, size: u64) -> (Self, usize) {
        let all = self.deals.len();
        self.deals.retain(|deal| deal.receipt.index < size);
        let younger = all - self.deals.len();
        (self, younger)
    }

    /// BLAKE3 over the deals' commitments in log order: says which deals a run knew, to nobody who doesn't hold them more
    /// than the log does.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("cleartitle 2026-11 sealed deals of a run");
        self.deals.iter().for_each(|deal| _ = hasher.update(&deal.commitment.0));
        format!("blake3:{}", hasher.finalize().to_hex())
    }

    /// The public snapshot and these deals as one. Made once for each pair of both, and kept in the deals' folder.
    ///
    /// # Errors
    /// [`SealedError`].
    pub fn join(&self, public: &Mapped) -> Result<Mapped, SealedError> {
        let both = blake3::Hasher::new_derive_key("cleartitle 2026-11 snapshot with sealed deals")
            .update(&public.verified_hash())
            .update(self.digest().as_bytes())
            .finalize();
        let prefix = format!("joined-{}-", &both.to_hex()[..32]);
        if let Some(kept) = self.kept(&prefix)? {
            return Ok(kept);
        }
        let built = self.build(public, &prefix)?;
        self.kept(&prefix)?.ok_or_else(|| io_at(&built)(io::Error::other("it vanished")))
    }

    /// The one that was made before. Its name says the hash of its body; who can change it there can change the deals.
    fn kept(&self, prefix: &str) -> Result<Option<Mapped>, SealedError> {
        for entry in std::fs::read_dir(&self.folder).map_err(io_at(&self.folder))?.map_while(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let hash = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(".snapshot"));
            let Some(hash) = hash.and_then(|hash| blake3::Hash::from_hex(hash).ok()) else { continue };
            let path = entry.path();
            let snapshot = Snapshot::open(snapshot::map(&path)?).map_err(SnapshotError::from)?;
            let tree = std::fs::read(path.with_extension("tree")).ok();
            let tree = tree.and_then(|tree| Tree::parse(&tree, snapshot.bytes().len(), hash.as_bytes()).ok());
            let verified = match tree {
                Some(tree) => snapshot.verify_as_read(tree),
                None => snapshot.verify_hash(hash.as_bytes()),
            };
            return Ok(Some(verified.map_err(SnapshotError::from)?));
        }
        Ok(None)
    }

    /// Builds it, and removes those made of older snapshots or other deals.
    fn build(&self, public: &Mapped, prefix: &str) -> Result<PathBuf, SealedError> {
        let header = public.header();
        let head = Head { origin: header.origin.clone(), size: header.size, root: header.root, time: header.time };
        let folder = &self.folder;
        // 0600, as temporary files are made.
        let file = tempfile::NamedTempFile::with_prefix_in(".joined-", folder).map_err(io_at(folder))?;
        let mut room = Room::bounded(SORTED_IN_MEMORY, || Ok(Box::new(tempfile::tempfile_in(folder)?)));
        let written = BufWriter::with_capacity(1 << 20, file.as_file());
        let mut failed = None;
        let built = {
            let joined = Joined::new(public, &self.deals).map(|next| match next {
                Ok(registered) => Ok(registered),
                Err(error) => {
                    let told = io::Error::other(error.to_string());
                    failed.get_or_insert(error);
                    Err(told)
                }
            });
            build_within(joined, &head, &header.tables, &mut room, written)
        };
        let built = match (failed, built) {
            (Some(error), _) => return Err(error),
            (None, built) => built?,
        };
        file.as_file().sync_all().map_err(io_at(folder))?;
        for entry in std::fs::read_dir(folder).map_err(io_at(folder))?.map_while(Result::ok) {
            if entry.file_name().to_string_lossy().starts_with("joined-") {
                let _ = std::fs::remove_file(entry.path());
            }
        }
        let name = format!("{prefix}{}.snapshot", blake3::Hash::from_bytes(built.body_hash).to_hex());
        let path = folder.join(name);
        let tree = Tree::of(Snapshot::open(snapshot::map(file.path())?).map_err(SnapshotError::from)?.bytes());
        files_private::write(&path.with_extension("tree"), &tree.to_bytes()).map_err(io_at(folder))?;
        file.persist(&path).map_err(|error| io_at(&path)(error.error))?;
        Ok(path)
    }
}

impl Deal {
    fn read(path: PathBuf, log: &PinnedLog) -> Result<Self, SealedError> {
        let refused = |source| SealedError::Receipt { path: path.clone(), source };
        let bytes = files_private::read(&path, MAX_RECEIPT_FILE).map_err(io_at(&path))?;
        let receipt = ReceiptFile::parse(&bytes).map_err(refused)?;
        receipt.check(log).map_err(refused)?;
        let leaf = Leaf::parse(receipt.leaf.as_bytes()).map_err(|error| refused(error.into()))?;
        if leaf.kind != LeafKind::Sealed {
            return Err(SealedError::Public(path));
        }
        Ok(Self { path, receipt, commitment: leaf.commitment })
    }

    /// The deal as a registry would hold it, by the keys that the log had bound before it.
    fn registered(&self, keys: &KeysSoFar) -> Result<Registered, SealedError> {
        let envelope = &self.receipt.envelope;
        let told = |source| SealedError::Signature { path: self.path.clone(), source };
        open_statement(envelope, |id| keys.key(id)).map_err(told)?;
        let checked = Statement::parse(envelope.payload());
        let statement = checked
            .map_err(|error| SealedError::Receipt { path: self.path.clone(), source: TrustError::Statement(error) })?;
        let signers: Vec<_> = envelope.signatures().iter().map(|signature| signature.key_id()).collect();
        let Ok(agreed) = consent(keys, &statement, &signers);
        agreed.map_err(|source| SealedError::Consent { path: self.path.clone(), source })?;
        let Ok(established) = establish(keys, &statement, envelope);
        let Established { signed_by, under, speaks_for, tenure_from } = established;
        let (index, registered_at) = (self.receipt.index, self.receipt.registered_at);
        let id = StatementId::of(envelope.payload());
        Ok(Registered { id, index, registered_at, signed_by, under, speaks_for, tenure_from, statement })
    }
}

/// The public statements and the deals in log order.
struct Joined<'j> {
    public: &'j Mapped,
    place: u32,
    deals: std::iter::Peekable<std::slice::Iter<'j, Deal>>,
    keys: KeysSoFar,
}

impl<'j> Joined<'j> {
    fn new(public: &'j Mapped, deals: &'j [Deal]) -> Self {
        Self { public, place: 0, deals: deals.iter().peekable(), keys: KeysSoFar::default() }
    }

    fn deal(&mut self, before: Option<u64>) -> Option<Result<Arc<Registered>, SealedError>> {
        let due = |deal: &&Deal| before.is_none_or(|index| deal.receipt.index <= index);
        let deal = self.deals.next_if(|deal| due(deal))?;
        if Some(deal.receipt.index) == before {
            return Some(Err(SealedError::Taken(deal.path.clone())));
        }
        let size = self.public.header().size;
        if deal.receipt.index >= size {
            let (path, index) = (deal.path.clone(), deal.receipt.index);
            return Some(Err(SealedError::Younger { path, index, size }));
        }
        Some(deal.registered(&self.keys).map(Arc::new))
    }
}

impl Iterator for Joined<'_> {
    type Item = Result<Arc<Registered>, SealedError>;

    fn next(&mut self) -> Option<Self::Item> {
        if usize::try_from(self.place).is_ok_and(|place| place >= self.public.len()) {
            return self.deal(None);
        }
        let next = match self.public.statement(self.place) {
            Ok(next) => next,
            Err(damage) => return Some(Err(damage.into())),
        };
        if let Some(deal) = self.deal(Some(next.index)) {
            return Some(deal);
        }
        self.place += 1;
        self.keys.learn(&next);
        Some(Ok(next))
    }
}
