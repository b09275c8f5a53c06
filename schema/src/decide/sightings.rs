//! Sightings: signals of one site over time, read by interval, stricter neighbour first.

use super::permit::Giver;
use super::question::Verdict;
use super::reach::{Reach, signal_reach};
use super::reason::{Finding, Reason};
use super::{Case, Heard, Outcome};
use crate::evidence::Registered;
use crate::policy::{Agents, BlanketDisallow};
use crate::signals::{Sighting, Signal, SourceOutcome};
use crate::statement::Body;
use crate::surt::PathPattern;
use crate::time::Timestamp;
use crate::vocab::{AgentPurpose, AuthorityKind, Channel, Preference, Use};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Uses that a blanket disallow reserves where the policy reads it as a reservation.
const MINING: &[Use] = &[Use::TrainAi, Use::TrainNongen, Use::AiIndex, Use::TdmOther];

struct Seen<'a> {
    registered: &'a Registered,
    sighting: &'a Sighting,
}

/// What one signal means for the question.
#[derive(PartialEq, Eq)]
enum Meaning {
    Reserves,
    Conflicts,
    Allows,
    Nothing,
}

impl Case<'_> {
    /// What the observations of one authority's sites say. `lifted_before`: observations first seen before this moment are
    /// lifted by the issuer's own signed grant or offer.
    pub(super) fn hear_sightings(&self, statements: &[&Arc<Registered>], lifted_before: Option<Timestamp>) -> Heard {
        let mut heard = Heard::default();
        for (standard, series) in self.series(statements) {
            self.hear_series(&standard, &series, lifted_before, &mut heard);
        }
        heard
    }

    /// Observations that looked at one standard on one scope, in time order. One that looked elsewhere says nothing here.
    fn series<'b>(&self, statements: &[&'b Arc<Registered>]) -> Vec<(String, Vec<Seen<'b>>)> {
        let mut series: BTreeMap<_, Vec<Seen<'b>>> = BTreeMap::new();
        for registered in statements {
            let Body::Observation { scope, sighting } = &registered.statement.body else { continue };
            let withdrawn = self.end(registered).is_some_and(|end| end.at <= self.question.used_at);
            if scope.restricts(&self.evidence.keys).is_none() || withdrawn {
                continue;
            }
            for source in &sighting.sources {
                let seen = series.entry((scope.clone(), source.standard.clone())).or_default();
                if !seen.iter().any(|it| it.registered.id == registered.id) {
                    seen.push(Seen { registered, sighting });
                }
            }
        }
        let by_time = |mut seen: Vec<Seen<'b>>| {
            seen.sort_by_key(|it| (it.sighting.observed_at, it.registered.index));
            seen
        };
        series.into_iter().map(|((_, standard), seen)| (standard, by_time(seen))).collect()
    }

    fn hear_series(&self, standard: &str, series: &[Seen<'_>], lifted_before: Option<Timestamp>, heard: &mut Heard) {
        let captured = self.question.captured_at();
        let acquired = self.question.acquired_at();
        let before = series.iter().rposition(|seen| seen.sighting.observed_at <= captured);
        let after = series.iter().position(|seen| seen.sighting.observed_at > captured);
        let mut quiet = true;
        for (place, seen) in series.iter().enumerate() {
            let at = seen.sighting.observed_at;
            // Before the first observation signals are silent; between two the stricter neighbour counts.
            let neighbour = before.is_some() && after == Some(place);
            let counts = before == Some(place) || neighbour || (at > captured && at <= acquired);
            if !counts {
                continue;
            }
            quiet &= self.hear_one(standard, series, place, lifted_before, heard);
        }
        if quiet && before.or(after.filter(|place| series[*place].sighting.observed_at <= acquired)).is_some() {
            heard.notes.push(Finding::new(Reason::Unspecified).detail(standard));
        }
    }

    /// Hears one observation; true when it says nothing on the use.
    fn hear_one(
        &self,
        standard: &str,
        series: &[Seen<'_>],
        place: usize,
        lifted_before: Option<Timestamp>,
        heard: &mut Heard,
    ) -> bool {
        let seen = &series[place];
        let id = seen.registered.id;
        let at = seen.sighting.observed_at;
        let failed =
            seen.sighting.sources.iter().any(|it| it.standard == standard && it.outcome == SourceOutcome::Failed);
        if failed {
            let finding = Finding::new(Reason::Unreadable).by(id).detail(standard);
            if lifted_before.is_some_and(|moment| at < moment) {
                heard.notes.push(Finding::new(Reason::SignalLifted).by(id).detail(standard));
            } else {
                heard.speaking.push(Outcome::of(Verdict::Unknown, finding));
            }
            return false;
        }
        let mut quiet = true;
        for signal in self.decisive(seen, standard) {
            let label = format!("{}: {}", signal.standard, signal.label);
            let meaning = self.meaning(seen, signal);
            if meaning == Meaning::Nothing {
                continue;
            }
            quiet = false;
            let first = first_seen(series, place, signal);
            let restricts = matches!(meaning, Meaning::Reserves | Meaning::Conflicts);
            if restricts && lifted_before.is_some_and(|moment| first < moment) {
                heard.notes.push(Finding::new(Reason::SignalLifted).by(id).detail(label));
                continue;
            }
            match meaning {
                Meaning::Reserves => {
                    let mut outcome = match signal_reach(signal, self.question) {
                        Reach::Silent(finding) => {
                            heard.notes.push(finding.by(id));
                            continue;
                        }
                        Reach::Undetermined(finding) => Outcome::of(Verdict::Unknown, finding.by(id)),
                        _ => Outcome::of(Verdict::Reserved, Finding::new(Reason::SignalReserved).by(id).detail(label)),
                    };
                    if first > self.question.captured_at() {
                        outcome.findings.push(Finding::new(Reason::StricterSince).by(id).detail(first.to_string()));
                    }
                    heard.speaking.push(outcome);
                }
                Meaning::Conflicts => heard.speaking.push(Outcome::of(
                    Verdict::Unknown,
                    Finding::new(Reason::AcquisitionConflict).by(id).detail(label),
                )),
                Meaning::Allows => self.hear_allowing(seen, signal, label, heard),
                Meaning::Nothing => {}
            }
        }
        quiet
    }

    fn hear_allowing(&self, seen: &Seen<'_>, signal: &Signal, label: String, heard: &mut Heard) {
        let id = seen.registered.id;
        // A looser signal seen after the capture never loosens the older copy.
        if seen.sighting.observed_at > self.question.captured_at() {
            return;
        }
        let observer = &seen.registered.statement.issuer.domain;
        let evidenced = seen.sighting.sources.iter().any(|it| it.standard == signal.standard && it.evidence.is_some());
        let note = if signal.malformed {
            Reason::SignalMalformed
        } else if matches!(
            signal.authority,
            AuthorityKind::PlatformDefault | AuthorityKind::Inferred | AuthorityKind::Registry
        ) {
            Reason::SignalCannotClear
        } else if !self.reading.trusted_observers.contains(observer) || !evidenced {
            Reason::ObserverUntrusted
        } else {
            let authority = seen.registered.authority();
            let giver = Giver::by_signal(&authority);
            let allows = Finding::new(Reason::SignalAllows).by(id).detail(label);
            match signal_reach(signal, self.question) {
                Reach::Allowed(duties) => {
                    let mut outcome = self.allowed(&giver, duties);
                    outcome.findings.push(allows);
                    heard.speaking.push(outcome);
                }
                Reach::Undetermined(finding) => heard.speaking.push(Outcome::of(Verdict::Unknown, finding.by(id))),
                Reach::Silent(finding) => heard.notes.push(finding.by(id)),
                Reach::Disallowed => {}
            }
            return;
        };
        heard.notes.push(Finding::new(note).by(id).detail(label));
        if note == Reason::SignalMalformed {
            // The author meant something that nobody can read: it counts, as unknown.
            heard.speaking.push(Outcome::of(Verdict::Unknown, Finding::new(Reason::SignalMalformed).by(id)));
        }
    }

    /// The signals of one observation that cover the copy, by the standards' own precedence: for one agent and one set of
    /// uses the longest path decides, and of equals all count.
    fn decisive<'b>(&self, seen: &Seen<'b>, standard: &str) -> Vec<&'b Signal> {
        let site = |signal: &Signal| {
            let Some(path) = &signal.path else { return Some(0) };
            let pattern = PathPattern::new(path);
            let Body::Observation { scope, .. } = &seen.registered.statement.body else { return None };
            let on_site = self.evidence.keys.urls.iter().filter(|(_, url)| {
                scope.include.iter().any(|target| target.covers_url(url) || target.covers_folded(url))
            });
            on_site.map(|(_, url)| pattern.matches(&url.path)).any(|hit| hit).then_some(path.len())
        };
        let covering: Vec<(usize, &Signal)> = seen
            .sighting
            .signals
            .iter()
            .filter(|signal| signal.standard == standard)
            .filter_map(|signal| site(signal).map(|length| (length, signal)))
            .collect();
        let longer = |length: usize, signal: &Signal| {
            covering.iter().any(|(other_length, other)| {
                *other_length > length && other.agent == signal.agent && other.uses == signal.uses
            })
        };
        covering.iter().filter(|(length, signal)| !longer(*length, signal)).map(|(_, signal)| *signal).collect()
    }

    fn meaning(&self, seen: &Seen<'_>, signal: &Signal) -> Meaning {
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
        if blanket && self.reading.agents == Agents::Own && self.own_group(seen) {
            return Meaning::Nothing;
        }
        let training = signal
            .agent
            .as_ref()
            .is_some_and(|agent| matches!(agent.purpose, AgentPurpose::Training | AgentPurpose::Archive));
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
        if blanket && self.reading.blanket_disallow == BlanketDisallow::Reservation && MINING.contains(&category) {
            return Meaning::Reserves;
        }
        let crawled = matches!(self.question.acquisition.channel, None | Some(Channel::Crawl));
        if crawled { Meaning::Conflicts } else { Meaning::Nothing }
    }

    /// Whether the site has a group for one of the lab's own agents, which replaces the group for everybody (RFC 9309
    /// section 2.2.1).
    fn own_group(&self, seen: &Seen<'_>) -> bool {
        seen.sighting
            .signals
            .iter()
            .filter_map(|signal| signal.agent.as_ref())
            .any(|agent| self.reading.own_agents.iter().any(|own| own.eq_ignore_ascii_case(&agent.token)))
    }
}

/// When an unchanged signal was first seen: the start of the unbroken run of observations that hold it.
fn first_seen(series: &[Seen<'_>], place: usize, signal: &Signal) -> Timestamp {
    let held = |seen: &&Seen<'_>| seen.sighting.signals.contains(signal);
    let run = series[..=place].iter().rev().take_while(held);
    run.last().map_or(series[place].sighting.observed_at, |seen| seen.sighting.observed_at)
}
