//! Laws of pricing: rounded once, half to even; parts that add up; bounds that bind; nothing counted that nobody counted.

use super::*;
use crate::money::Currency;
use proptest::prelude::*;

fn amount(text: &str) -> Amount {
    let (amount, currency) = text.split_once(' ').unwrap();
    Amount { amount: amount.parse().unwrap(), currency: currency.parse().unwrap() }
}

fn stated(each: &str, meter: Meter) -> Price {
    Price::new(Rate::Stated { price: amount(each) }, meter)
}

fn window(from: i64, until: i64) -> Window {
    Window { from: Some(Timestamp(from)), until: Some(Timestamp(until)) }
}

fn due_of(price: &Price, documents: u64, period: Option<Window>) -> Due {
    price.due(&Usage { documents, counts: &Counts::default(), period, term: None }).due
}

fn exact(due: &Due) -> Amount {
    match due {
        Due::Exact { amount } => *amount,
        other => panic!("{other:?}"),
    }
}

#[test]
fn caps_and_minimums_hold_and_never_in_another_currency() {
    let mut price = stated("1 USD", Meter::Document {});
    price.minimum = Some(amount("2 USD"));
    price.cap = Some(amount("5 USD"));
    for (documents, sum) in [(1, "2 USD"), (3, "3 USD"), (9, "5 USD")] {
        assert_eq!(exact(&due_of(&price, documents, None)), amount(sum));
    }
    price.minimum = Some(amount("2 EUR"));
    assert!(matches!(due_of(&price, 3, None), Due::Uncounted { missing, .. } if missing == "amount"));
}

#[test]
fn a_fee_that_is_not_prorated_falls_due_where_its_period_begins() {
    const DAY: i64 = Timestamp::DAY;
    let price = stated("12 USD", Meter::Flat { period: Some(window(0, 12 * DAY)) });
    assert_eq!(exact(&due_of(&price, 5, None)), amount("12 USD"));
    let parts: Vec<Amount> =
        (0..12).map(|day| exact(&due_of(&price, 5, Some(window(day * DAY, (day + 1) * DAY))))).collect();
    assert_eq!(parts[0], amount("12 USD"));
    assert!(parts[1..].iter().all(|part| *part == amount("0 USD")));
}

#[test]
fn a_prorated_fee_without_a_period_is_not_guessed() {
    let mut price = stated("12 USD", Meter::Flat { period: None });
    price.prorated = true;
    assert!(matches!(due_of(&price, 5, Some(window(0, Timestamp::DAY))), Due::Uncounted { .. }));
    let term = Some(window(0, 4 * Timestamp::DAY));
    let half = Usage { documents: 1, counts: &Counts::default(), period: Some(window(0, 2 * Timestamp::DAY)), term };
    assert_eq!(exact(&price.due(&half).due), amount("6 USD"));
}

#[test]
fn revenue_in_two_currencies_is_not_added() {
    let rate = Rate::Undisclosed { at_least: None, at_most: None };
    let price = Price::new(rate, Meter::RevenueShare { percent: "50".parse().unwrap() });
    let revenue = ["7 EUR", "5 USD"].map(amount).map(|it| (it.currency, it.amount)).into();
    let mut counts = Counts { revenue, ..Counts::default() };
    let share = |counts: &Counts| price.due(&Usage { documents: 1, counts, period: None, term: None }).due;
    assert!(matches!(share(&counts), Due::Uncounted { missing, .. } if missing == "revenue in one currency"));
    counts.revenue.pop_first();
    assert_eq!(exact(&share(&counts)), amount("2.5 USD"));
}

/// What is meant by rounding half to even, by another way: decimals of 28 digits, exact for these sizes.
fn by_decimals(each: Decimal, count: u64, places: u32) -> Decimal {
    let sum = each.checked_mul(Decimal::from(count)).unwrap();
    sum.round_dp_with_strategy(places, rust_decimal::RoundingStrategy::MidpointNearestEven).normalize()
}

