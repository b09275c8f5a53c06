//! What a robots.txt answers to one crawler: the groups that name it, merged, and the longest rule that matches a path.

use super::groups::{Groups, Stating};
use super::lines::Key;
use super::{Robots, pattern};
use crate::signals::aipref::Preferences;
use crate::surt::{PathPattern, normalise_path};

/// The rules that bind one crawler (RFC 9309, 2022-09, section 2.2.1): those of every group that names it, or else those of
/// every group for everybody, or else none.
#[derive(Debug, Clone)]
pub struct Selected {
    pub(super) rules: Vec<Compiled>,
    usages: Vec<(usize, Option<PathPattern>, Preferences)>,
    /// Some group names the crawler.
    pub named: bool,
    /// Some group names the crawler, or there is one for everybody.
    pub found: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Compiled {
    pub allow: bool,
    number: u32,
    pub text: String,
    pattern: PathPattern,
}

/// What decided whether a path may be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// It may be fetched.
    pub allowed: bool,
    /// The line of the rule that decided; none where no rule matches.
    pub line: Option<u32>,
}

impl Robots<'_> {
    /// The rules that bind a crawler, literally: no repaired line, no rule outside a group.
    #[must_use]
    pub fn select(&self, token: &str) -> Selected {
        let groups = &self.literal;
        let named = groups.tokens.iter().any(|it| it.names(token));
        let everybody = !named && groups.tokens.iter().any(super::groups::Token::is_everybody);
        let binds = |range: &std::ops::Range<usize>| {
            groups.tokens[range.clone()].iter().any(|it| if named { it.names(token) } else { it.is_everybody() })
        };
        let mut selected = Selected { rules: Vec::new(), usages: Vec::new(), named, found: named || everybody };
        for group in groups.groups.iter().filter(|group| binds(&group.tokens)) {
            for rule in &groups.rules[group.rules.clone()] {
                if let Some(text) = rule.pattern() {
                    let read = if rule.allow { PathPattern::new } else { PathPattern::restricting };
                    let (pattern, text) = (read(&text), text.into_owned());
                    selected.rules.push(Compiled { allow: rule.allow, number: rule.number, text, pattern });
                }
            }
        }
        selected.usages = usages(groups, binds);
        selected
    }

    /// Whether a crawler may fetch a path with query: the literal verdict of RFC 9309 section 2.2.2.
    #[must_use]
    pub fn may_fetch(&self, token: &str, path: &str) -> bool {
        self.select(token).may_fetch(path)
    }

    /// What `Content-Usage` lines say to a crawler of a path with query, literally (draft-ietf-aipref-attach-05,
    /// 2026-08-19, section 3): nothing at all where it may not fetch it.
    #[must_use]
    pub fn content_usage(&self, token: &str, path: &str) -> Option<Preferences> {
        self.select(token).content_usage(path)
    }
}

fn usages(
    groups: &Groups<'_>,
    binds: impl Fn(&std::ops::Range<usize>) -> bool,
) -> Vec<(usize, Option<PathPattern>, Preferences)> {
    let is_usage = |line: &&Stating<'_>| line.key == Key::ContentUsage && binds(&line.tokens);
    let read = |line: &Stating<'_>| {
        let (path, value) = usage_parts(line.value);
        let text = path.and_then(pattern::pattern);
        let length = text.as_deref().map_or(0, str::len);
        (length, text.as_deref().map(PathPattern::new), Preferences::read(value).unwrap_or_default())
    };
    groups.stating.iter().filter(is_usage).map(read).collect()
}

/// Path and preference of a `Content-Usage` value: a path is there when it begins with `/`, and ends at a blank.
pub(super) fn usage_parts(value: &[u8]) -> (Option<&[u8]>, &[u8]) {
    if value.first() != Some(&b'/') {
        return (None, value);
    }
    let end = value.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(value.len());
    (Some(&value[..end]), super::lines::trim(&value[end..]))
}

impl Selected {
    /// Whether a path with query may be fetched.
    #[must_use]
    pub fn may_fetch(&self, path: &str) -> bool {
        self.verdict(path).allowed
    }

    /// Whether a path with query may be fetched, and by which line: the longest rule that matches, of equal ones the allowing.
    #[must_use]
    pub fn verdict(&self, path: &str) -> Verdict {
        let path = normalise_path(path);
        if path == "/robots.txt" {
            return Verdict { allowed: true, line: None };
        }
        let matching = self.rules.iter().filter(|rule| rule.pattern.matches(&path));
        let best = matching.max_by_key(|rule| (rule.text.len(), rule.allow));
        Verdict { allowed: best.is_none_or(|rule| rule.allow), line: best.map(|rule| rule.number) }
    }

    /// What `Content-Usage` lines say of a path with query; `None` where it may not be fetched.
    #[must_use]
    pub fn content_usage(&self, path: &str) -> Option<Preferences> {
        if !self.may_fetch(path) {
            return None;
        }
        let path = normalise_path(path);
        let matching =
            || self.usages.iter().filter(|(_, pattern, _)| pattern.as_ref().is_none_or(|it| it.matches(&path)));
        let longest = matching().map(|(length, ..)| *length).max();
        let longest = matching().filter(|(length, ..)| Some(*length) == longest);
        Some(longest.fold(Preferences::default(), |all, (.., one)| all.and(*one)))
    }
}
