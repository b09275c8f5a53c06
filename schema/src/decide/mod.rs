//! `decide`: the only function that turns terms into a verdict. The API, the filter, the pages and the wheel show it.
//!
//! Precedence is a legal choice, so it stands as data in `tests/vectors/decide/`, one row a case. Absent here: policy
//! actions (`policy::act` changes what is done, never the verdict), lookups, clocks.

mod agreements;
mod authority;
mod claims;
mod compromise;
mod force;
mod in_record;
#[cfg(test)]
mod laws;
mod lineage;
mod permit;
mod precedence;
mod question;
mod reach;
mod reason;
mod sightings;

pub use claims::{ANSWER_TIME, CLAIM_LAPSE};
pub(crate) use question::captured_at;
pub use question::{Asker, Decision, DutyState, Owed, Question, Verdict, Voice};
pub use reason::{Finding, Reason};

use crate::acquisition::LicenseMark;
use crate::evidence::{Evidence, Registered};
use crate::id::StatementId;
use crate::issuer::Authority;
use crate::policy::Reading;
use crate::statement::Kind;
use crate::time::Timestamp;
use crate::vocab::Access;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One question with its evidence, as the rules see it.
#[derive(Clone, Copy)]
struct Case<'a> {
    question: &'a Question,
    evidence: &'a Evidence,
    reading: &'a Reading,
    /// Who names whom. Anybody may register statements by the thousand that name one offer: no rule may walk them all for
    /// each of them.
    naming: &'a Naming<'a>,
    /// The moment of use, even where `question` asks about an earlier one.
    now: Timestamp,
}

/// Statements in evidence by the statements that they name.
type Naming<'a> = BTreeMap<StatementId, Vec<&'a Arc<Registered>>>;

fn naming(evidence: &Evidence) -> Naming<'_> {
    let mut naming = Naming::new();
    for registered in &evidence.statements {
        for named in registered.statement.names() {
            let list = naming.entry(named).or_default();
            if list.last().is_none_or(|last| !Arc::ptr_eq(last, registered)) {
                list.push(registered);
            }
        }
    }
    naming
}

/// What one statement, signal or mark comes to.
#[derive(Debug, Clone)]
struct Outcome {
    verdict: Verdict,
    findings: Vec<Finding>,
    duties: Vec<Owed>,
    /// It reaches the asker by name: an agreement or an accepted offer.
    by_name: bool,
    /// It reaches any copy.
    any_copy: bool,
    /// It was given for good, and evidenced at capture.
    irrevocable: bool,
}

impl Default for Outcome {
    fn default() -> Self {
        Self {
            verdict: Verdict::Unknown,
            findings: Vec::new(),
            duties: Vec::new(),
            by_name: false,
            any_copy: false,
            irrevocable: false,
        }
    }
}

impl Outcome {
    fn of(verdict: Verdict, finding: Finding) -> Self {
        Self { verdict, findings: vec![finding], ..Self::default() }
    }
}

/// One authority in one tenure: whoever holds the domain later does not speak for the one before.
type House = (Authority, Option<Timestamp>);

/// What one authority says: outcomes that count, and reasons that only explain.
#[derive(Debug, Default)]
struct Heard {
    speaking: Vec<Outcome>,
    notes: Vec<Finding>,
}

impl Heard {
    fn verdict(&self) -> Option<Verdict> {
        self.speaking.iter().map(|outcome| outcome.verdict).min()
    }

    fn signed(mut self, authority: &Authority) -> Self {
        let findings = self.speaking.iter_mut().flat_map(|outcome| &mut outcome.findings).chain(&mut self.notes);
        for finding in findings {
            finding.authority.get_or_insert_with(|| authority.clone());
        }
        self
    }
}

