//! Manifest: what a data set contains, one row a document, and the obligations that its documents add up to.
//!
//! A manifest is JSON Lines, one [`Row`] a line, in the order of the data set. [`Tally`] counts the duties of the rows;
//! [`Tally::bill`] says what is owed to whom, once, exactly.

use crate::acquisition::{Credit, InRecord, LicenseMark};
use crate::decide::{DutyState, Owed, Reason, Verdict};
use crate::id::{ContentId, ContentName, StatementId};
use crate::money::{Amount, Meter, Price, Rate};
use crate::terms::Action;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a document lies in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The file, relative to the manifest or as the input was named.
    pub file: String,
    /// First byte of the record, or of the member that holds it, in the file as stored. Left out where the record has no
    /// place of its own, as a line in a compressed JSONL file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// How many stored bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// The line in a JSONL file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The row group in a Parquet file, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_group: Option<u64>,
    /// The row in its row group, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
}

/// One document of a data set: which bytes, from where, and why it may be used.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The document.
    pub content: ContentId,
    /// The URL it was fetched from, as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When it was captured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured_at: Option<Timestamp>,
    /// How many bytes the document has, decoded. Left out: a row of an older run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Its media type as it was served, in lower case, without parameters; `text/plain` for a text out of a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Where it lies in the data set.
    pub container: Place,
    /// Where it was taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Place>,
    /// The record's own id, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// Other names of the bytes, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<ContentName>,
    /// Another address that the document names as its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canonical: Option<String>,
    /// License marks shown with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<LicenseMark>,
    /// Signs of third parties' material.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credits: Vec<Credit>,
    /// What the copy itself says, where it says anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_record: Option<InRecord>,
    /// What was decided.
    pub verdict: Verdict,
    /// Why, the deciding reason first.
    pub reasons: Vec<Reason>,
    /// The statements among the reasons, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<StatementId>,
    /// What is owed for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duties: Vec<Owed>,
}

/// How often one duty fell upon kept documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// The duty, its payee and its statement.
    pub owed: Owed,
    /// How many copies of documents it fell upon.
    pub documents: u64,
}

/// Duties counted over documents. Two tallies add up in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Counted>", into = "Vec<Counted>")]
pub struct Tally(BTreeMap<Owed, u64>);

impl From<Vec<Counted>> for Tally {
    fn from(counted: Vec<Counted>) -> Self {
        let mut tally = Self::default();
        counted.into_iter().for_each(|it| tally.count(it.owed, it.documents));
        tally
    }
}

impl From<Tally> for Vec<Counted> {
    fn from(tally: Tally) -> Self {
        tally.0.into_iter().map(|(owed, documents)| Counted { owed, documents }).collect()
    }
}

impl Tally {
    /// Adds the duties of one document.
    pub fn add(&mut self, duties: &[Owed]) {
        for owed in duties {
            match self.0.get_mut(owed) {
                Some(documents) => *documents = documents.saturating_add(1),
                None => self.count(owed.clone(), 1),
            }
        }
    }

    fn count(&mut self, owed: Owed, documents: u64) {
        let sum = self.0.entry(owed).or_default();
        *sum = sum.saturating_add(documents);
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: Self) {
        other.0.into_iter().for_each(|(owed, documents)| self.count(owed, documents));
    }

    /// What is owed to whom: one line for each duty of each statement, the sums for each payee and currency.
    #[must_use]
    pub fn bill(&self) -> Bill {
        let mut payees: BTreeMap<&str, Vec<Obligation>> = BTreeMap::new();
        for (owed, documents) in &self.0 {
            payees.entry(&owed.to).or_default().push(Obligation::of(owed, *documents));
        }
        Bill { payees: payees.into_iter().map(|(to, lines)| Payee::of(to, lines)).collect() }
    }
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
    /// Nothing is to be paid: the duty is of another kind.
    NoMoney {},
}

/// A duty that has fallen due for one licensee and one manifest: a line of the bill.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Obligation {
    /// The duty, how it stands, to whom, by which statement.
    pub owed: Owed,
    /// Copies of documents that it fell upon.
    pub documents: u64,
    /// What it comes to.
    pub due: Due,
}

