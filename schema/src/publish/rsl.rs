//! RSL 1.0 (rslstandard.org, Recommendation of 2025-12-10): one `content` a path, one `license` a set of conditions.

use super::label::{Label, unsaid};
use super::stance::{Alternative, Stance};
use super::{Loss, Notice, What, listed};
use crate::money::{Meter, Price, Rate};
use crate::terms::Action;
use crate::vocab::labels::rsl as words;
use crate::vocab::{AskerClass, Preference, Use};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

const STANDARD: &str = "rsl";

/// After so many days a reader looks again. Short, since a copy of the file outlives a change of terms by so much.
pub const MAX_AGE_DAYS: u32 = 7;

/// `ai-all` is left out on purpose: it takes in uses that nobody has thought of, and a permission must not.
const WORDS: [&str; 4] = ["ai-train", "ai-input", "ai-index", "search"];

/// What `all` stands for.
const ALL: [Use; 7] =
    [Use::TrainAi, Use::AiUse, Use::Search, Use::TrainNongen, Use::AiIndex, Use::AiUserFetch, Use::TdmOther];

/// Everybody who is not for profit: RSL's `non-commercial` does not tell them apart.
const NOT_FOR_PROFIT: [AskerClass; 4] =
    [AskerClass::ResearchOrganisation, AskerClass::CulturalHeritage, AskerClass::NonCommercial, AskerClass::Individual];

/// The elements of a license besides its usages, for each way to be permitted.
type Conditions = BTreeSet<String>;

/// What is written for the uses, and under which conditions.
#[derive(Default)]
struct Usage {
    permits: BTreeMap<String, Vec<&'static str>>,
    prohibits: Vec<&'static str>,
}

/// The document; empty where there is nothing to say.
#[must_use]
pub fn rsl(notice: &Notice) -> (String, Vec<Loss>) {
    let mut losses = Vec::new();
    // A use whose conditions can't be written is denied.
    let mut told = notice.clone();
    let mut conditions: BTreeMap<Use, Conditions> = BTreeMap::new();
    for (atom, stance) in &notice.stances {
        let alternatives = match stance {
            Stance::Reserved => continue,
            Stance::Allowed => vec![Alternative::default()],
            Stance::Conditional(alternatives) => alternatives.clone(),
        };
        let written: Conditions =
            alternatives.iter().filter_map(|alternative| elements(*atom, alternative, notice, &mut losses)).collect();
        if written.is_empty() {
            let detail =
                format!("{atom}: prohibited, since what it asks for can't be written (an address for terms may help)");
            losses.push(Loss::new(STANDARD, What::Conditions, detail));
            told.stances.insert(*atom, Stance::Reserved);
        } else {
            conditions.insert(*atom, written);
        }
    }
    let usage = usage(&told, &conditions, &mut losses);
    if usage.permits.is_empty() && usage.prohibits.is_empty() {
        return (String::new(), losses);
    }
    if !usage.permits.is_empty() {
        let silent: Vec<Use> = ALL.iter().copied().filter(|atom| !notice.stances.contains_key(atom)).collect();
        if !silent.is_empty() {
            losses.push(Loss::new(STANDARD, What::ClosedList, format!("{}: read as not licensed", listed(&silent))));
        }
    }
    (document(notice, &usage, &mut losses), losses)
}

