//! The rules of a robots.txt as signals, under every reading of the file at once.
//!
//! A prohibition of any reading is kept, a permission only where every reading has it. Longest match decides among what is
//! kept, and more prohibitions or fewer permissions never turn its answer into a permission.

use super::groups::{Groups, Reading, Rule};
use super::names::{EVERYBODY, Name, Names};
use super::{Robots, pattern, preferences, widen};
use crate::signals::{Complaint, Lint, MAX_SIGNALS, Parsed, Signal};
use crate::vocab::agents::AgentTable;
use crate::vocab::{AuthorityKind, Preference, Use};
use std::borrow::Cow;

/// Most complaints about one file.
const MAX_COMPLAINTS: usize = 200;

/// The version of the standard.
pub(super) const VERSION: &str = "rfc9309";

/// A file under one reading, with the names of its user-agent lines.
pub(super) struct Named<'g, 'a> {
    pub reading: Reading,
    pub groups: &'g Groups<'a>,
    /// For each user-agent line the entry in [`Names`].
    pub names: Vec<Option<usize>>,
}

/// An `Allow` that stands somewhere: whose, whose lines, its pattern, and the octets of its precedence.
type Permission<'a> = (usize, bool, Cow<'a, str>, usize);

pub(super) fn signals(robots: &Robots<'_>, agents: &AgentTable) -> Parsed {
    let mut parsed = Parsed::default();
    complain_of_lines(robots, &mut parsed.complaints);
    let mut others = Vec::new();
    if robots.read.repaired || robots.literal.is_doubtful() {
        others.push((Reading::Repaired, Groups::of(&robots.read.lines, Reading::Repaired)));
    }
    if robots.read.managed {
        others.push((Reading::OwnLines, Groups::of(&robots.read.lines, Reading::OwnLines)));
    }
    let all = std::iter::once((Reading::Literal, &robots.literal)).chain(others.iter().map(|it| (it.0, &it.1)));
    let mut names = Names::new(agents);
    let readings: Vec<Named<'_, '_>> = all
        .map(|(reading, groups)| {
            let names = groups.tokens.iter().map(|token| name_of(&mut names, *token, reading)).collect();
            Named { reading, groups, names }
        })
        .collect();
    note_disallowed(&readings, &mut names);
    if robots.read.cut {
        parsed.signals.push(widen::unread());
    }
    if readings.iter().map(cost).sum::<usize>() > MAX_SIGNALS {
        return widen::signals(parsed, &readings, &names);
    }
    rules(&readings, &names, &mut parsed);
    preferences::signals(robots, &readings, &names, &mut parsed);
    if parsed.signals.len() > MAX_SIGNALS {
        parsed.signals.clear();
        return widen::signals(parsed, &readings, &names);
    }
    if readings.len() > 1 {
        parsed.complaints.sort();
        parsed.complaints.dedup();
    }
    parsed.complaints.truncate(MAX_COMPLAINTS);
    parsed
}

/// A user-agent line without a name names nobody; whoever wrote rules under it meant everybody.
fn name_of(names: &mut Names<'_>, token: super::groups::Token<'_>, reading: Reading) -> Option<usize> {
    names.of(token).or((reading != Reading::Literal).then_some(EVERYBODY))
}

/// How many signals a reading may give, before anything is laid out: a thousand rules for a thousand agents are a million.
fn cost(named: &Named<'_, '_>) -> usize {
    let rules = named.groups.groups.iter().map(|group| group.tokens.len().saturating_mul(group.rules.len()));
    let stating = named.groups.stating.iter().map(|line| 40_usize.saturating_mul(line.tokens.len().max(1)));
    rules.chain(stating).fold(named.groups.before_any.len(), usize::saturating_add)
}

