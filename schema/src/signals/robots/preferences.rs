//! Lines of a robots.txt that state something of use: `Content-Usage`, `Content-Signal`, `License`, and what no standard has.
//!
//! A prohibition for everybody has no agent and so binds those too whose own group hides it. A permission for everybody does
//! not reach them, and none reaches a path that may not be fetched: both get an unclear signal there.

use super::emit::{Named, authority};
use super::groups::{Reading, Stating};
use super::lines::Key;
use super::names::{EVERYBODY, Names};
use super::select::usage_parts;
use super::{Robots, pattern};
use crate::signals::shown;
use crate::signals::stated::{Stated, evident};
use crate::signals::{Agent, Announced, Complaint, Lint, Parsed, aipref, content_signal};
use crate::vocab::{Preference, Use};
use std::collections::BTreeSet;

/// Most pairs of a preference and a rule of one agent that are compared.
const MAX_PAIRS: usize = 200_000;

/// One preference with its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Placed {
    pub standard: &'static str,
    pub stated: Stated,
    /// The entry in [`Names`]; [`EVERYBODY`] for lines of `*` and of no group.
    pub name: usize,
    pub path: Option<String>,
    pub managed: bool,
}

impl Placed {
    fn length(&self) -> usize {
        self.path.as_ref().map_or(0, String::len)
    }

    fn permits(&self) -> bool {
        self.stated.preference == Preference::Allowed && !self.stated.malformed
    }

    fn unclear(&self, uses: &[Use], path: Option<String>, label: &str) -> Self {
        let version = self.stated.version;
        let (preference, malformed) = (Preference::Allowed, true);
        let stated = Stated { label: shown(label), version, preference, uses: uses.to_vec(), malformed };
        Self { stated, path, ..self.clone() }
    }
}

pub(super) fn signals(robots: &Robots<'_>, readings: &[Named<'_, '_>], names: &Names<'_>, parsed: &mut Parsed) {
    if readings.iter().all(|named| named.groups.stating.is_empty()) {
        return;
    }
    let mut per_reading: Vec<BTreeSet<Placed>> = Vec::new();
    for named in readings {
        let lines = named.groups.stating.iter();
        per_reading.push(lines.flat_map(|line| placed(line, named, &mut parsed.complaints)).collect());
    }
    let mut all: Vec<Placed> = merged(&per_reading, readings).into_iter().collect();
    let hidden = hidden(&all, readings, names);
    all.extend(hidden);
    let unfetched = unfetched(robots, &mut all, names);
    all.extend(unfetched);
    let unclear: Vec<Placed> = taken_back(robots, &all, names);
    all.retain(|one| !(one.permits() && unclear.iter().any(|it| same_place(it, one))));
    all.extend(unclear);
    for one in all.into_iter().collect::<BTreeSet<_>>() {
        let agent = agent(one.name, names);
        parsed.signals.push(one.stated.signal(one.standard, authority(one.managed), agent, one.path.clone()));
    }
    announce(readings, parsed);
    licenses(readings, names, parsed);
}

fn agent(name: usize, names: &Names<'_>) -> Option<Agent> {
    (name != EVERYBODY).then(|| names.list[name].agent.clone())
}

/// The names that a line binds, each once. No group: everybody, though no standard says so.
fn whose(line: &Stating<'_>, named: &Named<'_, '_>) -> BTreeSet<usize> {
    let names: BTreeSet<usize> = named.names[line.tokens.clone()].iter().flatten().copied().collect();
    if line.tokens.is_empty() { BTreeSet::from([EVERYBODY]) } else { names }
}

