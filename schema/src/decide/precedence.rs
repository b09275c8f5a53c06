//! Precedence inside one standard: which of a carrier's rules decides for one address, and what it means for the question.

use super::Case;
use crate::policy::{Agents, BlanketDisallow};
use crate::signals::{Agent, Signal};
use crate::surt::PathPattern;
use crate::vocab::{AgentPurpose, AuthorityKind, Channel, Preference, Use};
use std::collections::BTreeMap;

/// Uses that a blanket disallow reserves where the policy reads it as a reservation.
const MINING: &[Use] = &[Use::TrainAi, Use::TrainNongen, Use::AiIndex, Use::TdmOther];

/// What one signal means for the question.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Reserves,
    Conflicts,
    Allows,
    Nothing,
}

/// The rules of one standard in one place, with their patterns.
pub(super) struct Rules<'s>(Vec<(&'s Signal, Option<PathPattern>)>);

/// Rules that stand apart: each agent's, each kind of carrier's, and of RSL each document's. A longer path takes precedence
/// over a shorter one among those that stand together only.
type Apart<'s> = (&'s Option<Agent>, AuthorityKind, Option<&'s str>);

fn apart(signal: &Signal) -> Apart<'_> {
    let document = signal.policy.as_deref().filter(|_| signal.standard == "rsl");
    (&signal.agent, signal.authority, document)
}

impl<'s> Rules<'s> {
    /// The rules of one standard.
    pub(super) fn of(signals: impl Iterator<Item = &'s Signal>) -> Self {
        Self(signals.map(|signal| (signal, signal.pattern())).collect())
    }

    /// The rules that decide for a path: of those that stand together, the longest pattern that matches, and of equally
    /// long ones all. It decides for every use, so that a use which it doesn't name is left unsaid (RFC 9309 section 2.2.2
    /// of 2022-09; draft-ietf-aipref-attach-05 of 2026-08-19; RSL 1.0 of 2025-12-10). `None`: only rules without a path.
    pub(super) fn decisive(&self, path: Option<&str>) -> Vec<&'s Signal> {
        let mut longest: BTreeMap<Apart<'s>, usize> = BTreeMap::new();
        let mut covering = Vec::new();
        for (signal, pattern) in &self.0 {
            let covers = match (pattern, path) {
                (None, _) => true,
                (Some(pattern), Some(path)) => pattern.matches(path),
                (Some(_), None) => false,
            };
            if covers {
                let length = signal.path.as_ref().map_or(0, String::len);
                let best = longest.entry(apart(signal)).or_default();
                *best = length.max(*best);
                covering.push((length, *signal));
            }
        }
        covering.retain(|(length, signal)| longest.get(&apart(signal)) == Some(length));
        covering.into_iter().map(|(_, signal)| signal).collect()
    }
}

impl Case<'_> {
    /// What one signal means for the question. `own_group`: the rules beside it have a group for one of the lab's agents.
    pub(super) fn meaning_of(&self, signal: &Signal, own_group: impl FnOnce() -> bool) -> Meaning {
        let category = self.question.category;
        let tdm = signal.standard == "tdmrep" && self.reading.tdm_covers_ai_use && category == Use::AiUse;
        let speaks_of_use = signal.uses.contains(&category) || (tdm && signal.uses.contains(&Use::TdmOther));
        let token = signal.agent.as_ref().map(|agent| agent.token.as_str());
        let own = token.is_some_and(|token| self.reading.own_agents.iter().any(|it| it.eq_ignore_ascii_case(token)));
        if signal.preference == Preference::Allowed {
            // A crawl permission for an agent permits fetching, never a use; for another's agent it permits us nothing.
            return if speaks_of_use && (token.is_none() || own) { Meaning::Allows } else { Meaning::Nothing };
        }
        let blanket = token == Some("*");
        if blanket && self.reading.agents == Agents::Own && own_group() {
            return Meaning::Nothing;
        }
        // The asker's own table may know an agent that the observer's did not.
        let listed =
            token.is_some_and(|token| self.reading.training_agents.iter().any(|it| it.eq_ignore_ascii_case(token)));
        let trains = |agent: &Agent| matches!(agent.purpose, AgentPurpose::Training | AgentPurpose::Archive);
        let training = listed || signal.agent.as_ref().is_some_and(trains);
        let counts = token.is_none() || blanket || own || (training && self.reading.agents == Agents::AnyTraining);
        if !counts {
            return Meaning::Nothing;
        }
        if speaks_of_use {
            return Meaning::Reserves;
        }
        if !signal.uses.contains(&Use::Crawl) {
            return Meaning::Nothing;
        }
        let blanket_reserves = blanket && self.reading.blanket_disallow == BlanketDisallow::Reservation;
        if (blanket_reserves || listed) && MINING.contains(&category) {
            return Meaning::Reserves;
        }
        let crawled = matches!(self.question.acquisition.channel, None | Some(Channel::Crawl));
        if crawled { Meaning::Conflicts } else { Meaning::Nothing }
    }
}
