//! `trust.txt` (JournalList; `datatrainingallowed` of 2024-04-04): one variable of it speaks of use.
//!
//! Deliberately absent: `member`, `control` and their kin. They say who belongs to whom, and count only when both ends agree.

use super::ai_txt::{is_markup, lines, site_signal};
use super::{Complaint, Lint, Parsed};
use crate::vocab::Preference;
use crate::vocab::labels::{find, trust_txt};

/// What [`super::Signal::standard`] says.
pub const STANDARD: &str = "trust-txt";

/// The version that added the variable.
pub const VERSION: &str = "2024-04";

/// The variables of the specification.
const KNOWN: [&str; 10] = [
    "member",
    "belongto",
    "control",
    "controlledby",
    "social",
    "vendor",
    "customer",
    "disclosure",
    "contact",
    "datatrainingallowed",
];

/// Reads the file. Said twice in two ways, the stricter counts.
#[must_use]
pub fn parse(bytes: &[u8]) -> Parsed {
    let mut said = Parsed::default();
    if is_markup(bytes) {
        said.complaints.push(Complaint::at(1, Lint::NotThisFormat, "the file begins with a tag"));
        return said;
    }
    for (number, line) in lines(bytes, &mut said.complaints) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            // Prose served for a missing file would give one complaint a line.
            if said.complaints.len() < 20 {
                said.complaints.push(Complaint::at(number, Lint::Malformed, line));
            }
            // A colon for the equals sign is a slip that still says no.
            if let Some((name, value)) = line.split_once(':') {
                variable(&mut said, number, name, value, false);
            }
            continue;
        };
        variable(&mut said, number, name, value, true);
    }
    let both = said.signals.iter().any(|one| one.preference != said.signals[0].preference);
    if both {
        said.complaints.push(Complaint::at(
            0,
            Lint::Contradiction,
            "datatrainingallowed is both yes and no: no counts",
        ));
        said.signals.retain(|signal| signal.preference == Preference::Disallowed);
    }
    said.signals.dedup();
    said
}

fn variable(said: &mut Parsed, number: usize, name: &str, value: &str, conforming: bool) {
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_ascii_lowercase());
    let Some(label) = find(trust_txt::TABLE, &name) else {
        if conforming && !KNOWN.contains(&name.as_str()) {
            said.complaints.push(Complaint::at(number, Lint::UnknownLabel, &name));
        }
        return;
    };
    let (preference, repaired) = match value.as_str() {
        "yes" if conforming => (Preference::Allowed, false),
        "no" => (Preference::Disallowed, !conforming),
        "false" | "n" | "0" | "none" | "never" | "not allowed" => (Preference::Disallowed, true),
        _ => {
            said.complaints.push(Complaint::at(number, Lint::UnknownValue, format!("{name}={value}: says nothing")));
            return;
        }
    };
    if repaired {
        said.complaints.push(Complaint::at(number, Lint::UnknownValue, format!("{name}={value}: read as no")));
    }
    let written = format!("{name}={value}");
    said.signals.push(site_signal(STANDARD, VERSION, &written, preference, label.uses(preference), repaired));
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
        fn only_the_exact_word_permits(value in "[a-z ]{0,8}") {
            let said = parse(format!("datatrainingallowed={value}\n").as_bytes());
            let permits = said.signals.iter().any(|signal| signal.preference == Preference::Allowed);
            prop_assert_eq!(permits, value.trim() == "yes");
        }
    }
}
