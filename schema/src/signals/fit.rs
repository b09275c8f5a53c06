//! Fit: a sighting made small enough for a statement, by widening what it restricts and never by losing any of it.
//!
//! Whoever wants a reservation to vanish could make a file so long that it no longer fits a payload. Therefore every step
//! here gives up permissions and exactness, in this order, and stops as soon as there is room:
//!
//! 1. crawl exceptions (`Allow` lines) go: the shorter `Disallow` then covers them too;
//! 2. the rules of one agent become one rule for the whole site, the longest list of rules first;
//! 3. agents that neither train nor archive become one rule for everybody;
//! 4. so do those that do;
//! 5. where even that is too long, the standard's sources are told as failed, which nobody may read as permission.
//!
//! The order of rules within one agent and one authority is that of the signals' contract: the longest path that matches
//! decides, so a widened rule replaces every rule of its group; one that was left there would win over it.

use super::{Agent, Sighting, Signal, SourceOutcome};
use crate::canon;
use crate::terms::Constraints;
use crate::vocab::{AgentPurpose, AuthorityKind, Preference, Use};
use std::collections::{BTreeMap, BTreeSet};

/// The path of a widened rule.
const WHOLE_SITE: &str = "/";

/// Within one group the longest path decides. Coarser than any reader's grouping: constraints, versions and policies are
/// not told apart, so that nothing is left beside a widened rule which could win over it.
type Group = (String, AuthorityKind, Option<Agent>);

/// A sighting of at most `room` bytes of canonical JSON that restricts whatever `sighting` restricts. One that fits is
/// given back as it is. Sources are never dropped: if they alone are longer than `room`, so is the result.
#[must_use]
pub fn fit(sighting: Sighting, room: usize) -> Sighting {
    let mut sighting = sighting;
    let steps: [fn(&mut Sighting, usize); 5] = [drop_crawl_exceptions, widen_paths, widen_others, widen_all, give_up];
    for step in steps {
        if length(&sighting) <= room {
            break;
        }
        step(&mut sighting, room);
        sighting.signals.sort();
        sighting.signals.dedup();
    }
    sighting
}

/// Bytes of a value in its canonical form; one that has none is longer than any room.
fn length(value: &impl serde::Serialize) -> usize {
    canon::to_canonical_within(value, usize::MAX).map_or(usize::MAX, |bytes| bytes.len())
}

fn own_group(signal: &Signal) -> Group {
    (signal.standard.clone(), signal.authority, signal.agent.clone())
}

/// Permission and nothing else: it says neither "perhaps" nor "against this".
fn is_plain_permission(signal: &Signal) -> bool {
    signal.preference == Preference::Allowed
        && !signal.malformed
        && signal.duties.is_empty()
        && signal.constraints.is_open()
}

/// Leaves out the permissions of groups that permit crawling alone. A group with any other permission stays whole: one
/// that is left would show where a longer rule had hidden it.
fn drop_crawl_exceptions(sighting: &mut Sighting, _room: usize) {
    let crawls_only = |signal: &Signal| is_plain_permission(signal) && signal.uses == [Use::Crawl];
    let mixed: BTreeSet<Group> = sighting
        .signals
        .iter()
        .filter(|signal| signal.preference == Preference::Allowed && !signal.malformed && !crawls_only(signal))
        .map(own_group)
        .collect();
    sighting.signals.retain(|signal| !crawls_only(signal) || mixed.contains(&own_group(signal)));
}

