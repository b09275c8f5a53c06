//! The first rule that matches decides in TDMRep, the longest in our signals: rules rewritten so that the second is never
//! looser than the first.
//!
//! A later rule of a longer pattern would win where an earlier one should. Where it would loosen, it goes, or takes on the
//! earlier one's state; where it would tighten, it stays: authors who write so expect the longest to win, and an evident
//! reservation is one.

use super::State;
use crate::signals::{Complaint, Lint};

/// A rule of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    /// Normalised pattern.
    pub path: String,
    pub state: State,
    pub policy: Option<String>,
    /// Its place in the array, from 1.
    pub number: usize,
}

/// Rules that say under "the longest wins" nothing looser than these under "the first wins".
pub(super) fn by_length(rules: Vec<Rule>, complaints: &mut Vec<Complaint>) -> Vec<Rule> {
    let mut kept: Vec<Rule> = Vec::with_capacity(rules.len());
    // Taken apart once: each rule is held against all before it, and a hostile file has thousands of long ones.
    let paths: Vec<String> = rules.iter().map(|rule| rule.path.clone()).collect();
    let mut shapes: Vec<Shape<'_>> = Vec::with_capacity(rules.len());
    for (mut rule, path) in rules.into_iter().zip(&paths) {
        let shape = Shape::of(path);
        let mut stays = true;
        let mut shadow = None;
        for (earlier, earlier_shape) in kept.iter().zip(&shapes).filter(|(_, earlier)| earlier.overlaps(&shape)) {
            if earlier.path == rule.path || earlier_shape.covers(&shape) {
                shadow = shadow.or(Some(earlier.number));
            }
            if earlier.path.len() >= rule.path.len() {
                continue;
            }
            if rule.state == State::Open && earlier.state != State::Open {
                stays = false;
                shadow = shadow.or(Some(earlier.number));
            } else if earlier.state != State::Open && (rule.state, &rule.policy) != (earlier.state, &earlier.policy) {
                // Nor may its policy, once read, open what the earlier rule's would not.
                rule.state = rule.state.max(earlier.state);
                rule.policy = None;
            }
        }
        if let Some(earlier) = shadow {
            let kind = if stays { "is kept, since it is stricter or as strict" } else { "is left out" };
            let detail =
                format!("rule {} ({}) comes after rule {earlier}, which wins; it {kind}", rule.number, rule.path);
            complaints.push(Complaint::at(0, Lint::ShadowedRule, detail));
        }
        if stays {
            kept.push(rule);
            shapes.push(shape);
        }
    }
    kept
}

/// What of a pattern is quickly compared.
struct Shape<'a> {
    /// Before the first star.
    first: &'a str,
    /// After the last one.
    last: &'a str,
    /// It has a star.
    wild: bool,
    /// It has no more than one.
    one_star: bool,
    /// It ends where the path ends.
    ends: bool,
}

impl<'a> Shape<'a> {
    fn of(pattern: &'a str) -> Self {
        let (body, ends) = pattern.strip_suffix('$').map_or((pattern, false), |body| (body, true));
        match (body.split_once('*'), body.rsplit_once('*')) {
            (Some((first, rest)), Some((_, last))) => {
                Self { first, last, wild: true, one_star: rest.len() == last.len(), ends }
            }
            _ => Self { first: body, last: "", wild: false, one_star: true, ends },
        }
    }

    /// Whether some path may match both. In doubt yes: the price is a permission lost.
    fn overlaps(&self, other: &Self) -> bool {
        let beginnings = self.first.starts_with(other.first) || other.first.starts_with(self.first);
        let both_end = self.wild && other.wild && self.ends && other.ends;
        beginnings && (!both_end || self.last.ends_with(other.last) || other.last.ends_with(self.last))
    }

    /// Whether every path that matches `narrow` surely matches this: a plain prefix, with or without a star at its end.
    fn covers(&self, narrow: &Self) -> bool {
        let plain = !self.ends && (!self.wild || (self.one_star && self.last.is_empty()));
        plain && narrow.first.starts_with(self.first)
    }
}
