//! Impact: what became of a data set's documents between two states of the log: which must go, which may come, and by whose word.
//!
//! Each document is decided twice, once by what was registered at the earlier state and at its time, once by the newer snapshot now,
//! so that an agreement that has run out shows as much as a reservation that was made. Nothing grows with the manifest: documents
//! are told one by one, and counted by statement and by rightsholder.

use crate::snapshot::Mapped;
use cleartitle_schema::acquisition::{Acquisition, Keys};
use cleartitle_schema::decide::{Decision, Finding, Reason, Verdict, decide};
use cleartitle_schema::evidence::{Lookup, Registered, gather};
use cleartitle_schema::id::StatementId;
use cleartitle_schema::policy::{Disposition, Policy, act};
use cleartitle_schema::snapshot::Damage;
use cleartitle_schema::time::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The most statements and rightsholders that are counted apart; a registry's whole ledger is larger than a lab's memory may be.
const MAX_GROUPS: usize = 100_000;

/// The earlier state.
#[derive(Debug)]
pub enum Earlier {
    /// Another snapshot.
    Snapshot(Box<Mapped>),
    /// The newer snapshot, as it was with so many leaves.
    Size(u64),
    /// The newer snapshot, as it was at this time.
    Time(Timestamp),
}

/// The newer snapshot without what was registered later.
struct Before<'s> {
    snapshot: &'s Mapped,
    earlier: &'s Earlier,
}

impl Before<'_> {
    fn known(&self, mut found: Vec<Arc<Registered>>) -> Vec<Arc<Registered>> {
        found.retain(|registered| match self.earlier {
            Earlier::Size(size) => registered.index < *size,
            Earlier::Time(moment) => registered.registered_at <= *moment,
            Earlier::Snapshot(_) => true,
        });
        found
    }
}

impl Lookup for Before<'_> {
    fn covering(&self, keys: &Keys) -> Vec<Arc<Registered>> {
        self.known(self.snapshot.covering(keys))
    }

    fn naming(&self, id: &StatementId) -> Vec<Arc<Registered>> {
        self.known(self.snapshot.naming(id))
    }
}

/// What a change asks of whoever holds the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It was kept, and the policy no longer keeps it.
    Remove,
    /// It was not kept, and may be now.
    Admit,
    /// The policy does the same as before, for another verdict or other reasons.
    Other,
}

/// A decision and what the policy makes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// What the policy does.
    pub action: Disposition,
    /// The reason codes, the deciding one first.
    pub reasons: Vec<Reason>,
}

/// What changed for one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// What it asks for.
    pub change: Change,
    /// As it was.
    pub was: Judged,
    /// As it is.
    pub now: Judged,
    /// The statements that decide now and did not, or did and do not; sorted.
    pub statements: Vec<StatementId>,
    /// Those who answer for them; sorted.
    pub rightsholders: Vec<String>,
}

/// Two states and a policy.
#[derive(Debug)]
pub struct Comparison {
    /// The newer state.
    pub newer: Mapped,
    /// The earlier one.
    pub earlier: Earlier,
    /// When the earlier judgement was made.
    pub then: Timestamp,
    /// When the newer one is.
    pub now: Timestamp,
    /// By what both are judged.
    pub policy: Policy,
}

impl Comparison {
    /// What changed for a document; `None` where nothing did.
    ///
    /// # Errors
    /// [`Damage`] of a snapshot: then nothing is known.
    pub fn of(&self, copy: &Acquisition) -> Result<Option<Changed>, Damage> {
        let evidence = match &self.earlier {
            Earlier::Snapshot(older) => older.gather(copy)?,
            earlier => {
                let gathered = gather(&Before { snapshot: &self.newer, earlier }, copy);
                self.newer.damage().map_or(Ok(gathered), Err)?
            }
        };
        let question = |at| self.policy.question(copy.clone(), at);
        let (asked_then, asked_now) = (question(self.then), question(self.now));
        let was = decide(&asked_then, &evidence, &self.policy.reading);
        let now = decide(&asked_now, &self.newer.gather(copy)?, &self.policy.reading);
        let action = |question, decision: &Decision| act(&self.policy.actions, question, decision).action;
        let (before, after) = (action(&asked_then, &was), action(&asked_now, &now));
        Ok(changed(&was, before, &now, after))
    }
}

