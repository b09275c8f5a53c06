//! Groups of a robots.txt: which user-agent lines each rule and each preference belongs to, under one reading of the file.

use super::lines::{Key, Line};
use super::pattern;
use std::ops::Range;

/// How the lines are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// As RFC 9309 (2022-09) has it.
    Literal,
    /// Misspelt keys, rules before any group and doubtful values are taken for what they evidently mean.
    Repaired,
    /// The same, without the lines that a content delivery network put above the site's own.
    OwnLines,
}

/// A user-agent line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    pub name: &'a [u8],
}

/// An `Allow` or `Disallow` line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule<'a> {
    pub allow: bool,
    pub value: &'a [u8],
    pub number: u32,
    pub managed: bool,
    /// See [`Line::plain`].
    pub plain: bool,
}

impl<'a> Rule<'a> {
    /// Its pattern, whose octets, `*` and `$` included, are its precedence; see [`pattern::pattern`].
    pub fn pattern(&self) -> Option<std::borrow::Cow<'a, str>> {
        let plain = if self.plain { std::str::from_utf8(self.value).ok() } else { None };
        plain.map_or_else(|| pattern::pattern(self.value), |plain| Some(plain.into()))
    }

    /// Whether it is more, or less, than one plain pattern.
    pub fn is_doubtful(&self) -> bool {
        !self.plain && pattern::is_doubtful(self.value)
    }
}

/// A run of user-agent lines and the rules under it, as indexes.
#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    pub tokens: Range<usize>,
    pub rules: Range<usize>,
}

/// A line that states something of use, with the user-agent lines it belongs to; an empty range is no group.
#[derive(Debug, Clone)]
pub(super) struct Stating<'a> {
    pub key: Key,
    pub value: &'a [u8],
    pub name: &'a [u8],
    pub number: u32,
    pub managed: bool,
    pub tokens: Range<usize>,
}

/// A file under one reading.
#[derive(Debug, Default)]
pub(super) struct Groups<'a> {
    pub tokens: Vec<Token<'a>>,
    pub rules: Vec<Rule<'a>>,
    pub groups: Vec<Group>,
    pub stating: Vec<Stating<'a>>,
    /// Rules before the first user-agent line; RFC 9309 section 2.2.2 lets a crawler ignore them.
    pub before_any: Range<usize>,
}

impl<'a> Groups<'a> {
    /// Sorts lines into groups. Lines that RFC 9309 does not know end nothing (section 2.2.4).
    pub fn of(lines: &[Line<'a>], reading: Reading) -> Self {
        let mut groups = Self::default();
        groups.rules.reserve(lines.len());
        // Where the run of user-agent lines began, as Allow and Disallow see it and as preferences see it: to the draft on
        // AIPREF a preference is a rule, which ends a run; to RFC 9309 it is a line that it does not know.
        let (mut run, mut stating_run) = (0, 0);
        let (mut after_rule, mut after_stating) = (false, false);
        for line in lines {
            let literal = reading == Reading::Literal;
            if (line.repaired && literal) || (line.managed && reading == Reading::OwnLines) {
                continue;
            }
            match line.key {
                Key::UserAgent => {
                    let at = groups.tokens.len();
                    (run, after_rule) = (if after_rule { at } else { run }, false);
                    (stating_run, after_stating) = (if after_stating { at } else { stating_run }, false);
                    groups.tokens.push(Token { name: line.value });
                }
                Key::Allow | Key::Disallow => {
                    (after_rule, after_stating) = (true, true);
                    let at = groups.rules.len();
                    let allow = line.key == Key::Allow;
                    let Line { value, number, managed, plain, .. } = *line;
                    groups.rules.push(Rule { allow, value, number, managed, plain });
                    groups.hold(run..groups.tokens.len(), at);
                }
                Key::Known | Key::Other => {}
                key => {
                    after_stating |= key != Key::License;
                    let tokens = stating_run..groups.tokens.len();
                    let (value, name) = (line.value, line.name);
                    groups.stating.push(Stating {
                        key,
                        value,
                        name,
                        number: line.number,
                        managed: line.managed,
                        tokens,
                    });
                }
            }
        }
        groups
    }

    fn hold(&mut self, tokens: Range<usize>, rule: usize) {
        if tokens.is_empty() {
            self.before_any.end = rule + 1;
            return;
        }
        match self.groups.last_mut() {
            Some(group) if group.tokens == tokens => group.rules.end = rule + 1,
            _ => self.groups.push(Group { tokens, rules: rule..rule + 1 }),
        }
    }

    /// Whether a repaired reading sorts the same lines into other groups.
    pub fn is_doubtful(&self) -> bool {
        !self.before_any.is_empty() || self.tokens.iter().any(|token| token.name.is_empty())
    }
}

impl Token<'_> {
    /// Whether this line names everybody: `*`, alone or before a blank.
    pub fn is_everybody(&self) -> bool {
        matches!(self.name, [b'*'] | [b'*', b' ' | b'\t', ..])
    }

    /// Whether this line names a product token, whatever its case: whole, or followed by a version or other words, which no
    /// token has (RFC 9309 section 2.2.1). `GPTBot-News` does not name `GPTBot`, nor `AI2Bot` `AI`.
    pub fn names(&self, token: &str) -> bool {
        if token == "*" {
            return self.is_everybody();
        }
        self.name.get(..token.len()).is_some_and(|head| head.eq_ignore_ascii_case(token.as_bytes()))
            && !token.is_empty()
            && self.name.get(token.len()).is_none_or(|next| !is_of_token(*next))
    }

    /// The part of the line that is a token: up to the first character that none has.
    pub fn head(&self) -> &[u8] {
        let end = self.name.iter().position(|byte| !is_of_token(*byte)).unwrap_or(self.name.len());
        if end == 0 { self.name } else { &self.name[..end] }
    }
}

/// Letters, `-` and `_` are RFC 9309's; operators use digits all the same, and a dot in names that are hosts.
fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}
