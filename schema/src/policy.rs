//! Policy: the asker's file in two halves. Its reading says whose evidence counts; its actions say what to do with a verdict.

use crate::decide::{Decision, Question, Reason, Verdict};
use crate::id::StatementId;
use crate::issuer::{Authority, Domain};
use crate::money::{Amount, Rate};
use crate::scope::{Target, host_covers};
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
    /// Crawler tokens that count as training agents beside those that an observation calls so: the table of agents grows.
    pub training_agents: Vec<String>,
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
            training_agents: Vec::new(),
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
        self.infringing_sites.iter().find(|site| host_covers(site.host.as_str(), true, host) && site.from <= at)
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
    /// Verifier keys of the witnesses that must have seen the log's checkpoints.
    #[serde(default)]
    pub witnesses: Vec<String>,
    /// How many of the witnesses' operators; left out, more than half.
    #[serde(default)]
    pub witness_quorum: Option<usize>,
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
    // Every mining exception asks for lawful access first (EU directive 2019/790, articles 3(1) and 4(1)).
    let lawful = !decision.has(Reason::UnlawfulSource);
    let excepted = actions.statutory.iter().find(|it| lawful && it.verdicts.contains(&decision.verdict));
    if let Some(statutory) = excepted {
        return outcome(Disposition::Keep, format!("statutory {}: {}", statutory.exception, statutory.because));
    }
    let by_verdict = match decision.verdict {
        Verdict::Cleared => actions.cleared,
        Verdict::Conditional => actions.conditional,
        Verdict::Unknown => actions.unknown,
        Verdict::Disputed => actions.disputed,
        Verdict::Reserved => actions.reserved,
    };
    if let Some(rule) = actions.by_reason.iter().find(|rule| decision.has(rule.reason)) {
        // A reason that only accompanies may make the action stricter; to loosen it, it must be the one that decided.
        let decides = decision.deciding() == Some(rule.reason);
        let action = if decides { rule.action } else { rule.action.min(by_verdict) };
        return outcome(action, format!("by-reason {}: {}", rule.reason, rule.because));
    }
    if let Some(refused) = refused_license(actions, decision) {
        return outcome(by_verdict.min(Disposition::Review), format!("accepted-licenses: {refused} is not among them"));
    }
    if decision.verdict == Verdict::Conditional && takes_on(actions, decision) {
        return outcome(Disposition::Keep, "accepted-duties");
    }
    outcome(by_verdict, "verdict")
}

fn refused_license<'a>(actions: &Actions, decision: &'a Decision) -> Option<&'a str> {
    let accepted = actions.accepted_licenses.as_ref()?;
    let licenses = decision.reasons.iter().filter(|finding| finding.code == Reason::LicenseApplies);
    licenses.filter_map(|finding| finding.detail.as_deref()).find(|license| !accepted.iter().any(|it| it == license))
}

/// Whether the asker takes on every outstanding duty. An open offer is no contract until it is accepted on record, so that
/// taking on its duties keeps nothing.
fn takes_on(actions: &Actions, decision: &Decision) -> bool {
    let mut outstanding = decision.duties.iter().filter(|owed| owed.outstanding()).peekable();
    !decision.has(Reason::OfferOpen)
        && outstanding.peek().is_some()
        && outstanding.all(|owed| accepted(actions, &owed.duty.action))
}

fn accepted(actions: &Actions, duty: &DutyAction) -> bool {
    // A license that one still has to obtain can't be promised; the reading asserts it once it is there.
    let promised = !matches!(duty, DutyAction::ObtainLicense { .. });
    if !promised || !actions.accepted_duties.iter().any(|word| word == duty.word()) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acquisition::Acquisition;
    use crate::decide::{Finding, Owed};

    fn decided(verdict: Verdict, codes: &[Reason]) -> Decision {
        let reasons = codes.iter().map(|code| Finding::new(*code)).collect();
        Decision { verdict, reasons, duties: Vec::new(), voices: Vec::new() }
    }

    fn done(actions: &Actions, decision: &Decision) -> Disposition {
        let policy = Policy {
            version: 1,
            category: Use::TrainAi,
            asker: AskerHalf::default(),
            log_key: None,
            witnesses: Vec::new(),
            witness_quorum: None,
            max_snapshot_age_days: None,
            reading: Reading::default(),
            actions: actions.clone(),
        };
        let question = policy.question(Acquisition::fetched("https://press.example/a"), Timestamp(1_790_000_000));
        act(actions, &question, decision).action
    }

    fn by_reason(reason: Reason, action: Disposition) -> Actions {
        let rule = ByReason { reason, action, because: "test".to_owned() };
        Actions { by_reason: vec![rule], ..Actions::default() }
    }

    #[test]
    fn a_reason_that_only_accompanies_never_loosens() {
        let keep = by_reason(Reason::OfferOpen, Disposition::Keep);
        let disputed = decided(Verdict::Disputed, &[Reason::Disputed, Reason::OfferOpen]);
        assert_eq!(done(&keep, &disputed), Disposition::Drop);
        let open = decided(Verdict::Conditional, &[Reason::OfferOpen, Reason::PaymentDue]);
        assert_eq!(done(&keep, &open), Disposition::Keep);
        let drop = by_reason(Reason::StricterSince, Disposition::Drop);
        let cleared = decided(Verdict::Cleared, &[Reason::GrantInForce, Reason::StricterSince]);
        assert_eq!(done(&drop, &cleared), Disposition::Drop);
    }

    #[test]
    fn an_unaccepted_offer_is_never_kept_by_taking_on_its_duties() {
        let duty: crate::terms::Duty =
            serde_json::from_str(r#"{"phase":"during","action":{"duty":"attribute"}}"#).expect("a duty");
        let owed =
            Owed { state: crate::decide::DutyState::Outstanding, statement: None, to: "press.example".into(), duty };
        let actions = Actions { accepted_duties: vec!["attribute".to_owned()], ..Actions::default() };
        let mut granted = decided(Verdict::Conditional, &[Reason::DutyOutstanding, Reason::GrantInForce]);
        granted.duties.push(owed.clone());
        assert_eq!(done(&actions, &granted), Disposition::Keep);
        let mut offered = decided(Verdict::Conditional, &[Reason::OfferOpen]);
        assert_eq!(done(&actions, &offered), Disposition::Review, "no outstanding duty is not all duties met");
        offered.duties.push(owed);
        assert_eq!(done(&actions, &offered), Disposition::Review);
    }

    #[test]
    fn a_statutory_exception_needs_lawful_access() {
        let statutory = StatutoryException {
            exception: "eu-2019-790-art-3".to_owned(),
            verdicts: vec![Verdict::Reserved],
            because: "research".to_owned(),
        };
        let actions = Actions { statutory: vec![statutory], ..Actions::default() };
        assert_eq!(done(&actions, &decided(Verdict::Reserved, &[Reason::RightsReserved])), Disposition::Keep);
        assert_eq!(done(&actions, &decided(Verdict::Reserved, &[Reason::UnlawfulSource])), Disposition::Drop);
    }
}
