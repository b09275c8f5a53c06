//! Ruled: decisions that are made once for all questions alike, with the bytes that answer them.
//!
//! Rulings belong to one view of the log, and to those after it of which `View::grown` says so. Who would
//! attack: whoever asks in ever new ways to fill memory (rulings are bounded by bytes, ways of asking by number and bytes), and whoever
//! hopes for another's answer (what is asked beside the copy is compared whole, never by a hash).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use cleartitle_schema::acquisition::Keys;
use cleartitle_schema::api::{DecisionRequest, DecisionRow};
use cleartitle_schema::decide::{Asker, Decision, Reason, Verdict};
use cleartitle_schema::memo::{Memo, Plain};
use cleartitle_schema::policy::Reading;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::{Artefact, Use};
use smallvec::SmallVec;

use super::row;

/// About the most memory of one view's rulings: for the statements that speak for copies alike, and for the rulings.
const GROUP_BYTES: usize = 1 << 30;
const RULING_BYTES: usize = 96 << 20;

/// How many ways of asking are told apart at once, and how many bytes of texts one of them may have; what is asked in a longer one is not remembered.
const ASKINGS: usize = 256;
const ASKING_BYTES: usize = 8 << 10;

/// What a question asks beside its copy and its time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asking {
    /// Who asks.
    pub asker: Asker,
    /// For what.
    pub category: Use,
    /// Where the copying takes place.
    pub territory: Option<String>,
    /// For which model.
    pub model: Option<String>,
    /// About keeping what an earlier use left behind.
    pub artefact: Option<Artefact>,
    /// Whose evidence counts.
    pub reading: Option<Reading>,
}

impl Asking {
    /// What a request asks.
    #[must_use]
    pub fn of(request: &DecisionRequest) -> Self {
        let DecisionRequest { asker, category, territory, model, artefact, reading, .. } = request;
        Self {
            asker: asker.clone(),
            category: *category,
            territory: territory.clone(),
            model: model.clone(),
            artefact: *artefact,
            reading: reading.clone(),
        }
    }
}

impl Asking {
    /// Whether a request asks in this way.
    fn is_of(&self, request: &DecisionRequest) -> bool {
        let Self { asker, category, territory, model, artefact, reading } = self;
        *asker == request.asker
            && *category == request.category
            && *territory == request.territory
            && *model == request.model
            && *artefact == request.artefact
            && *reading == request.reading
    }

    fn is_short(&self) -> bool {
        let texts = self.territory.as_ref().map_or(0, String::len) + self.model.as_ref().map_or(0, String::len);
        let reading = self.reading.as_ref().map_or(0, |reading| json(reading).len());
        texts + reading <= ASKING_BYTES
    }
}

/// A way of asking, as one view's rulings know it.
#[derive(Debug)]
pub struct Known {
    /// The way.
    pub asking: Asking,
    /// Never given to another one.
    pub(super) number: u64,
    pub(super) reading: Reading,
}

/// A question about a plain copy, ready to be looked up.
#[derive(Debug)]
pub struct Asked {
    /// The copy's keys.
    pub keys: Keys,
    /// The copy.
    pub copy: Plain,
    /// When the use takes place.
    pub used_at: Timestamp,
    /// What is asked.
    pub known: Arc<Known>,
}

/// The numbers that were given, by all views together: one that a view gave means nothing to another.
static GIVEN: AtomicU64 = AtomicU64::new(0);

/// The rulings of one view.
pub struct Rulings {
    pub(super) memo: Memo<Ruled>,
    askings: Mutex<HashMap<Asking, Arc<Known>>>,
    /// How somebody asked last: most ask alike.
    last: RwLock<Option<Arc<Known>>>,
}

impl Default for Rulings {
    fn default() -> Self {
        Self { memo: Memo::within(GROUP_BYTES, RULING_BYTES), askings: Mutex::default(), last: RwLock::default() }
    }
}

