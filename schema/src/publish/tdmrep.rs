//! TDMRep (W3C Community Group report of 2024-05-10): the well-known file, its values, and the policy in ODRL 2.2.

use super::label::{Label, unsaid};
use super::stance::{Alternative, Stance};
use super::{Loss, Notice, What};
use crate::terms::Action;
use crate::vocab::{Preference, Use};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const STANDARD: &str = "tdmrep";

const MINING: Label = Label {
    word: "tdm-reservation",
    covers: &[Use::TrainAi, Use::TrainNongen, Use::AiIndex, Use::TdmOther],
    touches: &[],
    blanket: true,
};

/// What the reservation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reserved {
    /// 1.
    Plain,
    /// 1, with a policy.
    Policy,
    /// 0.
    Not,
}

pub(super) fn reserved(notice: &Notice, losses: &mut Vec<Loss>) -> Option<Reserved> {
    unsaid(notice, STANDARD, &[MINING], losses);
    // A reader who does not follow the policy reads a denial, so that conditions count as lost with a policy too.
    let value = MINING.value(notice, STANDARD, losses);
    let policy = duties(notice).is_some();
    Some(match value? {
        Preference::Allowed => Reserved::Not,
        Preference::Disallowed if policy => Reserved::Policy,
        Preference::Disallowed => Reserved::Plain,
    })
}

/// The file: an array, in which the first entry that matches counts. What the scope excludes can't be left unsaid below a
/// wider entry: it is reserved like the rest, or where the rest is open.
#[must_use]
pub fn tdmrep(notice: &Notice) -> (String, Vec<Loss>) {
    let mut losses = Vec::new();
    let Some(said) = reserved(notice, &mut losses) else { return (String::new(), losses) };
    let mut entries = Vec::new();
    for hole in &notice.area.holes {
        losses.push(Loss::new(STANDARD, What::Exclusion, format!("{hole}: reserved too")));
        if said != Reserved::Plain {
            entries.push(json!({ "location": hole, "tdm-reservation": 1 }));
        }
    }
    for path in &notice.area.paths {
        entries.push(match said {
            Reserved::Plain => json!({ "location": path, "tdm-reservation": 1 }),
            Reserved::Policy => json!({ "location": path, "tdm-reservation": 1, "tdm-policy": notice.places.policy }),
            Reserved::Not => json!({ "location": path, "tdm-reservation": 0 }),
        });
    }
    (pretty(&Value::Array(entries)), losses)
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// The duties of the policy, where every kind of mining is offered on conditions: one that is reserved or unsaid would be
/// offered along with the others, since the policy knows one act, mining.
fn duties(notice: &Notice) -> Option<BTreeSet<&'static str>> {
    let mut duties = BTreeSet::new();
    for atom in MINING.covers {
        let Some(Stance::Conditional(alternatives)) = notice.stances.get(atom) else { return None };
        duties.extend(alternatives.iter().flat_map(|alternative| words(alternative)));
    }
    Some(duties)
}

/// What an alternative asks for, in the profile's two words: whatever is not payment has to be asked about.
fn words(alternative: &Alternative) -> Vec<&'static str> {
    let word = |action: &Action| if matches!(action, Action::Pay { .. }) { "compensate" } else { "obtainConsent" };
    let mut words: Vec<&str> = alternative.duties.iter().map(|duty| word(&duty.action)).collect();
    if alternative.askers.is_some() || alternative.territories.is_some() || words.is_empty() {
        words.push("obtainConsent");
    }
    words
}

/// The policy, an ODRL offer by the profile; empty where mining is not offered on conditions.
#[must_use]
pub fn policy(notice: &Notice) -> (String, Vec<Loss>) {
    let standard = "tdm-policy";
    let Some(duties) = duties(notice) else { return (String::new(), Vec::new()) };
    let mut assigner = json!({ "uid": format!("https://{}/", notice.site), "vcard:fn": notice.holder });
    if let Some(contact) = &notice.places.contact {
        assigner["vcard:hasEmail"] = json!(format!("mailto:{contact}"));
    }
    if let Some(terms) = &notice.places.terms {
        assigner["vcard:hasURL"] = json!(terms);
    }
    let duty: Vec<Value> = duties.iter().map(|word| json!({ "action": word })).collect();
    let document = json!({
        "@context": ["http://www.w3.org/ns/odrl.jsonld", "http://www.w3.org/ns/tdmrep.jsonld"],
        "@type": "Offer",
        "profile": "http://www.w3.org/ns/tdmrep",
        "uid": notice.places.policy,
        "assigner": assigner,
        "permission": [{ "action": "tdm:mine", "duty": duty }],
    });
    let mut losses = Vec::new();
    if duties.contains("compensate") {
        losses.push(Loss::new(standard, What::Price, "the policy has no amounts"));
    }
    if duties.contains("obtainConsent") {
        losses.push(Loss::new(standard, What::Duty, "what is asked for besides payment; consent has to be obtained"));
    }
    (pretty(&document), losses)
}
