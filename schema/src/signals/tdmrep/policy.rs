//! TDM policies (section 7): ODRL 2.2 offers, matched in their compacted form; no JSON-LD processor, nothing fetched.

use super::{MAX_BYTES, State, signal};
use crate::issuer::{Domain, Party};
use crate::money::Meter;
use crate::signals::json::Json;
use crate::signals::reach::{self, Classes};
use crate::signals::territory::{self, Territories};
use crate::signals::{Complaint, Lint, Parsed, Signal, price};
use crate::surt::UrlKey;
use crate::terms::{Action, Duty};
use crate::vocab::AskerClass::{self, Commercial, CulturalHeritage, Individual, NonCommercial, ResearchOrganisation};
use crate::vocab::{AuthorityKind, Preference};

/// Most permissions, duties and constraints that are looked at, of each.
const MOST: usize = 100;

/// Most signals that rules and their policy give together; a policy may be a hundred times as long as the rule.
const MOST_JOINED: usize = 2_000;

const PROFILE: &str = "http://www.w3.org/ns/tdmrep";
const CONTEXTS: [&str; 2] = ["http://www.w3.org/ns/odrl.jsonld", "http://www.w3.org/ns/tdmrep.jsonld"];

/// One permission as read.
struct Permission {
    duties: Vec<Duty>,
    /// Classes that it surely reaches, and those that it may reach.
    sure: Classes,
    perhaps: Classes,
    territories: Option<Territories>,
    doubtful: bool,
}

/// What a policy offers in place of a reservation. Whom no permission reaches stays reserved. `document`: its address.
#[must_use]
pub fn parse_policy(bytes: &[u8], document: &str) -> Parsed {
    let mut out = Parsed::default();
    let json = if bytes.len() > MAX_BYTES { None } else { Json::parse(bytes) };
    let Some(json) = json.filter(|json| !json.members().is_empty()) else {
        // Prose terms are for people; a machine knows no more than the reservation.
        out.complaints.push(Complaint::at(0, Lint::NotThisFormat, "no policy that a machine can read"));
        return out;
    };
    let doubtful = !conforms(&json, &mut out.complaints);
    let listed = json.member("permission").map(Json::each).unwrap_or_default();
    let mut permissions = Vec::new();
    for value in listed.iter().take(MOST) {
        let mut permission = permission(value, &json, &mut out.complaints);
        permission.doubtful |= doubtful;
        permissions.push(permission);
    }
    let free = |it: &Permission| {
        it.duties.is_empty() && it.territories.is_none() && it.sure == reach::everybody() && !it.doubtful
    };
    if let Some(first) = permissions.iter().position(free) {
        // Alternatives: who has this one needs no other.
        permissions = vec![permissions.swap_remove(first)];
    }
    let policy = price::place(document);
    let mut push = |mut found: Signal| {
        found.policy.clone_from(&policy);
        out.signals.push(found);
    };
    let offered = permissions.iter().flat_map(|it| [(&it.sure, it), (&it.perhaps, it)]);
    let reached = offered.map(|(classes, it)| (classes, it.territories.as_ref()));
    for constraints in reach::left_out(reached) {
        push(Signal { constraints, ..signal(State::Reserved, "permission for others", AuthorityKind::SiteFile) });
    }
    for permission in &permissions {
        for (classes, unsure) in [(&permission.sure, false), (&permission.perhaps, true)] {
            if classes.is_empty() || permission.territories.as_ref().is_some_and(Territories::is_empty) {
                continue;
            }
            push(Signal {
                constraints: reach::constraints(classes, permission.territories.as_ref()),
                duties: permission.duties.clone(),
                malformed: unsure || permission.doubtful,
                ..signal(State::Open, "permission tdm:mine", AuthorityKind::SiteFile)
            });
        }
    }
    // A prohibition has no place in the profile, and whatever it says it does not permit.
    if json.member("prohibition").is_some_and(|list| !list.each().is_empty()) {
        out.complaints.push(Complaint::at(0, Lint::Misplaced, "a prohibition: nothing beside it is permitted"));
        out.signals = vec![Signal { policy, ..signal(State::Reserved, "prohibition", AuthorityKind::SiteFile) }];
    }
    out.sorted()
}

