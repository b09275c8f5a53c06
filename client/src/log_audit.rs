//! An audit of a log from outside: every entry and tile recomputed against the signed root, every statement opened, and a
//! snapshot held against what the log contains. Nothing is taken at the registry's word but that it answers.
//!
//! What it can't see: whether a statement was refused, and what an erased or sealed leaf says.

use crate::registry::{Registry, RegistryError};
use crate::snapshot::Mapped;
use crate::tiles::Tiles;
use crate::trust::PinnedLog;
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::fault::Fault;
use cleartitle_schema::id::{Commitment, KeyId, StatementId};
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::leaf::{Leaf, LeafKind, MAX_PUBLISHED, Published};
use cleartitle_schema::signed::{key_id, open_statement, parse_public_key};
use cleartitle_schema::snapshot::Damage;
use cleartitle_schema::statement::{Body, Statement};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::Hash;
use cleartitle_schema::tlog::checkpoint::Checkpoint;
use cleartitle_schema::tlog::frontier::Frontier;
use cleartitle_schema::tlog::hash::{HASH_BYTES, leaf_hash};
use cleartitle_schema::tlog::tile::{EntriesId, EntryBundle, FULL_WIDTH, TileId, root};
use ed25519_dalek::VerifyingKey;
use serde::Serialize;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// The most findings that are kept; a log with more is as damaged.
const MAX_FINDINGS: usize = 1000;

/// Why an audit could not be done.
#[derive(Debug, thiserror::Error)]
pub enum LogAuditError {
    /// Something can't be had.
    #[error("{0}")]
    Registry(#[from] RegistryError),
    /// The snapshot can't be read.
    #[error("the snapshot can't be read: {0}")]
    Snapshot(#[from] Damage),
    /// The snapshot is of a later state than the checkpoint.
    #[error("the snapshot is of log size {snapshot}, the checkpoint of {checkpoint}: it can't be held against it")]
    Later {
        /// Leaves of the snapshot.
        snapshot: u64,
        /// Leaves of the checkpoint.
        checkpoint: u64,
    },
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its stable code.
    pub code: Fault,
    /// What it is about.
    pub what: String,
}

/// What an audit looked at and found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LogReport {
    /// The log's origin.
    pub origin: String,
    /// Leaves read, each part of the signed root unless a finding says otherwise.
    pub leaves: u64,
    /// Statements opened, each signed by keys that the log had bound.
    pub statements: u64,
    /// Public leaves whose blob is gone, as an `erasure` in the log says.
    pub erased: u64,
    /// Statements of the snapshot that are just as the log has them.
    pub in_snapshot: u64,
    /// What is wrong; empty when all is right.
    pub findings: Vec<Finding>,
}

/// Keys as the log has bound them so far, with the domains that each speaks for.
type Bound = BTreeMap<KeyId, (VerifyingKey, BTreeSet<Domain>)>;

/// What is published for the public leaves of one bundle.
type Blobs = BTreeMap<Commitment, Option<Vec<u8>>>;

/// The longest blob that is read. None that opens a leaf is so long, and a bundle's stand in memory together.
const LONGEST_BLOB: u64 = 4 * MAX_PUBLISHED as u64;

struct LogAudit<'a> {
    registry: &'a Registry,
    tiles: Tiles<'a>,
    log: &'a PinnedLog,
    snapshot: Option<&'a Mapped>,
    report: LogReport,
    bound: Bound,
    frontier: Frontier,
    last: Timestamp,
    /// The first leaf whose hash is not the one in its tile.
    unlike: Option<u64>,
    /// Public leaves below the snapshot's size that have no blob, so that the snapshot may have them or not.
    unknown: u64,
    /// Public leaves whose blob is gone, until their erasure is read.
    missing: BTreeMap<Commitment, u64>,
}

/// Audits the log up to a checkpoint that is believed already; `tell` hears how many leaves are done.
///
/// # Errors
/// [`LogAuditError`], for what can't be had. What is had and wrong is a finding.
pub fn audit(
    registry: &Registry,
    log: &PinnedLog,
    checkpoint: &Checkpoint,
    snapshot: Option<&Mapped>,
    mut tell: impl FnMut(u64),
) -> Result<LogReport, LogAuditError> {
    if let Some(header) = snapshot.map(|snapshot| snapshot.header())
        && header.size > checkpoint.size
    {
        return Err(LogAuditError::Later { snapshot: header.size, checkpoint: checkpoint.size });
    }
    let report = LogReport { origin: log.origin().to_owned(), ..LogReport::default() };
    let (bound, frontier) = (Bound::new(), Frontier::default());
    let (last, unlike, unknown) = (Timestamp::MIN, None, 0);
    let missing = BTreeMap::new();
    let tiles = Tiles::at(registry);
    let mut audit =
        LogAudit { registry, tiles, log, snapshot, report, bound, frontier, last, unlike, unknown, missing };
    audit.snapshot_root();
    while audit.report.leaves < checkpoint.size {
        audit.bundle(checkpoint.size)?;
        tell(audit.report.leaves);
    }
    audit.tree(checkpoint)?;
    audit.unexplained(checkpoint.size);
    audit.snapshot_count();
    Ok(audit.report)
}

