//! Signals: machine-readable marks found on the web, as an observation holds them, and the parsers that read them.
//!
//! One parser a standard, one file a parser, all of one shape: bytes in, [`Parsed`] out, never an error, never a panic.
//! Leniency goes towards restriction alone: what is evidently meant as a "no" is one, what is unclear permits nothing.
//! Deliberately absent: what a signal means for a question (`decide`), and fetching.

pub mod ai_txt;
pub mod aipref;
mod carried;
mod complaint;
pub mod content_signal;
pub mod embedded;
mod fit;
pub mod headers;
pub mod html;
mod json;
pub mod license_uri;
mod parsed;
pub mod payment;
mod price;
mod reach;
pub mod record;
pub mod robots;
pub mod rsl;
mod stated;
pub mod tdmrep;
mod territory;
pub mod trust_txt;
pub mod x_robots;

pub use complaint::{Complaint, Lint};
pub use fit::fit;
pub use parsed::{Announced, Credit, MAX_SIGNALS, Mark, Parsed};
pub use territory::is_assigned as is_territory;

use crate::surt::PathPattern;
use crate::terms::{Constraints, Duty};
use crate::time::Timestamp;
use crate::vocab::{AgentPurpose, AuthorityKind, Preference, Use, words};
use serde::{Deserialize, Serialize};

/// Name and version of these parsers, as sightings carry it. The number grows whenever the same bytes may read differently.
pub const PARSER: &str = "cleartitle-signals 3";

/// A crawler token that a signal is addressed to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// The product token, or `*`.
    pub token: String,
    /// What the token stands for, by the agents table that the parser used.
    pub purpose: AgentPurpose,
}

/// One preference as one mark expressed it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// The standard: `robots`, `aipref`, `content-signal`, `rsl`, `tdmrep`, `x-robots-tag`, `ai-txt`, `cawg` ...
    pub standard: String,
    /// The version of its vocabulary, as assumed by the parser.
    pub version: String,
    /// The label as written.
    pub label: String,
    /// Who may have put it there.
    pub authority: AuthorityKind,
    /// Allowed or disallowed.
    pub preference: Preference,
    /// The uses that the label maps to, sorted.
    pub uses: Vec<Use>,
    /// Whom it addresses. Left out: everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Agent>,
    /// Constraints that the mark states, such as territories.
    #[serde(default, skip_serializing_if = "Constraints::is_open")]
    pub constraints: Constraints,
    /// Duties that the mark states, such as a price, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duties: Vec<Duty>,
    /// Where the mark says that its terms stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// RFC 9309 path pattern that it covers. Left out: the whole site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The parser had to repair it, or did not know a token: never a permission, at least `unknown`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub malformed: bool,
}

impl Signal {
    /// What a parser starts from: a preference for everybody, everywhere in the carrier, without bounds and duties.
    pub(crate) fn of(
        standard: &str,
        version: &str,
        label: String,
        authority: AuthorityKind,
        preference: Preference,
        uses: Vec<Use>,
    ) -> Self {
        Self {
            standard: standard.to_owned(),
            version: version.to_owned(),
            label,
            authority,
            preference,
            uses,
            agent: None,
            constraints: Constraints::default(),
            duties: Vec::new(),
            policy: None,
            path: None,
            malformed: false,
        }
    }

    /// The addresses that it covers; `None`: the whole carrier. A restriction covers what a broken escape may go on to.
    #[must_use]
    pub fn pattern(&self) -> Option<PathPattern> {
        let restricts = self.preference == Preference::Disallowed;
        let path = self.path.as_deref()?;
        Some(if restricts { PathPattern::restricting(path) } else { PathPattern::new(path) })
    }
}

/// Most characters of what is quoted of a carrier: labels, marks, credits, complaints.
const LONGEST: usize = 200;

/// A text of a carrier as it may be shown: cut, and without control characters.
fn shown(text: &str) -> String {
    let visible = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
    text.chars().take(LONGEST).map(visible).collect()
}

words!(
    /// What became of looking for one source.
    SourceOutcome {
        /// Read; it holds signals.
        Read = "read",
        /// Read, and it says nothing (an absent file counts so, RFC 9309 section 2.3.1.3).
        Silent = "silent",
        /// It could not be read: server error, timeout, garbage.
        Failed = "failed",
    }
);

/// One place that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The standard that the place belongs to.
    pub standard: String,
    /// The URL.
    pub url: String,
    /// What became of it.
    pub outcome: SourceOutcome,
    /// The bytes that were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<crate::id::BlobId>,
}

/// Signals of one site at one moment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sighting {
    /// When it was seen.
    pub observed_at: Timestamp,
    /// Where was looked, and what came of it, sorted.
    pub sources: Vec<Source>,
    /// What was found, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<Signal>,
    /// The crawler token that fetched them, where the answer may depend on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched_as: Option<String>,
    /// Name and version of the parser.
    pub parser: String,
}
