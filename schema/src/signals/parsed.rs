//! Parsed: what one carrier says, as every parser of this folder returns it. Parsers never fail and never panic.

use super::{Complaint, Signal};
use crate::vocab::{AppliesTo, CreditKind};
use serde::{Deserialize, Serialize};

/// Most signals that one carrier may give; a parser that would give more says [`super::Lint::TooMuch`] and widens its
/// prohibitions instead, so that what is left out can only have restricted less.
pub const MAX_SIGNALS: usize = 20_000;

/// A sign that part of a document belongs to a third party.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Credit {
    /// What kind of sign.
    pub kind: CreditKind,
    /// Whom it names, as written.
    pub name: String,
}

/// A license mark as a carrier shows it; the host is the caller's to know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// SPDX expression where the mark names a known license, else the text as written.
    pub license: String,
    /// What it applies to.
    pub applies_to: AppliesTo,
}

/// A document of terms that a carrier names and that has to be fetched to be known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Announced {
    /// The standard of that document: `rsl`, `tdm-policy`, `c2pa`.
    pub standard: &'static str,
    /// Its address as written, which may be relative.
    pub url: String,
}

/// What was understood of one carrier, and the complaints.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Preferences.
    pub signals: Vec<Signal>,
    /// License marks.
    pub marks: Vec<Mark>,
    /// Signs of third parties' material.
    pub credits: Vec<Credit>,
    /// The address that the page calls its own, as written.
    pub canonical: Option<String>,
    /// Documents of terms that must be read elsewhere.
    pub announced: Vec<Announced>,
    /// What the parser stumbled over.
    pub complaints: Vec<Complaint>,
}

impl Parsed {
    /// Whether nothing was found: no preference, mark, credit, address or document. Complaints may stand.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        let Self { signals, marks, credits, canonical, announced, complaints: _ } = self;
        signals.is_empty() && marks.is_empty() && credits.is_empty() && canonical.is_none() && announced.is_empty()
    }

    /// Takes in what another carrier of the same document says.
    pub fn join(&mut self, other: Self) {
        self.signals.extend(other.signals);
        self.marks.extend(other.marks);
        self.credits.extend(other.credits);
        self.canonical = self.canonical.take().or(other.canonical);
        self.announced.extend(other.announced);
        self.complaints.extend(other.complaints);
    }

    /// The same in one order without repeats, as a sighting wants its signals.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        fn sort<T: Ord>(list: &mut Vec<T>) {
            list.sort();
            list.dedup();
        }
        self.signals.iter_mut().for_each(|signal| {
            sort(&mut signal.uses);
            sort(&mut signal.duties);
        });
        sort(&mut self.signals);
        sort(&mut self.marks);
        sort(&mut self.credits);
        sort(&mut self.announced);
        sort(&mut self.complaints);
        self
    }
}
