//! Pricing: what a price comes to for counted use: exact rationals, one currency, rounded once, half to even.
//!
//! Who would attack: whoever gains by a cent for each of a million lines (nothing is rounded before its line is whole), by a
//! currency taken for another (amounts in two are never added), or by a count that nobody made (what is not counted is told as
//! missing, never taken as nothing).

mod counts;

pub use counts::{CountedFor, Counts, Metering, Priced};

use crate::money::{Amount, Meter, Money, Price, Rate};
use crate::time::{Timestamp, Window};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// One use of what has a price.
#[derive(Debug, Clone, Copy)]
pub struct Usage<'u> {
    /// Copies of documents.
    pub documents: u64,
    /// What else was counted.
    pub counts: &'u Counts,
    /// The period that is billed. Left out: all of it.
    pub period: Option<Window>,
    /// When the statement is in force.
    pub term: Option<Window>,
}

/// What a line of a bill comes to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "known", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Due {
    /// So much, rounded to the currency's places, half to even.
    Exact {
        /// How much.
        amount: Amount,
    },
    /// The price is not public; the bounds where they are.
    Undisclosed {
        /// At least.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_least: Option<Amount>,
        /// At most.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_most: Option<Amount>,
    },
    /// The price is known and its units can't be counted from documents alone.
    Uncounted {
        /// What has to be counted: `titles`, `tokens`, `revenue` ...
        missing: String,
        /// The price of one unit, where it is an amount.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        each: Option<Amount>,
        /// At least, whatever the count.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_least: Option<Amount>,
        /// At most, whatever the count.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_most: Option<Amount>,
    },
    /// Goods or services are owed, not money.
    InKind {
        /// What is given.
        what: String,
    },
    /// Nothing is to be paid: the duty is of another kind.
    NoMoney {},
}

/// What a use comes to, and by which count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// How often the meter turned, where it was counted; of a prorated fee, the days used.
    pub units: Option<Money>,
    /// What it comes to.
    pub due: Due,
}

/// A non-negative rational in lowest terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Exact {
    over: i128,
    under: i128,
}

const fn gcd(mut one: i128, mut other: i128) -> i128 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

impl Exact {
    const ONE: Self = Self { over: 1, under: 1 };

    const fn ratio(over: i128, under: i128) -> Self {
        let common = gcd(over, under);
        if common == 0 { Self { over, under } } else { Self { over: over / common, under: under / common } }
    }

    fn of(amount: Decimal) -> Self {
        Self::ratio(amount.mantissa(), 10_i128.pow(amount.scale()))
    }

    /// The exact product, where it has room.
    fn times(self, other: Self) -> Option<Self> {
        let (left, right) = (Self::ratio(self.over, other.under), Self::ratio(other.over, self.under));
        Some(Self { over: left.over.checked_mul(right.over)?, under: left.under.checked_mul(right.under)? })
    }

    /// To so many places, half to even.
    fn rounded(self, places: u32) -> Option<Decimal> {
        let shifted = self.times(Self { over: 10_i128.pow(places), under: 1 })?;
        let (whole, rest) = (shifted.over / shifted.under, shifted.over % shifted.under);
        let up = match rest.checked_mul(2)?.cmp(&shifted.under) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => whole % 2 == 1,
        };
        Decimal::try_from_i128_with_scale(whole + i128::from(up), places).ok().map(|sum| sum.normalize())
    }
}

/// How often a meter turned: exactly, and as it is told.
type Turned = (Exact, Option<Money>);

fn whole(count: u64) -> Turned {
    (Exact::ratio(i128::from(count), 1), Some(Money(Decimal::from(count))))
}

/// Days are of 24 hours from the beginning of the fee's period; a day begun is a day used.
fn days(period: Window, billed: Option<Window>) -> Option<(i64, i64)> {
    let (Timestamp(from), Timestamp(until)) = (period.from?, period.until?);
    let begun = |seconds: i64| seconds.div_euclid(Timestamp::DAY) + i64::from(seconds.rem_euclid(Timestamp::DAY) != 0);
    let total = begun(until.checked_sub(from)?);
    let first = billed.and_then(|billed| billed.from).map_or(from, |Timestamp(first)| first.max(from));
    let last = billed.and_then(|billed| billed.until).map_or(until, |Timestamp(last)| last.min(until));
    if total <= 0 {
        return None;
    }
    if last <= first {
        return Some((0, total));
    }
    // A day belongs to the part in which it begins, so that the parts add up wherever they are cut.
    Some((begun(last - from) - begun(first - from), total))
}