impl LogAudit<'_> {
    fn found(&mut self, code: Fault, what: String) {
        if self.report.findings.len() < MAX_FINDINGS {
            self.report.findings.push(Finding { code, what: what.chars().take(500).collect() });
        }
    }

    /// The next bundle of entries, and the tile of their hashes beside it.
    fn bundle(&mut self, size: u64) -> Result<(), LogAuditError> {
        let first = self.report.leaves;
        let index = first / u64::from(FULL_WIDTH);
        let width = u16::try_from(size - first).unwrap_or(FULL_WIDTH).min(FULL_WIDTH);
        let (bytes, came) = self.tiles.entries(EntriesId { index, width })?;
        let tile = self.tiles.tile(TileId { level: 0, index, width })?;
        let mut entries = EntryBundle::decode(&bytes, came).map(|bundle| bundle.entries).unwrap_or_else(|error| {
            self.found(Fault::AlteredEntry, format!("leaves {first} to {}: {error}", first + u64::from(width) - 1));
            Vec::new()
        });
        // What the place has of the bundle may go on behind the checkpoint.
        entries.truncate(usize::from(width));
        let blobs = self.blobs(&entries)?;
        let mut hashes = tile.chunks_exact(HASH_BYTES);
        for entry in &entries {
            let hash = leaf_hash(entry);
            if hashes.next() != Some(hash.0.as_slice()) {
                self.unlike.get_or_insert(self.report.leaves);
            }
            self.frontier.push(hash);
            self.leaf(entry, &blobs)?;
            self.report.leaves += 1;
            self.snapshot_root();
        }
        self.report.leaves = first + u64::from(width);
        Ok(())
    }

    /// What is published for the public leaves among these, as many at once as the place may be asked for.
    fn blobs(&self, entries: &[Vec<u8>]) -> Result<Blobs, RegistryError> {
        let leaves = entries.iter().filter_map(|entry| Leaf::parse(entry).ok());
        let public: Vec<Commitment> =
            leaves.filter(|leaf| leaf.kind == LeafKind::Public).map(|leaf| leaf.commitment).collect();
        Ok(public.iter().copied().zip(self.registry.published(&public, LONGEST_BLOB)?).collect())
    }

    fn leaf(&mut self, bytes: &[u8], blobs: &Blobs) -> Result<(), LogAuditError> {
        let index = self.report.leaves;
        let leaf = match Leaf::parse(bytes) {
            Ok(leaf) => leaf,
            Err(error) => {
                self.found(Fault::AlteredEntry, format!("leaf {index}: {error}"));
                return Ok(());
            }
        };
        if leaf.registered_at < self.last {
            self.found(Fault::AlteredEntry, format!("leaf {index} is registered before the one before it"));
        }
        self.last = leaf.registered_at;
        if leaf.kind != LeafKind::Public {
            return Ok(());
        }
        let Some(blob) = blobs.get(&leaf.commitment).and_then(Option::as_deref) else {
            self.missing.insert(leaf.commitment, index);
            self.unknown += u64::from(self.snapshot.is_some_and(|snapshot| index < snapshot.header().size));
            return Ok(());
        };
        match Published::parse(blob) {
            Ok(published) if published.matches(&leaf) => self.statement(index, leaf.registered_at, &published),
            Ok(_) => {
                self.found(Fault::AlteredEntry, format!("what is published for leaf {index} does not open it"));
                Ok(())
            }
            Err(error) => {
                self.found(Fault::AlteredEntry, format!("what is published for leaf {index}: {error}"));
                Ok(())
            }
        }
    }

    fn statement(&mut self, index: u64, at: Timestamp, published: &Published) -> Result<(), LogAuditError> {
        let statement = match Statement::parse(published.envelope.payload()) {
            Ok(statement) => statement,
            Err(error) => {
                self.found(Fault::AlteredEntry, format!("statement {index}: {error}"));
                return Ok(());
            }
        };
        if statement.log != self.log.origin() {
            self.found(Fault::ForeignReceipt, format!("statement {index} is for another log"));
        }
        if let Body::KeyBinding { domain, key, .. } = &statement.body
            && let Ok(key) = parse_public_key(key)
        {
            let bound = self.bound.entry(key_id(&key)).or_insert_with(|| (key, BTreeSet::new()));
            bound.1.insert(domain.clone());
        }
        if let Err(error) = open_statement(&published.envelope, |id| self.bound.get(id).map(|(key, _)| *key)) {
            self.found(Fault::WrongSignature, format!("statement {index}: {error}"));
        }
        self.report.statements += 1;
        self.erasure(index, &statement)?;
        self.projected(index, at, published, &statement)
    }

    /// An erasure explains a blob that is gone, and one that is not gone accuses it. That of a sealed leaf has nothing to explain.
    fn erasure(&mut self, index: u64, statement: &Statement) -> Result<(), LogAuditError> {
        let Body::Erasure { commitment, .. } = &statement.body else { return Ok(()) };
        let (issuer, host) = (&statement.issuer.domain, self.log.origin().split('/').next());
        if Some(issuer.as_str()) != host {
            self.found(Fault::WrongSignature, format!("erasure {index} is by {issuer}, who is not the operator"));
            return Ok(());
        }
        if self.missing.remove(commitment).is_some() {
            self.report.erased += 1;
        } else if self.registry.published(&[*commitment], LONGEST_BLOB)? != [None] {
            self.found(Fault::AlteredBytes, format!("what erasure {index} names is still published"));
        }
        Ok(())
    }

    /// What is gone without a tombstone was lost or suppressed.
    fn unexplained(&mut self, size: u64) {
        for index in std::mem::take(&mut self.missing).into_values() {
            let what =
                format!("what leaf {index} commits to is not published, and no erasure among {size} leaves says why");
            self.found(Fault::AlteredBytes, what);
        }
    }

    /// Whether the snapshot has the statement as the log has it: to the letter, and signed by nobody whose key didn't sign it.
    fn projected(
        &mut self,
        index: u64,
        at: Timestamp,
        published: &Published,
        statement: &Statement,
    ) -> Result<(), LogAuditError> {
        let Some(snapshot) = self.snapshot.filter(|snapshot| index < snapshot.header().size) else { return Ok(()) };
        let id = StatementId::of(published.envelope.payload());
        let Some(place) = snapshot.find(&id)? else {
            self.found(Fault::AlteredProjection, format!("the snapshot lacks statement {index}, `{id}`"));
            return Ok(());
        };
        let kept: &Registered = &*snapshot.statement(place)?;
        let signers =
            published.envelope.signatures().iter().filter_map(|signature| self.bound.get(&signature.key_id()));
        let may_have_signed: BTreeSet<&Domain> = signers.flat_map(|(_, domains)| domains).collect();
        let same = (kept.index, kept.registered_at) == (index, at) && kept.statement == *statement;
        if same && kept.signed_by.iter().all(|domain| may_have_signed.contains(domain)) {
            self.report.in_snapshot += 1;
        } else {
            let what = format!("the snapshot has statement {index}, `{id}`, otherwise than the log");
            self.found(Fault::AlteredProjection, what);
        }
        Ok(())
    }

    /// At the snapshot's size: is it a state of this log?
    fn snapshot_root(&mut self) {
        let Some(header) = self.snapshot.map(|snapshot| snapshot.header()) else { return };
        if header.size == self.report.leaves && header.root != self.frontier.root() {
            let what =
                format!("the root that the snapshot names is not that of the log's first {} leaves", header.size);
            self.found(Fault::ForkedLog, what);
        }
    }

    /// What the snapshot has and the log has not would be found by nobody who asks from the log's side.
    fn snapshot_count(&mut self) {
        let Some(snapshot) = self.snapshot else { return };
        let (has, opened) = (snapshot.len() as u64, self.report.in_snapshot);
        let differing = self.report.findings.iter().any(|finding| finding.code == Fault::AlteredProjection);
        if has > opened + self.unknown && !differing {
            let what =
                format!("the snapshot has {has} statements, the log {opened} and {} without a blob", self.unknown);
            self.found(Fault::AlteredProjection, what);
        }
    }

    /// The root over the entries, and where it is another than the signed one, what the tiles say.
    fn tree(&mut self, checkpoint: &Checkpoint) -> Result<(), LogAuditError> {
        let by_entries = self.frontier.root() == checkpoint.root;
        let failed = RefCell::new(None);
        let by_tiles = root(checkpoint.size, |tile| match self.tiles.tile(tile) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                failed.borrow_mut().get_or_insert(error);
                None
            }
        });
        if let Some(error) = failed.into_inner() {
            return Err(error.into());
        }
        let by_tiles = by_tiles.is_ok_and(|root: Hash| root == checkpoint.root);
        let place = self.unlike.map_or("the tree".to_owned(), |index| format!("leaf {index}"));
        if !by_entries {
            let size = checkpoint.size;
            self.found(
                Fault::AlteredEntry,
                format!("{place}: the entries do not give the signed root of {size} leaves"),
            );
        }
        if !by_tiles || (by_entries && self.unlike.is_some()) {
            self.found(Fault::AlteredTile, format!("{place}: the tiles do not give the signed root"));
        }
        Ok(())
    }
}
