//! Label: how one word of a format stands for our uses, and which value is true of it, if any.

use super::stance::Stance;
use super::{Loss, Notice, What, listed};
use crate::vocab::{Preference, Use, labels};

/// A word of a format.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label {
    pub word: &'static str,
    /// Uses that it covers whole, the one that it is named for first.
    pub covers: &'static [Use],
    /// Uses that a denial touches too.
    pub touches: &'static [Use],
    /// It stands for many uses at once: one that is permitted keeps it from being written as a denial.
    pub blanket: bool,
}

impl Label {
    /// Rows of the table that the parser of a format reads by, so that what is published is read back the same.
    pub fn rows(table: &[labels::Label], words: &[&str]) -> Vec<Self> {
        let row = |word: &&str| labels::find(table, word);
        let label =
            |row: &labels::Label| Self { word: row.word, covers: row.covers, touches: row.touches, blanket: false };
        words.iter().filter_map(row).map(label).collect()
    }

    /// The value that is true of the label, or that restricts where no value is. Never a permission for more than the
    /// statement permits.
    pub fn value(&self, notice: &Notice, standard: &str, losses: &mut Vec<Loss>) -> Option<Preference> {
        let restricted = self.covers.iter().any(|atom| notice.restricts(*atom));
        let open: Vec<Use> = self.covers.iter().copied().filter(|atom| notice.allows(*atom)).collect();
        let named_for = self.covers.first().is_some_and(|atom| notice.restricts(*atom));
        if restricted && (open.is_empty() || named_for && !self.blanket) {
            self.denied(notice, standard, losses);
            return Some(Preference::Disallowed);
        }
        if open.len() == self.covers.len() {
            return Some(Preference::Allowed);
        }
        if restricted || !open.is_empty() {
            let detail = format!("{} joins {}; it is left out", self.word, listed(self.covers));
            losses.push(Loss::new(standard, What::Split, detail));
        }
        None
    }

    fn denied(&self, notice: &Notice, standard: &str, losses: &mut Vec<Loss>) {
        for atom in self.covers.iter().chain(self.touches) {
            match notice.stances.get(atom) {
                Some(Stance::Reserved) => {}
                Some(Stance::Conditional(_)) => {
                    let detail = format!("{atom}: {} is a denial, the terms have conditions", self.word);
                    losses.push(Loss::new(standard, What::Conditions, detail));
                }
                Some(Stance::Allowed) | None => {
                    let detail = format!("{atom}: {} restricts it too", self.word);
                    losses.push(Loss::new(standard, What::AlsoReserves, detail));
                }
            }
        }
    }
}

/// Uses that the notice speaks of and no label of the format covers.
pub(super) fn unsaid(notice: &Notice, standard: &str, labels: &[Label], losses: &mut Vec<Loss>) {
    let covered = |atom: Use| labels.iter().any(|label| label.covers.contains(&atom));
    let left: Vec<Use> =
        notice.stances.keys().copied().filter(|atom| !covered(*atom) && *atom != Use::Redistribute).collect();
    if !left.is_empty() {
        losses.push(Loss::new(standard, What::Use, format!("{}: no word for it", listed(&left))));
    }
}
