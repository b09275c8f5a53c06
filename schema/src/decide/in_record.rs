//! In the record: what a copy says of itself in its headers, its markup and its embedded metadata, as the asker read it.

use super::permit::Giver;
use super::precedence::{Meaning, Rules};
use super::question::Verdict;
use super::reach::{Reach, signal_reach};
use super::reason::{Finding, Reason};
use super::sightings::Lift;
use super::{Case, Heard, Outcome};
use crate::issuer::Authority;
use crate::signals::Signal;
use crate::surt::without_www;
use std::collections::BTreeSet;

impl Case<'_> {
    /// Whether the copy says anything of itself.
    pub(super) fn speaks_itself(&self) -> bool {
        self.question.acquisition.in_record.as_ref().is_some_and(|found| !found.signals.is_empty())
    }

    /// What the copy says of itself. Whoever served it speaks; restrictions count from everybody, permissions only where the
    /// policy trusts the host's own marks, since a page is put together by many hands.
    pub(super) fn hear_in_record(&self, authority: Option<&Authority>, lift: Option<Lift>, heard: &mut Heard) {
        let Some(found) = &self.question.acquisition.in_record else { return };
        let captured = self.question.captured_at();
        let lifted =
            lift.is_some_and(|lift| captured < lift.before && lift.since.is_none_or(|since| captured >= since));
        let path = self.evidence.keys.fetched().map(|url| url.path.as_str());
        let standards: BTreeSet<&str> = found.signals.iter().map(|signal| signal.standard.as_str()).collect();
        for standard in standards {
            let rules = Rules::of(found.signals.iter().filter(|signal| signal.standard == standard));
            for signal in rules.decisive(path) {
                let label = format!("{}: {}", signal.standard, signal.label);
                let meaning = self.meaning_of(signal, || false);
                let restricts = matches!(meaning, Meaning::Reserves | Meaning::Conflicts) || signal.malformed;
                if restricts && lifted && meaning != Meaning::Nothing {
                    heard.notes.push(Finding::new(Reason::SignalLifted).detail(label));
                    continue;
                }
                match meaning {
                    Meaning::Nothing => {}
                    Meaning::Reserves => match signal_reach(signal, self.question) {
                        Reach::Silent(finding) => heard.notes.push(finding),
                        Reach::Undetermined(finding) => heard.speaking.push(Outcome::of(Verdict::Unknown, finding)),
                        _ => {
                            let finding = Finding::new(Reason::SignalReserved).detail(label);
                            heard.speaking.push(Outcome::of(Verdict::Reserved, finding));
                        }
                    },
                    Meaning::Conflicts => {
                        let finding = Finding::new(Reason::AcquisitionConflict).detail(label);
                        heard.speaking.push(Outcome::of(Verdict::Unknown, finding));
                    }
                    Meaning::Allows => self.hear_own_leave(authority, signal, label, heard),
                }
            }
        }
    }

    fn hear_own_leave(&self, authority: Option<&Authority>, signal: &Signal, label: String, heard: &mut Heard) {
        if signal.malformed {
            // The author meant something that nobody can read: it counts, as unknown.
            heard.speaking.push(Outcome::of(Verdict::Unknown, Finding::new(Reason::SignalMalformed).detail(label)));
            return;
        }
        if signal.authority.never_clears() {
            heard.notes.push(Finding::new(Reason::SignalCannotClear).detail(label));
            return;
        }
        let host = self.evidence.keys.fetched().map(|url| without_www(&url.host).to_owned());
        let trusted =
            |host: &String| self.reading.trusted_mark_hosts.iter().any(|known| without_www(known.as_str()) == host);
        let (Some(authority), true) = (authority, host.as_ref().is_some_and(trusted)) else {
            heard.notes.push(Finding::new(Reason::LicenseSelfDeclared).detail(label));
            return;
        };
        match signal_reach(signal, self.question) {
            Reach::Allowed(duties) => {
                let mut outcome = self.allowed(&Giver::by_signal(authority), duties);
                outcome.findings.push(Finding::new(Reason::SignalAllows).detail(label));
                heard.speaking.push(outcome);
            }
            Reach::Undetermined(finding) => heard.speaking.push(Outcome::of(Verdict::Unknown, finding)),
            Reach::Silent(finding) => heard.notes.push(finding),
            Reach::Disallowed => {}
        }
    }
}
