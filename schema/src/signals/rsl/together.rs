//! Contents of one document that match one address, read together (RSL 1.0 section 3.1.1).
//!
//! Of signals the longest path decides, and what a shorter one said is gone there. RSL drops nothing: a narrower content
//! goes before a broader one where both speak of the same thing, and of everything else the broader one is still right.
//! So what stays of the broader content is said again at the path of the narrower one: every prohibition of it that the
//! narrower one does not expressly permit, its closed list where the narrower one lists no uses, and all that it offers
//! where the narrower one only prohibits (section 3.1.2). Where it is not sure that one lies within the other, neither
//! goes before the other, and the prohibitions of both count.

use super::evaluate::Evaluator;
use crate::signals::Signal;
use crate::surt::PathPattern;
use crate::vocab::{Preference, Use};
use std::collections::BTreeSet;
use std::ops::Range;

/// What a content speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaks {
    /// Of every use: some license has a list of those that it permits.
    Uses,
    /// Of a license and of no list of uses, so that nothing is said against a list of a broader content.
    Terms,
    /// Of nothing but what it prohibits.
    Prohibitions,
}

/// What one content said, as ranges of the evaluator's signals.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub closed: Range<usize>,
    pub prohibited: Range<usize>,
    pub all: Range<usize>,
    pub path: Option<String>,
    pub speaks: Speaks,
    /// Uses that a list of it permits.
    pub permitted: Vec<Use>,
    /// It lists operators that it permits, or territories.
    pub operators: bool,
    pub territories: bool,
}

impl Said {
    fn length(&self) -> usize {
        self.path.as_ref().map_or(0, String::len)
    }

    /// What is left of a prohibition of a broader content. `permitted`: by this one, and by those between the two.
    fn left_of(&self, signal: &Signal, permitted: &[Use]) -> Option<Signal> {
        let of_operators = signal.constraints.asker_classes.is_some();
        let of_territories = signal.constraints.territories.is_some();
        if of_operators || of_territories {
            let spoken = (of_operators && self.operators) || (of_territories && self.territories);
            return (!spoken).then(|| signal.clone());
        }
        let mut signal = signal.clone();
        signal.uses.retain(|of| !permitted.contains(of));
        (!signal.uses.is_empty()).then_some(signal)
    }
}

/// Says again at each narrower path what is still right there of the broader ones.
pub(super) fn read_together(evaluator: &mut Evaluator<'_>, said: &[Said]) {
    let patterns: Vec<Option<PathPattern>> =
        said.iter().map(|it| it.path.as_deref().map(PathPattern::restricting)).collect();
    let prohibitions: Vec<Vec<Signal>> =
        said.iter().map(|it| distinct(&evaluator.out.signals[it.prohibited.clone()])).collect();
    let mut order: Vec<usize> = (0..said.len()).collect();
    order.sort_by_key(|at| said[*at].length());
    let mut whole: Vec<Vec<Signal>> = vec![Vec::new(); said.len()];
    for (rank, at) in order.iter().copied().enumerate() {
        let inner = &said[at];
        let own = evaluator.out.signals[inner.all.clone()].to_vec();
        let (Some(path), Some(pattern)) = (&inner.path, &patterns[at]) else {
            whole[at] = own;
            continue;
        };
        let barred = barred(&own);
        let mut found: Vec<Signal> = Vec::new();
        let (mut permitted, mut also_permitted) = (inner.permitted.clone(), Vec::new());
        let (mut offering, mut listing, mut crossings) = (Vec::new(), Vec::new(), Vec::new());
        let mut length = inner.length();
        // From the narrowest of the broader ones outwards; those of one length go before each other in nothing.
        for other in order[..rank].iter().rev().copied().filter(|other| said[*other].length() < inner.length()) {
            let outer = &said[other];
            if outer.length() < length {
                length = outer.length();
                permitted.append(&mut also_permitted);
            }
            let relation = match (&outer.path, &patterns[other]) {
                (Some(outer_path), Some(outer_pattern)) => relation((outer_path, outer_pattern), (path, pattern)),
                _ => Relation::Contains,
            };
            match relation {
                Relation::Apart => continue,
                Relation::Crosses { begin, rest } => {
                    crossings.push((other, begin, rest));
                    continue;
                }
                Relation::Unknown => {}
                Relation::Contains => {
                    also_permitted.extend(&outer.permitted);
                    let nearest =
                        |them: &[usize]| them.first().is_none_or(|first: &usize| said[*first].length() == length);
                    if outer.speaks != Speaks::Prohibitions && nearest(&offering) {
                        offering.push(other);
                    }
                    if outer.speaks == Speaks::Uses && nearest(&listing) {
                        listing.push(other);
                    }
                }
            }
            let adding = prohibitions[other].iter().filter(|signal| adds(signal, &barred));
            found.extend(adding.filter_map(|signal| inner.left_of(signal, &permitted)));
        }
        match inner.speaks {
            Speaks::Prohibitions => found.extend(offering.iter().flat_map(|outer| whole[*outer].iter().cloned())),
            Speaks::Terms => {
                let closed = listing.iter().flat_map(|outer| &evaluator.out.signals[said[*outer].closed.clone()]);
                let of_all = closed.filter(|signal| signal.constraints.is_open());
                found.extend(of_all.filter_map(|signal| inner.left_of(signal, &inner.permitted)));
            }
            Speaks::Uses => {}
        }
        found.retain(|signal| signal.preference == Preference::Allowed || adds(signal, &barred));
        found.iter_mut().for_each(|signal| signal.path.clone_from(&inner.path));
        let found = distinct(&found);
        found.iter().for_each(|signal| evaluator.say(signal.clone()));
        whole[at] = [own, found].concat();
        for (other, begin, rest) in crossings {
            said_by_both(evaluator, &whole[other], &whole[at], (begin, rest));
        }
        if evaluator.too_much {
            return;
        }
    }
}

