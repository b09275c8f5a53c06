//! `ai.txt`, a name that at least five formats share: Spawning's (2023-05-30) and draft-car-ai-txt-wellknown are read.
//!
//! Which one a file is, its content says. Markdown, prose, agent descriptions and web pages served for a missing file give
//! nothing. Deliberately absent: permission by Spawning's `Allow`, which lifts a `Disallow` and grants nothing.

use super::price::obtain;
use super::{Agent, Complaint, Lint, Parsed, Signal, shown};
use crate::vocab::labels::{ai_txt, find};
use crate::vocab::{AgentPurpose, AuthorityKind, Preference, Use};

/// What [`Signal::standard`] says.
pub const STANDARD: &str = "ai-txt";

/// Version of a file of Spawning's form.
pub const SPAWNING: &str = "2023-05";

/// Version of a file of the draft's form.
pub const WELL_KNOWN: &str = "draft-car";

/// Most bytes that are read.
pub(super) const LARGEST: usize = 512 * 1024;

/// Most lines that are read.
pub(super) const MOST_LINES: usize = 20_000;

/// Most signals; beyond it the whole site is denied.
const MOST_SIGNALS: usize = 2_000;

/// Reads the file.
#[must_use]
pub fn parse(bytes: &[u8]) -> Parsed {
    let mut said = Parsed::default();
    if is_markup(bytes) {
        said.complaints.push(Complaint::at(1, Lint::NotThisFormat, "the file begins with a tag"));
        return said;
    }
    let lines = lines(bytes, &mut said.complaints);
    let fields: Vec<Field> = lines.iter().filter_map(|(number, line)| Field::of(*number, line)).collect();
    let has = |names: &[&str]| fields.iter().any(|field| names.contains(&field.name.as_str()));
    if has(&["training", "training-allow", "training-deny", "training-license"]) {
        well_known(&fields, &mut said);
    }
    if has(&["disallow"]) && has(&["user-agent", "useragent"]) {
        spawning(&fields, &mut said);
    } else if has(&["disallow"]) {
        said.complaints.push(Complaint::at(0, Lint::Misplaced, "Disallow without User-Agent: counts for everybody"));
        spawning(&fields, &mut said);
    } else if said.signals.is_empty() && !lines.is_empty() && !has(&["allow", "spec-version"]) {
        said.complaints.push(Complaint::at(0, Lint::NotThisFormat, "no line of a format that is known"));
    }
    settle(&mut said);
    said
}

/// Said both ways of the whole site, the stricter counts. What is left to one agent by name stays: that is the draft's sense.
fn settle(said: &mut Parsed) {
    let whole = |signal: &Signal, preference: Preference| {
        signal.preference == preference && signal.path.is_none() && signal.agent.is_none()
    };
    let any = |preference: Preference| said.signals.iter().any(|signal| whole(signal, preference));
    if any(Preference::Allowed) && any(Preference::Disallowed) {
        said.signals.retain(|signal| !whole(signal, Preference::Allowed));
        said.complaints.push(Complaint::at(0, Lint::Contradiction, "training is allowed and denied: denied counts"));
    }
    said.signals.dedup();
}

/// Whether a body is a web page or XML: what single-page sites serve for every path.
pub(super) fn is_markup(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes.trim_ascii_start().first() == Some(&b'<')
}

/// The lines of a text file, numbered from 1, ended by CR, LF or both, bounded.
pub(super) fn lines(bytes: &[u8], complaints: &mut Vec<Complaint>) -> Vec<(usize, String)> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.len() > LARGEST {
        complaints.push(Complaint::at(
            0,
            Lint::TooMuch,
            format!("{} bytes: the first {LARGEST} were read", bytes.len()),
        ));
    }
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LARGEST)]).replace("\r\n", "\n").replace('\r', "\n");
    if text.contains('\u{fffd}') {
        complaints.push(Complaint::at(0, Lint::Encoding, "bytes that are not UTF-8"));
    }
    let all: Vec<(usize, String)> =
        text.split('\n').enumerate().take(MOST_LINES).map(|(place, line)| (place + 1, line.to_owned())).collect();
    if all.len() == MOST_LINES {
        complaints.push(Complaint::at(MOST_LINES, Lint::TooMuch, "more lines than are read"));
    }
    all
}

/// A preference of a file of the site, for everybody and everything.
pub(super) fn site_signal(
    standard: &str,
    version: &str,
    written: &str,
    preference: Preference,
    uses: Vec<Use>,
    malformed: bool,
) -> Signal {
    let signal = Signal::of(standard, version, shown(written), AuthorityKind::SiteFile, preference, uses);
    Signal { malformed, ..signal }
}

/// A line `name: value`.
struct Field {
    line: usize,
    indented: bool,
    name: String,
    written: String,
    value: String,
}

impl Field {
    fn of(line: usize, text: &str) -> Option<Self> {
        let indented = text.starts_with([' ', '\t']);
        let text = text.split('#').next().unwrap_or_default();
        let (name, value) = text.split_once(':')?;
        let written = name.trim().to_owned();
        let name = written.to_ascii_lowercase();
        let named = name.len() <= 30 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (named && !name.is_empty()).then(|| Self { line, indented, name, written, value: value.trim().to_owned() })
    }
}

