//! Laws of the curve: it only rises, its parts add up to the bill of what was taken, and no currency becomes another.

use super::*;
use cleartitle_schema::decide::DutyState;
use cleartitle_schema::id::StatementId;
use cleartitle_schema::manifest::{Counted, Tally};
use cleartitle_schema::money::Price;
use cleartitle_schema::terms::{Duty, Phase};
use proptest::prelude::*;

fn amount(text: &str) -> Amount {
    let (amount, currency) = text.split_once(' ').unwrap();
    Amount { amount: amount.parse().unwrap(), currency: currency.parse().unwrap() }
}

fn pay(statement: u8, each: &str, meter: Meter) -> Owed {
    let price = Price::new(Rate::Stated { price: amount(each) }, meter);
    let duty = Duty { phase: Phase::Before, action: Action::Pay { price, payee: None } };
    let to = format!("p{statement}.example");
    Owed { state: DutyState::Outstanding, statement: Some(StatementId([statement; 32])), to, duty }
}

fn attribute() -> Owed {
    let duty = Duty { phase: Phase::During, action: Action::Attribute { text: None, url: None } };
    Owed { state: DutyState::Outstanding, statement: None, to: "open.example".to_owned(), duty }
}

fn flat() -> Meter {
    Meter::Flat { period: None }
}

fn waiting(kept: u64, refused: u64, groups: Vec<(Vec<Owed>, u64)>) -> Waiting {
    let mut waiting = Waiting { kept, entries: kept + refused, ..Waiting::default() };
    for (mut owed, documents) in groups {
        owed.sort();
        waiting.entries += documents;
        *waiting.groups.entry(owed).or_default() += documents;
    }
    waiting
}

fn costs(curve: &Curve) -> Vec<(u64, Vec<String>)> {
    curve.steps.iter().map(|step| (step.clear, step.cost.iter().map(ToString::to_string).collect())).collect()
}

#[test]
fn what_costs_nothing_comes_first_and_a_fee_is_paid_once() {
    let fee = pay(1, "120 USD", flat());
    let waiting = waiting(
        50,
        10,
        vec![
            (vec![attribute()], 12),
            (vec![fee.clone()], 9),
            (vec![fee, pay(2, "1 USD", Meter::Document {})], 9),
            (vec![pay(3, "100 USD", Meter::Document {})], 10),
        ],
    );
    let quote = quote(&waiting, &Metering::default(), None);
    let [curve] = quote.curves.as_slice() else { panic!("{quote:?}") };
    let usd = |sum: &str| vec![format!("{sum} USD")];
    assert_eq!(costs(curve), [(62, vec![]), (71, usd("120")), (80, usd("129")), (90, usd("1129"))]);
    assert_eq!((quote.entries, quote.unpriced.len()), (100, 0));
}

#[test]
fn what_is_owed_already_is_not_bought_again() {
    let fee = pay(1, "120 USD", flat());
    let mut waiting = waiting(5, 0, vec![(vec![fee.clone()], 9)]);
    waiting.owed = Tally::from(vec![Counted { owed: fee, documents: 5 }]);
    let quote = quote(&waiting, &Metering::default(), None);
    assert_eq!(costs(&quote.curves[0]), [(14, vec![])]);
}

