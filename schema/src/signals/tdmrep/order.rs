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
    let mut kept: Vec<Option<Rule>> = Vec::with_capacity(rules.len());
    for mut rule in rules {
        let mut stays = true;
        let mut shadow = None;
        for earlier in kept.iter().flatten().filter(|earlier| overlap(&earlier.path, &rule.path)) {
            if covers(&earlier.path, &rule.path) {
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
        kept.push(stays.then_some(rule));
    }
    kept.into_iter().flatten().collect()
}

fn parts(pattern: &str) -> (&str, &str, bool) {
    let (body, anchored) = pattern.strip_suffix('$').map_or((pattern, false), |body| (body, true));
    let first = body.split('*').next().unwrap_or_default();
    let last = if body.contains('*') { body.rsplit('*').next().unwrap_or_default() } else { "" };
    (first, last, anchored)
}

/// Whether some path may match both. In doubt yes: the price is a permission lost.
fn overlap(one: &str, other: &str) -> bool {
    let ((one_first, one_last, one_ends), (other_first, other_last, other_ends)) = (parts(one), parts(other));
    let beginnings = one_first.starts_with(other_first) || other_first.starts_with(one_first);
    let wild = one.contains('*') && other.contains('*');
    let ends = !(wild && one_ends && other_ends) || one_last.ends_with(other_last) || other_last.ends_with(one_last);
    beginnings && ends
}

/// Whether every path that matches `narrow` surely matches `wide`.
fn covers(wide: &str, narrow: &str) -> bool {
    let (first, last, anchored) = parts(wide);
    let plain = !wide.trim_end_matches('*').contains('*') && last.is_empty() && !anchored;
    wide == narrow || (plain && parts(narrow).0.starts_with(first))
}
