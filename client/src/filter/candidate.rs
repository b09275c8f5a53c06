//! Candidate: what may be kept once all of its record was looked at, and how that is told: never as better than unknown.

use super::plan::Ruling;
use cleartitle_schema::decide::{Finding, Reason, Verdict};
use cleartitle_schema::policy::Disposition;
use serde_json::value::RawValue;

/// What decisions call it where they name what is done.
pub const CANDIDATE: &str = "candidate";
/// What decisions say of record signals that nobody read.
pub const NOT_CHECKED: &str = "not-checked";

/// What is told of a candidate.
pub struct Told {
    /// `unknown` at best.
    pub verdict: Verdict,
    /// What the policy would do.
    pub because: &'static str,
    /// The reasons as JSON, the missing record first.
    pub reasons: Box<RawValue>,
}

/// Tells of a candidate by what is known so far: what its record says is the fact that is missing.
#[must_use]
pub fn told(ruling: &Ruling) -> Told {
    let missing = Finding::new(Reason::FactMissing).detail("record");
    let findings: Vec<&Finding> = std::iter::once(&missing).chain(&ruling.decision.reasons).collect();
    Told {
        verdict: ruling.decision.verdict.min(Verdict::Unknown),
        because: match ruling.outcome.action {
            Disposition::Keep => "kept if the record agrees",
            Disposition::Review => "for review if the record agrees",
            Disposition::Drop => "the record may say more",
        },
        reasons: serde_json::value::to_raw_value(&findings).unwrap_or_else(|_| RawValue::NULL.to_owned()),
    }
}
