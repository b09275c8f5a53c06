//! What a license asks for: payment, standard licenses, a server's token, as duties and as doubt.

use super::document::{Content, License, Payment, PaymentAmount};
use crate::license::{self, Reading};
use crate::money::{Amount, Meter};
use crate::signals::{price, shown};
use crate::terms::{Action, Clause, Duty, Phase};
use crate::vocab::{AskerClass, Preference, Use};

/// Most addresses of one kind that become duties of one license.
const MOST_ADDRESSES: usize = 4;

/// What one license asks of one use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asks {
    pub duties: Vec<Duty>,
    /// Only for these; `None`: for everybody that the license's own lists let in.
    pub classes: Option<Vec<AskerClass>>,
    /// It can't be told from here whether the permission holds.
    pub doubtful: bool,
}

/// What a license asks of one use of a content.
pub(super) fn asks(license: &License, content: &Content, of: Use) -> Asks {
    let mut asks = Asks { duties: Vec::new(), classes: None, doubtful: false };
    if let Some(server) = &content.server {
        // Even a free license is granted by token where a server is named.
        asks.duties.push(price::obtain(Some(server)));
    }
    asks.doubtful |= content.encrypted && content.server.is_none();
    // Who does not know the protocol of a report counts as not licensed, and we know none.
    asks.doubtful |= !license.reporting.is_empty();
    if license.asks_credit {
        asks.duties.push(credit(content));
    }
    for payment in &license.payments {
        paid(payment, content, of, &mut asks);
    }
    asks.duties.sort();
    asks.duties.dedup();
    asks
}

fn credit(content: &Content) -> Duty {
    let holder = content.copyrights.iter().map(|holder| holder.name.as_str()).find(|name| !name.is_empty());
    Duty { phase: Phase::During, action: Action::Attribute { text: holder.map(shown), url: None } }
}

fn paid(payment: &Payment, content: &Content, of: Use, asks: &mut Asks) {
    let kind = payment.kind.as_deref().unwrap_or_default();
    let meter = match kind {
        "free" | "attribution" => None,
        "crawl" => Some(Meter::Fetch {}),
        // Payment for each output that a document contributes to: the nearest thing that can be counted is the document.
        "use" | "inference" | "royalty" => Some(Meter::Document {}),
        "contribution" => Some(Meter::InKind { what: "a contribution in good faith, in money or in kind".to_owned() }),
        "purchase" | "subscription" | "training" => Some(Meter::Flat { period: None }),
        // Not said, and not said to be free: the terms that are named know, and until they are read something is paid.
        "" if payment.kind.is_none() && named_terms(payment) => Some(Meter::Flat { period: None }),
        _ => {
            asks.doubtful = true;
            (!kind.is_empty()).then_some(Meter::Flat { period: None })
        }
    };
    if kind == "attribution" {
        asks.duties.push(credit(content));
    }
    let amounts: Vec<Option<Amount>> = payment.amounts.iter().map(stated).collect();
    let known = amounts.first().copied().flatten();
    // Several amounts are several offers or several prices; which, nobody can tell.
    asks.doubtful |= amounts.len() > 1;
    match meter {
        Some(Meter::InKind { .. }) if known.is_some() => {
            asks.duties.push(price::pay(known, Meter::Flat { period: None }));
        }
        Some(meter) => asks.duties.push(price::pay(known, meter)),
        None if amounts.is_empty() => {}
        None => {
            asks.duties.push(price::pay(known, Meter::Flat { period: None }));
            asks.doubtful = true;
        }
    }
    for custom in payment.customs.iter().take(MOST_ADDRESSES) {
        asks.duties.push(price::obtain(Some(custom)));
    }
    asks.doubtful |= payment.customs.len() > MOST_ADDRESSES || payment.standards.len() > MOST_ADDRESSES;
    let unpriced = known.is_none() && (!payment.amounts.is_empty() || !payment.accepts.is_empty());
    if unpriced && payment.customs.is_empty() {
        asks.duties.push(price::obtain(None));
    }
    for standard in payment.standards.iter().take(MOST_ADDRESSES) {
        standard_license(standard, of, asks);
    }
}

/// Whether a payment names terms that have to be obtained: a standard that can't be read from here, or the house's own.
fn named_terms(payment: &Payment) -> bool {
    let named = |address: &String| !address.is_empty();
    payment.customs.iter().any(named) || payment.standards.iter().any(|it| named(it) && creative_commons(it).is_none())
}

fn stated(amount: &PaymentAmount) -> Option<Amount> {
    price::amount(&amount.text, amount.currency.as_deref()?)
}

/// A standard license is a name for terms: those of Creative Commons are known, any other has to be obtained.
fn standard_license(name: &str, of: Use, asks: &mut Asks) {
    let Some(clause) = creative_commons(name) else {
        asks.duties.push(price::obtain(Some(name)));
        return;
    };
    let rule = clause.rules.iter().find(|rule| rule.preference == Preference::Allowed && rule.uses.contains(&of));
    let Some(rule) = rule else {
        // Whether a model is a derivative of what it was trained on: undecided, as for the license by itself.
        asks.doubtful = true;
        return;
    };
    asks.duties.extend(rule.duties.iter().cloned());
    if let Some(classes) = &rule.constraints.asker_classes {
        asks.classes = Some(match asks.classes.take() {
            None => classes.clone(),
            Some(before) => before.into_iter().filter(|class| classes.contains(class)).collect(),
        });
    }
}

/// The clause of a Creative Commons license by its address.
fn creative_commons(address: &str) -> Option<Clause> {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"))?;
    let rest = rest.strip_prefix("www.").unwrap_or(rest).strip_prefix("creativecommons.org/")?;
    let mut parts = rest.split('/');
    let (family, code, version) = (parts.next()?, parts.next()?, parts.next()?);
    let fits = |text: &str, inner: fn(u8) -> bool| !text.is_empty() && text.len() <= 12 && text.bytes().all(inner);
    if !fits(version, |byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let id = match (family, code) {
        ("publicdomain", "zero") => format!("CC0-{version}"),
        ("licenses", code) if fits(code, |byte| byte.is_ascii_lowercase() || byte == b'-') => {
            format!("CC-{}-{version}", code.to_ascii_uppercase())
        }
        _ => return None,
    };
    match license::read(&id) {
        Reading::Known(clause) => Some(clause),
        Reading::Unlisted => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standards_of_creative_commons_are_read_and_no_lookalike() {
        assert!(creative_commons("https://creativecommons.org/licenses/by/4.0/").is_some());
        assert!(creative_commons("http://creativecommons.org/publicdomain/zero/1.0/").is_some());
        for other in [
            "https://creativecommons.org/licenses/",
            "https://creativecommons.org/licenses/sampling+/1.0/",
            "https://creativecommons.org.evil.example/licenses/by/4.0/",
            "https://rslcollective.org/license",
            "creativecommons.org/licenses/by/4.0/",
        ] {
            assert!(creative_commons(other).is_none(), "{other}");
        }
    }
}