/// Complaints about single lines, whatever they belong to.
fn complain_of_lines(robots: &Robots<'_>, complaints: &mut Vec<Complaint>) {
    let mut complain = |line: u32, lint, detail: Cow<'_, str>| {
        if complaints.len() < MAX_COMPLAINTS {
            complaints.push(Complaint::at(line as usize, lint, detail));
        }
    };
    let read = &robots.read;
    if robots.foreign {
        complain(1, Lint::NotThisFormat, "no line of a robots.txt; what the site says is not known".into());
        return;
    }
    if read.cut {
        complain(0, Lint::TooMuch, "longer than is read; what follows may say anything".into());
    }
    if read.half_mark {
        complain(1, Lint::Encoding, "half a byte order mark".into());
    }
    if !robots.utf8 {
        complain(0, Lint::Encoding, "bytes that are not UTF-8, read as octets and as Latin-1".into());
    }
    if let Some(line) = read.stray {
        complain(line, Lint::Malformed, "neither a comment nor key and value; passed over".into());
    }
    for line in &read.lines {
        if line.repaired {
            let key = String::from_utf8_lossy(line.name);
            let lint = if matches!(line.key, super::Key::Reservation) { Lint::NoStandard } else { Lint::Malformed };
            complain(line.number, lint, format!("{key}: not a key as written, read for what it means").into());
        } else if line.key == super::Key::UserAgent && line.value.is_empty() {
            complain(line.number, Lint::Malformed, "names nobody, read as for everybody".into());
        } else if line.key == super::Key::Other {
            complain(line.number, Lint::UnknownLabel, String::from_utf8_lossy(line.name));
        }
    }
    if let Some(rule) = robots.literal.rules[robots.literal.before_any.clone()].first() {
        complain(rule.number, Lint::Misplaced, "a rule before any user-agent line, read as one for everybody".into());
    }
    for rule in robots.literal.rules.iter().filter(|rule| rule.is_doubtful()) {
        complain(rule.number, Lint::Malformed, format!("not one path: {}", pattern::text(rule.value)).into());
    }
}

fn note_disallowed(readings: &[Named<'_, '_>], names: &mut Names<'_>) {
    for named in readings {
        for group in &named.groups.groups {
            let rules = &named.groups.rules[group.rules.clone()];
            let disallowed = rules.iter().any(|rule| !rule.allow && !rule.value.is_empty());
            let allowed = rules.iter().any(|rule| rule.allow);
            for name in named.names[group.tokens.clone()].iter().flatten() {
                names.list[*name].disallowed |= disallowed;
                names.list[*name].allowed |= allowed;
            }
        }
        if named.reading != Reading::Literal && !named.groups.before_any.is_empty() {
            (names.list[EVERYBODY].disallowed, names.list[EVERYBODY].allowed) = (true, true);
        }
    }
    // An agent's own group takes it out of what is disallowed to everybody: that it has one must be told (section 2.2.1).
    if names.list[EVERYBODY].disallowed {
        for (place, name) in names.list.iter_mut().enumerate().filter(|(_, name)| name.allowed) {
            name.disallowed |= place != EVERYBODY;
        }
    }
}

/// Every rule of a reading with the names it binds.
fn each_rule<'r, 'a>(named: &'r Named<'_, 'a>) -> impl Iterator<Item = (&'r Rule<'a>, &'r [Option<usize>])> {
    const EVERYBODY_ALONE: &[Option<usize>] = &[Some(EVERYBODY)];
    let orphans = if named.reading == Reading::Literal { 0..0 } else { named.groups.before_any.clone() };
    let in_groups = named.groups.groups.iter().flat_map(|group| {
        let names = &named.names[group.tokens.clone()];
        named.groups.rules[group.rules.clone()].iter().map(move |rule| (rule, names))
    });
    named.groups.rules[orphans].iter().map(|rule| (rule, EVERYBODY_ALONE)).chain(in_groups)
}

/// The permissions that every reading has, of those for agents to whom something is disallowed, be it as to everybody:
/// exceptions.
fn permissions<'a>(readings: &[Named<'_, 'a>], names: &Names<'_>) -> Vec<Permission<'a>> {
    // Which reading, and what.
    let mut all: Vec<(Permission<'a>, usize)> = Vec::new();
    for (place, named) in readings.iter().enumerate() {
        for (rule, whose) in each_rule(named).filter(|(rule, _)| rule.allow) {
            if let Some(path) = rule.pattern() {
                for name in whose.iter().flatten().filter(|name| names.list[**name].disallowed) {
                    all.push(((*name, rule.managed, path.clone(), path.len()), place));
                }
            }
        }
    }
    all.sort_unstable();
    all.dedup();
    let own = readings.iter().any(|named| named.reading == Reading::OwnLines);
    let everywhere = |same: &&[(Permission<'a>, usize)]| same.len() == readings.len() - usize::from(own && same[0].0.1);
    all.chunk_by(|one, other| one.0 == other.0).filter(everywhere).map(|same| same[0].0.clone()).collect()
}

/// A rule's line with the names it binds.
type Bound<'r> = (u32, &'r [Option<usize>]);

/// Every rule of a reading, in order of lines.
fn bound<'r>(named: &'r Named<'_, '_>) -> Vec<Bound<'r>> {
    each_rule(named).map(|(rule, whose)| (rule.number, whose)).collect()
}

