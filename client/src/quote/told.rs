//! A quote for people: the shares that are clear, what each costs, a bar for the eye, and who would have to be asked.

use super::curve::{Asked, Curve, Quote, Step};
use super::{Refused, Waiting};
use crate::bill::{due, what};
use crate::shown::brief;
use cleartitle_schema::money::Amount;
use cleartitle_schema::pricing::Due;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Steps and names that people are shown; `--format json` has all.
const SHOWN: usize = 20;

/// How wide a bar is.
const WIDTH: u64 = 24;

/// A share in percent, to a tenth, never rounded up: what is not whole must not look so.
fn percent(part: u64, all: u64) -> String {
    let tenths = u128::from(part) * 1000 / u128::from(all.max(1));
    if tenths % 10 == 0 { format!("{}%", tenths / 10) } else { format!("{}.{}%", tenths / 10, tenths % 10) }
}

fn amounts(amounts: &[Amount]) -> String {
    if amounts.is_empty() {
        return "nothing".to_owned();
    }
    amounts.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

fn bar(part: u64, all: u64) -> String {
    let full = usize::try_from(u128::from(part) * u128::from(WIDTH) / u128::from(all.max(1))).unwrap_or(0);
    let rest = usize::try_from(WIDTH).unwrap_or(0).saturating_sub(full);
    format!("{}{}", "#".repeat(full), ".".repeat(rest))
}

fn asked(asked: &Asked) -> String {
    let price = asked.adds.map_or_else(String::new, |amount| {
        let kind = if asked.fixed { "once" } else { "for its documents" };
        format!(", {} {kind}", due(&Due::Exact { amount }))
    });
    format!("{} to {}{price}", what(&asked.owed.duty.action), brief(&asked.owed.to))
}

fn step(text: &mut String, step: &Step, entries: u64) {
    let at_rates = step.converted.map_or_else(String::new, |amount| format!(", {amount} at your rates"));
    let _ = writeln!(
        text,
        "  {:>6} [{}] for {}{at_rates}",
        percent(step.clear, entries),
        bar(step.clear, entries),
        amounts(&step.cost)
    );
    let _ = writeln!(text, "         {} documents more for {} more", step.documents, amounts(&step.adds));
    let mut seen = BTreeSet::new();
    for line in step.asked.iter().map(asked).filter(|line| seen.insert(line.clone())) {
        let _ = writeln!(text, "         {line}");
    }
}

/// `clear 62% for nothing, 71% for 120000 USD`.
fn sentence(curve: &Curve, quote: &Quote) -> String {
    let free = curve.steps.iter().take_while(|step| step.cost.is_empty()).last().map_or(quote.kept, |step| step.clear);
    let mut text = format!("clear {} for nothing", percent(free, quote.entries));
    let paid: Vec<&Step> = curve.steps.iter().filter(|step| !step.cost.is_empty()).collect();
    let told: Vec<&&Step> = match paid.as_slice() {
        [] => Vec::new(),
        [only] => vec![only],
        [first, .., last] => vec![first, last],
    };
    for step in told {
        let cost = step.converted.map_or_else(|| amounts(&step.cost), |amount| amount.to_string());
        let _ = write!(text, ", {} for {cost}", percent(step.clear, quote.entries));
    }
    text
}

fn refused(text: &mut String, name: &str, refused: &Refused) {
    let verdicts = refused.verdicts.iter().map(|(verdict, documents)| format!("{documents} {verdict}"));
    let mut verdicts: Vec<String> = verdicts.collect();
    if refused.by_policy > 0 {
        verdicts.push(format!("{} held back by your policy", refused.by_policy));
    }
    let _ = writeln!(text, "  {:>9}  {:<32} {}", refused.documents, brief(name), verdicts.join(", "));
}

impl Waiting {
    /// The quote for people.
    #[must_use]
    pub fn told(&self, quote: &Quote) -> String {
        let mut text = String::new();
        for curve in &quote.curves {
            let named = curve.currency.map_or_else(|| "all currencies".to_owned(), |currency| currency.to_string());
            let _ = writeln!(text, "In {named}");
            let _ = writeln!(
                text,
                "  {:>6} [{}] kept now",
                percent(quote.kept, quote.entries),
                bar(quote.kept, quote.entries)
            );
            curve.steps.iter().take(SHOWN).for_each(|it| step(&mut text, it, quote.entries));
            let more = curve.steps.len().saturating_sub(SHOWN);
            if more > 0 {
                let _ = writeln!(text, "         and {more} steps more (--format json, --format csv)");
            }
        }
        if !quote.unpriced.is_empty() {
            let _ = writeln!(text, "On offer, at no price that can be told here");
        }
        for group in quote.unpriced.iter().take(SHOWN) {
            let _ = writeln!(text, "  {:>9}  {}", group.documents, group.why);
            group.asked.iter().for_each(|it| _ = writeln!(text, "             {}", asked(it)));
        }
        if !self.refused.is_empty() {
            let _ = writeln!(text, "Not on offer: whom to ask");
        }
        let mut ranked: Vec<_> = self.refused.iter().collect();
        ranked.sort_by(|one, other| other.1.documents.cmp(&one.1.documents).then(one.0.cmp(other.0)));
        ranked.iter().take(SHOWN).for_each(|(name, it)| refused(&mut text, name, it));
        let more = ranked.len().saturating_sub(SHOWN);
        if more > 0 || self.unnamed.documents > 0 {
            let _ = writeln!(text, "             and {more} more, {} under no name", self.unnamed.documents);
        }
        for curve in &quote.curves {
            let _ = writeln!(text, "quote: {} documents: {}", quote.entries, sentence(curve, quote));
        }
        if quote.curves.is_empty() {
            let _ = writeln!(
                text,
                "quote: {} documents: {} kept now, nothing on offer",
                quote.entries,
                percent(quote.kept, quote.entries)
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_never_told_as_more_than_it_is() {
        assert_eq!(percent(62, 100), "62%");
        assert_eq!(percent(999_999, 1_000_000), "99.9%");
        assert_eq!(percent(0, 0), "0%");
        assert_eq!(bar(1, 2).matches('#').count(), 12);
    }
}
