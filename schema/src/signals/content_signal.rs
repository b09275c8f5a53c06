//! Content-Signal: the names of contentsignals.org (2025-09-24) with yes or no, as header and as a line of robots.txt.
//!
//! Not a Structured Field, but a grammar of its own. An absent name neither grants nor restricts.

use super::shown;
use super::stated::{Piece, Stated, evident, pieces, prohibited_beyond};
use super::{Complaint, Lint, Parsed};
use crate::vocab::labels::content_signal::{DISPLAY, TABLE, VERSION};
use crate::vocab::labels::{self, aipref};
use crate::vocab::{AuthorityKind, Preference, Use};

/// Longest value of which permissions are read, in bytes, and most names in it. Prohibitions are read to the end.
const MAX_VALUE: usize = 16 << 10;
const MAX_NAMES: usize = 64;

/// `Content-Signal` as a response header. A content delivery network adds one to pages whose publisher said nothing, so
/// that it never clears.
#[must_use]
pub fn parse_header(values: &[&str]) -> Parsed {
    let mut parsed = Parsed::default();
    for (at, value) in values.iter().enumerate() {
        for one in read(value.as_bytes(), 0, &mut parsed.complaints) {
            if at >= MAX_NAMES && one.preference == Preference::Allowed {
                continue;
            }
            parsed.signals.push(one.signal("content-signal", AuthorityKind::PlatformDefault, None, None));
        }
    }
    parsed
}

/// What a value states. Of a name stated twice the stricter is taken.
pub(super) fn read(value: &[u8], line: usize, complaints: &mut Vec<Complaint>) -> Vec<Stated> {
    let mut complain = |lint, detail: &str| complaints.push(Complaint::at(line, lint, detail));
    let text = String::from_utf8_lossy(&value[..value.len().min(MAX_VALUE)]);
    let whole = String::from_utf8_lossy(value);
    let pieces = pieces(&whole);
    let too_much = value.len() > MAX_VALUE || pieces.len() > MAX_NAMES;
    if too_much {
        complain(Lint::TooMuch, "Content-Signal: more than is read");
    }
    let odd = pieces.iter().skip(1).any(|piece| piece.odd);
    if odd {
        complain(Lint::Malformed, &format!("names are separated by commas: {text}"));
    }
    let mut stated: Vec<Stated> = Vec::new();
    for piece in pieces.iter().take(MAX_NAMES) {
        for mut one in meant(piece, &mut complain) {
            one.malformed |= one.preference == Preference::Allowed && (odd || too_much);
            if !stated.contains(&one) {
                stated.push(one);
            }
        }
    }
    let beyond = pieces.iter().skip(MAX_NAMES).flat_map(|piece| meant(piece, &mut |_, _| ()));
    prohibited_beyond(&mut stated, beyond);
    let reserved: Vec<Use> = stated
        .iter()
        .filter(|one| one.preference == Preference::Disallowed)
        .flat_map(|one| one.uses.iter().copied())
        .collect();
    let is_open = |one: &Stated| {
        one.preference == Preference::Allowed && !one.malformed && one.uses.iter().any(|it| reserved.contains(it))
    };
    if stated.iter().any(is_open) {
        complain(Lint::Contradiction, &format!("the stricter was taken: {text}"));
        stated.retain(|one| !is_open(one));
    }
    stated
}

fn meant(piece: &Piece<'_>, complain: &mut impl FnMut(Lint, &str)) -> Vec<Stated> {
    let name = piece.label.to_ascii_lowercase().replace('_', "-");
    let written = piece.value.map_or_else(|| piece.label.to_owned(), |value| format!("{}={value}", piece.label));
    if name == "use" {
        return display(piece, &written, complain);
    }
    let known = labels::find(TABLE, &name);
    let Some(label) = known.or_else(|| labels::find(aipref::TABLE, &name)) else {
        complain(Lint::UnknownLabel, &written);
        return Vec::new();
    };
    if known.is_none() {
        complain(Lint::UnknownLabel, &written);
    }
    let exact = piece.value.is_some_and(|value| value.eq_ignore_ascii_case("yes") || value.eq_ignore_ascii_case("no"));
    if !exact {
        complain(Lint::UnknownValue, &written);
    }
    let (preference, malformed) = match piece.value.and_then(evident) {
        Some(Preference::Disallowed) => (Preference::Disallowed, !exact),
        Some(Preference::Allowed) if known.is_some() => (Preference::Allowed, !exact),
        None if known.is_some() => (Preference::Allowed, true),
        _ => return Vec::new(),
    };
    vec![Stated { label: shown(&written), version: VERSION, preference, uses: label.uses(preference), malformed }]
}

/// The key `use`: what it rules out, and an unclear word on input to models, since what it permits is not known here.
fn display(piece: &Piece<'_>, written: &str, complain: &mut impl FnMut(Lint, &str)) -> Vec<Stated> {
    let state = |preference, uses: &[Use], malformed| Stated {
        label: shown(written),
        version: VERSION,
        preference,
        uses: uses.to_vec(),
        malformed,
    };
    let word = piece.value.unwrap_or_default();
    let ruled_out = DISPLAY.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, uses)| *uses);
    if ruled_out.is_none() {
        complain(Lint::UnknownValue, written);
        if evident(word) == Some(Preference::Disallowed) {
            return vec![state(Preference::Disallowed, &[Use::AiUse, Use::AiIndex, Use::AiUserFetch], true)];
        }
    }
    let mut stated = vec![state(Preference::Allowed, &[Use::AiUse], true)];
    if let Some(uses) = ruled_out.filter(|uses| !uses.is_empty()) {
        stated.push(state(Preference::Disallowed, uses, false));
    }
    stated
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_read(text in ".{0,200}") {
            let _ = parse_header(&[&text]);
        }

        #[test]
        fn a_prohibition_stays_whatever_stands_beside_it(beside in "((search|ai-input|ai-train|use)=(yes|no|full)(, |;| )){0,4}") {
            for text in [format!("{beside}ai-train=no"), format!("ai-train=no, {beside}")] {
                let signals = parse_header(&[&text]).signals;
                let speaks = |preference: Preference, malformed: bool| {
                    signals.iter().any(|it| {
                        it.preference == preference && it.malformed == malformed && it.uses.contains(&Use::TrainAi)
                    })
                };
                prop_assert!(speaks(Preference::Disallowed, false) && !speaks(Preference::Allowed, false), "{text}");
            }
        }
    }
}