impl Obligation {
    fn of(owed: &Owed, documents: u64) -> Self {
        let due = match &owed.duty.action {
            Action::Pay { price, .. } => due(price, documents),
            _ => Due::NoMoney {},
        };
        Self { owed: owed.clone(), documents, due }
    }

    /// Whether it is still to be met: neither discharged by the payee nor asserted by the asker.
    #[must_use]
    pub const fn open(&self) -> bool {
        matches!(self.owed.state, DutyState::Outstanding | DutyState::Obligation)
    }
}

/// How often a meter has turned, or what would have to be counted. A flat fee falls due once for its statement, however
/// many documents. A fetch is taken as one for each copy.
fn units(meter: &Meter, documents: u64) -> Result<u64, &'static str> {
    match meter {
        Meter::Flat { .. } => Ok(1),
        Meter::Document {} | Meter::Fetch {} => Ok(documents),
        Meter::Title {} => Err("titles"),
        Meter::Image {} => Err("images"),
        Meter::ThousandTokens { .. } => Err("tokens"),
        Meter::Hour {} => Err("hours"),
        Meter::RevenueShare { .. } => Err("revenue"),
        Meter::InKind { .. } => Err("goods"),
    }
}

fn due(price: &Price, documents: u64) -> Due {
    let uncounted = |missing: &str, each: Option<Amount>| Due::Uncounted {
        missing: missing.to_owned(),
        each,
        at_least: price.minimum,
        at_most: price.cap,
    };
    let units = units(&price.meter, documents);
    match (&price.rate, units) {
        (Rate::Stated { price: each }, Ok(units)) => match each.times(units).ok().and_then(|sum| bounded(price, sum)) {
            Some(amount) => Due::Exact { amount: amount.rounded() },
            None => uncounted("amount", Some(*each)),
        },
        (Rate::Stated { price: each }, Err(missing)) => {
            let share = matches!(price.meter, Meter::RevenueShare { .. } | Meter::InKind { .. });
            uncounted(missing, (!share).then_some(*each))
        }
        (Rate::Undisclosed { at_least, at_most }, Ok(units)) => {
            let times = |bound: &Option<Amount>| bound.and_then(|each| each.times(units).ok());
            Due::Undisclosed {
                at_least: times(at_least).and_then(|sum| bounded(price, sum)).or(price.minimum).map(Amount::rounded),
                at_most: times(at_most).and_then(|sum| bounded(price, sum)).or(price.cap).map(Amount::rounded),
            }
        }
        (Rate::Undisclosed { .. }, Err(missing)) => uncounted(missing, None),
    }
}

/// The sum within the price's minimum and cap; none if those are in another currency.
fn bounded(price: &Price, sum: Amount) -> Option<Amount> {
    let same = |bound: &Amount| bound.currency == sum.currency;
    if !price.minimum.iter().chain(&price.cap).all(same) {
        return None;
    }
    let raised = price.minimum.map_or(sum, |minimum| if minimum.amount > sum.amount { minimum } else { sum });
    Some(price.cap.map_or(raised, |cap| if cap.amount < raised.amount { cap } else { raised }))
}

/// Everything owed to one payee.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payee {
    /// Its domain.
    pub to: String,
    /// What is open and counted, one sum a currency; never added across currencies.
    pub totals: Vec<Amount>,
    /// The lines behind it.
    pub lines: Vec<Obligation>,
}

impl Payee {
    fn of(to: &str, lines: Vec<Obligation>) -> Self {
        // A sum out of range is left to the lines: no total is better than a wrong one.
        let mut totals: BTreeMap<_, Option<Amount>> = BTreeMap::new();
        for line in lines.iter().filter(|line| line.open()) {
            let Due::Exact { amount } = line.due else { continue };
            let sum =
                totals.get(&amount.currency).map_or(Some(amount), |sum| sum.and_then(|sum| sum.plus(amount).ok()));
            totals.insert(amount.currency, sum);
        }
        Self { to: to.to_owned(), totals: totals.into_values().flatten().collect(), lines }
    }
}