fn placed(line: &Stating<'_>, named: &Named<'_, '_>, complaints: &mut Vec<Complaint>) -> Vec<Placed> {
    let number = line.number as usize;
    let misplaced = line.tokens.is_empty();
    if misplaced && line.key != Key::License {
        let detail =
            format!("{}: before any user-agent line, read as for everybody", String::from_utf8_lossy(line.name));
        complaints.push(Complaint::at(number, Lint::Misplaced, detail));
    }
    let (path, value) = parts(line, complaints);
    let (standard, mut stated) = match line.key {
        Key::ContentUsage => ("aipref", aipref::read(value, number, complaints)),
        Key::ContentSignal => ("content-signal", content_signal::read(value, number, complaints)),
        Key::DisallowTraining | Key::AllowTraining => ("other", training(line, complaints).into_iter().collect()),
        Key::Reservation => ("other", reservation(line).into_iter().collect()),
        _ => return Vec::new(),
    };
    for one in &mut stated {
        one.malformed |= misplaced && one.preference == Preference::Allowed;
    }
    let names = whose(line, named);
    let place = |stated: &Stated, name: usize| {
        let (stated, path) = (stated.clone(), path.clone());
        Placed { standard, stated, name, path, managed: line.managed }
    };
    stated
        .iter()
        .flat_map(|one| names.iter().map(move |name| (one, *name)))
        .map(|(one, name)| place(one, name))
        .collect()
}

/// Path and rest of a line's value. A pattern without its slash is evidently one all the same; the line stays malformed,
/// since its rest alone is no Dictionary to the draft.
fn parts<'l>(line: &'l Stating<'_>, complaints: &mut Vec<Complaint>) -> (Option<String>, &'l [u8]) {
    match line.key {
        Key::ContentUsage | Key::ContentSignal => {
            let (path, rest) = usage_parts(line.value);
            if let Some(path) = path.and_then(pattern::pattern) {
                return (Some(path.into_owned()), rest);
            }
            if line.value.first() == Some(&b'*') {
                let end = line.value.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(line.value.len());
                let detail = format!("a path without its slash: {}", pattern::text(line.value));
                complaints.push(Complaint::at(line.number as usize, Lint::Malformed, detail));
                return (pattern::pattern(&line.value[..end]).map(Into::into), line.value);
            }
            (None, rest)
        }
        Key::DisallowTraining | Key::AllowTraining => {
            let is_pattern = matches!(line.value.first(), Some(b'/' | b'*'));
            let evident = || pattern::evident(line.value).into_iter().next();
            (if is_pattern { pattern::pattern(line.value).map(Into::into) } else { evident() }, &[])
        }
        _ => (None, line.value),
    }
}

fn written(line: &Stating<'_>) -> String {
    shown(&format!("{}: {}", String::from_utf8_lossy(line.name), String::from_utf8_lossy(line.value)))
}

/// `DisallowAITraining` restricts; its opposite is of an expired draft, and only ends what that restricts.
fn training(line: &Stating<'_>, complaints: &mut Vec<Complaint>) -> Option<Stated> {
    complaints.push(Complaint::at(line.number as usize, Lint::NoStandard, written(line)));
    let disallowed = line.key == Key::DisallowTraining;
    let preference = if disallowed { Preference::Disallowed } else { Preference::Allowed };
    let uses = vec![Use::TrainAi, Use::TrainNongen];
    let stated = Stated { label: written(line), version: "draft-canel-00", preference, uses, malformed: !disallowed };
    (!line.value.is_empty()).then_some(stated)
}

/// `TDM-Reservation: 1` belongs into headers and files of TDMRep; here it can only mean the same.
fn reservation(line: &Stating<'_>) -> Option<Stated> {
    let value = std::str::from_utf8(line.value).unwrap_or_default();
    let uses = vec![Use::TrainAi, Use::TrainNongen, Use::AiIndex, Use::TdmOther];
    let preference = Preference::Disallowed;
    let stated = Stated { label: written(line), version: "2024-05", preference, uses, malformed: true };
    (evident(value) == Some(Preference::Allowed) || value.eq_ignore_ascii_case("reserved")).then_some(stated)
}

/// Every preference of every reading; a permission that some reading does not have is unclear.
fn merged(per_reading: &[BTreeSet<Placed>], readings: &[Named<'_, '_>]) -> BTreeSet<Placed> {
    let everywhere = |one: &Placed| {
        per_reading
            .iter()
            .zip(readings)
            .all(|(placed, named)| (one.managed && named.reading == Reading::OwnLines) || placed.contains(one))
    };
    let merge = |one: &Placed| {
        let mut merged = one.clone();
        merged.stated.malformed |= one.permits() && !everywhere(one);
        merged
    };
    per_reading.iter().flatten().map(merge).collect()
}

