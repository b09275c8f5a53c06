//! A decision in words: the verdict, why, what is owed, what was missing.

use crate::shown::shown;
use cleartitle_schema::decide::{Decision, DutyState, Finding, Owed, Reason};
use cleartitle_schema::money::{Meter, Price, Rate};
use cleartitle_schema::terms::Action;
use std::fmt::Write as _;

/// The first sentence of the page that explains a reason.
#[must_use]
pub fn sentence(reason: Reason) -> String {
    let mut paragraph = String::new();
    for line in reason.page().lines().skip_while(|line| line.is_empty() || line.starts_with('#')) {
        if line.is_empty() {
            break;
        }
        if !paragraph.is_empty() {
            paragraph.push(' ');
        }
        paragraph.push_str(line.trim());
    }
    match paragraph.find(". ") {
        Some(end) => paragraph[..=end].to_owned(),
        None => paragraph,
    }
}

/// A price in words: `0.01 EUR per document`, `250000000 USD flat`, `an undisclosed price, flat`.
#[must_use]
pub fn price(price: &Price) -> String {
    let rate = match &price.rate {
        Rate::Stated { price } => price.to_string(),
        Rate::Undisclosed { at_least, at_most } => {
            let mut text = "an undisclosed price".to_owned();
            if let Some(least) = at_least {
                let _ = write!(text, " of at least {least}");
            }
            if let Some(most) = at_most {
                let _ = write!(text, " of at most {most}");
            }
            text
        }
    };
    let mut text = match &price.meter {
        Meter::Flat { .. } => format!("{rate} flat"),
        Meter::ThousandTokens { tokenizer, every_epoch } => {
            let epochs = if *every_epoch { "in every epoch" } else { "once" };
            format!("{rate} per thousand tokens ({}, {epochs})", shown(tokenizer))
        }
        Meter::RevenueShare { percent } => format!("{percent} percent of revenue"),
        Meter::InKind { what } => format!("in kind: {}", shown(what)),
        meter => format!("{rate} per {}", meter.word()),
    };
    if price.prorated {
        text.push_str(", by the day");
    }
    if let Some(tariff) = &price.tariff {
        let _ = write!(text, " ({}, {})", shown(&tariff.name), shown(&tariff.version));
    }
    if let Some(cap) = &price.cap {
        let _ = write!(text, ", at most {cap}");
    }
    if let Some(minimum) = &price.minimum {
        let _ = write!(text, ", at least {minimum}");
    }
    text
}

/// A duty in words, with its payee and how it stands.
#[must_use]
pub fn duty(owed: &Owed) -> String {
    let what = match &owed.duty.action {
        Action::Pay { price: asked, .. } => format!("pay {} to {}", price(asked), shown(&owed.to)),
        Action::Attribute { text, url } => {
            let named = text.as_deref().or(url.as_deref()).map(shown).unwrap_or_else(|| shown(&owed.to));
            format!("attribute: {named}")
        }
        Action::ShareAlike { license } => format!("share alike under {}", shown(license)),
        Action::DisplayDelay { seconds } => format!("show it {seconds} seconds after publication at the earliest"),
        Action::OutputCap { words, percent } => {
            let words = words.map(|words| format!("{words} words"));
            let percent = percent.map(|percent| format!("{percent} percent"));
            format!("show at most {}", [words, percent].into_iter().flatten().collect::<Vec<_>>().join(" and "))
        }
        Action::Report { every_days, .. } => format!("report every {every_days} days to {}", shown(&owed.to)),
        Action::Delete { artefacts, within_days } => {
            let artefacts: Vec<&str> = artefacts.iter().map(|artefact| artefact.word()).collect();
            format!("delete {} within {within_days} days after the term", artefacts.join(", "))
        }
        Action::PassOn {} => "pass the terms on".to_owned(),
        Action::ObtainLicense { from } => {
            format!("obtain a license from {}", from.as_deref().map_or_else(|| shown(&owed.to), shown))
        }
    };
    let state = match owed.state {
        DutyState::Outstanding => "outstanding",
        DutyState::Discharged => "discharged by the payee",
        DutyState::Asserted => "met, as the policy asserts",
        DutyState::Obligation => "owed, and no condition of this document",
    };
    format!("{what} ({} use): {state}", owed.duty.phase)
}

fn finding(found: &Finding) -> String {
    let mut text = format!("{} (rule {})", found.code, found.rule);
    if let Some(authority) = &found.authority {
        let _ = write!(text, ", {authority}");
    }
    if let Some(detail) = &found.detail {
        let _ = write!(text, ": {}", shown(detail));
    }
    if let Some(statement) = &found.statement {
        let _ = write!(text, "\n      {statement}");
    }
    let sentence = sentence(found.code);
    if !sentence.is_empty() {
        let _ = write!(text, "\n      {sentence}");
    }
    text
}

/// A whole decision in words, indented below its document.
#[must_use]
pub fn decision(decision: &Decision) -> String {
    let mut text = String::new();
    for found in &decision.reasons {
        let _ = writeln!(text, "    {}", finding(found));
    }
    for owed in &decision.duties {
        let _ = writeln!(text, "  duty: {}", duty(owed));
        if let Some(statement) = &owed.statement {
            let _ = writeln!(text, "      {statement}");
        }
    }
    let missing: Vec<String> = missing(decision);
    if !missing.is_empty() {
        let _ = writeln!(text, "  missing: {}", missing.join(", "));
    }
    text
}

/// The facts that a decision lacked.
#[must_use]
pub fn missing(decision: &Decision) -> Vec<String> {
    let lacking = decision.reasons.iter().filter(|found| found.code == Reason::FactMissing);
    let mut facts: Vec<String> = lacking.filter_map(|found| found.detail.as_deref()).map(shown).collect();
    facts.sort();
    facts.dedup();
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use cleartitle_schema::decide::Verdict;

    #[test]
    fn prices_and_duties_are_told_in_words() {
        let owed: Owed = serde_json::from_str(
            r#"{"state":"outstanding","to":"press.example","duty":{"phase":"before","action":{"duty":"pay","price":
               {"rate":{"known":"stated","price":{"amount":"0.01","currency":"EUR"}},"meter":{"per":"document"},
                "cap":{"amount":"5000","currency":"EUR"}}}}}"#,
        )
        .unwrap();
        assert_eq!(
            duty(&owed),
            "pay 0.01 EUR per document, at most 5000 EUR to press.example (before use): outstanding"
        );
    }

    #[test]
    fn missing_facts_are_named_once() {
        let lacking = Finding::new(Reason::FactMissing).detail("territory");
        let reasons = vec![lacking.clone(), lacking, Finding::new(Reason::NoStatement)];
        let decision = Decision { verdict: Verdict::Unknown, reasons, duties: Vec::new(), voices: Vec::new() };
        assert_eq!(missing(&decision), ["territory"]);
        assert!(super::decision(&decision).ends_with("  missing: territory\n"));
    }
}
