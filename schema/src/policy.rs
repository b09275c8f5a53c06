//! Policy: the asker's file in two halves. Its reading says whose evidence counts; its actions say what to do with a verdict.

use crate::decide::{Decision, Question, Reason, Verdict};
use crate::id::StatementId;
use crate::issuer::{Authority, Domain};
use crate::money::{Amount, Rate};
use crate::scope::Target;
use crate::terms::Action as DutyAction;
use crate::time::Timestamp;
use crate::vocab::{AskerClass, Use, words};
use serde::{Deserialize, Serialize};

words!(
    /// Which crawler tokens' robots rules count.
    Agents {
        /// Rules for any training or archive agent, and for the lab's own.
        AnyTraining = "any-training",
        /// Rules for the lab's own agents alone.
        Own = "own",
    }
);

words!(
    /// What a blanket `User-agent: *` disallow means.
    BlanketDisallow {
        /// A reservation of mining and training.
        Reservation = "reservation",
        /// A conflict of acquisition: `unknown`.
        AcquisitionConflict = "acquisition-conflict",
    }
);

/// A host on a dated list of infringing sites.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InfringingSite {
    /// The host, with everything below it.
    pub host: Domain,
    /// The list, for the report.
    pub list: String,
    /// Listed since.
    pub from: Timestamp,
}

/// A duty that the asker says it meets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssertedDuty {
    /// The duty's word, such as `attribute`.
    pub duty: String,
    /// For this statement alone. Left out: wherever the duty appears.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<StatementId>,
    /// How it is met.
    pub reason: String,
}

/// Whose evidence counts and how. Part of the input of `decide`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reading {
    /// Observers whose permissive observations count.
    pub trusted_observers: Vec<Domain>,
    /// Hosts whose own license marks count.
    pub trusted_mark_hosts: Vec<Domain>,
    /// Which agents' robots rules count.
    pub agents: Agents,
    /// The lab's own crawler tokens.
    pub own_agents: Vec<String>,
    /// What a blanket disallow means.
    pub blanket_disallow: BlanketDisallow,
    /// A mining reservation (TDMRep) covers retrieval for generation too.
    pub tdm_covers_ai_use: bool,
    /// Dated lists of infringing sites.
    pub infringing_sites: Vec<InfringingSite>,
    /// Duties that the asker says it meets.
    pub asserted_duties: Vec<AssertedDuty>,
    /// The asker's choice where a license expression says `OR`, by SPDX identifier.
    pub license_choices: Vec<String>,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            trusted_observers: Vec::new(),
            trusted_mark_hosts: Vec::new(),
            agents: Agents::AnyTraining,
            own_agents: Vec::new(),
            blanket_disallow: BlanketDisallow::Reservation,
            tdm_covers_ai_use: false,
            infringing_sites: Vec::new(),
            asserted_duties: Vec::new(),
            license_choices: Vec::new(),
        }
    }
}

impl Reading {
    /// The list that names the host of a URL as infringing at a time.
    #[must_use]
    pub fn infringing(&self, host: &str, at: Timestamp) -> Option<&InfringingSite> {
        self.infringing_sites.iter().find(|site| {
            let listed = site.host.as_str();
            let below = host.strip_suffix(listed).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            below && site.from <= at
        })
    }
}

words!(
    /// What happens to a document.
    Disposition {
        /// It is left out.
        Drop = "drop",
        /// A person looks at it.
        Review = "review",
        /// It is kept.
        Keep = "keep",
    }
);

/// A rule that names a reason and what to do then.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByReason {
    /// The reason that must be among the decision's.
    pub reason: Reason,
    /// What to do.
    pub action: Disposition,
    /// Why, for the report.
    pub because: String,
}

/// A statutory exception that the asker relies on. It changes the action, never the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatutoryException {
    /// Its name, such as `eu-2019-790-art-3`.
    pub exception: String,
    /// Verdicts to which it applies.
    pub verdicts: Vec<Verdict>,
    /// Why the asker may rely on it.
    pub because: String,
}

/// The most that may be owed for one document.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ceiling {
    /// The meter's word, such as `document` or `title`.
    pub per: String,
    /// At most.
    pub at_most: Amount,
}

/// A single decision taken by a person, with owner, reason and end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// What it is about.
    pub target: Target,
    /// What to do.
    pub action: Disposition,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub because: String,
    /// Until when.
    pub expires: Timestamp,
}

/// What to do with each verdict.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Actions {
    /// For `cleared`.
    pub cleared: Disposition,
    /// For `conditional`.
    pub conditional: Disposition,
    /// For `unknown`.
    pub unknown: Disposition,
    /// For `disputed`.
    pub disputed: Disposition,
    /// For `reserved`.
    pub reserved: Disposition,
    /// Duties that the asker takes on: a conditional document whose outstanding duties are all of these is kept.
    pub accepted_duties: Vec<String>,
    /// Price ceilings for accepted payment duties; a price without a ceiling is not accepted.
    pub ceilings: Vec<Ceiling>,
    /// Licenses accepted. Left out: any that clears.
    pub accepted_licenses: Option<Vec<String>>,
    /// Rules by reason: the first that fits decides before the verdict's own.
    pub by_reason: Vec<ByReason>,
    /// Statutory exceptions relied on.
    pub statutory: Vec<StatutoryException>,
    /// Single exceptions.
    pub exceptions: Vec<Exception>,
}

