//! Drift: what became of a data set's entries between the locked state and a newer one, statement by statement.

use super::finding::{Finding, Level};
use super::judge::about;
use super::run::RunError;
use crate::dataset::{Entry, Item, Papers, Place};
use crate::impact::{Change, Changed, Comparison, Tally};
use crate::lineage::{Index, resolve};
use crate::snapshot::Mapped;
use cleartitle_schema::decide::Reason;
use cleartitle_schema::gate_code::GateCode;
use cleartitle_schema::id::StatementId;
use std::collections::BTreeMap;

/// How many entries are named for each statement; all are counted.
const EXAMPLES: usize = 3;

/// How many statements have their entries named.
const MAX_STATEMENTS: usize = 1_000;

/// An entry that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Where it is written.
    pub place: Place,
    /// What it is about.
    pub about: Option<String>,
    /// What changed.
    pub changed: Changed,
}

/// What became of all entries.
#[derive(Debug, Default)]
pub struct Drift {
    /// How many there are.
    pub rows: u64,
    /// How many of them could not be read.
    pub damaged: u64,
    /// Some paper held none.
    pub empty: bool,
    /// What changed, counted.
    pub tally: Tally,
    /// By statement, the first entries that it moved; `None`: time or policy moved them.
    pub examples: BTreeMap<Option<StatementId>, Vec<Example>>,
}

impl Drift {
    /// Compares every entry of the papers; `each` hears of those that changed, and of what can't be read.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn over(
        comparison: &Comparison,
        papers: Papers<'_>,
        index: &Index,
        mut each: impl FnMut(Result<&Example, (&Place, &str)>),
    ) -> Result<Self, RunError> {
        let mut drift = Self::default();
        for paper in papers.paths {
            let before = drift.rows;
            for item in papers.open(paper)? {
                drift.rows += 1;
                let read = |source| RunError::Read { paper: paper.display().to_string(), source };
                let Entry { place, name, copy, .. } = match item.map_err(read)? {
                    Item::Entry(entry) => resolve(*entry, index),
                    Item::NotChecked { .. } => continue,
                    Item::Damage { place, what } => {
                        drift.damaged += 1;
                        each(Err((&place, &what)));
                        continue;
                    }
                };
                let Some(changed) = comparison.of(&copy)? else { continue };
                let example = Example { place, about: about(&copy).or(name), changed };
                each(Ok(&example));
                drift.add(&example);
            }
            drift.empty |= drift.rows == before;
        }
        Ok(drift)
    }

    fn add(&mut self, example: &Example) {
        self.tally.add(&example.changed);
        let statements = example.changed.statements.iter().copied().map(Some);
        let none = example.changed.statements.is_empty().then_some(None);
        for key in statements.chain(none) {
            if self.examples.len() >= MAX_STATEMENTS && !self.examples.contains_key(&key) {
                continue;
            }
            let examples = self.examples.entry(key).or_default();
            if examples.len() < EXAMPLES {
                examples.push(example.clone());
            }
        }
    }
}

/// An entry's change in a line: `cleared -> reserved (rights-reserved)`.
#[must_use]
pub fn in_words(changed: &Changed) -> String {
    let reason = changed.now.reasons.first().copied().map_or("", Reason::word);
    format!("{} -> {} ({reason})", changed.was.verdict, changed.now.verdict)
}

/// The statement in a line: its kind, its issuer, when it was registered; or that it is not in this snapshot.
#[must_use]
pub fn statement(snapshot: &Mapped, id: &StatementId) -> String {
    let registered = snapshot.find(id).ok().flatten().and_then(|place| snapshot.statement(place).ok());
    registered.map_or_else(
        || "no longer in the snapshot".to_owned(),
        |it| {
            let (kind, issuer) = (it.statement.kind(), &it.statement.issuer.domain);
            format!("{kind} by {issuer}, registered {} at index {}", it.registered_at, it.index)
        },
    )
}

/// The finding that an entry which was let through no longer is.
#[must_use]
pub fn finding(example: &Example, snapshot: &Mapped) -> (Finding, Vec<String>) {
    let level = if example.changed.change == Change::Remove { Level::Error } else { Level::Note };
    let named = |id: &StatementId| format!("{id} ({})", statement(snapshot, id));
    let notes = example.changed.statements.iter().take(EXAMPLES).map(named).collect();
    let finding = Finding {
        code: GateCode::ClearanceDrift.word(),
        level,
        place: example.place.clone(),
        about: example.about.clone(),
        message: format!("since the lock: {}", in_words(&example.changed)),
        hint: Some("`cleartitle update` shows what changed and moves the lock".to_owned()),
    };
    (finding, notes)
}
