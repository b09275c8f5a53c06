//! Money as exact decimals with an ISO 4217 currency, and prices with a named meter; never a float.
//!
//! How each shape of price that deals are reported with is spelled, as duties `pay` of one statement. Each row has a vector in
//! `tests/vectors/prices`, with counted use and the exact bill; [`crate::pricing`] is the arithmetic.
//!
//! | shape | spelled |
//! |---|---|
//! | a sum for a period, or a year | `flat` with its `period`; a deal of five years at so much a year is five duties, a year each |
//! | the same, by the days used | `flat` and `prorated`: whole days, of the billed period, of its `period` or the statement's term |
//! | fixed plus variable | two duties: `flat`, and another meter, each with bounds of its own |
//! | per title, image, document, request, hour | `title`, `image`, `document`, `fetch`, `hour`; micros are decimals (`0.000001`) |
//! | per thousand tokens | `thousand-tokens` by a named tokenizer, once or in `every_epoch` |
//! | a share of revenue | `revenue-share` with its `percent`; a stated rate says in which currency revenue counts, and no sum |
//! | in kind, a swap of equity | `in-kind`, what is given in words; never added to money |
//! | a collective tariff | any meter, `tariff` with name and version, and the society as `payee` |
//! | a settlement | a `release` and what was `paid` for it: past conduct alone, nothing clears onwards |
//! | free with attribution | no `pay`; a duty `attribute` |
//! | undisclosed | the rate `undisclosed`, with the bounds that are reported; who reported them is the statement's `modelled_on` |

use crate::time::Window;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A non-negative decimal amount, at most 12 decimal places and 16 digits before the point. Written without exponent,
/// sign, leading or trailing zeros: `250000000`, `0.001`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(pub Decimal);

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not the one spelling that is read.
    #[error("`{0}` is not a decimal amount such as `250000000` or `0.001`")]
    Spelling(String),
    /// Not an ISO 4217 code.
    #[error("`{0}` is not an ISO 4217 currency code")]
    Currency(String),
    /// Two amounts in different currencies can't be added.
    #[error("amounts in {0} and {1} can't be added")]
    Mixed(Currency, Currency),
    /// The sum leaves the range of amounts.
    #[error("the amount is out of range")]
    Range,
}

impl FromStr for Money {
    type Err = MoneyError;
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let bad = || MoneyError::Spelling(text.chars().take(40).collect());
        let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let whole_fits = digits(whole) && whole.len() <= 16 && (whole == "0" || !whole.starts_with('0'));
        let fraction_fits = fraction.is_none_or(|part| digits(part) && part.len() <= 12 && !part.ends_with('0'));
        if !whole_fits || !fraction_fits {
            return Err(bad());
        }
        text.parse().map(Self).map_err(|_| bad())
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.normalize().fmt(f)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An ISO 4217 currency, by its three letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(pub iso_currency::Currency);

impl Currency {
    /// The three letters.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimal places a bill in this currency has; 2 where ISO 4217 names none.
    #[must_use]
    pub fn decimal_places(self) -> u32 {
        self.0.exponent().map_or(2, u32::from)
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Currency {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.code().cmp(other.code())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let found = iso_currency::Currency::from_code(text).filter(|found| found.code() == text);
        found.map(Self).ok_or_else(|| MoneyError::Currency(text.chars().take(10).collect()))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A sum of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    /// How much.
    pub amount: Money,
    /// In what.
    pub currency: Currency,
}

impl Amount {
    /// The exact sum of two amounts in one currency.
    ///
    /// # Errors
    /// [`MoneyError::Mixed`] for two currencies, [`MoneyError::Range`] on overflow.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Mixed(self.currency, other.currency));
        }
        let amount = self.amount.0.checked_add(other.amount.0).ok_or(MoneyError::Range)?;
        Ok(Self { amount: Money(amount), currency: self.currency })
    }

    /// So many times this amount, exact.
    ///
    /// # Errors
    /// [`MoneyError::Range`] on overflow.
    pub fn times(self, count: u64) -> Result<Self, MoneyError> {
        let amount = self.amount.0.checked_mul(Decimal::from(count)).ok_or(MoneyError::Range)?;
        Ok(Self { amount: Money(amount), currency: self.currency })
    }

    /// Rounded to the currency's places, half to even; done once per bill line.
    #[must_use]
    pub fn rounded(self) -> Self {
        let places = self.currency.decimal_places();
        let amount = self.amount.0.round_dp_with_strategy(places, rust_decimal::RoundingStrategy::MidpointNearestEven);
        Self { amount: Money(amount), currency: self.currency }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

/// What a price is counted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "per", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Meter {
    /// Once for the whole period, however many documents.
    Flat {
        /// The period that the fee covers; missing = the statement's own term.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        period: Option<Window>,
    },
    /// Each document.
    Document {},
    /// Each title (book, album, film).
    Title {},
    /// Each image.
    Image {},
    /// Each thousand tokens.
    ThousandTokens {
        /// The tokenizer that counts.
        tokenizer: String,
        /// Counted in every epoch, or once.
        every_epoch: bool,
    },
    /// Each fetch or request.
    Fetch {},
    /// Each hour of work (annotation, expert answers).
    Hour {},
    /// A share of revenue, in percent as a decimal.
    RevenueShare {
        /// Percent, for example `50`.
        percent: Money,
    },
    /// Paid in goods or services, described in words.
    InKind {
        /// What is given.
        what: String,
    },
}

impl Meter {
    /// The word that JSON, reports and policies use.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Flat { .. } => "flat",
            Self::Document {} => "document",
            Self::Title {} => "title",
            Self::Image {} => "image",
            Self::ThousandTokens { .. } => "thousand-tokens",
            Self::Fetch {} => "fetch",
            Self::Hour {} => "hour",
            Self::RevenueShare { .. } => "revenue-share",
            Self::InKind { .. } => "in-kind",
        }
    }
}

/// What is paid.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "known", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Rate {
    /// A stated amount.
    Stated {
        /// How much one unit of the meter costs.
        price: Amount,
    },
    /// Not made public; bounds where they are reported.
    Undisclosed {
        /// At least.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_least: Option<Amount>,
        /// At most.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_most: Option<Amount>,
    },
}

/// A price: a rate, its meter, and the bounds of what may fall due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// What one unit costs.
    pub rate: Rate,
    /// What a unit is.
    pub meter: Meter,
    /// No more than this falls due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Amount>,
    /// No less than this falls due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Amount>,
    /// Of a flat fee: owed by the days of its period that are used. Left out: owed whole.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prorated: bool,
    /// The published tariff that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tariff: Option<Tariff>,
}

impl Price {
    /// A rate by a meter, without bounds.
    #[must_use]
    pub const fn new(rate: Rate, meter: Meter) -> Self {
        Self { rate, meter, cap: None, minimum: None, prorated: false, tariff: None }
    }
}

/// A published tariff, as a collecting society has them. Carried and told, never judged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tariff {
    /// Its name.
    pub name: String,
    /// Which edition of it.
    pub version: String,
}
