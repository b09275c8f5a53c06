//! Amounts as carriers write them, which is looser than the one spelling of [`Money`], and prices made from them.

use crate::money::{Amount, Meter, Money, Price, Rate};
use crate::terms::{Action, Duty, Phase};

/// An amount with its ISO 4217 currency, or nothing: `1.00`, `.5` and `007` are numbers that people write, `1,000`, `-1`
/// and `1e3` could be two things and are none.
pub(super) fn amount(text: &str, currency: &str) -> Option<Amount> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let spelled = if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") };
    let amount: Money = spelled.parse().ok()?;
    Some(Amount { amount, currency: currency.trim().parse().ok()? })
}

/// The duty to pay before use, by a meter; without an amount the price is not known here.
pub(super) fn pay(price: Option<Amount>, meter: Meter) -> Duty {
    let rate = price.map_or(Rate::Undisclosed { at_least: None, at_most: None }, |price| Rate::Stated { price });
    let price = Price::new(rate, meter);
    Duty { phase: Phase::Before, action: Action::Pay { price, payee: None } }
}

/// The duty to obtain a license, token or consent first.
pub(super) fn obtain(from: Option<&str>) -> Duty {
    Duty { phase: Phase::Before, action: Action::ObtainLicense { from: from.and_then(place) } }
}

/// An address as a duty carries it: short, and free of control characters.
pub(super) fn place(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = !text.is_empty() && text.len() <= 1_000 && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them_and_never_guessed() {
        let shown = |text: &str, currency: &str| amount(text, currency).map(|it| it.to_string());
        assert_eq!(shown("25000.00", "USD").as_deref(), Some("25000 USD"));
        assert_eq!(shown(" 0.015 ", "EUR").as_deref(), Some("0.015 EUR"));
        assert_eq!(shown(".50", "USD").as_deref(), Some("0.5 USD"));
        assert_eq!(shown("0", "USD").as_deref(), Some("0 USD"));
        for (text, currency) in
            [("1,000", "USD"), ("-1", "USD"), ("1e3", "USD"), ("", "USD"), (".", "USD"), ("1", "XBT"), ("1", "usd")]
        {
            assert_eq!(amount(text, currency), None, "{text} {currency}");
        }
    }
}
