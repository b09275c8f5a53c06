//! The bill: duties that have fallen due, line by line, and what they add up to for each payee and currency.

use crate::decide::{DutyState, Owed};
use crate::money::{Amount, Currency, Money};
use crate::pricing::{Due, Measured, Metering, Priced};
use crate::terms::Action;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

impl Priced {
    /// What a duty asks to be paid; none where it asks for something else.
    #[must_use]
    pub fn of(owed: &Owed) -> Option<Self> {
        let Action::Pay { price, .. } = &owed.duty.action else { return None };
        Some(Self { statement: owed.statement, to: owed.to.clone(), price: price.clone() })
    }
}

/// A duty that has fallen due for one licensee and one manifest: a line of the bill.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Obligation {
    /// The duty, how it stands, to whom, by which statement.
    pub owed: Owed,
    /// Copies of documents that it fell upon.
    pub documents: u64,
    /// How often its meter turned, where that is not the documents' number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<Money>,
    /// What it comes to.
    pub due: Due,
}

impl Obligation {
    /// What a duty comes to that fell upon so many documents.
    #[must_use]
    pub fn of(owed: &Owed, documents: u64, metering: &Metering) -> Self {
        let Some(priced) = Priced::of(owed) else {
            return Self { owed: owed.clone(), documents, units: None, due: Due::NoMoney {} };
        };
        let Measured { units, due } = metering.due(&priced, documents);
        let units = units.filter(|units| units.0 != documents.into());
        Self { owed: owed.clone(), documents, units, due }
    }

    /// Whether it is known what it comes to.
    #[must_use]
    pub const fn settled(&self) -> bool {
        matches!(self.due, Due::Exact { .. } | Due::InKind { .. } | Due::NoMoney {})
    }

    /// Whether it is still to be met: neither discharged by the payee nor asserted by the asker.
    #[must_use]
    pub const fn open(&self) -> bool {
        matches!(self.owed.state, DutyState::Outstanding | DutyState::Obligation)
    }
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

/// What all lines in one currency add up to, by how they stand. `None`: out of range, and no sum is better than a wrong one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// Still to be met.
    pub open: Option<Amount>,
    /// Met, as the payee signed.
    pub discharged: Option<Amount>,
    /// Met, as the asker's policy asserts.
    pub asserted: Option<Amount>,
}

impl Sums {
    /// No line yet.
    #[must_use]
    pub fn nothing(currency: Currency) -> Self {
        let nothing = Some(Amount { amount: Money(0.into()), currency });
        Self { open: nothing, discharged: nothing, asserted: nothing }
    }
}

impl Bill {
    /// The bill of these lines.
    #[must_use]
    pub fn of(lines: Vec<Obligation>) -> Self {
        let mut payees: BTreeMap<String, Vec<Obligation>> = BTreeMap::new();
        for line in lines {
            payees.entry(line.owed.to.clone()).or_default().push(line);
        }
        Self { payees: payees.into_iter().map(|(to, lines)| Payee::of(&to, lines)).collect() }
    }

    /// Every line, payee by payee.
    pub fn lines(&self) -> impl Iterator<Item = &Obligation> {
        self.payees.iter().flat_map(|payee| &payee.lines)
    }

    /// Whether every line comes to something that is known.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.lines().all(Obligation::settled)
    }

    /// The sums of all counted lines, one for each currency.
    #[must_use]
    pub fn totals(&self) -> BTreeMap<Currency, Sums> {
        let mut totals: BTreeMap<Currency, Sums> = BTreeMap::new();
        for line in self.lines() {
            let Due::Exact { amount } = line.due else { continue };
            let sums = totals.entry(amount.currency).or_insert_with(|| Sums::nothing(amount.currency));
            let sum = match line.owed.state {
                DutyState::Discharged => &mut sums.discharged,
                DutyState::Asserted => &mut sums.asserted,
                DutyState::Outstanding | DutyState::Obligation => &mut sums.open,
            };
            *sum = sum.and_then(|sum| sum.plus(amount).ok());
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::StatementId;
    use crate::manifest::{Counted, Tally};
    use crate::money::{Meter, Price, Rate};
    use crate::terms::{Duty, Phase};
    use proptest::prelude::*;

    fn amount(text: &str) -> Amount {
        let (amount, currency) = text.split_once(' ').unwrap();
        Amount { amount: amount.parse().unwrap(), currency: currency.parse().unwrap() }
    }

    fn pay(to: &str, statement: u8, state: DutyState, rate: Rate, meter: Meter) -> Owed {
        let price = Price::new(rate, meter);
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

    proptest! {
        /// Whatever the states, payees and currencies: totals are the sums of the lines behind them, currency by currency.
        #[test]
        fn totals_are_the_sums_of_their_lines(
            lines in prop::collection::vec((0_usize..3, 0_usize..4, 0_usize..3, 0_i64..10_000_000, 0_u32..6, 0_u64..1_000), 0..20),
        ) {
            let mut counted = Tally::default();
            for (n, (to, state, currency, mantissa, scale, documents)) in lines.iter().enumerate() {
                let state = DutyState::ALL[*state];
                let price = Amount {
                    amount: crate::money::Money(rust_decimal::Decimal::new(*mantissa, *scale).normalize()),
                    currency: ["USD", "EUR", "JPY"][*currency].parse().unwrap(),
                };
                let owed = pay(&format!("p{to}.example"), u8::try_from(n).unwrap(), state, Rate::Stated { price }, Meter::Document {});
                counted.merge(Tally::from(vec![Counted { owed, documents: *documents }]));
            }
            let bill = counted.bill();
            prop_assert_eq!(bill.payees.iter().map(|payee| payee.lines.len()).sum::<usize>(), lines.len());
            prop_assert!(bill.complete());
            let mut by_hand: BTreeMap<Currency, Sums> = BTreeMap::new();
            for line in bill.payees.iter().flat_map(|payee| &payee.lines) {
                let Due::Exact { amount } = line.due else { panic!("{line:?}") };
                prop_assert_eq!(amount.rounded(), amount);
                let sums = by_hand.entry(amount.currency).or_insert_with(|| Sums::nothing(amount.currency));
                let sum = match line.owed.state {
                    DutyState::Discharged => &mut sums.discharged,
                    DutyState::Asserted => &mut sums.asserted,
                    DutyState::Outstanding | DutyState::Obligation => &mut sums.open,
                };
                *sum = Some(sum.unwrap().plus(amount).unwrap());
            }
            prop_assert_eq!(&bill.totals(), &by_hand);
            let mut open: BTreeMap<Currency, Amount> = BTreeMap::new();
            for total in bill.payees.iter().flat_map(|payee| &payee.totals) {
                let sum = open.get(&total.currency).map_or(*total, |sum| sum.plus(*total).unwrap());
                open.insert(total.currency, sum);
            }
            for (currency, sums) in by_hand {
                let nothing = Amount { amount: crate::money::Money(rust_decimal::Decimal::ZERO), currency };
                prop_assert_eq!(open.get(&currency).copied().unwrap_or(nothing), sums.open.unwrap());
            }
        }
    }
}