/// Where two patterns cross and neither goes before the other, both say what they say.
fn said_by_both(evaluator: &mut Evaluator<'_>, first: &[Signal], second: &[Signal], place: (&str, &str)) {
    let (first_bars, second_bars) = (barred(first), barred(second));
    let adding = first.iter().any(|it| adds(it, &second_bars)) || second.iter().any(|it| adds(it, &first_bars));
    if !adding {
        return;
    }
    for path in crossing(place.0, place.1) {
        for signal in first.iter().chain(second) {
            evaluator.say(Signal { path: Some(path.clone()), ..signal.clone() });
        }
        if evaluator.too_much {
            return;
        }
    }
}

fn distinct(signals: &[Signal]) -> Vec<Signal> {
    signals.iter().cloned().collect::<BTreeSet<Signal>>().into_iter().collect()
}

/// The uses that signals prohibit to everybody.
fn barred(signals: &[Signal]) -> BTreeSet<Use> {
    let bars = signals.iter().filter(|it| it.preference == Preference::Disallowed && it.constraints.is_open());
    bars.flat_map(|signal| signal.uses.iter().copied()).collect()
}

/// Whether a signal prohibits something that is not prohibited to everybody already.
fn adds(signal: &Signal, barred: &BTreeSet<Use>) -> bool {
    signal.preference == Preference::Disallowed && !signal.uses.iter().all(|of| barred.contains(of))
}

/// How a shorter pattern lies to a longer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation<'p> {
    /// It matches whatever the longer one matches.
    Contains,
    /// Some addresses may match both: those that begin so and match the rest behind some `*`.
    Crosses { begin: &'p str, rest: &'p str },
    /// Some addresses may match both, and it is not known which.
    Unknown,
    /// No address matches both.
    Apart,
}

/// The text of a pattern before its first wildcard, and what follows the first `*`; `None`: it has none.
fn parts(pattern: &str) -> (&str, Option<&str>) {
    match pattern.split_once('*') {
        Some((literal, rest)) => (literal, Some(rest)),
        None => (pattern.strip_suffix('$').unwrap_or(pattern), None),
    }
}