/// Unclear signals for the agents with a group of their own, on the uses that everybody but they may (RFC 9309 section
/// 2.2.1: a group that names a crawler replaces the one for everybody).
fn hidden(all: &[Placed], readings: &[Named<'_, '_>], names: &Names<'_>) -> Vec<Placed> {
    let named: BTreeSet<usize> = readings.iter().flat_map(|it| it.names.iter().flatten().copied()).collect();
    let mut hidden = Vec::new();
    for standard in ["aipref", "content-signal"] {
        let of_all = || all.iter().filter(|one| one.standard == standard && one.name == EVERYBODY && one.permits());
        let Some(first) = of_all().next() else { continue };
        let uses: BTreeSet<Use> = of_all().flat_map(|one| one.stated.uses.iter().copied()).collect();
        for name in named.iter().filter(|name| **name != EVERYBODY) {
            let own: Vec<&Placed> = all.iter().filter(|one| one.standard == standard && one.name == *name).collect();
            let paths: BTreeSet<Option<String>> = own.iter().map(|one| one.path.clone()).chain([None]).collect();
            for path in paths {
                let said = |it: &Use| own.iter().any(|one| one.path == path && one.stated.uses.contains(it));
                let missing: Vec<Use> = uses.iter().copied().filter(|it| !said(it)).collect();
                if !missing.is_empty() {
                    let label =
                        format!("User-agent: {}, which hides what is said to everybody", names.list[*name].agent.token);
                    hidden.push(Placed { name: *name, managed: false, ..first.unclear(&missing, path, &label) });
                }
            }
        }
    }
    hidden
}

/// At every rule on fetching, what AIPREF says there: the draft gives paths that may not be fetched no preference at all
/// (draft-ietf-aipref-attach-05, 2026-08-19, section 3), so that a permission is unclear there and a prohibition stays.
fn unfetched(robots: &Robots<'_>, all: &mut [Placed], names: &Names<'_>) -> Vec<Placed> {
    let mut found = Vec::new();
    for name in permitting(all) {
        let selected = robots.select(&names.list[name].agent.token);
        let is_own = |one: &Placed| one.standard == "aipref" && one.name == name;
        if all.iter().filter(|one| is_own(one)).count().saturating_mul(selected.rules.len()) > MAX_PAIRS {
            // Nobody writes so much and means each of it; whoever does gets no permission.
            all.iter_mut().filter(|one| is_own(one) && one.permits()).for_each(|one| one.stated.malformed = true);
            continue;
        }
        let own: Vec<&Placed> = all.iter().filter(|one| is_own(one)).collect();
        let permitted: BTreeSet<Use> =
            own.iter().filter(|one| one.permits()).flat_map(|one| one.stated.uses.iter().copied()).collect();
        let permitted: Vec<Use> = permitted.into_iter().collect();
        for rule in &selected.rules {
            let wild = |text: &str| text.contains('*');
            let plain = rule.text.trim_end_matches('$');
            let reaches = |one: &&&Placed| {
                let path = one.path.as_deref().unwrap_or("/");
                one.length() <= rule.text.len()
                    && (wild(path) || wild(plain) || plain.starts_with(path.trim_end_matches('$')))
            };
            let here = own.iter().filter(reaches);
            let prohibitions = here.clone().filter(|one| one.stated.preference == Preference::Disallowed);
            let again = |one: &&&Placed| Placed { path: Some(rule.text.clone()), ..(**one).clone() };
            found.extend(prohibitions.map(|one| again(&one)));
            let opens = rule.allow && !wild(plain) && selected.may_fetch(plain);
            let longest = here.clone().map(|one| one.length()).max();
            if opens {
                found.extend(here.filter(|one| Some(one.length()) == longest && one.permits()).map(|one| again(&one)));
            } else if let Some(first) = own.first() {
                let label = format!("{}, where no preference counts", rule.text);
                found.push(first.unclear(&permitted, Some(rule.text.clone()), &label));
            }
        }
    }
    found
}

