//! AIPREF preferences: draft-ietf-aipref-vocab-08 (2026-09-14) as header and as a value of robots.txt.
//!
//! Two readings stand side by side. The literal one is a Dictionary of RFC 9651 (2024-09), where one slip voids the whole.
//! The other looks for what was evidently meant, and adds prohibitions alone.

use super::shown;
use super::stated::{Piece, Stated, evident, pieces, prohibited_beyond};
use super::{Complaint, Lint, Parsed};
use crate::vocab::labels::aipref::{LEGACY, OLD_COMPANY, TABLE, VERSION};
use crate::vocab::labels::{self, Label, content_signal};
use crate::vocab::{AuthorityKind, Preference, Use};
use sfv::{BareItem, Dictionary, ListEntry, Parser};

/// Longest value of which permissions are read, in bytes, and most labels in it. Prohibitions are read to the end.
const MAX_VALUE: usize = 16 << 10;
const MAX_LABELS: usize = 64;

/// The literal preferences of one or more statements; `None` is the draft's "unknown".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Preferences {
    /// `train-ai`.
    pub train_ai: Option<Preference>,
    /// `ai-use`.
    pub ai_use: Option<Preference>,
    /// `search`.
    pub search: Option<Preference>,
}

impl Preferences {
    /// Reads a value by the algorithm of vocab-08 section 6: a Dictionary whose known keys have the Token `y` or `n`.
    /// `None` when the Dictionary fails, which leaves everything unknown.
    #[must_use]
    pub fn read(value: &[u8]) -> Option<Self> {
        let dictionary: Dictionary = Parser::new(value).parse().ok()?;
        let of = |label: &str| match dictionary.get(label) {
            Some(ListEntry::Item(item)) => match &item.bare_item {
                BareItem::Token(token) if token.as_str() == "y" => Some(Preference::Allowed),
                BareItem::Token(token) if token.as_str() == "n" => Some(Preference::Disallowed),
                _ => None,
            },
            _ => None,
        };
        Some(Self { train_ai: of("train-ai"), ai_use: of("ai-use"), search: of("search") })
    }

    /// Both statements together: any prohibition, else any permission, else unknown (vocab-08 section 5).
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        // `Disallowed` stands after `Allowed`, and both after nothing.
        Self {
            train_ai: self.train_ai.max(other.train_ai),
            ai_use: self.ai_use.max(other.ai_use),
            search: self.search.max(other.search),
        }
    }

    /// The preference under a label of vocab-08.
    #[must_use]
    pub fn of(self, label: &str) -> Option<Preference> {
        match label {
            "train-ai" => self.train_ai,
            "ai-use" => self.ai_use,
            "search" => self.search,
            _ => None,
        }
    }
}

/// `Content-Usage` as a header (draft-ietf-aipref-attach-05, 2026-08-19, section 2). Several lines are one Dictionary.
#[must_use]
pub fn parse_header(values: &[&str]) -> Parsed {
    let mut parsed = Parsed::default();
    if values.is_empty() {
        return parsed;
    }
    let value = values.join(", ");
    let stated = read(value.as_bytes(), 0, &mut parsed.complaints);
    parsed.signals = stated.iter().map(|one| one.signal("aipref", AuthorityKind::Response, None, None)).collect();
    parsed
}

/// What a value states, literally and evidently.
pub(super) fn read(value: &[u8], line: usize, complaints: &mut Vec<Complaint>) -> Vec<Stated> {
    let mut complain = |lint, detail: &str| complaints.push(Complaint::at(line, lint, detail));
    let cut = &value[..value.len().min(MAX_VALUE)];
    if cut.len() < value.len() {
        complain(Lint::TooMuch, "Content-Usage: longer than is read");
    }
    let literal = if cut.len() < value.len() { None } else { Preferences::read(value) };
    let text = String::from_utf8_lossy(cut);
    let whole = String::from_utf8_lossy(value);
    let pieces = pieces(&whole);
    if literal.is_none() {
        complain(Lint::Malformed, &format!("not a Dictionary of RFC 9651, so that nothing is stated: {text}"));
    }
    let old_company = pieces.iter().any(|piece| OLD_COMPANY.contains(&lowered(piece.label).as_str()));
    let mut stated: Vec<Stated> = Vec::new();
    for piece in pieces.iter().take(MAX_LABELS) {
        let literally = literal.and_then(|all| all.of(piece.label));
        if let Some(one) = meant(piece, literally, old_company, &mut complain)
            && !stated.contains(&one)
        {
            stated.push(one);
        }
    }
    if pieces.len() > MAX_LABELS {
        complain(Lint::TooMuch, "Content-Usage: more labels than are read");
        prohibited_beyond(
            &mut stated,
            pieces[MAX_LABELS..].iter().filter_map(|piece| meant(piece, None, old_company, &mut |_, _| ())),
        );
        stated.iter_mut().for_each(|one| one.malformed |= one.preference == Preference::Allowed);
    }
    let reserved: Vec<Use> = stated
        .iter()
        .filter(|one| one.preference == Preference::Disallowed)
        .flat_map(|one| one.uses.iter().copied())
        .collect();
    let is_open =
        |one: &Stated| one.preference == Preference::Allowed && one.uses.iter().any(|it| reserved.contains(it));
    if stated.iter().any(is_open) {
        complain(Lint::Contradiction, &format!("the stricter was taken: {text}"));
        stated.retain(|one| !is_open(one));
    }
    stated
}