/// The rules of `parsed` that name the policy at `document`, with what that policy says in place of the reservation. A
/// policy that says nothing that can be read changes nothing: the reservation stands.
#[must_use]
pub fn with_policy(mut parsed: Parsed, document: &str, policy: &Parsed) -> Parsed {
    let says: Vec<&Signal> = policy.signals.iter().filter(|signal| signal.standard == "tdmrep").collect();
    if says.is_empty() {
        return parsed;
    }
    // A rule in doubt stays so: what policy holds depends on whether anything is reserved at all.
    let names = |rule: &Signal| {
        let reserved = rule.standard == "tdmrep" && rule.preference == Preference::Disallowed;
        reserved && rule.policy.as_deref() == Some(document)
    };
    if parsed.signals.iter().filter(|rule| names(rule)).count() * says.len() > MOST_JOINED {
        parsed.complaints.push(Complaint::at(
            0,
            Lint::TooMuch,
            "too many rules for so long a policy: all stay reserved",
        ));
        return parsed;
    }
    let mut signals = Vec::new();
    for rule in std::mem::take(&mut parsed.signals) {
        if !names(&rule) {
            signals.push(rule);
            continue;
        }
        let placed = says.iter().map(|said| Signal {
            authority: rule.authority,
            path: rule.path.clone(),
            policy: rule.policy.clone(),
            ..(*said).clone()
        });
        signals.extend(placed);
    }
    parsed.signals = signals;
    parsed.complaints.extend(policy.complaints.iter().cloned());
    parsed.announced.retain(|announced| announced.url != document);
    parsed.sorted()
}

/// Whether the frame is what the profile demands. Nothing of a policy that isn't is a sure permission.
fn conforms(json: &Json, complaints: &mut Vec<Complaint>) -> bool {
    let contexts: Vec<&str> =
        json.member("@context").map(Json::each).unwrap_or_default().iter().filter_map(Json::text).collect();
    let text = |name: &str| json.member(name).and_then(Json::text);
    let checks = [
        (json.repeats(), "two members of one name"),
        (!CONTEXTS.iter().all(|context| contexts.contains(context)), "not the two contexts of the profile"),
        (text("@type") != Some("Offer"), "not an Offer"),
        (text("profile") != Some(PROFILE), "not of the profile of TDMRep"),
        (json.member("obligation").is_some(), "an obligation that nobody can read"),
        (json.member("permission").is_none_or(|list| list.each().len() > MOST), "no permissions, or too many"),
    ];
    for (_, what) in checks.iter().filter(|(wrong, _)| *wrong) {
        complaints.push(Complaint::at(0, Lint::Malformed, what));
    }
    checks.iter().all(|(wrong, _)| !wrong)
}

/// A term without the prefix or namespace that JSON-LD may put before it.
fn term(value: &Json) -> Option<&str> {
    let text = value.text().or_else(|| value.member("@id").and_then(Json::text))?;
    let bare = ["odrl:", "tdm:", "http://www.w3.org/ns/odrl/2/", "http://www.w3.org/ns/tdmrep#"];
    Some(bare.iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text))
}

fn permission(value: &Json, policy: &Json, complaints: &mut Vec<Complaint>) -> Permission {
    let mut read = Permission {
        duties: Vec::new(),
        sure: reach::everybody(),
        perhaps: Classes::new(),
        territories: None,
        doubtful: false,
    };
    let mut doubt = |what: String| complaints.push(Complaint::at(0, Lint::UnknownValue, what));
    if value.member("action").and_then(term) != Some("mine") {
        doubt("a permission of something other than mining".to_owned());
        read.doubtful = true;
    }
    for (name, value) in value.members() {
        match name.as_str() {
            "duty" | "constraint" if value.each().len() > MOST => read.doubtful = true,
            "duty" => {
                for duty in value.each() {
                    match obligation(duty, policy) {
                        Some(duty) => read.duties.push(duty),
                        None => {
                            doubt(format!("duty {:?} is not known", duty.member("action")));
                            read.doubtful = true;
                        }
                    }
                }
            }
            "constraint" => {
                for constraint in value.each() {
                    if !constrain(constraint, &mut read) {
                        doubt(format!("constraint {:?} is not known", constraint.member("leftOperand")));
                        read.doubtful = true;
                    }
                }
            }
            // The target names the collection that the policy belongs to; the rule that led here says what it covers.
            "action" | "target" | "@type" | "uid" => {}
            other => {
                doubt(format!("`{other}` of a permission is not known"));
                read.doubtful = true;
            }
        }
    }
    read.duties.sort();
    read.duties.dedup();
    read
}

