//! Audit: everything that the log claims, recomputed from its leaves; findings are data, and none is fatal to the next.

pub mod objects;
mod usage;

use std::collections::{BTreeMap, HashMap};

use cleartitle_schema::erasure::Remains;
use cleartitle_schema::fault::Fault;
use cleartitle_schema::id::{BlobId, Commitment, KeyId, ListId, StatementId};
use cleartitle_schema::leaf::{Leaf, LeafKind, Published};
use cleartitle_schema::signed::{key_id, open_statement, parse_public_key};
use cleartitle_schema::statement::{Body, ListRole, Statement};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::checkpoint::Checkpoint;
use cleartitle_schema::tlog::cosignature::WitnessVerifier;
use cleartitle_schema::tlog::frontier::Frontier;
use cleartitle_schema::tlog::hash::{Hash, leaf_hash};
use cleartitle_schema::tlog::note::{Note, NoteSignature, NoteVerifier};
use cleartitle_schema::tlog::proof::{inclusion_in, verify_inclusion};
use cleartitle_schema::tlog::tile::{TileId, TileTree};
use ed25519_dalek::VerifyingKey;
use serde::Serialize;

use crate::claims;
use crate::log::tile_reader;
use crate::objects::evidence::lies_elsewhere;
use crate::provenance::{same_list, signed_by};
use crate::store::database::Database;
use crate::store::witnessed::Cosigned;
use crate::store::{SignedHead, StoreError};

/// The most findings that are reported; a log with more is as damaged.
const MAX_FINDINGS: usize = 1000;

/// What an audit looked at and what it found wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The log's origin.
    pub origin: String,
    /// Leaves read, each parsed, in time order, and part of every later checkpoint.
    pub leaves: u64,
    /// Checkpoints whose signature and root were recomputed.
    pub checkpoints: u64,
    /// Published statements, opened with the keys bound when they were registered.
    pub statements: u64,
    /// Sealed leaves.
    pub sealed: u64,
    /// Those of them whose envelope is held for its parties; each was opened.
    pub held: u64,
    /// Leaves whose blob is gone and whose erasure the log explains.
    pub erased: u64,
    /// Receipts made and verified, each under its first checkpoint and under the newest.
    pub receipts: u64,
    /// Bulk lists whose digest was recomputed.
    pub lists: u64,
    /// Blobs of evidence whose digest was recomputed.
    pub blobs: u64,
    /// Blobs of evidence that lie among objects, which were not looked at.
    pub elsewhere: u64,
    /// Objects that were held against the store.
    pub objects: u64,
    /// Usage reports that are held; each was opened.
    pub usage_reports: u64,
    /// Those of them that no leaf proves: a crash came between, and nobody was told.
    pub usage_unproven: u64,
    /// Cosignatures of witnesses, each checked against its checkpoint.
    pub cosignatures: u64,
    /// What is wrong; empty when all is right.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Adds a finding, while there is room for more.
    fn found(&mut self, code: Fault, what: String) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(Finding { code, what });
        }
    }

    /// The verdict in a line, with what was looked at.
    #[must_use]
    pub fn line(&self) -> String {
        let objects = if self.objects == 0 { String::new() } else { format!(" {} objects,", self.objects) };
        let elsewhere = match self.elsewhere {
            0 => String::new(),
            count => format!(", {count} blobs not looked at, which lie among the objects"),
        };
        let erased = if self.erased == 0 { String::new() } else { format!(" {} erased,", self.erased) };
        let verdict = if self.findings.is_empty() { "all is right" } else { "DAMAGED" };
        format!(
            "audit: {} leaves, {} statements,{erased} {} receipts, {} checkpoints, {} lists,{objects} {} blobs{elsewhere}: {verdict}",
            self.leaves, self.statements, self.receipts, self.checkpoints, self.lists, self.blobs
        )
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its stable code.
    pub code: Fault,
    /// What it is about.
    pub what: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.what, self.code)
    }
}

/// A checkpoint, and the tree that the tiles give below it.
struct Covering<'s> {
    root: Hash,
    tree: TileTree<Tiles<'s>>,
}

type Tiles<'s> = Box<dyn Fn(TileId) -> Option<Vec<u8>> + 's>;

