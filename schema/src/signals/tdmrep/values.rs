//! `tdm-reservation` and `tdm-policy` as texts: HTTP response fields and HTML meta elements (sections 6.2 and 6.3).

use super::{State, announce, signal};
use crate::signals::{Complaint, Lint, Parsed, price};
use crate::vocab::AuthorityKind;

/// Most values that are looked at.
const MOST: usize = 50;

/// What reservations and policies of one carrier say. Values of repeated fields are given each by itself; lists joined by
/// commas are taken apart. Of different values the stricter counts.
#[must_use]
pub fn parse_values(reservation: &[&str], policy: &[&str], authority: AuthorityKind) -> Parsed {
    let mut out = Parsed::default();
    let policy = policy_of(policy, &mut out);
    let values = reservation.iter().flat_map(|value| value.split(',')).map(str::trim).take(MOST);
    let mut states: Vec<(State, &str)> = Vec::new();
    for value in values {
        let (state, exact) = state_of(value);
        if !exact {
            let detail = format!("tdm-reservation `{value}` is neither 1 nor 0");
            out.complaints.push(Complaint::at(0, Lint::UnknownValue, detail));
        }
        states.push((state, value));
    }
    let Some((state, value)) = states.iter().copied().max_by_key(|(state, _)| *state) else {
        if let Some(policy) = policy {
            // Another carrier may hold the reservation that this policy belongs to.
            announce(&policy, &mut out);
            out.complaints.push(Complaint::at(0, Lint::Misplaced, "a tdm-policy without tdm-reservation"));
        }
        return out.sorted();
    };
    if states.iter().any(|(other, _)| *other != state) {
        out.complaints.push(Complaint::at(0, Lint::Contradiction, "several values of tdm-reservation: the stricter"));
    }
    let mut found = signal(state, &format!("tdm-reservation: {value}"), authority);
    if let Some(policy) = policy.filter(|_| state != State::Open) {
        announce(&policy, &mut out);
        found.policy = Some(policy);
    }
    out.signals.push(found);
    out.sorted()
}

fn policy_of(values: &[&str], out: &mut Parsed) -> Option<String> {
    let mut policies: Vec<String> = values.iter().take(MOST).filter_map(|value| price::place(value)).collect();
    policies.dedup();
    if policies.len() > 1 {
        // Which one holds is not said, so neither can be relied on.
        out.complaints.push(Complaint::at(0, Lint::Contradiction, "several values of tdm-policy"));
        policies.iter().for_each(|policy| announce(policy, out));
        return None;
    }
    policies.pop()
}

/// What a text comes to, and whether it is a value of the protocol.
pub(super) fn state_of(text: &str) -> (State, bool) {
    match text {
        "1" => (State::Reserved, true),
        "0" => (State::Open, true),
        other => (evident(other), false),
    }
}

/// What a text that is no value of the protocol evidently means. A no is a no in any spelling; leave needs the right one.
pub(super) fn evident(text: &str) -> State {
    let bare = text.trim_matches(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | '`'));
    let meant = matches!(
        bare.to_ascii_lowercase().as_str(),
        "1" | "1.0" | "true" | "yes" | "on" | "y" | "reserved" | "all" | "all rights reserved" | "opt-out" | "optout"
    );
    if meant { State::Reserved } else { State::Unknown }
}