fn relation<'p>(outer: (&'p str, &PathPattern), inner: (&'p str, &PathPattern)) -> Relation<'p> {
    let ((before, after), (within, following)) = (parts(outer.0), parts(inner.0));
    let exact = |pattern: &str| pattern.ends_with('$') && !pattern.contains('*');
    if exact(inner.0) {
        return if outer.1.matches(within) { Relation::Contains } else { Relation::Apart };
    }
    if exact(outer.0) {
        return if inner.1.matches(before) { Relation::Unknown } else { Relation::Apart };
    }
    let goes_on = if after.is_none() { within.starts_with(before) } else { outer.1.matches(within) };
    if goes_on && !outer.0.ends_with('$') {
        return Relation::Contains;
    }
    let (begin, rest) = match (after, following) {
        (None, Some(rest)) if before.starts_with(within) => (before, rest),
        (Some(rest), None) if within.starts_with(before) => (within, rest),
        (Some(_), Some(_)) if before.starts_with(within) || within.starts_with(before) => return Relation::Unknown,
        _ => return Relation::Apart,
    };
    if parts(rest).0.len() > LONGEST_LITERAL {
        return Relation::Unknown;
    }
    // To decide, what stands for both must not be shorter than either.
    let begun = overlaps(begin, rest).next();
    let shortest = begin.len() + rest.len() + 1 - begun.map_or(0, |overlap| overlap + 1);
    if shortest >= inner.0.len() { Relation::Crosses { begin, rest } } else { Relation::Unknown }
}

/// Longest text behind a `*` that is looked for in what stands before it.
const LONGEST_LITERAL: usize = 64;

/// How much of a rest an address that begins so may have begun already, the most first.
fn overlaps<'p>(begin: &'p str, rest: &'p str) -> impl Iterator<Item = usize> + 'p {
    let most = parts(rest).0.len().min(begin.len());
    (1..=most).rev().filter(move |most| rest.is_char_boundary(*most) && begin.ends_with(&rest[..*most]))
}

/// Addresses that begin so and match a rest behind a `*`: with anything between the two, or with the rest begun already.
fn crossing(begin: &str, rest: &str) -> Vec<String> {
    let begun = overlaps(begin, rest).map(|at| format!("{begin}{}", &rest[at..]));
    begun.chain([format!("{begin}*{rest}")]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_lie_within_each_other_across_or_apart() {
        let across = |begin, rest| Relation::Crosses { begin, rest };
        for (outer, inner, wanted) in [
            ("/", "/a", Relation::Contains),
            ("/", "/*.pdf$", Relation::Contains),
            ("/a", "/a/*.pdf$", Relation::Contains),
            ("/a/", "/b/c", Relation::Apart),
            ("/a$", "/a/b", Relation::Apart),
            ("/*.pdf$", "/a/b.pdf$", Relation::Contains),
            ("/*.pdf$", "/a/bcd.html$", Relation::Apart),
            ("/ab/", "/*.pdf$", across("/ab/", ".pdf$")),
            ("/*.pdf$", "/articles/", across("/articles/", ".pdf$")),
            ("/*/private/", "/articles/2026/", across("/articles/2026/", "/private/")),
            ("/*/private/", "/articles/private/2026", Relation::Contains),
            ("/a/", "/*/private/", across("/a/", "/private/")),
            ("/a", "/*a-b/", Relation::Unknown),
            ("/$", "/*.pdf$", Relation::Apart),
            ("/a.pdf$", "/*.pdf$x", Relation::Apart),
            ("/a/*.pdf$", "/bcdefghijkl", Relation::Apart),
            ("/a*c", "/ab*cd", Relation::Unknown),
            ("/a*c", "/b*cde", Relation::Apart),
        ] {
            let (of_outer, of_inner) = (PathPattern::restricting(outer), PathPattern::restricting(inner));
            assert_eq!(relation((outer, &of_outer), (inner, &of_inner)), wanted, "{outer} {inner}");
        }
    }

    #[test]
    fn where_two_patterns_cross_the_rest_may_be_begun() {
        assert_eq!(crossing("/ab/", ".pdf$"), ["/ab/*.pdf$"]);
        assert_eq!(crossing("/a/", "/private/"), ["/a/private/", "/a/*/private/"]);
        assert_eq!(crossing("/aa", "aa"), ["/aa", "/aaa", "/aa*aa"]);
    }
}