impl<'s> Covering<'s> {
    fn new(store: &'s dyn Database, size: u64, root: Hash) -> Result<Self, String> {
        let tree = TileTree::new(size, Box::new(tile_reader(store)) as Tiles<'s>).map_err(|error| error.to_string())?;
        Ok(Self { root, tree })
    }

    /// Proves the leaf from the tiles, and checks the proof as whoever holds the receipt does.
    fn holds(&self, index: u64, leaf: &Hash) -> Result<(), String> {
        let proof = inclusion_in(&self.tree, index).map_err(|error| error.to_string())?;
        verify_inclusion(index, self.tree.size(), leaf, &proof, &self.root).map_err(|error| error.to_string())
    }
}

struct Auditor<'s> {
    store: &'s dyn Database,
    log: &'s NoteVerifier,
    report: Report,
    keys: HashMap<KeyId, VerifyingKey>,
    frontier: Frontier,
    last: Timestamp,
    due: Vec<SignedHead>,
    newest: Option<Covering<'s>>,
    /// The first checkpoint that covers the leaf in hand.
    covering: Option<Covering<'s>>,
    /// Public leaves whose blob is gone, until their erasure is read.
    missing: BTreeMap<Commitment, u64>,
    /// How many findings there were when a checkpoint last covered the leaves.
    settled: usize,
}

/// Audits the log as the store holds it.
///
/// # Errors
/// [`StoreError`] when the store can't be read at all; damage within it is a finding.
pub fn audit(store: &dyn Database, log: &NoteVerifier) -> Result<Report, StoreError> {
    let report = Report { origin: log.name().to_owned(), ..Report::default() };
    let newest = store.latest_checkpoint()?.map(|newest| Covering::new(store, newest.size, newest.root));
    let newest = newest.transpose().map_err(StoreError::Damaged)?;
    let mut auditor = Auditor {
        store,
        log,
        report,
        keys: HashMap::new(),
        frontier: Frontier::default(),
        last: Timestamp::MIN,
        due: store.checkpoints(None)?,
        newest,
        covering: None,
        missing: BTreeMap::new(),
        settled: 0,
    };
    auditor.walk()?;
    auditor.evidence()?;
    auditor.usage()?;
    auditor.unexplained();
    match store.compare_with_rebuilt() {
        Ok(rebuilt) => {
            for table in rebuilt.differing {
                let code = if table == "tiles" { Fault::AlteredTile } else { Fault::AlteredProjection };
                auditor.found(code, format!("`{table}` differs from what the leaves and blobs give"));
            }
        }
        // That there was no room to make them says nothing of them.
        Err(error @ StoreError::Full(_)) => return Err(error),
        Err(error) => auditor.found(Fault::Damaged, format!("projections can't be made again: {error}")),
    }
    if let Err(error) = store.check_sound() {
        auditor.found(Fault::Damaged, error.to_string());
    }
    Ok(auditor.report)
}

/// Whether a cosignature is by the witness that it is kept for, over this checkpoint.
fn cosigns(cosigned: &Cosigned, head: &SignedHead) -> Result<(), String> {
    let witness = WitnessVerifier::parse(&cosigned.witness).map_err(|error| error.to_string())?;
    let note = Note::parse(head.note.as_bytes()).map_err(|error| error.to_string())?;
    let lines = NoteSignature::parse_lines(cosigned.line.as_bytes()).map_err(|error| error.to_string())?;
    let line = lines.first().filter(|_| lines.len() == 1).ok_or("it is not one line")?;
    match witness.verify(note.text(), line).map_err(|error| error.to_string())? {
        Some(time) if time == cosigned.time && witness.operator() == cosigned.operator => Ok(()),
        Some(_) => Err("it is kept with another time or operator".to_owned()),
        None => Err("it is by another key".to_owned()),
    }
}

