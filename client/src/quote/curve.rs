//! The curve: groups of documents taken cheapest first, each step with what it adds to the bill; one curve for each currency.

use super::Waiting;
use cleartitle_schema::decide::Owed;
use cleartitle_schema::money::{Amount, Currency, Meter, Money, Rate};
use cleartitle_schema::pricing::{Due, Metering, Priced};
use cleartitle_schema::terms::Action;
use rust_decimal::Decimal;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Exchange rates, at the user's word: what one unit of a currency is in the base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rates {
    /// The base.
    pub base: Currency,
    /// The others.
    pub rates: BTreeMap<Currency, Money>,
}

impl Rates {
    /// An amount in the base, not rounded; none for a currency that has no rate, or beyond range.
    fn in_base(&self, amount: Amount) -> Option<Decimal> {
        if amount.currency == self.base {
            return Some(amount.amount.0);
        }
        amount.amount.0.checked_mul(self.rates.get(&amount.currency)?.0)
    }
}

/// A price that a group waits for, as it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// The duty with its payee and statement.
    pub owed: Owed,
    /// Whether it falls due once, however many documents.
    pub fixed: bool,
    /// What it adds to the bill here, where that is money and known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adds: Option<Amount>,
}

/// One group taken on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its documents.
    pub documents: u64,
    /// Documents that are clear then, those kept now among them.
    pub clear: u64,
    /// Its duties.
    pub asked: Vec<Asked>,
    /// What it adds, by currency; nothing where it costs nothing.
    pub adds: Vec<Amount>,
    /// What all steps up to here cost, by currency.
    pub cost: Vec<Amount>,
    /// The same in the base of the rates that were given, rounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converted: Option<Amount>,
}

/// Groups in the order in which they are taken on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Curve {
    /// In which currency; none where rates make one curve of all, or nothing costs anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// The steps.
    pub steps: Vec<Step>,
}

/// A group whose price is not known, or not in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unpriced {
    /// Its documents.
    pub documents: u64,
    /// Why it is on no curve.
    pub why: &'static str,
    /// Its duties.
    pub asked: Vec<Asked>,
}

/// What it costs to clear a data set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quote {
    /// All entries.
    pub entries: u64,
    /// Those kept now.
    pub kept: u64,
    /// One curve for each currency, or one by the rates given.
    pub curves: Vec<Curve>,
    /// Groups on no curve.
    pub unpriced: Vec<Unpriced>,
}

/// Amounts by currency.
type Sums = BTreeMap<Currency, Amount>;

fn plus(sums: &mut Sums, amount: Amount) -> Option<()> {
    let sum = sums.get(&amount.currency).map_or(Ok(amount), |sum| sum.plus(amount)).ok()?;
    sums.insert(amount.currency, sum);
    Some(())
}

/// The interned duties, and how many documents each fell upon so far.
struct Shop<'w> {
    metering: &'w Metering,
    owed: Vec<&'w Owed>,
    documents: Vec<u64>,
    groups: Vec<(Vec<usize>, u64)>,
    /// The groups that wait for each duty.
    shared: Vec<Vec<usize>>,
}

impl<'w> Shop<'w> {
    fn new(waiting: &'w Waiting, metering: &'w Metering) -> Self {
        let mut places: BTreeMap<&Owed, usize> = BTreeMap::new();
        let mut shop =
            Self { metering, owed: Vec::new(), documents: Vec::new(), groups: Vec::new(), shared: Vec::new() };
        let known: BTreeMap<&Owed, u64> = waiting.owed.iter().collect();
        for (duties, documents) in &waiting.groups {
            let group = shop.groups.len();
            let mut members = Vec::new();
            for owed in duties {
                let place = *places.entry(owed).or_insert_with(|| {
                    shop.owed.push(owed);
                    // What the kept documents owe is owed already.
                    shop.documents.push(known.get(owed).copied().unwrap_or(0));
                    shop.shared.push(Vec::new());
                    shop.owed.len() - 1
                });
                shop.shared[place].push(group);
                members.push(place);
            }
            shop.groups.push((members, *documents));
        }
        shop
    }

    /// What a duty comes to over so many documents: money, nothing, or what is not known of it.
    fn line(&self, place: usize, documents: u64) -> Result<Option<Amount>, &'static str> {
        let Some(priced) = Priced::of(self.owed[place]) else { return Ok(None) };
        match self.metering.due(&priced, documents).due {
            Due::Exact { amount } => Ok(Some(amount)),
            Due::Undisclosed { .. } => Err("undisclosed"),
            Due::Uncounted { .. } => Err("uncounted"),
            Due::InKind { .. } => Err("in-kind"),
            Due::NoMoney {} => Ok(None),
        }
    }

    /// What a duty adds with so many more documents.
    fn adds(&self, place: usize, more: u64) -> Result<Option<Amount>, &'static str> {
        let before = self.documents[place];
        let Some(after) = self.line(place, before.saturating_add(more))? else { return Ok(None) };
        let paid = if before == 0 { None } else { self.line(place, before)? };
        let Some(paid) = paid else { return Ok(Some(after)) };
        let rest = after.amount.0.checked_sub(paid.amount.0).ok_or("uncounted")?.max(Decimal::ZERO).normalize();
        Ok(Some(Amount { amount: Money(rest), currency: after.currency }))
    }

    fn marginal(&self, group: usize) -> Result<Sums, &'static str> {
        let (members, more) = &self.groups[group];
        let mut sums = Sums::new();
        for place in members {
            if let Some(amount) = self.adds(*place, *more)?.filter(|amount| !amount.amount.0.is_zero()) {
                plus(&mut sums, amount).ok_or("uncounted")?;
            }
        }
        Ok(sums)
    }

    fn asked(&self, group: usize) -> Vec<Asked> {
        let (members, more) = &self.groups[group];
        let asked = |place: &usize| Asked {
            owed: self.owed[*place].clone(),
            fixed: fixed(self.owed[*place]),
            adds: self.adds(*place, *more).ok().flatten(),
        };
        members.iter().map(asked).collect()
    }

    /// The currencies that a group is paid in.
    fn currencies(&self, group: usize) -> BTreeSet<Currency> {
        let (members, more) = &self.groups[group];
        let amounts = members.iter().filter_map(|place| self.line(*place, *more).ok().flatten());
        amounts.filter(|amount| !amount.amount.0.is_zero()).map(|amount| amount.currency).collect()
    }
}

