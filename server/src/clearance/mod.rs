//! Clearance: questions answered from the registered statements at one state of the log; all judging is `decide`'s.
//!
//! The statements of most leaves lie compiled in a mapped file, those since in memory. A question about the newest state hears
//! every statement that was acknowledged before it was asked: who commits tells the size before anybody is answered, and a view
//! that is behind it catches up from the store first. Other servers commit to the same store, so that memory alone answers only
//! while the store was heard within the last second: a server that is cut off from it stops answering, and does not go on with
//! what has been withdrawn meanwhile. Compiling goes on beside the questions and changes no answer.
//!
//! What a view has decided it remembers (`ruled`, by `schema::memo`), for all questions that nothing tells apart, and with the
//! bytes that answer them; the next view begins without it where a statement came that changes what others mean, so that none is
//! missed. Many questions are looked up together (`lookup`).

mod growing;
mod lookup;
mod newest;
mod ruled;
pub mod table;
#[cfg(test)]
mod tests;
mod view;

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use cleartitle_schema::api::DecisionRow;
use cleartitle_schema::decide::Decision;
use cleartitle_schema::time::Timestamp;

pub use ruled::{Asked, Asking, Known, Ruled, Told};
pub use view::State;
use view::View;

use crate::changes::News;
use crate::snapshots::{SnapshotError, Snapshots};
use crate::store::{Store, StoreError};
use growing::{Bounds, Growing};

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
    /// More came than memory takes, and no snapshot of it can be made just now.
    #[error("the statements are being compiled; ask again in a moment")]
    Busy,
    /// The statements could not be compiled, or the compiled form is damaged.
    #[error("the statements could not be compiled: {0}")]
    Compile(String),
}

impl From<SnapshotError> for ClearanceError {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Store(error) => Self::Store(error),
            SnapshotError::Busy => Self::Busy,
            other => Self::Compile(other.to_string()),
        }
    }
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

/// What questions and the thread that compiles share.
struct Shared {
    store: Arc<dyn Store>,
    snapshots: Arc<Snapshots>,
    newest: RwLock<Arc<View>>,
    growing: Mutex<Growing>,
}

/// Answers questions.
pub struct Clearance {
    shared: Arc<Shared>,
    news: Arc<News>,
    compile: SyncSender<()>,
}

impl Clearance {
    /// Answers from this store, of a log whose growth is told by `news`.
    ///
    /// # Errors
    /// Whatever starting a thread gives.
    pub fn start(store: Arc<dyn Store>, snapshots: Arc<Snapshots>, news: Arc<News>) -> std::io::Result<Self> {
        Self::within(Bounds::default(), store, snapshots, news)
    }

    fn within(
        bounds: Bounds,
        store: Arc<dyn Store>,
        snapshots: Arc<Snapshots>,
        news: Arc<News>,
    ) -> std::io::Result<Self> {
        let (newest, growing) = (RwLock::default(), Mutex::new(Growing::within(bounds)));
        let shared = Arc::new(Shared { store, snapshots, newest, growing });
        let (compile, asked) = sync_channel(1);
        let compiling = Arc::clone(&shared);
        std::thread::Builder::new().name("compiler".to_owned()).spawn(move || compiling.compile(&asked))?;
        Ok(Self { shared, news, compile })
    }

    /// A state of the log that can be asked without waiting for anything; none where the store must be read first.
    #[must_use]
    pub fn at_once(&self, as_of: AsOf) -> Option<State> {
        let view = self.shared.newest();
        match as_of {
            // In this order: fresh news are told of before they are called fresh.
            AsOf::Latest if view.size > 0 && self.news.are_fresh() && view.size >= self.news.size() => {
                Some(State { size: view.size, view })
            }
            AsOf::Size(size) if size <= view.size => Some(State { size, view }),
            _ => None,
        }
    }

    /// A state of the log. Blocks while the view catches up.
    ///
    /// # Errors
    /// [`ClearanceError`].
    pub fn at(&self, as_of: AsOf) -> Result<State, ClearanceError> {
        if let Some(state) = self.at_once(as_of) {
            return Ok(state);
        }
        let begun = Instant::now();
        let head = self.shared.store.head()?.map_or(0, |head| head.size);
        // Whoever asks next need not ask the store again.
        self.news.looked(begun, head);
        let view = self.caught_up(head)?;
        let size = match as_of {
            AsOf::Latest => view.size,
            AsOf::Size(size) if size <= view.size => size,
            AsOf::Size(asked) => return Err(ClearanceError::Beyond { asked, size: view.size }),
            // What came since the view was caught up is not in it, and not said to be.
            AsOf::Time(time) => self.shared.store.size_at(time)?.min(view.size),
        };
        Ok(State { size, view })
    }

    /// The newest view, which knows at least so many leaves.
    fn caught_up(&self, head: u64) -> Result<Arc<View>, ClearanceError> {
        let view = self.shared.newest();
        if view.size >= head {
            return Ok(view);
        }
        let mut growing = self.shared.growing.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever waited for the lock may find it done.
        let view = self.shared.newest();
        if view.size >= head {
            return Ok(view);
        }
        let view = self.shared.catch_up(&mut growing, &view, head)?;
        if growing.wants_compiling() {
            // Full: it is about to look anyway.
            let _ = self.compile.try_send(());
        }
        Ok(view)
    }
}

impl Shared {
    fn newest(&self) -> Arc<View> {
        Arc::clone(&self.newest.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn show(&self, view: Arc<View>) {
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) = view;
    }

    /// Compiles when it is asked to, until nobody can ask any more.
    fn compile(&self, asked: &Receiver<()>) {
        while asked.recv().is_ok() {
            while let Some(job) = growing::next_job(self) {
                if let Err(error) = job.done(self) {
                    // Answers are as right as before, and only slower; the next statement asks again.
                    tracing::error!(%error, "statements were not compiled");
                    break;
                }
            }
        }
    }
}

/// A decision as a row of a batch.
fn row(decision: &Decision) -> DecisionRow {
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
    DecisionRow { verdict: Some(decision.verdict), reasons, statements, ..DecisionRow::default() }
}

/// Which state a stream of questions is asked of, piece by piece: as the log grows it moves on, and holds no view in between.
/// Where `as_of` was asked for it is that state for good, read in the newest view.
pub struct Following {
    fixed: Option<u64>,
    /// The number of leaves at its begin.
    pub begun_at: u64,
}

impl Following {
    /// From this state on.
    #[must_use]
    pub fn from(state: &State, as_of: AsOf) -> Self {
        let fixed = (as_of != AsOf::Latest).then_some(state.size);
        Self { fixed, begun_at: state.size }
    }

    /// The state for the next piece, never older than what was acknowledged before it. Blocks while the view catches up.
    ///
    /// # Errors
    /// [`ClearanceError`].
    pub fn state(&self, clearance: &Clearance) -> Result<State, ClearanceError> {
        match self.fixed {
            None => clearance.at(AsOf::Latest),
            Some(size) => Ok(State { size, view: clearance.shared.newest() }),
        }
    }
}
