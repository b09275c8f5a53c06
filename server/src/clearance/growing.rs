//! Growing: how the view follows the log, and when what it holds in memory is compiled, and when the base is made anew.
//!
//! Who would attack: whoever registers much to make every question slow (the newest are few before they are compiled) or to fill
//! memory (what is not in the base is bounded by number and by bytes, and a start with more makes a base first).

use std::sync::{Arc, MutexGuard, PoisonError};

use cleartitle_schema::evidence::Registered;
use cleartitle_schema::snapshot::{self, Snapshot};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::hash::empty_root;

use super::newest::Newest;
use super::view::{Bytes, Part, View};
use super::{ClearanceError, Shared};
use crate::snapshots::Ready;
use crate::store::Page;

/// When what is in memory is compiled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// How many of the newest statements every question looks through before they are compiled.
    pub newest: usize,
    /// How many statements in memory make a new base.
    pub rebase: usize,
    /// About how many bytes of them do, whatever the base.
    pub bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { newest: 64, rebase: 20_000, bytes: 256 << 20 }
    }
}

/// Of a large base, this part of its number makes a new one: making one costs time by its size.
const REBASE_PART: usize = 10;

/// How many statements are read at once.
const PAGE: usize = 500;

/// The statements since the base, in log order.
#[derive(Default)]
pub(super) struct Growing {
    bounds: Bounds,
    since: Vec<Arc<Registered>>,
    bytes: usize,
    /// How many of them the view's middle part holds.
    compiled: usize,
    base: Option<Arc<Part>>,
    /// The leaves that the base covers.
    base_size: u64,
}

impl Growing {
    pub(super) fn within(bounds: Bounds) -> Self {
        Self { bounds, ..Self::default() }
    }

    /// Whether there is enough to compile.
    pub(super) fn wants_compiling(&self) -> bool {
        self.since.len() - self.compiled >= self.bounds.newest || self.wants_a_base()
    }

    fn wants_a_base(&self) -> bool {
        let part = self.base.as_ref().map_or(0, |base| base.len() / REBASE_PART);
        self.since.len() >= self.bounds.rebase.max(part) || self.bytes >= self.bounds.bytes
    }

    fn newest(&self) -> Newest {
        let mut newest = Newest::default();
        newest.extend(self.since[self.compiled..].iter().cloned());
        newest
    }

    fn rest_on(&mut self, base: Part, size: u64) {
        self.since.retain(|registered| registered.index >= size);
        self.bytes = self.since.iter().map(|registered| weight(registered)).sum();
        (self.base, self.base_size, self.compiled) = (Some(Arc::new(base)), size, 0);
    }
}

/// About how many bytes of memory a statement takes.
fn weight(registered: &Registered) -> usize {
    let named = registered.statement.scope().map_or(0, |scope| scope.include.len() + scope.exclude.len());
    1024 + 160 * named
}

impl Shared {
    /// Reads what the view does not know yet, and shows it.
    pub(super) fn catch_up(&self, growing: &mut Growing, view: &View, head: u64) -> Result<Arc<View>, ClearanceError> {
        let rebase = growing.bounds.rebase as u64;
        let based = self.ahead(view.size, head, rebase)?.map(|(base, size)| {
            growing.rest_on(base, size);
            View::new(size, growing.base.iter().cloned().collect(), Newest::default())
        });
        let view = based.as_ref().unwrap_or(view);
        let mut size = view.size;
        // Taken in at once or not at all: what a failure cut short would be read, and kept, a second time.
        let mut read = Vec::new();
        while size < head {
            let page = Page { from: size, below: Some(head), limit: PAGE, ..Page::default() };
            let more = self.store.statements(&page)?;
            size = match more.last() {
                Some(last) if more.len() == PAGE => last.registered.index + 1,
                _ => head,
            };
            read.extend(more.into_iter().map(|stored| Arc::new(stored.registered)));
        }
        growing.bytes += read.iter().map(|registered| weight(registered)).sum::<usize>();
        growing.since.extend(read.iter().cloned());
        let view = Arc::new(view.grown(size, read));
        self.show(Arc::clone(&view));
        Ok(view)
    }