impl Default for Actions {
    fn default() -> Self {
        Self {
            cleared: Disposition::Keep,
            conditional: Disposition::Review,
            unknown: Disposition::Drop,
            disputed: Disposition::Drop,
            reserved: Disposition::Drop,
            accepted_duties: Vec::new(),
            ceilings: Vec::new(),
            accepted_licenses: None,
            by_reason: Vec::new(),
            statutory: Vec::new(),
            exceptions: Vec::new(),
        }
    }
}

/// The asker as the policy names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskerHalf {
    /// The domain that agreements name.
    #[serde(default)]
    pub domain: Option<Domain>,
    /// What the asker is.
    #[serde(default)]
    pub class: Option<AskerClass>,
    /// Where copying takes place.
    #[serde(default)]
    pub territory: Option<String>,
    /// The model.
    #[serde(default)]
    pub model: Option<String>,
}

/// The asker's file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// 1.
    pub version: u32,
    /// For what.
    #[serde(rename = "use")]
    pub category: Use,
    /// Who asks.
    #[serde(default)]
    pub asker: AskerHalf,
    /// The registry's log key, in its verifier form; commands that trust a registry refuse without one.
    #[serde(default)]
    pub log_key: Option<String>,
    /// Oldest snapshot accepted, in days.
    #[serde(default)]
    pub max_snapshot_age_days: Option<u32>,
    /// Whose evidence counts.
    #[serde(default)]
    pub reading: Reading,
    /// What to do.
    #[serde(default)]
    pub actions: Actions,
}

/// What to do with one document, and what in the policy says so.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Outcome {
    /// What to do.
    pub action: Disposition,
    /// The line of the policy: `verdict`, `by-reason`, `accepted-duties`, `statutory`, `exception`, `accepted-licenses`.
    pub because: String,
}

fn outcome(action: Disposition, because: impl Into<String>) -> Outcome {
    Outcome { action, because: because.into() }
}

/// What the policy does with a decision. Never changes the verdict; an expired exception is as none.
#[must_use]
pub fn act(actions: &Actions, question: &Question, decision: &Decision) -> Outcome {
    let (keys, _) = question.acquisition.keys();
    let exception = actions.exceptions.iter().find(|exception| {
        question.used_at < exception.expires
            && crate::scope::Scope { include: vec![exception.target.clone()], exclude: vec![] }
                .permits(&keys, false)
                .is_some()
    });
    if let Some(exception) = exception {
        return outcome(exception.action, format!("exception by {}: {}", exception.owner, exception.because));
    }
    if let Some(rule) = actions.by_reason.iter().find(|rule| decision.has(rule.reason)) {
        return outcome(rule.action, format!("by-reason {}: {}", rule.reason, rule.because));
    }
    if let Some(statutory) = actions.statutory.iter().find(|it| it.verdicts.contains(&decision.verdict)) {
        return outcome(Disposition::Keep, format!("statutory {}: {}", statutory.exception, statutory.because));
    }
    let by_verdict = match decision.verdict {
        Verdict::Cleared => actions.cleared,
        Verdict::Conditional => actions.conditional,
        Verdict::Unknown => actions.unknown,
        Verdict::Disputed => actions.disputed,
        Verdict::Reserved => actions.reserved,
    };
    if let Some(refused) = refused_license(actions, decision) {
        return outcome(by_verdict.min(Disposition::Review), format!("accepted-licenses: {refused} is not among them"));
    }
    let accepts =
        || decision.duties.iter().filter(|owed| owed.outstanding()).all(|owed| accepted(actions, &owed.duty.action));
    if decision.verdict == Verdict::Conditional && !actions.accepted_duties.is_empty() && accepts() {
        return outcome(Disposition::Keep, "accepted-duties");
    }
    outcome(by_verdict, "verdict")
}

fn refused_license<'a>(actions: &Actions, decision: &'a Decision) -> Option<&'a str> {
    let accepted = actions.accepted_licenses.as_ref()?;
    let licenses = decision.reasons.iter().filter(|finding| finding.code == Reason::LicenseApplies);
    licenses.filter_map(|finding| finding.detail.as_deref()).find(|license| !accepted.iter().any(|it| it == license))
}

fn accepted(actions: &Actions, duty: &DutyAction) -> bool {
    if !actions.accepted_duties.iter().any(|word| word == duty.word()) {
        return false;
    }
    let DutyAction::Pay { price, .. } = duty else { return true };
    let Rate::Stated { price: each } = &price.rate else { return false };
    actions.ceilings.iter().any(|ceiling| {
        ceiling.per == price.meter.word()
            && ceiling.at_most.currency == each.currency
            && each.amount <= ceiling.at_most.amount
    })
}

impl Policy {
    /// The question that this policy asks about a copy.
    #[must_use]
    pub fn question(&self, acquisition: crate::acquisition::Acquisition, used_at: Timestamp) -> Question {
        Question {
            acquisition,
            asker: crate::decide::Asker { domain: self.asker.domain.clone(), class: self.asker.class },
            category: self.category,
            used_at,
            territory: self.asker.territory.clone(),
            model: self.asker.model.clone(),
            artefact: None,
        }
    }

    /// The asker's authority, where it is known.
    #[must_use]
    pub fn asker_authority(&self) -> Option<Authority> {
        self.asker.domain.as_ref().map(Domain::authority)
    }
}