fn changed(was: &Decision, before: Disposition, now: &Decision, after: Disposition) -> Option<Changed> {
    let differing: Vec<&Finding> = {
        let gone = was.reasons.iter().filter(|finding| !now.reasons.contains(finding));
        gone.chain(now.reasons.iter().filter(|finding| !was.reasons.contains(finding))).collect()
    };
    if was.verdict == now.verdict && before == after && differing.is_empty() {
        return None;
    }
    let change = match (before == Disposition::Keep, after == Disposition::Keep) {
        (true, false) => Change::Remove,
        (false, true) => Change::Admit,
        _ => Change::Other,
    };
    let statements: BTreeSet<StatementId> = differing.iter().filter_map(|finding| finding.statement).collect();
    let rightsholders: BTreeSet<String> =
        differing.iter().filter_map(|finding| finding.authority.as_ref()).map(ToString::to_string).collect();
    Some(Changed {
        change,
        was: judged(was, before),
        now: judged(now, after),
        statements: statements.into_iter().collect(),
        rightsholders: rightsholders.into_iter().collect(),
    })
}

fn judged(decision: &Decision, action: Disposition) -> Judged {
    let mut reasons = Vec::new();
    for finding in &decision.reasons {
        if !reasons.contains(&finding.code) {
            reasons.push(finding.code);
        }
    }
    Judged { verdict: decision.verdict, action, reasons }
}

/// How many documents a statement, or a rightsholder, moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Kept before and not now.
    pub remove: u64,
    /// Not kept before, and may be now.
    pub admit: u64,
    /// The same action for other reasons.
    pub other: u64,
}

impl Moved {
    fn count(&mut self, change: Change) {
        match change {
            Change::Remove => self.remove += 1,
            Change::Admit => self.admit += 1,
            Change::Other => self.other += 1,
        }
    }
}

/// What became of all documents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them together.
    pub all: Moved,
    /// By the statements that moved them.
    pub by_statement: BTreeMap<StatementId, Moved>,
    /// By those who answer for the statements.
    pub by_rightsholder: BTreeMap<String, Moved>,
    /// Documents of which some statement or rightsholder is not counted apart, since there were too many.
    pub ungrouped: u64,
}

impl Tally {
    /// Counts one change.
    pub fn add(&mut self, changed: &Changed) {
        self.all.count(changed.change);
        let mut whole = true;
        for id in &changed.statements {
            whole &= count(&mut self.by_statement, id, changed.change);
        }
        for name in &changed.rightsholders {
            whole &= count(&mut self.by_rightsholder, name, changed.change);
        }
        self.ungrouped += u64::from(!whole);
    }
}

/// Whether there was room for it.
fn count<K: Ord + Clone>(groups: &mut BTreeMap<K, Moved>, key: &K, change: Change) -> bool {
    if groups.len() >= MAX_GROUPS && !groups.contains_key(key) {
        return false;
    }
    groups.entry(key.clone()).or_default().count(change);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use cleartitle_schema::issuer::Authority;

    fn decision(verdict: Verdict, findings: &[(Reason, u8)]) -> Decision {
        let finding = |(code, id): &(Reason, u8)| Finding {
            statement: Some(StatementId([*id; 32])),
            authority: Some(Authority::of_host("press.example")),
            ..Finding::new(*code)
        };
        let mut decision: Decision =
            serde_json::from_value(serde_json::json!({"verdict": verdict.word(), "reasons": []})).unwrap();
        decision.reasons = findings.iter().map(finding).collect();
        decision
    }

    #[test]
    fn only_what_differs_is_told_and_blamed() {
        let granted = decision(Verdict::Cleared, &[(Reason::GrantInForce, 1)]);
        let reserved = decision(Verdict::Reserved, &[(Reason::RightsReserved, 2), (Reason::GrantInForce, 1)]);
        let (keep, discard) = (Disposition::Keep, Disposition::Drop);
        assert_eq!(changed(&granted, keep, &granted, keep), None);
        let found = changed(&granted, keep, &reserved, discard).unwrap();
        assert_eq!((found.change, found.statements.as_slice()), (Change::Remove, &[StatementId([2; 32])][..]));
        assert_eq!(found.rightsholders, ["press.example"]);
        assert_eq!(changed(&reserved, discard, &granted, keep).unwrap().change, Change::Admit);
        assert_eq!(changed(&granted, discard, &reserved, discard).unwrap().change, Change::Other);
        let mut tally = Tally::default();
        (0..3).for_each(|_| tally.add(&found));
        assert_eq!(tally.by_statement[&StatementId([2; 32])].remove, 3);
        assert_eq!((tally.all.remove, tally.by_rightsholder["press.example"].remove, tally.ungrouped), (3, 3, 0));
    }
}
