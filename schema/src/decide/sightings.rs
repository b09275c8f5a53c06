//! Sightings: signals of one site over time, read by interval, stricter neighbour first.

use super::permit::Giver;
use super::precedence::{Meaning, Rules};
use super::question::Verdict;
use super::reach::{Reach, signal_reach};
use super::reason::{Finding, Reason};
use super::{Case, Heard, Outcome};
use crate::acquisition::UrlRole;
use crate::evidence::Registered;
use crate::issuer::Domain;
use crate::scope::{Match, Scope};
use crate::signals::{Sighting, Signal, SourceOutcome};
use crate::statement::Body;
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Clone, Copy)]
struct Seen<'a> {
    registered: &'a Registered,
    sighting: &'a Sighting,
}

/// What a house's latest signed permission lifts of its own signals.
#[derive(Clone, Copy)]
pub(super) struct Lift {
    /// Signals first seen before this moment.
    pub before: Timestamp,
    /// Signals seen since this moment, the start of the house's tenure.
    pub since: Option<Timestamp>,
}

/// Observations of one standard on one scope, in time order.
struct Series<'a, 'b> {
    case: Case<'a>,
    standard: &'b str,
    seen: &'b [Seen<'b>],
    lift: Option<Lift>,
}

/// An unbroken run of observations that hold one signal.
#[derive(Clone, Copy)]
struct Run {
    /// When it begins.
    first: Timestamp,
    /// When it begins by what was on record before the permission that might lift it.
    on_record: Option<Timestamp>,
}

/// A signal that covers the copy.
struct Heeded<'a> {
    signal: &'a Signal,
    /// It covers the very address that the bytes were fetched from.
    of_the_source: bool,
}

