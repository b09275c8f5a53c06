//! Counts: what was counted of a use beside its documents, for which lines of a bill, and what else prices them.

use super::{Measured, Usage};
use crate::id::StatementId;
use crate::money::{Currency, Money, Price};
use crate::time::Window;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was counted of a use. A member left out was not counted, which is not the same as nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Titles (books, albums, films).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub titles: Option<u64>,
    /// Images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<u64>,
    /// Fetches or requests. Left out: one for each copy of a document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// Hours of work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Money>,
    /// Tokens of one epoch, by the tokenizer that counted them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tokens: BTreeMap<String, u64>,
    /// How many epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u64>,
    /// Revenue, by its currency.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub revenue: BTreeMap<Currency, Money>,
}

impl Counts {
    /// These counts, and of what is not counted here the others'.
    #[must_use]
    pub fn or(mut self, other: &Self) -> Self {
        self.titles = self.titles.or(other.titles);
        self.images = self.images.or(other.images);
        self.requests = self.requests.or(other.requests);
        self.hours = self.hours.or(other.hours);
        self.epochs = self.epochs.or(other.epochs);
        for (tokenizer, tokens) in &other.tokens {
            self.tokens.entry(tokenizer.clone()).or_insert(*tokens);
        }
        if self.revenue.is_empty() {
            self.revenue.clone_from(&other.revenue);
        }
        self
    }
}

/// Which lines of a bill counts are for, the narrowest last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CountedFor {
    /// Each line.
    All,
    /// The lines of one payee, by its domain.
    Payee(String),
    /// The lines of one statement.
    Statement(StatementId),
}

/// A price, by which statement it is asked, and for whom: what a line of a bill is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priced {
    /// The statement; none for a license mark.
    pub statement: Option<StatementId>,
    /// The payee.
    pub to: String,
    /// The price.
    pub price: Price,
}

/// What is known of a use beside its documents: counts, the period that is billed, and the terms of the statements in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metering {
    /// Counts, by the lines that they are for.
    pub counts: BTreeMap<CountedFor, Counts>,
    /// The period that is billed. Left out: all of it.
    pub period: Option<Window>,
    /// When statements are in force, for flat fees that name no period of their own.
    pub terms: BTreeMap<StatementId, Window>,
    /// What the papers themselves count of the documents that a price falls upon, for what nobody counted beside them.
    pub observed: BTreeMap<Priced, Counts>,
}

impl Metering {
    /// What was counted for a line, the narrowest word first.
    #[must_use]
    pub fn counts_of(&self, priced: &Priced) -> Counts {
        let keys = priced.statement.map(CountedFor::Statement).into_iter();
        let keys = keys.chain([CountedFor::Payee(priced.to.clone()), CountedFor::All]);
        let observed = self.observed.get(priced);
        keys.filter_map(|key| self.counts.get(&key)).chain(observed).fold(Counts::default(), Counts::or)
    }

    /// What so many documents come to at a price.
    #[must_use]
    pub fn due(&self, priced: &Priced, documents: u64) -> Measured {
        let term = priced.statement.and_then(|id| self.terms.get(&id)).copied();
        let counts = self.counts_of(priced);
        priced.price.due(&Usage { documents, counts: &counts, period: self.period, term })
    }
}
