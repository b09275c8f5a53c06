//! A finding: what the gate says about one place of a paper, in the one shape that people, SARIF, JUnit and annotations are told from.

use crate::dataset::Place;
use serde::Serialize;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Worth knowing; the gate stays open.
    Note,
    /// Somebody should look; the gate stays open.
    Warning,
    /// The gate closes.
    Error,
}

/// What the gate says about one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The stable code, in kebab-case: a reason of `decide`, or the gate's own; each has a page.
    pub code: &'static str,
    /// How much it weighs.
    pub level: Level,
    /// Where it is written.
    pub place: Place,
    /// What it is about, in a word: a URL, a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// What is found, in a sentence.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