impl Case<'_> {
    /// What the observations of one authority's sites say.
    pub(super) fn hear_sightings(&self, statements: &[&Arc<Registered>], lift: Option<Lift>) -> Heard {
        let mut heard = Heard::default();
        for (standard, seen) in self.series(statements) {
            Series { case: *self, standard: &standard, seen: &seen, lift }.hear(&mut heard);
        }
        heard
    }

    /// Observations that looked at one standard on one scope, in time order. One that looked elsewhere says nothing here.
    /// What a trusted observer saw continues everybody's series; what another saw continues its own alone, since a
    /// stranger's "silent" would otherwise end what an honest observer saw reserved.
    fn series<'b>(&self, statements: &[&'b Arc<Registered>]) -> Vec<(String, Vec<Seen<'b>>)> {
        let mut looked: BTreeMap<(&Scope, &str), BTreeMap<u64, Seen<'b>>> = BTreeMap::new();
        for registered in statements {
            let Body::Observation { scope, sighting } = &registered.statement.body else { continue };
            let withdrawn = self.end(registered).is_some_and(|end| end.at <= self.question.used_at);
            if scope.restricts(&self.evidence.keys).is_none() || withdrawn {
                continue;
            }
            for source in &sighting.sources {
                let seen = looked.entry((scope, &source.standard)).or_default();
                seen.insert(registered.index, Seen { registered, sighting });
            }
        }
        let mut series = Vec::new();
        for ((_, standard), seen) in looked {
            let mut all: Vec<Seen<'b>> = seen.into_values().collect();
            all.sort_by_key(|it| (it.sighting.observed_at, it.registered.index));
            let trusted = |seen: &Seen<'_>| self.trusts(seen.registered);
            let others: BTreeSet<&Domain> =
                all.iter().filter(|seen| !trusted(seen)).map(|seen| &seen.registered.statement.issuer.domain).collect();
            if others.len() < 2 && all.iter().all(|seen| !trusted(seen)) {
                series.push((standard.to_owned(), all));
                continue;
            }
            for observer in others {
                let one = |seen: &&Seen<'_>| trusted(seen) || seen.registered.statement.issuer.domain == *observer;
                series.push((standard.to_owned(), all.iter().filter(one).copied().collect()));
            }
            series.push((standard.to_owned(), all.into_iter().filter(|seen| trusted(seen)).collect()));
        }
        series
    }

    /// Whether the policy trusts who observed, and the observer's key is in no doubt.
    fn trusts(&self, registered: &Registered) -> bool {
        self.reading.trusted_observers.contains(&registered.statement.issuer.domain) && self.doubt(registered).is_none()
    }

    fn hear_allowing(&self, seen: &Seen<'_>, heeded: &Heeded<'_>, label: String, heard: &mut Heard) {
        let signal = heeded.signal;
        let id = seen.registered.id;
        // A looser signal seen after the capture never loosens the older copy.
        if seen.sighting.observed_at > self.question.captured_at() {
            return;
        }
        let evidenced = seen.sighting.sources.iter().any(|it| it.standard == signal.standard && it.evidence.is_some());
        let note = if signal.malformed {
            Reason::SignalMalformed
        } else if !heeded.of_the_source || signal.authority.never_clears() {
            Reason::SignalCannotClear
        } else if !self.trusts(seen.registered) || !evidenced {
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

    /// The signals of one observation that cover the copy, by the standards' own precedence. Each address of the copy is
    /// looked at by itself: an open one does not open another.
    fn decisive<'b>(&self, seen: &Seen<'b>, standard: &str) -> Vec<Heeded<'b>> {
        let Body::Observation { scope, .. } = &seen.registered.statement.body else { return Vec::new() };
        let rules = Rules::of(seen.sighting.signals.iter().filter(|signal| signal.standard == standard));
        let on_site =
            self.evidence.keys.urls.iter().filter(|(_, url)| {
                scope.include.iter().any(|target| target.covers_url(url) || target.covers_folded(url))
            });
        let exactly = scope.permits(&self.evidence.keys, false) == Some(Match::Fetched);
        let mut heeded: BTreeMap<&Signal, bool> = BTreeMap::new();
        let mut any = false;
        for (role, url) in on_site {
            any = true;
            let of_the_source = exactly && *role == UrlRole::Fetched;
            for signal in rules.decisive(Some(&url.path)) {
                *heeded.entry(signal).or_default() |= of_the_source;
            }
        }
        if !any {
            heeded.extend(rules.decisive(None).into_iter().map(|signal| (signal, false)));
        }
        heeded.into_iter().map(|(signal, of_the_source)| Heeded { signal, of_the_source }).collect()
    }

    /// Whether a later observation still allows the use on no stricter terms than `signal`.
    fn allows(&self, seen: &Seen<'_>, signal: &Signal) -> bool {
        self.decisive(seen, &signal.standard).iter().any(|heeded| {
            let (later, free) = (heeded.signal, heeded.signal.duties.is_empty() && heeded.signal.constraints.is_open());
            let as_loose = free || (later.constraints == signal.constraints && later.duties == signal.duties);
            heeded.of_the_source && as_loose && self.meaning(seen, later) == Meaning::Allows
        })
    }

    fn meaning(&self, seen: &Seen<'_>, signal: &Signal) -> Meaning {
        self.meaning_of(signal, || self.own_group(seen))
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

impl Series<'_, '_> {
    fn hear(&self, heard: &mut Heard) {
        let captured = self.case.question.captured_at();
        let acquired = self.case.question.acquired_at();
        let before = self.seen.iter().rposition(|seen| seen.sighting.observed_at <= captured);
        let after = self.seen.iter().position(|seen| seen.sighting.observed_at > captured);
        let mut quiet = true;
        let mut runs: BTreeMap<&Signal, Run> = BTreeMap::new();
        for (place, seen) in self.seen.iter().enumerate() {
            let at = seen.sighting.observed_at;
            runs = self.continued(&runs, seen);
            // Before the first observation signals are silent; between two the stricter neighbour counts.
            let neighbour = before.is_some() && after == Some(place);
            if before == Some(place) || neighbour || (at > captured && at <= acquired) {
                let next = after.map(|place| &self.seen[place]);
                quiet &= self.hear_one(seen, &runs, next, heard);
            }
        }
        if quiet && before.or(after.filter(|place| self.seen[*place].sighting.observed_at <= acquired)).is_some() {
            heard.notes.push(Finding::new(Reason::Unspecified).detail(self.standard));
        }
    }

    /// The unbroken runs that the signals of the next observation continue or begin.
    fn continued<'s>(&self, runs: &BTreeMap<&'s Signal, Run>, seen: &Seen<'s>) -> BTreeMap<&'s Signal, Run> {
        let at = seen.sighting.observed_at;
        // An observation registered after the grant could be dated before it at will.
        let on_record = self.lift.is_some_and(|lift| {
            seen.registered.registered_at < lift.before && lift.since.is_none_or(|since| at >= since)
        });
        let run = |signal: &'s Signal| {
            let run = runs.get(signal).copied().unwrap_or(Run { first: at, on_record: None });
            (signal, Run { on_record: run.on_record.or(on_record.then_some(at)), ..run })
        };
        seen.sighting.signals.iter().map(run).collect()
    }

    /// Hears one observation; true when it says nothing on the use. `next`: the first observation after the capture.
    fn hear_one(
        &self,
        seen: &Seen<'_>,
        runs: &BTreeMap<&Signal, Run>,
        next: Option<&Seen<'_>>,
        heard: &mut Heard,
    ) -> bool {
        let (case, standard) = (&self.case, self.standard);
        let id = seen.registered.id;
        let at = seen.sighting.observed_at;
        let lifted = |first: Timestamp| self.lift.is_some_and(|lift| first < lift.before);
        let failed =
            seen.sighting.sources.iter().any(|it| it.standard == standard && it.outcome == SourceOutcome::Failed);
        if failed {
            let finding = Finding::new(Reason::Unreadable).by(id).detail(standard);
            if lifted(at) {
                heard.notes.push(Finding::new(Reason::SignalLifted).by(id).detail(standard));
            } else {
                heard.speaking.push(Outcome::of(Verdict::Unknown, finding));
            }
        }
        let mut quiet = !failed;
        for heeded in case.decisive(seen, standard) {
            let signal = heeded.signal;
            let label = format!("{}: {}", signal.standard, signal.label);
            let meaning = case.meaning(seen, signal);
            // What was seen gone after the capture may have been gone at it.
            let doubted = meaning == Meaning::Allows && next.is_some_and(|next| !case.allows(next, signal));
            // Beside a place that could not be read nothing is permitted; what another place restricts, it restricts still.
            let withheld = failed && meaning == Meaning::Allows;
            if meaning == Meaning::Nothing || doubted || withheld {
                continue;
            }
            quiet = false;
            let run = runs.get(signal).copied().unwrap_or(Run { first: at, on_record: None });
            let restricts = matches!(meaning, Meaning::Reserves | Meaning::Conflicts);
            if restricts && run.on_record.is_some_and(lifted) {
                heard.notes.push(Finding::new(Reason::SignalLifted).by(id).detail(label));
                continue;
            }
            match meaning {
                Meaning::Reserves => {
                    let mut outcome = match signal_reach(signal, case.question) {
                        Reach::Silent(finding) => {
                            heard.notes.push(finding.by(id));
                            continue;
                        }
                        Reach::Undetermined(finding) => Outcome::of(Verdict::Unknown, finding.by(id)),
                        _ => Outcome::of(Verdict::Reserved, Finding::new(Reason::SignalReserved).by(id).detail(label)),
                    };
                    if run.first > case.question.captured_at() {
                        outcome.findings.push(Finding::new(Reason::StricterSince).by(id).detail(run.first.to_string()));
                    }
                    heard.speaking.push(outcome);
                }
                Meaning::Conflicts => heard.speaking.push(Outcome::of(
                    Verdict::Unknown,
                    Finding::new(Reason::AcquisitionConflict).by(id).detail(label),
                )),
                Meaning::Allows => case.hear_allowing(seen, &heeded, label, heard),
                Meaning::Nothing => {}
            }
        }
        quiet
    }
}
