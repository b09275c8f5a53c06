//! Labels of other standards as categories of [`Use`]: one table a standard, one file a table, each with source and date.
//!
//! Deliberately absent: syntax (the parsers in `signals` read it) and precedence (each standard's own, then `decide`).

pub mod ai_txt;
pub mod aipref;
pub mod cawg;
pub mod content_signal;
pub mod plus;
pub mod robots;
pub mod rsl;
pub mod tdmrep;
pub mod trust_txt;
pub mod x_robots;

use super::{Preference, Use};

/// What one label of one standard covers of our categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// The label as its specification writes it.
    pub word: &'static str,
    /// Uses that the label covers whole. Permission and prohibition carry over.
    pub covers: &'static [Use],
    /// Uses that it covers in part. Only a prohibition carries over: leave for a part is not leave for the whole.
    pub touches: &'static [Use],
}

impl Label {
    /// The uses that a preference for this label speaks of, sorted. Empty where the label's own category has none of ours,
    /// or a permission covers none of them whole.
    #[must_use]
    pub fn uses(&self, preference: Preference) -> Vec<Use> {
        let partly = if preference == Preference::Disallowed { self.touches } else { &[] };
        let mut uses: Vec<Use> = self.covers.iter().chain(partly).copied().collect();
        uses.sort_unstable();
        uses.dedup();
        uses
    }
}

/// The row of a table for a label, compared exactly.
#[must_use]
pub fn find<'t>(table: &'t [Label], word: &str) -> Option<&'t Label> {
    table.iter().find(|label| label.word == word)
}
