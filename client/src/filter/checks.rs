//! Checks: which parts of a record join its decision. What is left out might say more, so that such a run clears nothing: it
//! excludes what no record could change, and hands on candidates.

use serde::{Deserialize, Serialize};

/// One thing that is looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Check {
    /// URL, date and declared digest, as the record's own header tells them. Always looked at.
    Urls,
    /// The document's bytes, by their digests.
    Content,
    /// Headers, markup and metadata inside the record.
    Signals,
}

/// What is looked into beside URL and date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checks {
    /// The document's bytes.
    pub content: bool,
    /// What the record itself says of rights.
    pub signals: bool,
}

impl Checks {
    /// Everything: nothing less can clear a document.
    pub const ALL: Self = Self { content: true, signals: true };

    /// Those that are named; everything where none is.
    #[must_use]
    pub fn only(named: &[Check]) -> Self {
        if named.is_empty() {
            return Self::ALL;
        }
        Self { content: named.contains(&Check::Content), signals: named.contains(&Check::Signals) }
    }

    /// Whether nothing is left out.
    #[must_use]
    pub const fn all(self) -> bool {
        self.content && self.signals
    }

    /// Whether the payload is read at all.
    #[must_use]
    pub const fn payload(self) -> bool {
        self.content || self.signals
    }
}