fn usage(told: &Notice, conditions: &BTreeMap<Use, Conditions>, losses: &mut Vec<Loss>) -> Usage {
    let mut usage = Usage::default();
    if ALL.iter().all(|atom| told.stances.get(atom) == Some(&Stance::Reserved)) {
        usage.prohibits.push("all");
        return usage;
    }
    let labels = Label::rows(words::TABLE, &WORDS);
    unsaid(told, STANDARD, &labels, losses);
    for label in labels {
        let known: Vec<Option<&Conditions>> = label.covers.iter().map(|atom| conditions.get(atom)).collect();
        let same = known.iter().all(|one| one.is_some() && *one == known[0]);
        if let Some(each) = known[0].filter(|_| same) {
            for elements in each {
                usage.permits.entry(elements.clone()).or_default().push(label.word);
            }
            continue;
        }
        // What is left is denied, or differs among the uses that the label joins.
        let open: Vec<Use> = label.covers.iter().copied().filter(|atom| conditions.contains_key(atom)).collect();
        let mut denied = told.clone();
        open.iter().for_each(|atom| {
            denied.stances.insert(*atom, Stance::Allowed);
        });
        if label.value(&denied, STANDARD, losses) == Some(Preference::Disallowed) {
            usage.prohibits.push(label.word);
        } else if open.len() == label.covers.len() {
            let detail = format!("{}: {} under different conditions", label.word, listed(label.covers));
            losses.push(Loss::new(STANDARD, What::Split, detail));
        }
    }
    usage
}

/// The elements that state what an alternative asks for; none where it can't be stated.
fn elements(atom: Use, alternative: &Alternative, notice: &Notice, losses: &mut Vec<Loss>) -> Option<String> {
    let mut text = String::new();
    if let Some(askers) = &alternative.askers {
        let words = users(atom, askers, losses);
        if words.is_empty() {
            return None;
        }
        let _ = writeln!(text, "      <permits type=\"user\">{}</permits>", words.join(" "));
    }
    if let Some(territories) = &alternative.territories {
        let _ = writeln!(text, "      <permits type=\"geo\">{}</permits>", escaped(&territories.join(" ")));
    }
    text.push_str(&payment(atom, alternative, notice, losses)?);
    Some(text)
}

fn users(atom: Use, askers: &[AskerClass], losses: &mut Vec<Loss>) -> Vec<&'static str> {
    let mut words = Vec::new();
    let all_of_them = NOT_FOR_PROFIT.iter().all(|class| askers.contains(class));
    if askers.contains(&AskerClass::Commercial) {
        words.push("commercial");
    }
    if all_of_them {
        words.push("non-commercial");
    }
    if askers.contains(&AskerClass::Individual) {
        words.push("personal");
    }
    for class in askers {
        let said = all_of_them || matches!(class, AskerClass::Commercial | AskerClass::Individual);
        if !said {
            losses.push(Loss::new(STANDARD, What::AskerClass, format!("{atom}: {class} is left out")));
        }
    }
    words
}

fn payment(atom: Use, alternative: &Alternative, notice: &Notice, losses: &mut Vec<Loss>) -> Option<String> {
    let acts: Vec<&Action> = alternative.duties.iter().map(|duty| &duty.action).collect();
    let plain = |kind: &str| Some(format!("      <payment type=\"{kind}\"/>\n"));
    match acts.as_slice() {
        [] => return plain("free"),
        [Action::Attribute { text, url }] => {
            if text.is_some() || url.is_some() {
                losses.push(Loss::new(STANDARD, What::CreditLine, format!("{atom}: how to name the source")));
            }
            return plain("attribution");
        }
        [Action::Pay { price, payee }] => {
            if payee.is_some() {
                losses.push(Loss::new(STANDARD, What::Payee, format!("{atom}: who is paid")));
            }
            let (kind, amount) = amount(atom, price, losses);
            let custom = notice.places.terms.as_deref().map(custom).unwrap_or_default();
            if amount.is_empty() && custom.is_empty() {
                return plain(kind);
            }
            return Some(format!("      <payment type=\"{kind}\">\n{amount}{custom}      </payment>\n"));
        }
        _ => {}
    }
    // Several duties, or one that has no word: a license has to be asked for, wherever that can be done.
    let named = acts.iter().find_map(|act| match act {
        Action::ObtainLicense { from: Some(from) } => address(from),
        _ => None,
    });
    let mailbox = || notice.places.contact.as_ref().map(|contact| format!("mailto:{contact}"));
    let place = named.or_else(|| notice.places.terms.clone()).or_else(mailbox)?;
    for act in acts.iter().filter(|act| !matches!(act, Action::ObtainLicense { .. })) {
        losses.push(Loss::new(STANDARD, What::Duty, format!("{atom}: {}; to be asked for at {place}", act.word())));
    }
    Some(format!("      <payment type=\"purchase\">\n{}      </payment>\n", custom(&place)))
}