/// One rule for the whole site in place of each group's rules, the longest group first, until there is room.
fn widen_paths(sighting: &mut Sighting, room: usize) {
    let mut groups: BTreeMap<Group, Vec<Signal>> = BTreeMap::new();
    for signal in sighting.signals.drain(..) {
        groups.entry(own_group(&signal)).or_default().push(signal);
    }
    let mut total = length(sighting);
    let mut sized: Vec<(usize, Vec<Signal>)> = groups
        .into_values()
        .map(|signals| (signals.iter().map(|signal| length(signal).saturating_add(1)).sum(), signals))
        .collect();
    total = sized.iter().fold(total, |sum, (bytes, _)| sum.saturating_add(*bytes));
    sized.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    for (bytes, signals) in sized {
        // `"signals":[]` itself is about as long as the slack here; a little too much widening loses nothing.
        if total.saturating_add(16) <= room {
            sighting.signals.extend(signals);
            continue;
        }
        let agent = signals.first().and_then(|signal| signal.agent.clone());
        let widened = widened(signals, agent);
        let now: usize = widened.iter().map(|signal| length(signal).saturating_add(1)).sum();
        total = total.saturating_sub(bytes).saturating_add(now);
        sighting.signals.extend(widened);
    }
}

/// Agents that neither train nor archive are heard by their own operators alone; together they speak to everybody.
fn widen_others(sighting: &mut Sighting, _room: usize) {
    widen_agents(sighting, |purpose| !matches!(purpose, AgentPurpose::Training | AgentPurpose::Archive));
}

fn widen_all(sighting: &mut Sighting, _room: usize) {
    widen_agents(sighting, |_| true);
}

/// Makes one rule for everybody out of those of the agents chosen, and out of those that spoke to everybody before.
fn widen_agents(sighting: &mut Sighting, chosen: impl Fn(AgentPurpose) -> bool) {
    let mut groups: BTreeMap<Group, Vec<Signal>> = BTreeMap::new();
    for signal in sighting.signals.drain(..) {
        let (standard, authority, agent) = own_group(&signal);
        let agent = agent.filter(|agent| !chosen(agent.purpose));
        groups.entry((standard, authority, agent)).or_default().push(signal);
    }
    for ((_, _, agent), signals) in groups {
        sighting.signals.extend(widened(signals, agent));
    }
}

/// At most one prohibition, for the whole site, of every use that any of the group's rules prohibits, or permits only
/// under terms, or may mean. Plain permissions go. A rule that is alone and as wide already stays as it is written.
fn widened(signals: Vec<Signal>, agent: Option<Agent>) -> Vec<Signal> {
    let restricting: Vec<Signal> = signals.into_iter().filter(|signal| !is_plain_permission(signal)).collect();
    let mut uses: Vec<Use> = restricting.iter().flat_map(|signal| signal.uses.iter().copied()).collect();
    uses.sort_unstable();
    uses.dedup();
    let malformed = restricting.iter().any(|signal| signal.malformed);
    let (count, Some(first)) = (restricting.len(), restricting.into_iter().next()) else { return Vec::new() };
    if count == 1 && first.agent == agent && first.path.is_none() {
        return vec![first];
    }
    let label = if count == 1 { first.label } else { format!("{count} rules, widened to the whole site") };
    vec![Signal {
        preference: Preference::Disallowed,
        label,
        uses,
        agent,
        constraints: Constraints::default(),
        duties: Vec::new(),
        policy: None,
        path: Some(WHOLE_SITE.to_owned()),
        malformed,
        ..first
    }]
}

/// Tells the sources of whichever standards don't fit as failed, the longest first.
fn give_up(sighting: &mut Sighting, room: usize) {
    while length(sighting) > room && !sighting.signals.is_empty() {
        let mut bytes: BTreeMap<&str, usize> = BTreeMap::new();
        for signal in &sighting.signals {
            let sum = bytes.entry(&signal.standard).or_default();
            *sum = sum.saturating_add(length(signal));
        }
        let longest = bytes.into_iter().max_by_key(|(_, bytes)| *bytes).map(|(standard, _)| standard.to_owned());
        let Some(longest) = longest else { return };
        sighting.signals.retain(|signal| signal.standard != longest);
        for source in sighting.sources.iter_mut().filter(|source| source.standard == longest) {
            source.outcome = SourceOutcome::Failed;
        }
        sighting.sources.sort();
        sighting.sources.dedup();
    }
}

#[cfg(test)]
#[path = "fit_tests.rs"]
mod tests;