/// The one verdict: everything that speaks for the copy and its ancestors, each authority by itself, the worst standing.
///
/// A name of the bytes that can be collided, and an address that only accompanies them, may worsen it and never improve it.
///
/// Total: it never fails and never reads a clock. What can't be told is `unknown`, with the missing fact among the reasons.
#[must_use]
pub fn decide(question: &Question, evidence: &Evidence, reading: &Reading) -> Decision {
    let mut decision = decide_by_all_names(question, evidence, reading);
    // Whoever collides a SHA-1 gives a document a name that terms leave out, and terms that leave it out refuse it nothing. Nor
    // does whoever asks for it by a redirect from an address that they leave out, or shows it on such a page.
    let weakly = evidence.statements.iter().any(|registered| registered.excludes_weakly());
    let anything = evidence.statements.iter().any(|registered| registered.excludes());
    for keys in evidence.keys.less_left_out(weakly, anything) {
        let without = decide_by_all_names(question, &Evidence { keys, ..evidence.clone() }, reading);
        if without.verdict < decision.verdict {
            decision = without;
        }
    }
    decision
}

fn decide_by_all_names(question: &Question, evidence: &Evidence, reading: &Reading) -> Decision {
    let naming = naming(evidence);
    let case = Case { question, evidence, reading, naming: &naming, now: question.used_at };
    let mut voices: Vec<(Option<Authority>, Heard)> = case.authorities();
    let any_copy_agreement = voices
        .iter()
        .flat_map(|(_, heard)| &heard.speaking)
        .any(|outcome| outcome.by_name && outcome.any_copy && outcome.verdict >= Verdict::Conditional);
    voices.extend(case.conflicting_claims().map(|heard| (None, heard)));
    voices.extend(case.unlawful_source(any_copy_agreement).map(|heard| (None, heard)));
    voices.extend(case.unread_urls().map(|heard| (None, heard)));
    let own_voice = voices.iter().any(|(_, heard)| heard.verdict().is_some());
    voices.extend(case.ancestors(own_voice).map(|heard| (None, heard)));
    conclude(&case, voices)
}