/// How a price is counted, and its amount, where RSL counts so too. Another count would make it look cheaper.
fn amount(atom: Use, price: &Price, losses: &mut Vec<Loss>) -> (&'static str, String) {
    let kind = match &price.meter {
        Meter::Fetch {} => "crawl",
        Meter::Flat { period: Some(_) } => "subscription",
        _ => "purchase",
    };
    let exact = matches!(price.meter, Meter::Fetch {} | Meter::Flat { period: None }) && price.minimum.is_none();
    match &price.rate {
        Rate::Stated { price: stated } if exact => {
            if price.cap.is_some() {
                losses.push(Loss::new(STANDARD, What::Price, format!("{atom}: the most that falls due")));
            }
            let text = format!("        <amount currency=\"{}\">{}</amount>\n", stated.currency, stated.amount);
            (kind, text)
        }
        Rate::Stated { .. } => {
            let detail = format!("{atom}: a price per {} is not written, only that there is one", price.meter.word());
            losses.push(Loss::new(STANDARD, What::Price, detail));
            (kind, String::new())
        }
        Rate::Undisclosed { .. } => (kind, String::new()),
    }
}

fn custom(address: &str) -> String {
    format!("        <custom>{}</custom>\n", escaped(address))
}

fn address(from: &str) -> Option<String> {
    if from.starts_with("https://") || from.starts_with("http://") || from.starts_with("mailto:") {
        return Some(from.to_owned());
    }
    (from.contains('@') && !from.contains(char::is_whitespace)).then(|| format!("mailto:{from}"))
}

fn document(notice: &Notice, usage: &Usage, losses: &mut Vec<Loss>) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rsl xmlns=\"https://rslstandard.org/rsl\" max-age=\"{MAX_AGE_DAYS}\">\n"
    );
    let prohibits = prohibited(&usage.prohibits);
    let permitted: BTreeSet<&str> = usage.permits.values().flatten().copied().collect();
    for hole in &notice.area.holes {
        let detail = if permitted.is_empty() {
            format!("{hole}: the prohibition is written for it too")
        } else {
            let taken = prohibited(&permitted.iter().copied().collect::<Vec<_>>());
            let _ = write!(
                text,
                "  <content url=\"{}\">\n    <license>\n{taken}    </license>\n  </content>\n",
                escaped(hole)
            );
            format!("{hole}: what is permitted elsewhere is prohibited there")
        };
        losses.push(Loss::new(STANDARD, What::Exclusion, detail));
    }
    for path in &notice.area.paths {
        let _ = writeln!(text, "  <content url=\"{}\">", escaped(path));
        if usage.permits.is_empty() {
            let _ = write!(text, "    <license>\n{prohibits}    </license>\n");
        }
        for (elements, words) in &usage.permits {
            // In every license: one that only prohibited might be read as leave for all the rest.
            let permits = format!("      <permits type=\"usage\">{}</permits>\n", words.join(" "));
            let _ = write!(text, "    <license>\n{permits}{}    </license>\n", ordered(elements, &prohibits));
        }
        if let Some(terms) = &notice.places.terms {
            let _ = writeln!(text, "    <terms>{}</terms>", escaped(terms));
        }
        text.push_str("  </content>\n");
    }
    text.push_str("</rsl>\n");
    text
}

fn prohibited(words: &[&str]) -> String {
    if words.is_empty() {
        return String::new();
    }
    format!("      <prohibits type=\"usage\">{}</prohibits>\n", words.join(" "))
}

/// Permits, then prohibits, then the payment.
fn ordered(elements: &str, prohibits: &str) -> String {
    match elements.find("      <payment") {
        Some(at) => format!("{}{prohibits}{}", &elements[..at], &elements[at..]),
        None => format!("{elements}{prohibits}"),
    }
}

/// A text inside XML or HTML, in content or in an attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML 1.0 has no way to write them.
            control if control.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}