impl Price {
    /// What a use comes to.
    #[must_use]
    pub fn due(&self, usage: &Usage<'_>) -> Measured {
        if let Meter::InKind { what } = &self.meter {
            return Measured { units: None, due: Due::InKind { what: what.clone() } };
        }
        if let Meter::RevenueShare { percent } = &self.meter {
            return self.share(*percent, usage);
        }
        let (turned, told) = match self.turned(usage) {
            Ok(turned) => turned,
            Err(missing) => {
                let each = match &self.rate {
                    Rate::Stated { price } => Some(*price),
                    Rate::Undisclosed { .. } => None,
                };
                return Measured { units: None, due: self.uncounted(missing, each) };
            }
        };
        let sum = |each: &Amount| {
            let amount = Exact::of(each.amount.0).times(turned)?.rounded(each.currency.decimal_places())?;
            if turned.over == 0 && matches!(self.meter, Meter::Flat { .. }) {
                // Not due in what is billed: no minimum raises that.
                return Some(Amount { amount: Money(amount), currency: each.currency });
            }
            self.bounded(Amount { amount: Money(amount), currency: each.currency })
        };
        let due = match &self.rate {
            Rate::Stated { price } => match sum(price) {
                Some(amount) => Due::Exact { amount },
                None => self.uncounted("amount", Some(*price)),
            },
            Rate::Undisclosed { at_least, at_most } => Due::Undisclosed {
                at_least: at_least.as_ref().and_then(sum).or_else(|| self.minimum.map(Amount::rounded)),
                at_most: at_most.as_ref().and_then(sum).or_else(|| self.cap.map(Amount::rounded)),
            },
        };
        Measured { units: told, due }
    }

    /// A share of revenue: the percentage is the price; a stated amount says in which currency revenue is counted.
    fn share(&self, percent: Money, usage: &Usage<'_>) -> Measured {
        let revenue = &usage.counts.revenue;
        let counted = match &self.rate {
            Rate::Stated { price } => revenue.get_key_value(&price.currency),
            Rate::Undisclosed { .. } if revenue.len() > 1 => {
                return Measured { units: None, due: self.uncounted("revenue in one currency", None) };
            }
            Rate::Undisclosed { .. } => revenue.iter().next(),
        };
        let Some((currency, earned)) = counted else {
            return Measured { units: None, due: self.uncounted("revenue", None) };
        };
        let share = Exact::of(percent.0).times(Exact::ratio(1, 100));
        let exact = share.and_then(|share| Exact::of(earned.0).times(share));
        let rounded = exact.and_then(|exact| exact.rounded(currency.decimal_places()));
        let amount = rounded.and_then(|sum| self.bounded(Amount { amount: Money(sum), currency: *currency }));
        let due = amount.map_or_else(|| self.uncounted("amount", None), |amount| Due::Exact { amount });
        Measured { units: Some(*earned), due }
    }

    fn turned(&self, usage: &Usage<'_>) -> Result<Turned, &'static str> {
        let counts = usage.counts;
        match &self.meter {
            Meter::Flat { period } => self.flat(period.or(usage.term), usage.period),
            Meter::Document {} => Ok(whole(usage.documents)),
            Meter::Fetch {} => Ok(whole(counts.requests.unwrap_or(usage.documents))),
            Meter::Title {} => counts.titles.map(whole).ok_or("titles"),
            Meter::Image {} => counts.images.map(whole).ok_or("images"),
            Meter::Hour {} => {
                let hours = counts.hours.ok_or("hours")?;
                Ok((Exact::of(hours.0), Some(hours)))
            }
            Meter::ThousandTokens { tokenizer, every_epoch } => {
                let once = *counts.tokens.get(tokenizer).ok_or("tokens")?;
                let epochs = if *every_epoch { counts.epochs.ok_or("epochs")? } else { 1 };
                let tokens = once.checked_mul(epochs).ok_or("amount")?;
                let told = Decimal::try_from_i128_with_scale(i128::from(tokens), 3).map_err(|_| "amount")?;
                Ok((Exact::ratio(i128::from(tokens), 1000), Some(Money(told.normalize()))))
            }
            Meter::RevenueShare { .. } | Meter::InKind { .. } => Err("amount"),
        }
    }

    /// A fee falls due once, on the first day of its period; a prorated one by the days of it that are billed.
    fn flat(&self, period: Option<Window>, billed: Option<Window>) -> Result<Turned, &'static str> {
        if self.prorated {
            let (used, total) = period.and_then(|period| days(period, billed)).ok_or("days of the fee's period")?;
            return Ok((Exact::ratio(i128::from(used), i128::from(total)), Some(Money(Decimal::from(used)))));
        }
        let begins = period.and_then(|period| period.from);
        if billed.is_some() && begins.is_none() {
            // Due once, and nobody can tell in which of the periods that are billed.
            return Err("first day of the fee's period");
        }
        let elsewhere = begins.zip(billed).is_some_and(|(begins, billed)| !billed.contains(begins));
        Ok(if elsewhere { (Exact::ratio(0, 1), None) } else { (Exact::ONE, None) })
    }

    fn uncounted(&self, missing: &str, each: Option<Amount>) -> Due {
        Due::Uncounted { missing: missing.to_owned(), each, at_least: self.minimum, at_most: self.cap }
    }

    /// The rounded sum within minimum and cap; none if those are in another currency. Rounding keeps the order of amounts, so
    /// that the bounds, rounded too, bind as they would have bound before.
    fn bounded(&self, sum: Amount) -> Option<Amount> {
        let same = |bound: &Amount| bound.currency == sum.currency;
        if !self.minimum.iter().chain(&self.cap).all(same) {
            return None;
        }
        let (minimum, cap) = (self.minimum.map(Amount::rounded), self.cap.map(Amount::rounded));
        let raised = minimum.map_or(sum, |minimum| if minimum.amount > sum.amount { minimum } else { sum });
        Some(cap.map_or(raised, |cap| if cap.amount < raised.amount { cap } else { raised }))
    }
}

#[cfg(test)]
#[path = "pricing/tests.rs"]
mod tests;