impl Case<'_> {
    /// Sorts the evidence by authority and tenure, and hears each. What was seen on a site speaks with the tenure in which
    /// the copy was captured.
    fn authorities(&self) -> Vec<(Option<Authority>, Heard)> {
        let captured = self.question.captured_at();
        let mut statements: BTreeMap<House, Vec<&Arc<Registered>>> = BTreeMap::new();
        let (seen, said): (Vec<_>, Vec<_>) =
            self.evidence.statements.iter().partition(|it| it.statement.kind() == Kind::Observation);
        for registered in said {
            statements.entry((registered.authority(), registered.tenure_from)).or_default().push(registered);
        }
        let tenures: BTreeSet<House> = statements.keys().cloned().collect();
        let current = |authority: Authority| {
            let since = tenures.range((authority.clone(), None)..=(authority.clone(), Some(captured))).next_back();
            let tenure = since.and_then(|(_, tenure)| *tenure);
            (authority, tenure)
        };
        for registered in seen {
            statements.entry(current(registered.authority())).or_default().push(registered);
        }
        let mut marks: BTreeMap<House, Vec<&LicenseMark>> = BTreeMap::new();
        for mark in &self.question.acquisition.marks {
            marks.entry(current(mark.host.authority())).or_default().push(mark);
        }
        // What a copy says of itself is said by whoever served it.
        let served_by = self.evidence.keys.fetched().map(|url| current(url.authority()));
        let server = served_by.filter(|_| self.speaks_itself());
        let all: BTreeSet<House> = statements.keys().chain(marks.keys()).chain(&server).cloned().collect();
        let hear = |house: House| {
            let said = statements.get(&house).map(Vec::as_slice).unwrap_or_default();
            let shown = marks.get(&house).map(Vec::as_slice).unwrap_or_default();
            let heard = self.hear(&house, said, shown, server.as_ref() == Some(&house)).signed(&house.0);
            (Some(house.0), heard)
        };
        let mut voices: Vec<(Option<Authority>, Heard)> = all.into_iter().map(hear).collect();
        if server.is_none() && self.speaks_itself() {
            let mut heard = Heard::default();
            self.hear_in_record(None, None, &mut heard);
            voices.push((None, heard));
        }
        voices
    }

    /// Rule 7: circumvented or infringing access, declared or listed, is reserved whatever the terms, unless an agreement
    /// says that any copy will do.
    fn unlawful_source(&self, any_copy_agreement: bool) -> Option<Heard> {
        let access = self.question.acquisition.access;
        let declared = access.filter(|access| matches!(access, Access::Circumvented | Access::Infringing));
        let at = self.question.acquired_at();
        let listed = self.evidence.keys.urls.iter().find_map(|(_, url)| self.reading.infringing(&url.host, at));
        let detail = declared
            .map(|access| access.word().to_owned())
            .or_else(|| listed.map(|site| format!("{} on {}", site.host, site.list)))?;
        let finding = Finding::new(Reason::UnlawfulSource).detail(detail);
        Some(if any_copy_agreement {
            Heard { speaking: Vec::new(), notes: vec![finding] }
        } else {
            Heard { speaking: vec![Outcome::of(Verdict::Reserved, finding)], notes: Vec::new() }
        })
    }

    /// A URL that can't be read may be the one that is reserved.
    fn unread_urls(&self) -> Option<Heard> {
        let error = self.evidence.unread_urls.first()?;
        let finding = Finding::new(Reason::UrlUnreadable).detail(error.to_string());
        Some(Heard { speaking: vec![Outcome::of(Verdict::Unknown, finding)], notes: Vec::new() })
    }

    /// Why nobody spoke: the site was read and is silent, or was never looked at.
    fn silence(&self, notes: &[Finding]) -> Vec<Finding> {
        let mut findings = Vec::new();
        let read = notes.iter().any(|finding| finding.code == Reason::Unspecified);
        if !self.evidence.keys.urls.is_empty() && !read {
            findings.push(Finding::new(Reason::NotChecked));
        }
        findings.extend(notes.iter().filter(|finding| finding.code == Reason::Unspecified).cloned());
        findings.push(Finding::new(Reason::NoStatement));
        // What would have spoken but for one thing says most.
        let telling = notes.iter().filter(|finding| finding.code != Reason::Unspecified).cloned();
        telling.chain(findings).collect()
    }
}

/// The worst verdict of all that speak, its reasons first.
fn conclude(case: &Case<'_>, voices: Vec<(Option<Authority>, Heard)>) -> Decision {
    let notes: Vec<Finding> = voices.iter().flat_map(|(_, heard)| heard.notes.iter().cloned()).collect();
    let Some(verdict) = voices.iter().filter_map(|(_, heard)| heard.verdict()).min() else {
        let reasons = unique(case.silence(&notes));
        return Decision { verdict: Verdict::Unknown, reasons, duties: Vec::new(), voices: Vec::new() };
    };
    let outcomes: Vec<&Outcome> = voices.iter().flat_map(|(_, heard)| &heard.speaking).collect();
    let (deciding, others): (Vec<&&Outcome>, Vec<&&Outcome>) =
        outcomes.iter().partition(|outcome| outcome.verdict == verdict);
    let told = deciding.iter().chain(&others).flat_map(|outcome| outcome.findings.iter().cloned());
    let reasons = unique(told.chain(notes).collect());
    let mut duties: Vec<Owed> = Vec::new();
    if verdict >= Verdict::Conditional {
        duties = outcomes.iter().flat_map(|outcome| outcome.duties.iter().cloned()).collect();
        duties.sort();
        duties.dedup();
    }
    let heard = |(authority, heard): &(Option<Authority>, Heard)| {
        Some(Voice { authority: authority.clone()?, verdict: heard.verdict()? })
    };
    Decision { verdict, reasons, duties, voices: voices.iter().filter_map(heard).collect() }
}

fn unique(findings: Vec<Finding>) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    findings.into_iter().filter(|finding| seen.insert(finding.clone())).collect()
}