/// Whether a duty's price does not grow with documents: a fee, or what was counted as a whole.
fn fixed(owed: &Owed) -> bool {
    match &owed.duty.action {
        Action::Pay { price, .. } => {
            let grows = matches!(price.meter, Meter::Document {} | Meter::Fetch {});
            !grows || matches!(price.rate, Rate::Undisclosed { .. })
        }
        _ => true,
    }
}

/// The order of groups: what a document costs, then the larger, then as they were.
type Rank = (Decimal, Reverse<u64>, usize);

/// Takes these groups, the cheapest document first; what a step adds counts what the steps before have paid already.
fn steps(shop: &mut Shop<'_>, mut left: BTreeSet<usize>, kept: u64, rates: Option<&Rates>) -> Vec<Step> {
    let rank = |shop: &Shop<'_>, group: usize| -> Rank {
        let documents = shop.groups[group].1.max(1);
        let price = |amount: &Amount| rates.map_or(Some(amount.amount.0), |rates| rates.in_base(*amount));
        let sums = shop.marginal(group).unwrap_or_default();
        let sum = sums.values().map(price).try_fold(Decimal::ZERO, |sum, more| sum.checked_add(more?));
        (sum.unwrap_or(Decimal::MAX) / Decimal::from(documents), Reverse(documents), group)
    };
    let mut ranks: BTreeMap<usize, Rank> = left.iter().map(|group| (*group, rank(shop, *group))).collect();
    let mut queue: BTreeSet<Rank> = ranks.values().copied().collect();
    let (mut clear, mut cost, mut done) = (kept, Sums::new(), Vec::new());
    while let Some((_, _, group)) = queue.pop_first() {
        left.remove(&group);
        let (members, documents) = shop.groups[group].clone();
        let (adds, asked) = (shop.marginal(group).unwrap_or_default(), shop.asked(group));
        for amount in adds.values() {
            // Beyond the range of amounts nothing can be bought.
            if plus(&mut cost, *amount).is_none() {
                return done;
            }
        }
        clear += documents;
        let converted = rates.and_then(|rates| converted(&cost, rates));
        done.push(Step {
            documents,
            clear,
            asked,
            adds: adds.into_values().collect(),
            cost: cost.values().copied().collect(),
            converted,
        });
        for place in &members {
            shop.documents[*place] += documents;
        }
        let touched: BTreeSet<usize> = members.iter().flat_map(|place| &shop.shared[*place]).copied().collect();
        for other in touched.intersection(&left) {
            let new = rank(shop, *other);
            if let Some(old) = ranks.insert(*other, new) {
                queue.remove(&old);
            }
            queue.insert(new);
        }
    }
    done
}

fn converted(cost: &Sums, rates: &Rates) -> Option<Amount> {
    let mut all = cost.values().map(|amount| rates.in_base(*amount));
    let sum = all.try_fold(Decimal::ZERO, |sum, more| sum.checked_add(more?))?;
    Some(Amount { amount: Money(sum), currency: rates.base }.rounded())
}

/// The quote for what waits. Without rates a group that is paid in two currencies is on no curve.
#[must_use]
pub fn quote(waiting: &Waiting, metering: &Metering, rates: Option<&Rates>) -> Quote {
    let shop = Shop::new(waiting, metering);
    let (mut free, mut paid) = (BTreeSet::new(), BTreeMap::<Option<Currency>, BTreeSet<usize>>::new());
    let mut unpriced = Vec::new();
    for group in 0..shop.groups.len() {
        let leave = |why| Unpriced { documents: shop.groups[group].1, why, asked: shop.asked(group) };
        if let Err(why) = shop.marginal(group) {
            unpriced.push(leave(why));
            continue;
        }
        let currencies = shop.currencies(group);
        let convertible = |rates: &Rates| {
            let known = |currency: &Currency| *currency == rates.base || rates.rates.contains_key(currency);
            currencies.iter().all(known)
        };
        match (rates, currencies.len()) {
            (_, 0) => _ = free.insert(group),
            (Some(rates), _) if convertible(rates) => _ = paid.entry(None).or_default().insert(group),
            (Some(_), _) => unpriced.push(leave("a currency without a rate")),
            (None, 1) => _ = paid.entry(currencies.first().copied()).or_default().insert(group),
            (None, _) => unpriced.push(leave("several currencies")),
        }
    }
    if paid.is_empty() && !free.is_empty() {
        paid.insert(None, BTreeSet::new());
    }
    let curve = |(currency, groups): (Option<Currency>, BTreeSet<usize>)| {
        let mut shop = Shop::new(waiting, metering);
        let all = groups.into_iter().chain(free.iter().copied()).collect();
        Curve { currency, steps: steps(&mut shop, all, waiting.kept, rates) }
    };
    let curves = paid.into_iter().map(curve).collect();
    Quote { entries: waiting.entries, kept: waiting.kept, curves, unpriced }
}

#[cfg(test)]
#[path = "curve_tests.rs"]
mod tests;