/// What is owed to whom, payees by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bill {
    /// The payees.
    pub payees: Vec<Payee>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::{Duty, Phase};

    fn amount(text: &str) -> Amount {
        let (amount, currency) = text.split_once(' ').unwrap();
        Amount { amount: amount.parse().unwrap(), currency: currency.parse().unwrap() }
    }

    fn pay(to: &str, statement: u8, state: DutyState, rate: Rate, meter: Meter) -> Owed {
        let price = Price { rate, meter, cap: None, minimum: None };
        let duty = Duty { phase: Phase::Before, action: Action::Pay { price, payee: None } };
        Owed { state, statement: Some(StatementId([statement; 32])), to: to.to_owned(), duty }
    }

    fn stated(text: &str) -> Rate {
        Rate::Stated { price: amount(text) }
    }

    fn tally(owed: &[(Owed, u64)]) -> Bill {
        let mut tally = Tally::default();
        for (owed, documents) in owed {
            (0..*documents).for_each(|_| tally.add(std::slice::from_ref(owed)));
        }
        let stored: Vec<Counted> = tally.clone().into();
        assert_eq!(Tally::from(stored), tally);
        tally.bill()
    }

    #[test]
    fn flat_fees_fall_due_once_and_documents_each() {
        let open = DutyState::Outstanding;
        let bill = tally(&[
            (pay("press.example", 1, open, stated("250000 USD"), Meter::Flat { period: None }), 7),
            (pay("press.example", 2, open, stated("0.0015 USD"), Meter::Document {}), 3),
            (pay("press.example", 3, open, stated("2 EUR"), Meter::Document {}), 2),
            (pay("press.example", 4, DutyState::Discharged, stated("9 USD"), Meter::Document {}), 2),
        ]);
        let [payee] = bill.payees.as_slice() else { panic!("one payee") };
        // 0.0045 is rounded once, on its line: 0.00.
        assert_eq!(payee.totals, [amount("4 EUR"), amount("250000 USD")]);
        assert_eq!(payee.lines.len(), 4);
    }

    #[test]
    fn a_line_is_rounded_once_half_to_even() {
        let open = DutyState::Outstanding;
        for (each, documents, sum) in [("0.005 USD", 1, "0 USD"), ("0.005 USD", 3, "0.02 USD"), ("0.5 JPY", 5, "2 JPY")]
        {
            let bill = tally(&[(pay("a.example", 1, open, stated(each), Meter::Document {}), documents)]);
            assert_eq!(bill.payees[0].totals, [amount(sum)], "{each} x {documents}");
        }
    }

    #[test]
    fn what_cannot_be_counted_is_listed_and_not_summed() {
        let open = DutyState::Outstanding;
        let tokens = Meter::ThousandTokens { tokenizer: "t".to_owned(), every_epoch: false };
        let undisclosed = Rate::Undisclosed { at_least: Some(amount("1 USD")), at_most: None };
        let bill = tally(&[
            (pay("a.example", 1, open, stated("1 USD"), tokens), 4),
            (pay("a.example", 2, open, undisclosed, Meter::Document {}), 4),
        ]);
        assert!(bill.payees[0].totals.is_empty());
        let dues: Vec<&Due> = bill.payees[0].lines.iter().map(|line| &line.due).collect();
        assert!(matches!(dues[0], Due::Uncounted { missing, .. } if missing == "tokens"));
        assert!(matches!(dues[1], Due::Undisclosed { at_least: Some(least), .. } if *least == amount("4 USD")));
    }

    #[test]
    fn caps_and_minimums_hold() {
        let price = |minimum: Option<&str>, cap: Option<&str>| Price {
            rate: stated("1 USD"),
            meter: Meter::Document {},
            minimum: minimum.map(amount),
            cap: cap.map(amount),
        };
        let exact = |text| Due::Exact { amount: amount(text) };
        assert_eq!(due(&price(Some("5 USD"), None), 2), exact("5 USD"));
        assert_eq!(due(&price(None, Some("5 USD")), 9), exact("5 USD"));
        assert_eq!(due(&price(Some("2 USD"), Some("5 USD")), 3), exact("3 USD"));
        assert!(matches!(due(&price(Some("2 EUR"), None), 3), Due::Uncounted { .. }));
    }
}
