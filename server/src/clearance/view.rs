//! View: the registered statements as the log stands, in up to three parts: a mapped base, what was compiled since, and the newest.
//!
//! Every part is a `Lookup` and finds more than it must, never less; the union of them is one ledger, and `decide` hears it in log
//! order whatever part a statement stands in. An earlier state of the log is the same view without what came later: what was
//! established of a statement when it joined the log does not change.

use std::sync::Arc;

use cleartitle_schema::acquisition::{Acquisition, Keys};
use cleartitle_schema::api::DecisionRequest;
use cleartitle_schema::decide::{Decision, Question, decide};
use cleartitle_schema::evidence::{Lookup, Registered, gather};
use cleartitle_schema::id::StatementId;
use cleartitle_schema::snapshot::VerifiedSnapshot;
use cleartitle_schema::statement::Kind;
use cleartitle_schema::time::Timestamp;
use memmap2::Mmap;

use super::ClearanceError;
use super::newest::Newest;
use super::ruled::Rulings;

/// Where a compiled part lies.
pub enum Bytes {
    /// In a file of the snapshots' folder.
    Mapped(Mmap),
    /// In memory.
    Held(Vec<u8>),
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Mapped(bytes) => bytes,
            Self::Held(bytes) => bytes,
        }
    }
}

/// Compiled statements.
pub type Part = VerifiedSnapshot<Bytes>;

/// The statements as the log stands.
#[derive(Default)]
pub struct View {
    /// The number of leaves.
    pub size: u64,
    /// The statements of the first leaves, and those that were compiled since.
    pub parts: Vec<Arc<Part>>,
    /// The newest.
    pub newest: Newest,
    /// What was ruled by these; by an earlier view too, where what came since changes none of it.
    pub rulings: Arc<Rulings>,
}

impl View {
    /// A view of these statements, by which nothing was ruled yet.
    #[must_use]
    pub fn new(size: u64, parts: Vec<Arc<Part>>, newest: Newest) -> Self {
        Self { size, parts, newest, rulings: Arc::default() }
    }

    /// The same parts with these statements behind the newest, and so many leaves.
    ///
    /// What was ruled stays where none of them changes how another is judged: all that names no other statement finds its copies by a place
    /// of its own, which is in no key that was written before; and what stood at a place stands there still. Whoever would attack: a
    /// withdrawal that is not heard. A statement that names one, binds a key or erases begins a memory that knows nothing.
    #[must_use]
    pub fn grown(&self, size: u64, more: Vec<Arc<Registered>>) -> Self {
        let alone = |registered: &Arc<Registered>| {
            let statement = &registered.statement;
            let kinds =
                [Kind::Reservation, Kind::Grant, Kind::Observation, Kind::Offer, Kind::Agreement, Kind::Manifest];
            statement.names().is_empty() && kinds.contains(&statement.kind())
        };
        let rulings = if more.iter().all(alone) { Arc::clone(&self.rulings) } else { Arc::default() };
        let mut newest = self.newest.clone();
        newest.extend(more);
        Self { size, parts: self.parts.clone(), newest, rulings }
    }
}

/// One state of the log, ready for questions.
#[derive(Clone)]
pub struct State {
    /// The number of leaves; the view may know more.
    pub size: u64,
    pub(super) view: Arc<View>,
}

impl State {
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
        let evidence = gather(self, &question.acquisition);
        if let Some(damage) = self.view.parts.iter().find_map(|part| part.damage()) {
            return Err(ClearanceError::Compile(format!("{damage:?}")));
        }
        Ok(decide(&question, &evidence, &request.reading.unwrap_or_default()))
    }

    fn found(&self, find: impl Fn(&dyn Lookup) -> Vec<Arc<Registered>>) -> Vec<Arc<Registered>> {
        let parts = self.view.parts.iter().map(|part| &**part as &dyn Lookup);
        let mut found: Vec<_> = parts.chain([&self.view.newest as &dyn Lookup]).flat_map(find).collect();
        found.retain(|registered| registered.index < self.size);
        found
    }
}

impl Lookup for State {
    fn covering(&self, keys: &Keys) -> Vec<Arc<Registered>> {
        self.found(|part| part.covering(keys))
    }

    fn naming(&self, id: &StatementId) -> Vec<Arc<Registered>> {
        self.found(|part| part.naming(id))
    }
}
