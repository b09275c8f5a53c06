//! Question and decision: what is asked of `decide`, and what it answers.

use super::reason::{Finding, Reason};
use crate::acquisition::Acquisition;
use crate::id::StatementId;
use crate::issuer::{Authority, Domain};
use crate::terms::{Duty, Phase};
use crate::time::Timestamp;
use crate::vocab::{Artefact, AskerClass, Use, words};
use serde::{Deserialize, Serialize};

words!(
    /// The answer, worst first. `min` of two is the one that stands.
    Verdict {
        /// The use is reserved.
        Reserved = "reserved",
        /// It is in dispute.
        Disputed = "disputed",
        /// It is not known; never to be read as yes.
        Unknown = "unknown",
        /// It is allowed once outstanding duties are met.
        Conditional = "conditional",
        /// It is allowed. Says nothing of data protection.
        Cleared = "cleared",
    }
);

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Asker {
    /// The domain that agreements would name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, example = "biglab.example"))]
    pub domain: Option<Domain>,
    /// What the asker is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<AskerClass>,
}

/// May this asker use this copy so, at this time?
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The copy.
    pub acquisition: Acquisition,
    /// Who asks.
    #[serde(default)]
    pub asker: Asker,
    /// For what.
    #[serde(rename = "use")]
    pub category: Use,
    /// When the use takes place. `schema` has no clock: the caller says.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub used_at: Timestamp,
    /// Where the copying takes place, ISO 3166-1 alpha-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub territory: Option<String>,
    /// For which model, as agreements name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Asks about keeping what an earlier use left behind, not about a new use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artefact: Option<Artefact>,
}

impl Question {
    /// When the asker's own copy was made.
    #[must_use]
    pub fn acquired_at(&self) -> Timestamp {
        self.acquisition.acquired_at.unwrap_or(self.used_at)
    }

    /// When the bytes were fetched from their source; never after the asker's copy was made or used. A date in the future
    /// would otherwise outlive every reservation.
    #[must_use]
    pub fn captured_at(&self) -> Timestamp {
        captured_at(self.acquisition.captured_at, self.acquired_at(), self.used_at)
    }
}

/// When bytes count as fetched that say so, of a copy made and used at these times.
pub(crate) fn captured_at(said: Option<Timestamp>, acquired_at: Timestamp, used_at: Timestamp) -> Timestamp {
    said.unwrap_or(acquired_at).min(acquired_at).min(used_at)
}

words!(
    /// How a duty stands.
    DutyState {
        /// It must be met first.
        Outstanding = "outstanding",
        /// The payee signed that it is met.
        Discharged = "discharged",
        /// The policy asserts that it is met.
        Asserted = "asserted",
        /// It falls due for the whole period or after use, not for this document.
        Obligation = "obligation",
    }
);

/// A duty of the permission that decided.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Owed {
    /// How it stands.
    pub state: DutyState,
    /// The statement that asks for it; none for a license mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub statement: Option<StatementId>,
    /// To whom: the payee, or the authority that permits.
    pub to: String,
    /// The duty.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub duty: Duty,
}

impl Owed {
    /// Whether the duty keeps the verdict from `cleared`.
    #[must_use]
    pub fn outstanding(&self) -> bool {
        self.state == DutyState::Outstanding
    }

    /// Whether it is due before the use.
    #[must_use]
    pub fn before(&self) -> bool {
        self.duty.phase == Phase::Before
    }
}

/// What one authority says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Voice {
    /// The authority.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub authority: Authority,
    /// Its verdict.
    pub verdict: Verdict,
}

/// A verdict with its reasons.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The verdict.
    pub verdict: Verdict,
    /// Why: first the reasons that decided, then the others.
    pub reasons: Vec<Finding>,
    /// Duties of the permissions that decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duties: Vec<Owed>,
    /// Who spoke, and to what effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub voices: Vec<Voice>,
}

impl Decision {
    /// The code that decided.
    #[must_use]
    pub fn deciding(&self) -> Option<Reason> {
        self.reasons.first().map(|finding| finding.code)
    }

    /// Whether a reason is among them.
    #[must_use]
    pub fn has(&self, code: Reason) -> bool {
        self.reasons.iter().any(|finding| finding.code == code)
    }
}