fn lowered(label: &str) -> String {
    label.to_ascii_lowercase().replace('_', "-")
}

/// What one label with its value means. `literally`: what the draft's own reading gives for this label.
fn meant(
    piece: &Piece<'_>,
    literally: Option<Preference>,
    old_company: bool,
    complain: &mut impl FnMut(Lint, &str),
) -> Option<Stated> {
    let label = lowered(piece.label);
    let written = piece.value.map_or_else(|| piece.label.to_owned(), |value| format!("{}={value}", piece.label));
    let current = labels::find(TABLE, &label).map(|it| (VERSION, it));
    let legacy = || LEGACY.iter().find(|(_, it)| it.word == label).map(|(version, it)| (*version, it));
    let foreign = || labels::find(content_signal::TABLE, &label).map(|it| (VERSION, it));
    let (version, found, lint) = match (current, legacy(), foreign()) {
        (Some((version, found)), ..) => (version, found, None),
        (_, Some((version, found)), _) => (version, found, Some(Lint::LegacyLabel)),
        (.., Some((version, found))) => (version, found, Some(Lint::UnknownLabel)),
        _ => {
            complain(Lint::UnknownLabel, &written);
            return None;
        }
    };
    if let Some(lint) = lint {
        complain(lint, &written);
    }
    let value = piece.value.and_then(evident);
    let exact = matches!(piece.value, Some("y" | "n"));
    if lint.is_none() && !exact {
        complain(Lint::UnknownValue, &written);
    }
    let (preference, malformed) = match value {
        Some(Preference::Disallowed) => (Preference::Disallowed, !exact),
        // A permission counts where the draft itself sees one; of other drafts' labels none does.
        Some(Preference::Allowed) if lint.is_none() => {
            (Preference::Allowed, literally != Some(Preference::Allowed) || piece.odd || !exact)
        }
        None if lint.is_none() => (Preference::Allowed, true),
        _ => return None,
    };
    Some(state(found, written.as_str(), version, preference, malformed, old_company))
}

fn state(
    label: &Label,
    written: &str,
    version: &'static str,
    preference: Preference,
    malformed: bool,
    old_company: bool,
) -> Stated {
    let mut uses = label.uses(preference);
    // Written for a draft in which it meant all training.
    if old_company && label.word == "train-ai" && preference == Preference::Disallowed {
        uses.push(Use::TrainNongen);
        uses.sort_unstable();
    }
    Stated { label: shown(written), version, preference, uses, malformed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_prohibited_behind_more_than_is_read_is_prohibited() {
        for filler in ["x=1, ".repeat(70), "x=1, ".repeat(9_000)] {
            let parsed = parse_header(&[&format!("{filler}search=n")]);
            let prohibits = |one: &super::super::Signal| one.preference == Preference::Disallowed;
            let found = parsed.signals.iter().find(|one| prohibits(one)).expect("a prohibition");
            assert!(found.uses.contains(&Use::Search), "{found:?}");
        }
    }

    #[test]
    fn more_than_is_read_permits_nothing() {
        let long = format!("train-ai=y, {}search=n", "x=1, ".repeat(70));
        let parsed = parse_header(&[&long]);
        assert!(parsed.signals.iter().all(|signal| signal.malformed || signal.preference == Preference::Disallowed));
        assert!(parsed.complaints.iter().any(|it| it.lint == Lint::TooMuch));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in ".{0,200}") {
            let _ = (parse_header(&[&text]), Preferences::read(text.as_bytes()));
        }

        /// Adding a statement never turns a prohibition into anything else (vocab-08 section 5).
        #[test]
        fn a_statement_more_never_loosens(one in "(train-ai|ai-use|search)=(y|n|x)", two in "(train-ai|ai-use|search)=(y|n|x)") {
            let read = |text: &str| Preferences::read(text.as_bytes()).unwrap_or_default();
            let both = read(&one).and(read(&two));
            for label in ["train-ai", "ai-use", "search"] {
                if read(&one).of(label) == Some(Preference::Disallowed) {
                    prop_assert_eq!(both.of(label), Some(Preference::Disallowed));
                }
            }
        }

        /// What is kept permits no more than the draft's own reading, and prohibits no less.
        #[test]
        fn what_is_kept_is_no_looser(text in "((train-ai|ai-use|search|all|ai)(=|;)(y|n|no|\\?0|\"n\")?(,|, |;| )?){0,4}") {
            let literal = Preferences::read(text.as_bytes()).unwrap_or_default();
            let signals = parse_header(&[&text]).signals;
            for label in TABLE {
                let says = |preference: Preference, malformed: bool| {
                    let same = |it: &&crate::signals::Signal| it.preference == preference && it.malformed == malformed;
                    signals.iter().filter(same).any(|it| label.covers.iter().all(|one| it.uses.contains(one)))
                };
                let prohibited = says(Preference::Disallowed, false) || says(Preference::Disallowed, true);
                match literal.of(label.word) {
                    Some(Preference::Disallowed) => prop_assert!(prohibited, "{}: {}", text, label.word),
                    Some(Preference::Allowed) => {}
                    None => prop_assert!(!says(Preference::Allowed, false), "{}: {}", text, label.word),
                }
            }
        }
    }
}
