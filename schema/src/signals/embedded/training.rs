//! The training-and-data-mining assertion: CAWG 1.1 (16 May 2025) and 1.0 (18 March 2024), and `c2pa.` up to C2PA 1.4.
//!
//! Read leniently towards "no" alone: a missing wrapper, the misspelt member of the specification's prose, an unknown value.

use super::value::Value;
use super::{Lint, Parsed, signal};
use crate::signals::Complaint;
use crate::vocab::labels::cawg::TABLE;
use crate::vocab::labels::{Label, find};
use crate::vocab::{Preference, Use};

/// Most entries that are read of one assertion.
const MOST: usize = 256;

/// The member that holds conditions, as the schema writes it and as the prose does.
const CONDITIONS: [&str; 2] = ["constraint_info", "constraints_info"];

/// Which assertion a label names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    /// Of CAWG; else C2PA's own, older one.
    cawg: bool,
    /// Of a later version of the assertion than is known, which may mean something else.
    later: bool,
}

impl Name {
    /// Reads a label: `cawg.training-mining`, also as `__2`, the second of its kind, or `.v2`, a later version.
    pub(super) fn read(label: &str) -> Option<Self> {
        let (base, instance) = label.split_once("__").map_or((label, None), |(base, number)| (base, Some(number)));
        if instance.is_some_and(|number| number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit())) {
            return None;
        }
        let of = |stem: &str| {
            let rest = base.strip_prefix(stem)?;
            let later = rest.strip_prefix(".v").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
            (rest.is_empty() || later).then_some(later)
        };
        let cawg = of("cawg.training-mining").map(|later| Self { cawg: true, later });
        cawg.or_else(|| of("c2pa.training-mining").map(|later| Self { cawg: false, later }))
    }

    fn version(self, wrapped: bool) -> &'static str {
        match (self.cawg, wrapped) {
            (true, true) => "1.1",
            (true, false) => "1.0",
            (false, _) => "c2pa-1.4",
        }
    }
}

/// Reads the body of an assertion; none where it could not be read.
pub(super) fn read(name: &Name, label: &str, body: Option<&Value>, said: &mut Parsed) {
    let Some(members) = body.and_then(Value::entries) else { return unreadable(name, label, said) };
    let wrapped: Vec<&Value> = members.iter().filter(|(key, _)| key == "entries").map(|(_, value)| value).collect();
    if wrapped.iter().any(|value| value.entries().is_none()) {
        return unreadable(name, label, said);
    }
    let version = name.version(!wrapped.is_empty());
    let inside = wrapped.iter().filter_map(|value| value.entries()).flatten();
    // Version 1.0 had no wrapper; what stands beside one that is there is read as well.
    let beside = members.iter().filter(|(key, _)| is_reserved(key));
    let mut entries: Vec<&(String, Value)> = inside.chain(beside).collect();
    if entries.len() > MOST {
        said.complaints.push(Complaint::at(0, Lint::TooMuch, format!("`{label}` has {} entries", entries.len())));
        unreadable(name, label, said);
        entries.truncate(MOST);
    }
    for (key, value) in entries {
        entry(name, version, key, value, said);
    }
}

/// An assertion that stands there and can't be read: it may forbid anything that its kind can.
pub(super) fn unreadable(name: &Name, label: &str, said: &mut Parsed) {
    said.complaints.push(Complaint::at(0, Lint::Malformed, format!("`{label}` can't be read")));
    unknown(name.version(true), label, everything(), said);
}

fn everything() -> Vec<Use> {
    let mut uses: Vec<Use> = TABLE.iter().flat_map(|label| label.uses(Preference::Disallowed)).collect();
    uses.sort_unstable();
    uses.dedup();
    uses
}

fn is_reserved(key: &str) -> bool {
    key.starts_with("cawg.") || key.starts_with("c2pa.")
}

fn entry(name: &Name, version: &str, key: &str, value: &Value, said: &mut Parsed) {
    let Some(label) = find(TABLE, key) else {
        let detail = format!("`{key}` is no entry that the specification defines");
        said.complaints.push(Complaint::at(0, Lint::UnknownLabel, detail));
        // Entries of one's own are allowed and mean nothing here; a name in the reserved space means something unknown.
        if is_reserved(key) {
            unknown(version, key, everything(), said);
        }
        return;
    };
    // Two values of one key are both stated, and the stricter decides.
    let mut values: Vec<&str> = value.all("use").map(|value| value.text().unwrap_or_default()).collect();
    let bare = value.text().is_some();
    values.extend(value.text());
    if values.is_empty() {
        values.push("");
    }
    if values.iter().any(|value| *value != values[0]) {
        said.complaints.push(Complaint::at(0, Lint::Contradiction, format!("`{key}` has several values")));
    }
    for word in values.into_iter().take(MOST) {
        stated(name.later || bare, version, label, word, value, said);
    }
}

fn stated(repaired: bool, version: &str, label: &Label, word: &str, value: &Value, said: &mut Parsed) {
    let shown = format!("{}: {word}", label.word);
    let restricted = label.uses(Preference::Disallowed);
    let complain = |said: &mut Parsed, lint: Lint, what: &str| {
        said.complaints.push(Complaint::at(0, lint, format!("`{shown}`: {what}")));
    };
    match word {
        "allowed" => {
            let mut own = signal("cawg", version, &shown, Preference::Allowed, label.uses(Preference::Allowed));
            own.malformed = repaired;
            if repaired {
                complain(said, Lint::Malformed, "not as the specification writes it, so that it permits nothing");
            }
            said.signals.push(own);
        }
        "notAllowed" => said.signals.push(signal("cawg", version, &shown, Preference::Disallowed, restricted)),
        "constrained" => match conditions(value) {
            Some(text) => unknown(version, &format!("{shown} ({text})"), restricted, said),
            None => said.signals.push(signal("cawg", version, &shown, Preference::Disallowed, restricted)),
        },
        _ if means_no(word) => {
            complain(said, Lint::UnknownValue, "read as `notAllowed`");
            let mut own = signal("cawg", version, &shown, Preference::Disallowed, restricted);
            own.malformed = true;
            said.signals.push(own);
        }
        _ => {
            complain(said, Lint::UnknownValue, "none of the three values");
            unknown(version, &shown, restricted, said);
        }
    }
}

/// The conditions in words, if there are any.
fn conditions(value: &Value) -> Option<String> {
    let texts = CONDITIONS.iter().flat_map(|member| value.all(member)).filter_map(Value::text);
    let texts: Vec<&str> = texts.map(str::trim).filter(|text| !text.is_empty()).take(CONDITIONS.len()).collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

/// Spellings that the specification does not have and that nobody writes to permit.
fn means_no(word: &str) -> bool {
    let letters: String =
        word.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).take(32).collect();
    matches!(
        letters.as_str(),
        "notallowed" | "disallowed" | "disallow" | "prohibited" | "denied" | "deny" | "no" | "false"
    )
}

/// Conditions or words that can't be judged from here: neither a permission nor a plain prohibition.
fn unknown(version: &str, label: &str, uses: Vec<Use>, said: &mut Parsed) {
    let mut own = signal("cawg", version, label, Preference::Allowed, uses);
    own.malformed = true;
    said.signals.push(own);
}