proptest! {
    #[test]
    fn a_line_is_rounded_once_half_to_even(mantissa in 0_i64..1_000_000_000, scale in 0_u32..7, count in 0_u64..1_000_000) {
        let each = Decimal::new(mantissa, scale);
        for currency in ["USD", "JPY", "BHD"] {
            let currency: Currency = currency.parse().unwrap();
            let price = Price::new(
                Rate::Stated { price: Amount { amount: Money(each), currency } },
                Meter::Document {},
            );
            let found = exact(&due_of(&price, count, None));
            prop_assert_eq!(found.amount.0, by_decimals(each, count, currency.decimal_places()));
        }
    }

    /// The parts of a fee, day by day or in any pieces, differ from the whole by less than half a unit for each rounding, and
    /// not at all where the days divide it.
    #[test]
    fn the_parts_of_a_prorated_fee_add_up(fee in 0_i64..10_000_000, days in 1_i64..400, cuts in prop::collection::vec(0_i64..400, 0..6)) {
        const DAY: i64 = Timestamp::DAY;
        let period = window(1_790_000_000, 1_790_000_000 + days * DAY);
        let mut price = Price::new(
            Rate::Stated { price: Amount { amount: Money(Decimal::new(fee, 2).normalize()), currency: "USD".parse().unwrap() } },
            Meter::Flat { period: Some(period) },
        );
        price.prorated = true;
        let mut at: Vec<i64> = cuts.into_iter().map(|cut| cut.min(days)).chain([0, days]).collect();
        at.sort_unstable();
        at.dedup();
        let start = 1_790_000_000;
        let part = |from: i64, until: i64| exact(&due_of(&price, 9, Some(window(start + from * DAY, start + until * DAY))));
        let parts: Vec<Amount> = at.windows(2).map(|ends| part(ends[0], ends[1])).collect();
        let sum: Decimal = parts.iter().map(|part| part.amount.0).sum();
        let whole = exact(&due_of(&price, 9, None)).amount.0;
        prop_assert_eq!(exact(&due_of(&price, 9, Some(period))).amount.0, whole);
        let slack = Decimal::new(5, 3) * Decimal::from(parts.len());
        prop_assert!((sum - whole).abs() <= slack, "{sum} {whole}");
        if fee % days == 0 {
            prop_assert_eq!(sum, whole);
        }
    }

    #[test]
    fn more_use_never_costs_less(each in 0_i64..100_000, one in 0_u64..1_000_000, more in 0_u64..1_000_000, minimum in 0_i64..1_000_000, cap in 0_i64..1_000_000) {
        let money = |cents: i64| Amount { amount: Money(Decimal::new(cents, 2).normalize()), currency: "EUR".parse().unwrap() };
        let mut price = Price::new(Rate::Stated { price: money(each) }, Meter::Document {});
        price.minimum = Some(money(minimum));
        price.cap = Some(money(cap.max(minimum)));
        let (less, rest) = (exact(&due_of(&price, one, None)), exact(&due_of(&price, one + more, None)));
        prop_assert!(less <= rest);
        prop_assert!(less >= money(minimum) && rest <= money(cap.max(minimum)));
    }

    #[test]
    fn no_count_and_no_price_panics(mantissa in any::<u64>(), scale in 0_u32..13, documents in any::<u64>(), tokens in any::<u64>(), epochs in any::<u64>(), from in any::<i64>(), until in any::<i64>()) {
        let each = Amount { amount: Money(Decimal::from_i128_with_scale(i128::from(mantissa), scale)), currency: "USD".parse().unwrap() };
        let counts = Counts { tokens: [("t".to_owned(), tokens)].into(), epochs: Some(epochs), ..Counts::default() };
        let meters = [
            Meter::Flat { period: Some(window(from, until)) },
            Meter::Document {},
            Meter::ThousandTokens { tokenizer: "t".to_owned(), every_epoch: true },
            Meter::RevenueShare { percent: Money(each.amount.0) },
        ];
        for meter in meters {
            let mut price = Price::new(Rate::Stated { price: each }, meter);
            price.prorated = matches!(price.meter, Meter::Flat { .. });
            let _ = price.due(&Usage { documents, counts: &counts, period: Some(window(until, from)), term: None });
        }
    }
}