impl Auditor<'_> {
    fn found(&mut self, code: Fault, what: String) {
        self.report.found(code, what);
    }

    fn walk(&mut self) -> Result<(), StoreError> {
        self.checkpoints()?;
        loop {
            let from = self.report.leaves;
            let leaves = self.store.leaves(from..from + 1024)?;
            if leaves.is_empty() {
                break;
            }
            for leaf in &leaves {
                self.frontier.push(leaf_hash(leaf));
                self.leaf(leaf)?;
                self.report.leaves += 1;
                self.checkpoints()?;
            }
        }
        if let Some(beyond) = self.due.first().map(|checkpoint| checkpoint.size) {
            self.found(
                Fault::Rollback,
                format!("a checkpoint covers {beyond} leaves, there are {}", self.report.leaves),
            );
        }
        if self.newest.as_ref().is_none_or(|newest| newest.tree.size() != self.report.leaves) {
            self.found(Fault::Rollback, format!("no checkpoint covers all of the {} leaves", self.report.leaves));
        }
        Ok(())
    }

    /// What is gone without a tombstone was lost or suppressed.
    fn unexplained(&mut self) {
        for index in std::mem::take(&mut self.missing).into_values() {
            self.found(Fault::AlteredBytes, format!("the blob of leaf {index} is gone, and no erasure says why"));
        }
    }

    /// An erasure explains a blob that is gone, and one that is not gone accuses it. What remains must be there to be read.
    fn erasure(&mut self, index: u64, statement: &Statement) -> Result<(), StoreError> {
        let Body::Erasure { commitment, remains, .. } = &statement.body else { return Ok(()) };
        if self.missing.remove(commitment).is_some() {
            self.report.erased += 1;
        } else if self.store.published(commitment)?.is_some() || self.store.sealed_blob(commitment)?.is_some() {
            let what = format!("what erasure {index} names is still here: run `cleartitle-server erase` again");
            self.found(Fault::AlteredBytes, what);
        } else {
            self.report.erased += 1;
        }
        let Some(remains) = remains else { return Ok(()) };
        let bytes = self.store.blob(remains)?.unwrap_or_default();
        match Remains::parse(&bytes) {
            Ok(remains) if remains.commitment == *commitment => {}
            _ => self.found(Fault::AlteredBytes, format!("what remains by erasure {index} is not there")),
        }
        Ok(())
    }

    /// Every blob of evidence against its name.
    fn evidence(&mut self) -> Result<(), StoreError> {
        let mut last: Option<BlobId> = None;
        loop {
            let page = self.store.blobs(last.as_ref())?;
            let Some(end) = page.last() else { return Ok(()) };
            last = Some(*end);
            for blob in page {
                match self.store.blob(&blob)? {
                    Some(bytes) if BlobId::of(&bytes) == blob => self.report.blobs += 1,
                    Some(bytes) if lies_elsewhere(&blob, &bytes) => self.report.elsewhere += 1,
                    _ => self
                        .found(Fault::AlteredBytes, format!("evidence `{blob}` has other bytes than its digest says")),
                }
            }
        }
    }

    /// Checks the checkpoints over just the leaves read so far.
    fn checkpoints(&mut self) -> Result<(), StoreError> {
        while self.due.first().is_some_and(|checkpoint| checkpoint.size == self.report.leaves) {
            let kept = self.due.remove(0);
            if self.due.is_empty() {
                self.due = self.store.checkpoints(Some(kept.size))?;
            }
            self.report.checkpoints += 1;
            let root = self.frontier.root();
            let size = kept.size;
            match Checkpoint::open(kept.note.as_bytes(), self.log.name(), std::slice::from_ref(self.log)) {
                Ok(signed) if signed.size == size && signed.root == root && kept.root == root => {}
                Ok(_) => {
                    // What did not fit under this checkpoint was then no fault of the tiles.
                    let settled = self.settled.min(self.report.findings.len());
                    for finding in &mut self.report.findings[settled..] {
                        if finding.code == Fault::AlteredTile {
                            finding.code = Fault::AlteredEntry;
                        }
                    }
                    let what = format!("checkpoint {size} does not cover the leaves: the log was rewritten");
                    self.found(Fault::AlteredEntry, what);
                }
                Err(error) => self.found(Fault::WrongSignature, format!("checkpoint {size}: {error}")),
            }
            self.settled = self.report.findings.len();
            for cosigned in self.store.cosignatures(size)? {
                match cosigns(&cosigned, &kept) {
                    Ok(()) => self.report.cosignatures += 1,
                    Err(error) => {
                        let who = cosigned.witness.chars().take(200).collect::<String>();
                        self.found(Fault::WrongSignature, format!("checkpoint {size}, witness {who}: {error}"));
                    }
                }
            }
        }
        Ok(())
    }

    fn leaf(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
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
        self.receipt(index, bytes);
        if leaf.kind != LeafKind::Public {
            return self.sealed(index, &leaf);
        }
        let Some(blob) = self.store.published(&leaf.commitment)? else {
            self.missing.insert(leaf.commitment, index);
            return Ok(());
        };
        match Published::parse(&blob) {
            Ok(published) if published.matches(&leaf) => self.statement(index, &published),
            Ok(_) => {
                self.found(Fault::AlteredEntry, format!("blob {index} does not open its leaf"));
                Ok(())
            }
            Err(error) => {
                self.found(Fault::AlteredEntry, format!("blob {index}: {error}"));
                Ok(())
            }
        }
    }

    /// What is held of a sealed leaf opens it, and is signed by keys that were bound. Nothing of it is told.
    fn sealed(&mut self, index: u64, leaf: &Leaf) -> Result<(), StoreError> {
        self.report.sealed += 1;
        let Some(blob) = self.store.sealed_blob(&leaf.commitment)? else { return Ok(()) };
        let opened = Published::parse(&blob).ok().filter(|it| it.commitment() == leaf.commitment);
        let Some(published) = opened else {
            self.found(Fault::AlteredEntry, format!("what is held of the sealed leaf {index} does not open it"));
            return Ok(());
        };
        self.report.held += 1;
        if open_statement(&published.envelope, |id| self.keys.get(id).copied()).is_err() {
            self.found(Fault::WrongSignature, format!("what is held of the sealed leaf {index} is not rightly signed"));
        }
        Ok(())
    }

    /// The first receipt, as whoever registered got it, and the same leaf under the newest checkpoint.
    fn receipt(&mut self, index: u64, leaf: &[u8]) {
        let hash = leaf_hash(leaf);
        if let Err(error) = self.first_receipt(index, &hash) {
            self.found(Fault::AlteredTile, format!("receipt {index}: {error}"));
            return;
        }
        match self.newest.as_ref().map(|newest| newest.holds(index, &hash)) {
            None => {}
            Some(Ok(())) => self.report.receipts += 1,
            Some(Err(error)) => {
                self.found(Fault::AlteredTile, format!("leaf {index} under the newest checkpoint: {error}"));
            }
        }
    }

    fn first_receipt(&mut self, index: u64, leaf: &Hash) -> Result<(), String> {
        let covering = match self.covering.take().filter(|it| index < it.tree.size()) {
            Some(covering) => covering,
            None => {
                let covering = self.store.checkpoint_from(index + 1).map_err(|error| error.to_string())?;
                let covering = covering.ok_or_else(|| format!("no checkpoint covers leaf {index}"))?;
                let signed =
                    Checkpoint::open(covering.note.as_bytes(), self.log.name(), std::slice::from_ref(self.log));
                let signed = signed.map_err(|error| error.to_string())?;
                Covering::new(self.store, signed.size, signed.root)?
            }
        };
        covering.holds(index, leaf)?;
        self.covering = Some(covering);
        Ok(())
    }

    fn statement(&mut self, index: u64, published: &Published) -> Result<(), StoreError> {
        let payload = published.envelope.payload();
        let statement = match Statement::parse(payload) {
            Ok(statement) => statement,
            Err(error) => {
                self.found(Fault::AlteredEntry, format!("statement {index}: {error}"));
                return Ok(());
            }
        };
        if let Body::KeyBinding { key, .. } = &statement.body {
            match parse_public_key(key) {
                Ok(key) => _ = self.keys.insert(key_id(&key), key),
                Err(error) => self.found(Fault::AlteredEntry, format!("key binding {index}: {error}")),
            }
        }
        if let Err(error) = open_statement(&published.envelope, |id| self.keys.get(id).copied()) {
            self.found(Fault::WrongSignature, format!("statement {index}: {error}"));
        }
        if statement.log != self.log.name() {
            self.found(Fault::ForeignReceipt, format!("statement {index} is for another log"));
        }
        match self.store.statement(&StatementId::of(payload)) {
            Ok(Some(stored)) if stored.registered.index == index && stored.registered.statement == statement => {}
            Ok(_) => self.found(Fault::AlteredProjection, format!("statement {index} is not found by its id")),
            Err(error) => self.found(Fault::AlteredProjection, format!("statement {index}: {error}")),
        }
        if let Some((list, bytes)) = signed_by(&statement)
            && self.store.list(list)?.is_none()
        {
            let id = StatementId::of(payload);
            match same_list(&|range| self.store.table_bytes(&id, range), bytes, list, &|_| true) {
                Ok(()) => self.report.lists += 1,
                Err(error) => self.found(Fault::AlteredBytes, format!("table {index}: {error}")),
            }
        } else if let Body::Manifest { role: ListRole::Provenance, list, .. } = &statement.body {
            match self.store.list(list)? {
                Some(bytes) if ListId::of(&bytes) == *list => self.report.lists += 1,
                Some(_) => {
                    self.found(Fault::AlteredBytes, format!("list {index} has other bytes than its digest says"))
                }
                None => self.found(Fault::AlteredBytes, format!("list {index} is missing")),
            }
        }
        self.erasure(index, &statement)?;
        if matches!(statement.body, Body::ClaimProof { .. })
            && let Err(error) = claims::evidence::check(self.store, &statement)
        {
            self.found(Fault::AlteredBytes, format!("proof {index}: {error}"));
        }
        self.report.statements += 1;
        Ok(())
    }
}