#[test]
fn each_currency_has_a_curve_and_two_at_once_need_rates() {
    let (usd, eur) = (pay(1, "10 USD", flat()), pay(2, "7 EUR", flat()));
    let groups = vec![(vec![usd.clone()], 3), (vec![eur.clone()], 2), (vec![usd, eur], 4), (vec![attribute()], 1)];
    let waiting = waiting(0, 0, groups);
    let apart = quote(&waiting, &Metering::default(), None);
    let found: Vec<_> = apart.curves.iter().map(|curve| (curve.currency.unwrap().code(), costs(curve))).collect();
    let one = |currency: &str, clear: u64, sum: &str| (clear, vec![format!("{sum} {currency}")]);
    assert_eq!(found[0], ("EUR", vec![(1, vec![]), one("EUR", 3, "7")]));
    assert_eq!(found[1], ("USD", vec![(1, vec![]), one("USD", 4, "10")]));
    assert_eq!((apart.unpriced[0].why, apart.unpriced[0].documents), ("several currencies", 4));
    let rates =
        Rates { base: "USD".parse().unwrap(), rates: [("EUR".parse().unwrap(), "1.1".parse().unwrap())].into() };
    let together = quote(&waiting, &Metering::default(), Some(&rates));
    let last = together.curves[0].steps.last().unwrap();
    assert_eq!((last.clear, last.converted), (10, Some(amount("17.7 USD"))));
    assert_eq!(last.cost, [amount("7 EUR"), amount("10 USD")]);
    let none = Rates { rates: BTreeMap::new(), ..rates };
    assert_eq!(quote(&waiting, &Metering::default(), Some(&none)).unpriced.len(), 2);
}

#[test]
fn what_has_no_known_price_is_on_no_curve() {
    let hidden = Price::new(Rate::Undisclosed { at_least: None, at_most: None }, flat());
    let mut owed = pay(1, "1 USD", Meter::Hour {});
    let hours = owed.clone();
    owed.duty.action = Action::Pay { price: hidden, payee: None };
    let quote = quote(&waiting(0, 0, vec![(vec![owed], 1), (vec![hours], 2)]), &Metering::default(), None);
    let whys: BTreeSet<&str> = quote.unpriced.iter().map(|group| group.why).collect();
    assert_eq!((whys, quote.curves.len()), (BTreeSet::from(["uncounted", "undisclosed"]), 0));
}

proptest! {
    /// Whatever groups of fees and prices for each document: the curve rises, never loses a document, and after each step costs
    /// exactly what the bill of the groups taken so far says, currency by currency.
    #[test]
    fn the_curve_rises_and_its_parts_are_the_bill(
        kept in 0_u64..50,
        groups in prop::collection::vec((prop::collection::btree_set(0_usize..6, 1..4), 1_u64..200), 0..12),
        prices in prop::collection::vec((0_i64..100_000, 0_u32..5, any::<bool>()), 6),
    ) {
        let owed: Vec<Owed> = prices.iter().enumerate().map(|(n, (mantissa, scale, fee))| {
            let each = format!("{} USD", Money(Decimal::new(*mantissa, *scale).normalize()));
            pay(u8::try_from(n).unwrap(), &each, if *fee { flat() } else { Meter::Document {} })
        }).collect();
        let groups = groups.into_iter().map(|(members, documents)| (members.into_iter().map(|n| owed[n].clone()).collect(), documents)).collect();
        let waiting = waiting(kept, 3, groups);
        let quote = quote(&waiting, &Metering::default(), None);
        prop_assert!(quote.unpriced.is_empty());
        let all: u64 = waiting.groups.values().sum();
        for curve in &quote.curves {
            let (mut clear, mut sum, mut taken) = (kept, Decimal::ZERO, Tally::default());
            for step in &curve.steps {
                clear += step.documents;
                prop_assert_eq!(step.clear, clear);
                let adds: Decimal = step.adds.iter().map(|amount| amount.amount.0).sum();
                let parts: Decimal = step.asked.iter().filter_map(|asked| asked.adds).map(|amount| amount.amount.0).sum();
                prop_assert_eq!(adds, parts);
                prop_assert!(adds >= Decimal::ZERO);
                sum += adds;
                let cost: Decimal = step.cost.iter().map(|amount| amount.amount.0).sum();
                prop_assert_eq!(cost, sum);
                for asked in &step.asked {
                    taken.merge(Tally::from(vec![Counted { owed: asked.owed.clone(), documents: step.documents }]));
                }
                let bill: Decimal = taken.bill().totals().values().map(|sums| sums.open.unwrap().amount.0).sum();
                prop_assert_eq!(cost, bill);
            }
            prop_assert_eq!(clear, kept + all);
        }
        prop_assert!(quote.curves.len() <= 1);
    }
}
