//! Clearance: questions answered from the registered statements at one log size; all judging is `decide`'s.
//!
//! For each size the statements are compiled once into a snapshot in memory, by one task while others wait; the latest
//! size and a few earlier ones are kept.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::api::{DecisionRequest, DecisionRow};
use cleartitle_schema::decide::{Decision, Question, decide};
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::snapshot::{self, Snapshot, VerifiedSnapshot};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::hash::empty_root;

use crate::store::{Page, Store, StoreError};
use crate::turns::Turns;

/// How many sizes are kept compiled.
const KEPT: usize = 6;

/// How many compiled sizes there are at once, those in the hands of questions counted. Each is the size of the whole ledger,
/// and a stranger may name as many as the log has leaves.
const MAX_LIVE: usize = 24;

/// How many may wait for a size to be compiled: of the past few, so that the newest is never far behind them.
const WAITING: usize = 64;
const WAITING_FOR_THE_PAST: usize = 8;

/// How many statements are read at once.
const PAGE: usize = 1000;

/// Why a question could not be answered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClearanceError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log has never had this size.
    #[error("the log has {size} leaves, fewer than {asked}")]
    Beyond {
        /// The size that was asked for.
        asked: u64,
        /// The size it has.
        size: u64,
    },
    /// The question names no copy, or two.
    #[error("a question has either a `url` or an `acquisition`")]
    Copy,
    /// Too many states of the log are asked for at once.
    #[error("too many states of the log are asked for at once")]
    Busy,
    /// The statements could not be compiled, or the compiled form is damaged.
    #[error("the statements could not be compiled: {0}")]
    Compile(String),
}

/// Which state of the log a question is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// The newest.
    Latest,
    /// So many leaves.
    Size(u64),
    /// All that was registered by then.
    Time(Timestamp),
}

/// The registered statements at one log size, ready for questions.
pub struct Compiled {
    /// The number of leaves.
    pub size: u64,
    snapshot: VerifiedSnapshot<Vec<u8>>,
}

/// Answers questions.
pub struct Clearance {
    store: Arc<dyn Store>,
    kept: Mutex<Vec<Arc<Compiled>>>,
    statements: Mutex<(u64, Vec<Arc<Registered>>)>,
    turns: Turns,
    live: Mutex<Vec<Weak<Compiled>>>,
}

impl Clearance {
    /// Answers from this store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            kept: Mutex::default(),
            statements: Mutex::default(),
            turns: Turns::default(),
            live: Mutex::default(),
        }
    }

    /// The statements of the log's first `size` leaves, in order. Those read once are kept.
    ///
    /// # Errors
    /// [`ClearanceError::Store`].
    pub fn statements(&self, size: u64) -> Result<Vec<Arc<Registered>>, ClearanceError> {
        let mut known = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        while known.0 < size {
            let page = Page { from: known.0, below: Some(size), limit: PAGE, ..Page::default() };
            let more = self.store.statements(&page)?;
            known.0 = match more.last() {
                Some(last) if more.len() == PAGE => last.registered.index + 1,
                _ => size,
            };
            known.1.extend(more.into_iter().map(|stored| Arc::new(stored.registered)));
        }
        let end = known.1.partition_point(|registered| registered.index < size);
        Ok(known.1[..end].to_vec())
    }

    /// The compiled statements of one state of the log. Blocks while they are compiled.
    ///
    /// # Errors
    /// [`ClearanceError`].
    pub fn at(&self, as_of: AsOf) -> Result<Arc<Compiled>, ClearanceError> {
        let head = self.store.head()?.map_or(0, |head| head.size);
        let size = match as_of {
            AsOf::Latest => head,
            AsOf::Size(size) if size <= head => size,
            AsOf::Size(asked) => return Err(ClearanceError::Beyond { asked, size: head }),
            AsOf::Time(time) => self.store.size_at(time)?,
        };
        if let Some(compiled) = self.present(size) {
            return Ok(compiled);
        }
        // One compiles, others wait; whoever waited for this very size finds it made. A failure leaves nothing behind.
        let most = if size == head { WAITING } else { WAITING_FOR_THE_PAST };
        let _turn = self.turns.take(most).ok_or(ClearanceError::Busy)?;
        if let Some(compiled) = self.present(size) {
            return Ok(compiled);
        }
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.retain(|compiled| compiled.strong_count() > 0);
        if live.len() >= MAX_LIVE && size != head {
            return Err(ClearanceError::Busy);
        }
        drop(live);
        let compiled = Arc::new(self.compile(size)?);
        self.live.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&compiled));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(Arc::clone(&compiled));
        if kept.len() > KEPT {
            kept.remove(0);
        }
        Ok(compiled)
    }

    /// What is compiled of this size already; it counts as asked for last.
    fn present(&self, size: u64) -> Option<Arc<Compiled>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|compiled| compiled.size == size)?;
        let compiled = kept.remove(place);
        kept.push(Arc::clone(&compiled));
        Some(compiled)
    }

    fn compile(&self, size: u64) -> Result<Compiled, ClearanceError> {
        let statements = self.statements(size)?;
        let failed = |error: &dyn std::fmt::Display| ClearanceError::Compile(error.to_string());
        // Never leaves the process, so that only order matters of the head; published snapshots name the log's own.
        let time = statements.last().map_or(Timestamp::MIN, |last| last.registered_at);
        let head = snapshot::Head { origin: "in-memory.example".to_owned(), size, root: empty_root(), time };
        let mut body = Vec::new();
        let built = snapshot::build(&statements, &head, &snapshot::Tables::default(), &mut body)
            .map_err(|error| failed(&error))?;
        let snapshot = Snapshot::open(body).map_err(|error| failed(&error))?;
        let snapshot = snapshot.verify_hash(&built.body_hash).map_err(|error| failed(&error))?;
        Ok(Compiled { size, snapshot })
    }
}

impl Compiled {
    /// Answers one question; `now` stands in for a time of use that it leaves out.
    ///
    /// # Errors
    /// [`ClearanceError::Copy`], [`ClearanceError::Compile`].
    pub fn answer(&self, request: DecisionRequest, now: Timestamp) -> Result<Decision, ClearanceError> {
        let acquisition = match (request.url, request.acquisition) {
            (Some(url), None) => Acquisition::fetched(&url),
            (None, Some(acquisition)) => acquisition,
            _ => return Err(ClearanceError::Copy),
        };
        let question = Question {
            acquisition,
            asker: request.asker,
            category: request.category,
            used_at: request.used_at.unwrap_or(now),
            territory: request.territory,
            model: request.model,
            artefact: request.artefact,
        };
        let evidence = self.snapshot.gather(&question.acquisition);
        let evidence = evidence.map_err(|damage| ClearanceError::Compile(format!("{damage:?}")))?;
        Ok(decide(&question, &evidence, &request.reading.unwrap_or_default()))
    }
}

/// A decision as a row of a batch.
#[must_use]
pub fn row(decision: Decision, explain: bool) -> DecisionRow {
    let mut reasons = Vec::new();
    let mut statements = Vec::new();
    for finding in &decision.reasons {
        if !reasons.contains(&finding.code) {
            reasons.push(finding.code);
        }
        statements.extend(finding.statement);
    }
    statements.sort();
    statements.dedup();
    let verdict = Some(decision.verdict);
    DecisionRow { verdict, reasons, statements, decision: explain.then_some(decision), error: None }
}