    /// A base of its own for whoever is too far behind to read all that came: the newest snapshot that lies here, or where too
    /// much came since, one that is made now. Memory is bounded so, at a start and after a flood.
    fn ahead(&self, size: u64, head: u64, rebase: u64) -> Result<Option<(Part, u64)>, ClearanceError> {
        let lying = if size == 0 { self.snapshots.newest_lying() } else { None };
        if let Some(ready) = lying.filter(|ready| ready.size <= head && head - ready.size < rebase) {
            match mapped(&ready) {
                Ok(base) => return Ok(Some((base, ready.size))),
                Err(error) => tracing::warn!(%error, "a snapshot of the folder is made anew"),
            }
        }
        if head - size < rebase { Ok(None) } else { self.new_base().map(Some) }
    }

    /// A base over the newest checkpoint.
    fn new_base(&self) -> Result<(Part, u64), ClearanceError> {
        let newest = self.store.latest_checkpoint()?;
        let ready = self.snapshots.at(newest.map_or(0, |checkpoint| checkpoint.size))?;
        Ok((mapped(&ready)?, ready.size))
    }
}

/// What there is to compile.
pub(super) enum Job {
    /// What is in memory, so many statements, over a base of this size.
    Middle(Vec<Arc<Registered>>, u64),
    /// All of it.
    Base,
}

fn growing(shared: &Shared) -> MutexGuard<'_, Growing> {
    shared.growing.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next job; none where nothing is worth it.
pub(super) fn next_job(shared: &Shared) -> Option<Job> {
    let growing = growing(shared);
    if growing.wants_a_base() {
        Some(Job::Base)
    } else if growing.wants_compiling() {
        Some(Job::Middle(growing.since.clone(), growing.base_size))
    } else {
        None
    }
}

impl Job {
    /// Does it, beside the questions, and shows what came of it.
    pub(super) fn done(self, shared: &Shared) -> Result<(), ClearanceError> {
        match self {
            Self::Base => {
                let (base, size) = shared.new_base()?;
                let mut growing = growing(shared);
                // A question may have made a newer one meanwhile, and what lies between the two is kept for neither.
                if size >= growing.base_size {
                    growing.rest_on(base, size);
                    show(shared, &growing, None);
                }
            }
            Self::Middle(statements, base_size) => {
                let middle = Arc::new(compiled(&statements)?);
                let mut growing = growing(shared);
                if growing.base_size == base_size {
                    growing.compiled = statements.len();
                    show(shared, &growing, Some(middle));
                }
            }
        }
        Ok(())
    }
}

/// Shows the same statements in other parts, or more where a base was made of a log that had grown meanwhile.
fn show(shared: &Shared, growing: &Growing, middle: Option<Arc<Part>>) {
    let parts = growing.base.iter().cloned().chain(middle).collect();
    let size = shared.newest().size.max(growing.base_size);
    shared.show(Arc::new(View::new(size, parts, growing.newest())));
}

/// A snapshot of the folder, mapped and held against the hash that its note signs.
fn mapped(ready: &Ready) -> Result<Part, ClearanceError> {
    let failed = |error: &dyn std::fmt::Display| ClearanceError::Compile(error.to_string());
    let body = Bytes::Mapped(ready.map().map_err(|error| failed(&error))?);
    let snapshot = Snapshot::open(body).map_err(|error| failed(&error))?;
    snapshot.verify_hash(&ready.body_hash).map_err(|error| failed(&error))
}

/// Statements compiled in memory.
fn compiled(statements: &[Arc<Registered>]) -> Result<Part, ClearanceError> {
    let failed = |error: &dyn std::fmt::Display| ClearanceError::Compile(error.to_string());
    // Never leaves the process, so that only order matters of the head; published snapshots name the log's own.
    let (size, time) = statements.last().map_or((0, Timestamp::MIN), |last| (last.index + 1, last.registered_at));
    let head = snapshot::Head { origin: "in-memory.example".to_owned(), size, root: empty_root(), time };
    let mut body = Vec::new();
    let built = snapshot::build(statements, &head, &snapshot::Tables::default(), &mut body);
    let built = built.map_err(|error| failed(&error))?;
    let snapshot = Snapshot::open(Bytes::Held(body)).map_err(|error| failed(&error))?;
    snapshot.verify_hash(&built.body_hash).map_err(|error| failed(&error))
}