impl Rulings {
    /// The way in which a request asks, by its number; `None` as for [`Rulings::known`].
    #[must_use]
    pub fn known_of(&self, request: &DecisionRequest) -> Option<Arc<Known>> {
        if let Some(last) = &*self.last.read().unwrap_or_else(PoisonError::into_inner)
            && last.asking.is_of(request)
        {
            return Some(Arc::clone(last));
        }
        let known = self.known(&Asking::of(request))?;
        *self.last.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&known));
        Some(known)
    }

    /// A way of asking by its number; `None` for one that is too long to be remembered.
    #[must_use]
    pub fn known(&self, asking: &Asking) -> Option<Arc<Known>> {
        if !asking.is_short() {
            return None;
        }
        let mut askings = self.askings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = askings.get(asking) {
            return Some(Arc::clone(known));
        }
        if askings.len() >= ASKINGS {
            // Their numbers are not given again, so that nobody finds what was ruled under them.
            askings.clear();
        }
        let number = GIVEN.fetch_add(1, Ordering::Relaxed);
        let reading = asking.reading.clone().unwrap_or_default();
        let known = Arc::new(Known { asking: asking.clone(), number, reading });
        askings.insert(asking.clone(), Arc::clone(&known));
        Some(known)
    }
}

/// A decision with the bytes that answer all questions alike.
#[derive(Debug)]
pub struct Ruled {
    decision: Decision,
    /// The row of a batch as JSON, without the end of its line.
    line: Box<[u8]>,
    /// The whole decision as JSON.
    whole: OnceLock<Box<[u8]>>,
    columns: OnceLock<Columns>,
}

/// A row of a table, in two places of memory: here, and where its texts are.
#[derive(Debug)]
pub struct Columns {
    /// The verdict.
    pub verdict: Verdict,
    /// The reason codes, those that decided first.
    pub reasons: SmallVec<[Reason; 16]>,
    /// The statements that the reasons name, sorted; all of them in one text.
    statements: Box<str>,
}

/// How many bytes the id of a statement has as a text.
const ID: usize = "statement:".len() + 64;

impl Columns {
    /// The statements that the reasons name, sorted.
    pub fn statements(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.statements.len() / ID)
            .map(|place| self.statements.get(place * ID..(place + 1) * ID).unwrap_or_default())
    }
}

/// As what many answers are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Rows of JSON.
    Lines,
    /// Columns of a table.
    Columns,
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

impl Ruled {
    /// A decision, ready to be told.
    #[must_use]
    pub fn new(decision: Decision) -> Self {
        let line = json(&row(&decision)).into();
        Self { decision, line, whole: OnceLock::new(), columns: OnceLock::new() }
    }

    /// The decision.
    #[must_use]
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }

    /// The whole decision as JSON.
    #[must_use]
    pub fn whole(&self) -> &[u8] {
        self.whole.get_or_init(|| json(&self.decision).into())
    }

    /// The row of a table.
    #[must_use]
    pub fn columns(&self) -> &Columns {
        self.columns.get_or_init(|| {
            let DecisionRow { reasons, statements, .. } = row(&self.decision);
            let statements: String = statements.iter().map(ToString::to_string).collect();
            Columns { verdict: self.decision.verdict, reasons: reasons.into(), statements: statements.into() }
        })
    }

    /// Asks, step by step, for the memory of the row of a batch.
    pub(super) fn touch(&self, told: Told, step: usize) -> u8 {
        let all = |bytes: &[u8]| bytes.iter().step_by(64).fold(0, |all, byte| all ^ byte);
        match (told, step, self.columns.get()) {
            (Told::Lines, 0, _) => u8::from(self.line.is_empty()),
            (Told::Lines, ..) => all(&self.line),
            (Told::Columns, 0, columns) => {
                columns.map_or(0, |columns| columns.verdict as u8 ^ columns.reasons.len() as u8)
            }
            (Told::Columns, _, Some(columns)) => all(columns.statements.as_bytes()),
            (Told::Columns, _, None) => 0,
        }
    }

    /// Writes the row of a batch as JSON.
    pub fn write(&self, explain: bool, out: &mut Vec<u8>) {
        // A row always has its verdict, so that there is a member to go on behind.
        match self.line.strip_suffix(b"}") {
            Some(members) if explain => {
                out.extend_from_slice(members);
                out.extend_from_slice(b",\"decision\":");
                out.extend_from_slice(self.whole());
                out.push(b'}');
            }
            _ => out.extend_from_slice(&self.line),
        }
    }

    /// About how many bytes it takes, what is made later included.
    pub(super) fn weight(&self) -> usize {
        let Decision { reasons, duties, voices, .. } = &self.decision;
        512 + 2 * self.line.len() + 512 * reasons.len() + 640 * duties.len() + 128 * voices.len()
    }
}