/// A duty. One with constraints or anything else of its own is none that we know.
fn obligation(duty: &Json, policy: &Json) -> Option<Duty> {
    let plain = duty.members().iter().all(|(name, _)| matches!(name.as_str(), "action" | "@type" | "uid"));
    let assigner = policy.member("assigner");
    let text = |name: &str| {
        let value = assigner?.member(name)?;
        value.text().or_else(|| value.member("@id").and_then(Json::text))
    };
    match duty.member("action").and_then(term).filter(|_| plain)? {
        "obtainConsent" => {
            let contact = text("vcard:hasURL").or_else(|| text("vcard:hasEmail")).or_else(|| text("uid"));
            Some(price::obtain(contact))
        }
        "compensate" => {
            // The profile has no amounts; whom to ask is all that is known.
            let mut duty = price::pay(None, Meter::Flat { period: None });
            let domain: Option<Domain> =
                text("uid").and_then(|uid| UrlKey::parse(uid).ok()).and_then(|key| key.host.parse().ok());
            if let (Action::Pay { payee, .. }, Some(domain)) = (&mut duty.action, domain) {
                *payee = Some(Party::new(domain));
            }
            Some(duty)
        }
        _ => None,
    }
}

/// Narrows a permission; false where the constraint is not known.
fn constrain(constraint: &Json, read: &mut Permission) -> bool {
    let known = |name: &str| matches!(name, "leftOperand" | "operator" | "rightOperand" | "@type" | "uid");
    if !constraint.members().iter().all(|(name, _)| known(name)) {
        return false;
    }
    let of = |name: &str| constraint.member(name).and_then(term);
    match (of("leftOperand"), of("operator"), of("rightOperand")) {
        // Purpose is not what the asker is; for these classes the one follows from the other or is at least likely.
        (Some("purpose"), Some("eq"), Some("research")) => {
            narrow(read, &[ResearchOrganisation, CulturalHeritage], &[]);
            true
        }
        (Some("purpose"), Some("eq"), Some("non-research")) => {
            narrow(read, &[Commercial], &[NonCommercial, Individual]);
            true
        }
        (Some("spatial"), Some("eq" | "isPartOf"), Some(place)) => {
            let code = place.rsplit([':', '/']).next().unwrap_or_default();
            let Some(codes) = territory::named(code) else { return false };
            let within: Territories = codes.iter().copied().collect();
            read.territories = Some(match read.territories.take() {
                None => within,
                Some(before) => before.intersection(&within).copied().collect(),
            });
            true
        }
        _ => false,
    }
}

fn narrow(read: &mut Permission, sure: &[AskerClass], perhaps: &[AskerClass]) {
    let before: Classes = read.sure.union(&read.perhaps).copied().collect();
    // What one constraint lets in for sure and another perhaps is let in perhaps.
    let unsure = |class: &AskerClass| perhaps.contains(class) || (sure.contains(class) && read.perhaps.contains(class));
    let perhaps = before.into_iter().filter(unsure).collect();
    read.perhaps = perhaps;
    read.sure.retain(|class| sure.contains(class));
}

#[cfg(test)]
mod tests {
    use super::super::mining;
    use super::*;

    #[test]
    fn a_policy_speaks_of_mining_alone() {
        let policy = parse_policy(br#"{"permission": [{"action": "tdm:mine"}]}"#, "https://press.example/p");
        assert!(policy.signals.iter().all(|signal| signal.uses == mining() && signal.malformed), "{policy:?}");
    }
}