fn permitting(all: &[Placed]) -> BTreeSet<usize> {
    all.iter().filter(|one| one.standard == "aipref" && one.permits()).map(|one| one.name).collect()
}

/// The permissions of AIPREF on paths that some shorter rule keeps from being fetched, as unclear ones.
fn taken_back(robots: &Robots<'_>, all: &[Placed], names: &Names<'_>) -> Vec<Placed> {
    let mut found = Vec::new();
    for name in permitting(all) {
        let selected = robots.select(&names.list[name].agent.token);
        for one in all.iter().filter(|one| one.standard == "aipref" && one.name == name && one.permits()) {
            let Some(path) = &one.path else { continue };
            let plain = path.trim_end_matches('$');
            let wild = plain.contains('*');
            let shorter = selected.rules.iter().any(|rule| !rule.allow && rule.text.len() < path.len());
            if (wild && shorter) || (!wild && !selected.may_fetch(plain)) {
                found.push(one.unclear(&one.stated.uses, Some(path.clone()), &one.stated.label));
            }
        }
    }
    found
}

fn same_place(unclear: &Placed, one: &Placed) -> bool {
    (unclear.standard, unclear.name, &unclear.path) == (one.standard, one.name, &one.path)
        && unclear.stated.uses == one.stated.uses
}

/// `License` lines name documents of RSL (RSL 1.0, 2025-12-10) that have to be read; all of them, wherever they stand.
pub(super) fn announce(readings: &[Named<'_, '_>], parsed: &mut Parsed) {
    let mut urls = BTreeSet::new();
    for line in readings.iter().flat_map(|named| &named.groups.stating).filter(|line| line.key == Key::License) {
        let url = shown_url(line.value);
        if !url.is_empty() && urls.insert(url.clone()) && urls.len() <= 100 {
            parsed.complaints.push(Complaint::at(line.number as usize, Lint::TermsElsewhere, &url));
            parsed.announced.push(Announced { standard: "rsl", url });
        }
    }
}

fn shown_url(value: &[u8]) -> String {
    String::from_utf8_lossy(&value[..value.len().min(super::lines::MAX_VALUE)]).into_owned()
}

/// A license in a group licenses that group alone, and hides those above from it; announced documents have no agent. So a
/// license of some named agents makes everybody's license unclear, and one of everybody that of agents with a group.
fn licenses(readings: &[Named<'_, '_>], names: &Names<'_>, parsed: &mut Parsed) {
    let mut licensed: BTreeSet<(usize, bool)> = BTreeSet::new();
    let mut url = None;
    for named in readings {
        for line in named.groups.stating.iter().filter(|line| line.key == Key::License && !line.value.is_empty()) {
            licensed.extend(whose(line, named).into_iter().map(|name| (name, line.tokens.is_empty())));
            url.get_or_insert_with(|| shown_url(line.value));
        }
    }
    let uses = Use::ALL[..Use::ALL.len() - 2].to_vec();
    let preference = Preference::Allowed;
    let mut unclear = |name: usize, label: String| {
        let stated = Stated { label: shown(&label), version: "1.0", preference, uses: uses.clone(), malformed: true };
        let mut signal = stated.signal("rsl", authority(false), agent(name, names), None);
        signal.policy.clone_from(&url);
        parsed.signals.push(signal);
    };
    if let Some((name, _)) = licensed.iter().find(|(name, _)| *name != EVERYBODY) {
        unclear(EVERYBODY, format!("License: for {} alone", names.list[*name].agent.token));
    } else if licensed.contains(&(EVERYBODY, false)) {
        let named: BTreeSet<usize> = readings.iter().flat_map(|it| it.names.iter().flatten().copied()).collect();
        for name in named.into_iter().filter(|name| *name != EVERYBODY) {
            unclear(
                name,
                format!("User-agent: {}, which hides the License for everybody", names.list[name].agent.token),
            );
        }
    }
}