/// Robots-like groups. A pattern without a slash before it is a glob on the path: `*.jpg`. A prohibition that an `Allow` of
/// some length may lift is kept as it is: what `Allow` does here is described nowhere.
fn spawning(fields: &[Field], said: &mut Parsed) {
    let mut agents: Vec<String> = Vec::new();
    let mut in_rules = false;
    let uses = find(ai_txt::TABLE, "disallow").map(|label| label.uses(Preference::Disallowed)).unwrap_or_default();
    for field in fields {
        match field.name.as_str() {
            "user-agent" | "useragent" => {
                if std::mem::take(&mut in_rules) {
                    agents.clear();
                }
                agents.push(field.value.chars().take(100).collect());
            }
            "allow" => in_rules = true,
            "disallow" => {
                in_rules = true;
                // As in robots.txt, an empty pattern forbids nothing.
                if field.value.is_empty() {
                    continue;
                }
                let whole = matches!(field.value.as_str(), "/" | "*" | "/*");
                let written = format!("Disallow: {}", field.value);
                let mut signal = site_signal(STANDARD, SPAWNING, &written, Preference::Disallowed, uses.clone(), false);
                signal.path = (!whole).then(|| pattern(&field.value));
                if said.signals.len() >= MOST_SIGNALS {
                    said.complaints.push(Complaint::at(field.line, Lint::TooMuch, "the whole site is denied instead"));
                    signal.path = None;
                    said.signals.push(signal);
                    return;
                }
                // An agent's name may be anything in this file; nobody says who reads it, so each "no" is for all.
                if !agents.iter().all(|agent| agent == "*") && !agents.is_empty() {
                    let named = agents.join(", ");
                    said.complaints.push(Complaint::at(field.line, Lint::UnknownLabel, format!("{named}: for all")));
                }
                said.signals.push(signal);
            }
            _ => {}
        }
    }
}

fn pattern(written: &str) -> String {
    if written.starts_with('/') || written.starts_with('*') { written.to_owned() } else { format!("*{written}") }
}

/// `Training: allow | deny | conditional`, `Training-Allow`, `Training-Deny`, `Training-License`, indented `Agent` blocks.
fn well_known(fields: &[Field], said: &mut Parsed) {
    let license = fields.iter().find(|field| field.name == "training-license" && !field.value.is_empty());
    let mut agent: Option<String> = None;
    for field in fields {
        if !field.indented {
            agent = None;
        }
        if field.name == "agent" {
            agent = Some(field.value.chars().take(100).collect());
            continue;
        }
        let written = format!("{}: {}", field.written, field.value);
        let value = field.value.to_ascii_lowercase();
        let (preference, malformed, path) = match (field.name.as_str(), value.as_str()) {
            ("training", "deny" | "no" | "disallow" | "false" | "none") => (Preference::Disallowed, false, None),
            ("training", "allow" | "yes" | "true") => (Preference::Allowed, false, None),
            ("training", "conditional") => (Preference::Allowed, true, None),
            ("training", _) => {
                said.complaints.push(Complaint::at(field.line, Lint::UnknownValue, &written));
                (Preference::Allowed, true, None)
            }
            ("training-deny", "") => continue,
            ("training-deny", _) => (Preference::Disallowed, false, Some(pattern(&field.value))),
            // Leave for a part, in a draft that says nowhere how it stands against the rest of the file.
            ("training-allow", _) => {
                said.complaints.push(Complaint::at(field.line, Lint::NoStandard, format!("{written}: no permission")));
                continue;
            }
            _ => continue,
        };
        let Some(row) = find(ai_txt::TABLE, "training") else { continue };
        let mut signal = site_signal(STANDARD, WELL_KNOWN, &written, preference, row.uses(preference), malformed);
        signal.path = path;
        // The draft has no list of agents' purposes; a name that nobody else knows is still a name.
        signal.agent = agent.clone().filter(|token| token != "*").map(|token| {
            let purpose = AgentPurpose::Training;
            Agent { token, purpose }
        });
        if preference == Preference::Allowed
            && let Some(license) = license
        {
            signal.duties.push(obtain(Some(&license.value)));
        }
        if said.signals.len() >= MOST_SIGNALS {
            said.complaints.push(Complaint::at(field.line, Lint::TooMuch, "the whole site is denied instead"));
            let uses = row.uses(Preference::Disallowed);
            said.signals.push(site_signal(STANDARD, WELL_KNOWN, &written, Preference::Disallowed, uses, true));
            return;
        }
        said.signals.push(signal);
    }
    if let Some(license) = license {
        said.complaints.push(Complaint::at(license.line, Lint::TermsElsewhere, &license.value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn no_line_of_spawnings_form_permits(text in "(User-Agent: \\*\n)?((Allow|Disallow): [/*.a-z]{0,6}\n){0,6}") {
            let said = parse(text.as_bytes());
            prop_assert!(said.signals.iter().all(|signal| signal.preference == Preference::Disallowed));
        }

        #[test]
        fn one_more_line_never_loosens(
            text in "((Training|Training-Deny|Disallow): (allow|deny|/a|conditional)\n){0,5}",
            more in "(Training|Training-Allow|Training-Deny|Allow): (allow|deny|/a)\n",
        ) {
            let denies = |text: &str| parse(text.as_bytes()).signals.iter().any(|one| one.preference == Preference::Disallowed);
            let longer = format!("{text}{more}");
            prop_assert!(!denies(&text) || denies(&longer));
        }
    }
}
