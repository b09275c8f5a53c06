//! `/.well-known/tdmrep.json` (section 6.1): an array of rules, and what real files hold instead of one.

use super::order::{self, Rule};
use super::values::evident;
use super::{MAX_BYTES, State, announce, signal};
use crate::signals::json::Json;
use crate::signals::{Complaint, Lint, Parsed, price};
use crate::surt::{UrlKey, normalise_pattern};
use crate::vocab::AuthorityKind;

/// Most rules. Each is held against those before it.
const MOST_RULES: usize = 2_000;
/// Longest pattern that is kept whole.
const LONGEST: usize = 2_048;
/// Most complaints.
const MOST_COMPLAINTS: usize = 200;

/// What the file says. Anything but an array is no statement by the specification: of such a file only reservations count.
#[must_use]
pub fn parse_file(bytes: &[u8]) -> Parsed {
    let mut out = Parsed::default();
    if bytes.len() > MAX_BYTES {
        return too_much(out);
    }
    let Some(json) = Json::parse(bytes) else {
        let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
        let meant = text.contains("tdm-reservation") || text.contains("tdm_reservation");
        if !meant || text.trim_start().starts_with('<') {
            out.complaints.push(Complaint::at(0, Lint::NotThisFormat, "no JSON"));
            return out;
        }
        out.complaints.push(Complaint::at(0, Lint::Malformed, "no JSON, and it speaks of tdm-reservation"));
        out.signals.push(signal(State::Unknown, "tdm-reservation in a broken file", AuthorityKind::SiteFile));
        return out;
    };
    let (list, strict) = match &json {
        Json::List(list) => (list.as_slice(), true),
        object => (inner(object), false),
    };
    if !strict {
        out.complaints.push(Complaint::at(0, Lint::Malformed, "not an array: only reservations count"));
    }
    if list.len() > MOST_RULES {
        return too_much(out);
    }
    let mut rules = Vec::new();
    for (place, value) in list.iter().enumerate() {
        rules.extend(rule(place + 1, value, strict, &mut out.complaints));
    }
    for rule in order::by_length(rules, &mut out.complaints) {
        let label = match rule.state {
            State::Reserved => "tdm-reservation: 1",
            State::Open => "tdm-reservation: 0",
            State::Unknown => "tdm-reservation: neither 1 nor 0",
        };
        let mut found = signal(rule.state, label, AuthorityKind::SiteFile);
        found.path = Some(rule.path);
        if let Some(policy) = &rule.policy {
            announce(policy, &mut out);
        }
        found.policy = rule.policy;
        out.signals.push(found);
    }
    out.complaints.truncate(MOST_COMPLAINTS);
    out.sorted()
}

fn too_much(mut out: Parsed) -> Parsed {
    // What is not read may reserve more than anything that is.
    out.complaints.push(Complaint::at(0, Lint::TooMuch, "longer than is read: all is reserved"));
    out.signals.push(signal(State::Reserved, "tdmrep.json longer than is read", AuthorityKind::SiteFile));
    out
}

/// The rules of a file that is an object: a list inside it, or the object itself.
fn inner(object: &Json) -> &[Json] {
    let is_rule = |value: &Json| value.members().iter().any(|(name, _)| name_of(name) == "tdm-reservation");
    let list = object.members().iter().find_map(|(_, value)| match value {
        Json::List(list) if list.iter().any(is_rule) => Some(list.as_slice()),
        _ => None,
    });
    list.unwrap_or(std::slice::from_ref(object))
}

/// The name of a member as the specification spells it.
fn name_of(name: &str) -> String {
    name.trim().to_ascii_lowercase().replace('_', "-")
}

fn rule(number: usize, value: &Json, strict: bool, complaints: &mut Vec<Complaint>) -> Option<Rule> {
    let mut complain = |lint: Lint, detail: String| {
        complaints.push(Complaint::at(0, lint, format!("rule {number}: {detail}")));
    };
    if !matches!(value, Json::Object(_)) {
        complain(Lint::Malformed, "not an object".to_owned());
        return None;
    }
    let mut exact = strict;
    let mut state: Option<State> = None;
    let (mut location, mut policy) = (None, None);
    for (name, value) in value.members() {
        let spelled = name_of(name);
        let known = matches!(spelled.as_str(), "location" | "tdm-reservation" | "tdm-policy");
        if known && spelled != *name {
            complain(Lint::UnknownLabel, format!("`{name}` is spelled `{spelled}`"));
            exact = false;
        }
        match spelled.as_str() {
            "tdm-reservation" => {
                let (read, is_value) = reservation(value);
                if !is_value {
                    complain(Lint::UnknownValue, format!("tdm-reservation {value:?} is neither 1 nor 0"));
                }
                if state.is_some_and(|before| before != read) {
                    complain(Lint::Contradiction, "two values of tdm-reservation: the stricter".to_owned());
                }
                state = Some(state.map_or(read, |before| before.max(read)));
            }
            "location" => match (value.text(), &location) {
                (Some(text), None) => location = Some(text.trim().to_owned()),
                _ => exact = false,
            },
            "tdm-policy" => match (value.text().and_then(price::place), &policy) {
                (Some(text), None) => policy = Some(text),
                // Two policies, or one that is no address: none that could be relied on.
                _ => {
                    complain(Lint::UnknownValue, "tdm-policy is not one address".to_owned());
                    policy = Some(String::new());
                }
            },
            _ => complain(Lint::UnknownLabel, format!("`{name}` is not read")),
        }
    }
    let state = state.unwrap_or_else(|| {
        complain(Lint::Malformed, "no tdm-reservation".to_owned());
        State::Unknown
    });
    let (path, exact) = path(location.as_deref(), exact, &mut complain);
    if state != State::Reserved && !exact {
        // By the specification it says nothing, and what it seems to say is no reservation.
        return None;
    }
    let policy = policy.filter(|policy| !policy.is_empty() && state != State::Open);
    Some(Rule { path, state, policy, number })
}

fn reservation(value: &Json) -> (State, bool) {
    match value {
        Json::Number(number) if *number == 1.0 => (State::Reserved, true),
        Json::Number(number) if *number == 0.0 => (State::Open, true),
        Json::Bool(true) => (State::Reserved, false),
        Json::Text(text) => (evident(text), false),
        _ => (State::Unknown, false),
    }
}

/// The pattern of a location, and whether it is one that may also open.
fn path(location: Option<&str>, exact: bool, complain: &mut impl FnMut(Lint, String)) -> (String, bool) {
    let Some(location) = location.filter(|location| !location.is_empty()) else {
        complain(Lint::Malformed, "no location: the whole site".to_owned());
        return ("/".to_owned(), false);
    };
    let (path, exact) = if location.starts_with('/') && !location.starts_with("//") {
        (normalise_pattern(location), exact)
    } else {
        complain(Lint::Misplaced, format!("`{location}` is no path: it may only reserve"));
        let key = UrlKey::parse_pattern(location).ok();
        (key.map_or_else(|| normalise_pattern(&format!("/{location}")), |key| key.path), false)
    };
    if path.len() <= LONGEST {
        return (path, exact);
    }
    complain(Lint::TooMuch, "a location longer than is read covers what begins like it".to_owned());
    (path[..LONGEST].trim_end_matches('$').to_owned(), false)
}
