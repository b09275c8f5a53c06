//! One preference as a text states it, before its carrier and agent are known, and the words that people write for yes and no.

use super::{Agent, Signal};
use crate::vocab::{AuthorityKind, Preference, Use};

/// One preference for some uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stated {
    /// As written, in short.
    pub label: String,
    /// The version of the vocabulary.
    pub version: &'static str,
    pub preference: Preference,
    /// Sorted, at least one.
    pub uses: Vec<Use>,
    /// Repaired or unclear; never a permission.
    pub malformed: bool,
}

impl Stated {
    /// The signal of a carrier.
    pub fn signal(
        &self,
        standard: &str,
        authority: AuthorityKind,
        agent: Option<Agent>,
        path: Option<String>,
    ) -> Signal {
        let (label, uses) = (self.label.clone(), self.uses.clone());
        let signal = Signal::of(standard, self.version, label, authority, self.preference, uses);
        Signal { agent, path, malformed: self.malformed, ..signal }
    }
}

/// Adds the prohibitions that stand behind as much as is read whole: whoever fills a line before one must not hide it. Each
/// use is prohibited once, so that they are few.
pub(super) fn prohibited_beyond(stated: &mut Vec<Stated>, rest: impl Iterator<Item = Stated>) {
    for one in rest.filter(|one| one.preference == Preference::Disallowed) {
        let known = |of: &Use| {
            let prohibits = |it: &Stated| it.preference == Preference::Disallowed && it.uses.contains(of);
            stated.iter().any(prohibits)
        };
        if !one.uses.iter().all(known) {
            stated.push(one);
        }
    }
}

/// A label with what stands behind its `=`, as anybody would read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub label: &'a str,
    pub value: Option<&'a str>,
    /// Something other than a comma stood before it.
    pub odd: bool,
}

/// Every `label=value` of a text, whatever separates them, strings in quotes left whole. Linear.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let bytes = text.as_bytes();
    let of_label = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'*');
    let blanks = |mut at: usize| {
        while matches!(bytes.get(at), Some(b' ' | b'\t')) {
            at += 1;
        }
        at
    };
    let (mut found, mut at, mut comma) = (Vec::new(), 0, true);
    while at < bytes.len() {
        if !of_label(&bytes[at]) {
            comma = bytes[at] == b',' || (comma && matches!(bytes[at], b' ' | b'\t'));
            at = if bytes[at] == b'"' { end_of_quote(bytes, at) } else { at + 1 };
            continue;
        }
        let end = bytes[at..].iter().position(|byte| !of_label(byte)).map_or(bytes.len(), |length| at + length);
        let label = &text[at..end];
        let mut next = blanks(end);
        let mut value = None;
        if matches!(bytes.get(next), Some(b'=' | b':')) {
            let start = blanks(next + 1);
            let stop = value_end(bytes, start);
            value = text.get(start..stop);
            next = stop;
        }
        found.push(Piece { label, value, odd: !comma });
        comma = false;
        at = next;
    }
    found
}

fn end_of_quote(bytes: &[u8], at: usize) -> usize {
    bytes[at + 1..].iter().position(|byte| *byte == b'"').map_or(bytes.len(), |length| at + length + 2)
}

fn value_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b',' | b';' | b' ' | b'\t' => break,
            b'"' => at = end_of_quote(bytes, at),
            _ => at += 1,
        }
    }
    at
}

/// What people write where a vocabulary wants a yes or a no; `None` for what nobody can read.
pub(super) fn evident(value: &str) -> Option<Preference> {
    const NO: &[&str] = &[
        "n",
        "no",
        "?0",
        "0",
        "false",
        "f",
        "off",
        "none",
        "never",
        "deny",
        "denied",
        "disallow",
        "disallowed",
        "forbid",
        "forbidden",
        "prohibited",
        "reserved",
        "block",
        "opt-out",
        "noai",
    ];
    const YES: &[&str] =
        &["y", "yes", "?1", "1", "true", "t", "on", "ok", "allow", "allowed", "permit", "permitted", "opt-in"];
    let bare = value.trim_matches(|letter: char| matches!(letter, '"' | '\'' | '(' | ')' | ' ' | '\t'));
    let among = |words: &[&str]| words.iter().any(|word| bare.eq_ignore_ascii_case(word));
    if among(NO) {
        Some(Preference::Disallowed)
    } else if among(YES) {
        Some(Preference::Allowed)
    } else {
        None
    }
}
