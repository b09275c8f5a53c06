//! Quote: what it would cost to clear the rest of a data set: which terms would have to be taken on, by whom they are asked, and in
//! which order most documents are cleared for least money.
//!
//! Entries that wait for the same duties are one group, so that memory grows with terms and not with documents. Whether that would
//! be enough is asked of `decide` itself, with the offers accepted and the duties asserted; what is not bought by that is told with those who
//! would have to be asked. The cost of some groups is the bill of their duties together, so that steps add up to it exactly.

pub mod curve;
mod supposed;
mod told;

use crate::gate::{Judge, Judged};
use cleartitle_schema::decide::{Decision, Owed, Reason, Verdict, decide};
use cleartitle_schema::issuer::Authority;
use cleartitle_schema::manifest::Tally;
use cleartitle_schema::policy::{Disposition, Reading, act};
use cleartitle_schema::snapshot::Damage;
use serde::Serialize;
use std::collections::BTreeMap;
use url::Url;

/// The most groups: sets of duties that entries wait for.
pub const MAX_GROUPS: usize = 10_000;

/// The most that can be asked who are told apart.
pub const MAX_CONTACTS: usize = 100_000;

/// What stands in the way of documents that no open offer clears.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// How many documents.
    pub documents: u64,
    /// By verdict.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// How many of them would be permitted once their duties are met, and are held back by the policy all the same.
    #[serde(skip_serializing_if = "is_none")]
    pub by_policy: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_none(count: &u64) -> bool {
    *count == 0
}

/// The entries of a data set, by what they wait for.
#[derive(Debug, Default)]
pub struct Waiting {
    /// All entries.
    pub entries: u64,
    /// Those that are kept now.
    pub kept: u64,
    /// What the kept ones owe already.
    pub owed: Tally,
    /// Those that would be kept if these duties were met, by the duties.
    pub groups: BTreeMap<Vec<Owed>, u64>,
    /// Entries that wait for terms, and are in no group: there were too many.
    pub beyond: u64,
    /// Those that nothing on offer clears, by who might be asked.
    pub refused: BTreeMap<String, Refused>,
    /// Those of them that are told under no name: there were too many.
    pub unnamed: Refused,
    /// The last set of duties and the reading in which they are met: entries alike come one after another.
    met: Option<(Vec<Owed>, Reading)>,
}

impl Waiting {
    /// Takes an entry.
    ///
    /// # Errors
    /// [`Damage`] of the snapshot.
    pub fn add(&mut self, judge: &Judge, judged: &Judged) -> Result<(), Damage> {
        self.entries += 1;
        let decision = &judged.decision;
        if judged.outcome.action == Disposition::Keep {
            self.kept += 1;
            if self.owed.len() < crate::bill::MAX_DUTIES || self.owed.knows(&decision.duties) {
                self.owed.add(&decision.duties);
            }
            return Ok(());
        }
        let mut asked: Vec<Owed> = decision.duties.iter().filter(|owed| owed.outstanding()).cloned().collect();
        if asked.is_empty() {
            // Nothing is due before the use: what is waited for is that the offer is accepted, which brings its duties.
            let offered = |owed: &&Owed| {
                decision.reasons.iter().any(|it| it.code == Reason::OfferOpen && it.statement == owed.statement)
            };
            asked = decision.duties.iter().filter(offered).cloned().collect();
        }
        if decision.verdict != Verdict::Conditional || asked.is_empty() {
            self.refuse(judged, decision, false);
            return Ok(());
        }
        if self.would_be_kept(judge, judged, &asked)? {
            if self.groups.len() < MAX_GROUPS || self.groups.contains_key(&asked) {
                *self.groups.entry(asked).or_default() += 1;
            } else {
                self.beyond += 1;
            }
        } else {
            self.refuse(judged, decision, true);
        }
        Ok(())
    }

    /// Whether the policy keeps the entry once the offers are accepted and the duties met.
    fn would_be_kept(&mut self, judge: &Judge, judged: &Judged, asked: &[Owed]) -> Result<bool, Damage> {
        if self.met.as_ref().is_none_or(|(met, _)| met != asked) {
            self.met = Some((asked.to_vec(), supposed::met(&judge.policy.reading, asked)));
        }
        let Some((_, reading)) = &self.met else { return Ok(false) };
        let question = judge.policy.question(judged.entry.copy.clone(), judge.used_at);
        let mut evidence = judge.snapshot.gather(&question.acquisition)?;
        if let Some(asker) = &judge.policy.asker.domain {
            supposed::accept(&mut evidence, asker, judge.used_at, asked);
        }
        let decision = decide(&question, &evidence, reading);
        Ok(act(&judge.policy.actions, &question, &decision).action == Disposition::Keep)
    }

    fn refuse(&mut self, judged: &Judged, decision: &Decision, by_policy: bool) {
        for contact in contacts(judged, decision) {
            let known = self.refused.contains_key(&contact) || self.refused.len() < MAX_CONTACTS;
            let refused = if known { self.refused.entry(contact).or_default() } else { &mut self.unnamed };
            refused.documents += 1;
            *refused.verdicts.entry(decision.verdict).or_default() += 1;
            refused.by_policy += u64::from(by_policy);
        }
    }
}

/// Who might be asked: whoever's word keeps the entry out, or else the site that it came from.
fn contacts(judged: &Judged, decision: &Decision) -> Vec<String> {
    let worst = decision.voices.iter().filter(|voice| voice.verdict == decision.verdict);
    let mut named: Vec<String> = worst.map(|voice| voice.authority.to_string()).collect();
    if named.is_empty() {
        let ancestors = decision.reasons.iter().filter_map(|finding| finding.authority.as_ref());
        named = ancestors.map(ToString::to_string).collect();
    }
    if named.is_empty() {
        let url = judged.entry.copy.fetched_url().and_then(|url| Url::parse(url).ok());
        let host = url.as_ref().and_then(Url::host_str).map(|host| Authority::of_host(host).to_string());
        named.push(host.unwrap_or_else(|| "(nobody known)".to_owned()));
    }
    named.sort();
    named.dedup();
    named
}