fn rules(readings: &[Named<'_, '_>], names: &Names<'_>, parsed: &mut Parsed) {
    let any_allow = readings.iter().any(|named| named.groups.rules.iter().any(|rule| rule.allow));
    let permissions = if any_allow { permissions(readings, names) } else { Vec::new() };
    // Whether an `Allow` of the same pattern wins over a rule of so many octets.
    let permitted = |whom: usize, managed: bool, path: &str, length: usize| {
        let wanted = (whom, managed, path, length);
        let same = |it: &Permission<'_>| (it.0, it.1, it.2.as_ref()) == (whom, managed, path);
        names.list[whom].allowed && {
            let at = permissions.partition_point(|it| (it.0, it.1, it.2.as_ref(), it.3) < wanted);
            permissions.get(at).is_some_and(same)
        }
    };
    parsed.signals.reserve(readings.iter().map(|named| named.groups.rules.len()).sum::<usize>().min(MAX_SIGNALS));
    let mut hidden = None;
    // What a value evidently means is looked for once: in the repaired reading, or where there is none, in the literal one.
    let once = usize::from(readings.len() > 1);
    for (place, named) in readings.iter().enumerate() {
        let earlier: Vec<Vec<Bound<'_>>> = readings[..place].iter().map(bound).collect();
        for (rule, whose) in each_rule(named) {
            if rule.value.is_empty() || (rule.allow && named.reading != Reading::Literal) {
                continue;
            }
            // What an earlier reading gave already is not given again.
            let given = |one: &Vec<Bound<'_>>| one.binary_search(&(rule.number, whose)).is_ok();
            let literal = rule.pattern();
            let length = literal.as_deref().map_or(0, str::len);
            let literal = literal.filter(|_| !earlier.iter().any(given));
            let wanted = place >= once && !earlier.iter().skip(once).any(given);
            let doubtful = wanted && !rule.allow && rule.is_doubtful();
            let evident = if doubtful { pattern::evident(rule.value) } else { Vec::new() };
            for path in literal.into_iter().chain(evident.into_iter().map(Cow::Owned)) {
                for whom in whose.iter().flatten() {
                    let name = &names.list[*whom];
                    let allowed = permitted(*whom, rule.managed, &path, length);
                    if rule.allow && (!allowed || !name.disallowed) {
                        continue;
                    }
                    // RFC 9309 section 2.2.2: of an allow and a disallow of one pattern the allow counts.
                    if !rule.allow && allowed {
                        if parsed.complaints.len() < MAX_COMPLAINTS {
                            let detail = format!("Disallow: {path} has an Allow of the same pattern, which wins");
                            parsed.complaints.push(Complaint::at(rule.number as usize, Lint::ShadowedRule, detail));
                        }
                        continue;
                    }
                    if !rule.allow && !rule.managed && permitted(*whom, true, &path, length) {
                        hidden.get_or_insert(rule.number);
                    }
                    parsed.signals.push(signal(name, rule, &path));
                }
            }
        }
    }
    let captured = readings.iter().filter(|named| named.reading == Reading::OwnLines).find_map(|named| {
        let line = named.groups.stating.iter().find(|line| line.tokens.is_empty()).map(|line| line.number);
        line.or(named.groups.rules[named.groups.before_any.clone()].first().map(|rule| rule.number))
    });
    if let Some(line) = hidden.or(captured) {
        let detail = "lines above, put there by the content delivery network, change what this one means";
        parsed.complaints.push(Complaint::at(line as usize, Lint::CdnPrepended, detail));
    }
}

fn signal(name: &Name, rule: &Rule<'_>, path: &str) -> Signal {
    let (preference, uses) =
        if rule.allow { (Preference::Allowed, vec![Use::Crawl]) } else { (Preference::Disallowed, name.uses.to_vec()) };
    let label = label(&name.agent.token, rule, path);
    let signal = Signal::of("robots", VERSION, label, authority(rule.managed), preference, uses);
    Signal { agent: Some(name.agent.clone()), path: Some(path.to_owned()), ..signal }
}

/// What a content delivery network put there may not be what the publisher wants.
pub(super) const fn authority(managed: bool) -> AuthorityKind {
    if managed { AuthorityKind::PlatformDefault } else { AuthorityKind::SiteFile }
}

/// Group and rule on one line, as written.
fn label(token: &str, rule: &Rule<'_>, path: &str) -> String {
    let (key, value) = (if rule.allow { "Allow" } else { "Disallow" }, rule.value);
    let mut label = String::with_capacity(18 + token.len() + key.len() + value.len().min(800));
    for part in ["User-agent: ", token, " / ", key, ": "] {
        label.push_str(part);
    }
    if rule.plain && label.len() + path.len() <= 200 {
        label.push_str(path);
        return label;
    }
    label.push_str(&String::from_utf8_lossy(&value[..value.len().min(800)]));
    crate::signals::shown(&label)
}
