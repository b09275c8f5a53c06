//! The bill: the duties of what is kept, counted and priced; told to people line by line, with what can't be counted from a crawl.
//!
//! One arithmetic for the filter's report, `bill`, `quote` and `usage`: [`cleartitle_schema::pricing`].

mod term;

pub use term::term_of;

use crate::dataset::{Entry, Stated};
use crate::gate::{Judge, Judged};
use crate::shown::brief;
use cleartitle_schema::decide::DutyState;
use cleartitle_schema::manifest::{Bill, Due, Obligation, Tally};
use cleartitle_schema::money::Amount;
use cleartitle_schema::policy::Disposition;
use cleartitle_schema::pricing::{CountedFor, Counts, Metering, Priced};
use cleartitle_schema::snapshot::Damage;
use cleartitle_schema::terms::Action;
use cleartitle_schema::time::Window;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Writes the bill as the report shows it.
///
/// # Errors
/// What the formatter gives.
pub fn write(f: &mut fmt::Formatter<'_>, bill: &Bill) -> fmt::Result {
    if bill.payees.is_empty() {
        return writeln!(f, "\nOwed for the kept documents: nothing that the registry knows of");
    }
    writeln!(f, "\nOwed for the kept documents")?;
    for payee in &bill.payees {
        let totals: Vec<String> = payee.totals.iter().map(ToString::to_string).collect();
        let totals = if totals.is_empty() { "no sum".to_owned() } else { totals.join(" and ") };
        writeln!(f, "  {}: {totals}", brief(&payee.to))?;
        for line in &payee.lines {
            writeln!(f, "    {}", line_of(line))?;
        }
    }
    Ok(())
}

/// How a line stands, in words.
#[must_use]
pub const fn state(line: &Obligation) -> &'static str {
    match line.owed.state {
        DutyState::Outstanding => "outstanding",
        DutyState::Obligation => "falls due",
        DutyState::Discharged => "discharged by the payee",
        DutyState::Asserted => "asserted as met by the policy",
    }
}

/// A line as people are told it.
#[must_use]
pub fn line_of(line: &Obligation) -> String {
    let state = state(line);
    let by = line.owed.statement.map_or_else(|| "a license mark".to_owned(), |id| short(&id.to_string()));
    let (what, documents) = (what(&line.owed.duty.action), line.documents);
    let units = line.units.map_or_else(String::new, |units| format!("{units} counted, "));
    format!("{what}: {} ({units}{documents} documents, {state}, {by})", due(&line.due))
}

/// A statement's id, short enough for a line; `report.json` has it whole.
fn short(id: &str) -> String {
    id.chars().take(18).chain("...".chars()).collect()
}

/// What a duty asks for, in a few words.
#[must_use]
pub fn what(action: &Action) -> String {
    match action {
        Action::Pay { price, .. } => {
            let prorated = if price.prorated { ", by the day" } else { "" };
            let tariff = price.tariff.as_ref();
            let tariff = tariff.map(|it| format!(" ({}, {})", brief(&it.name), brief(&it.version))).unwrap_or_default();
            format!("pay per {}{prorated}{tariff}", price.meter.word())
        }
        Action::Attribute { text, .. } => {
            format!("attribute{}", text.as_ref().map_or_else(String::new, |text| format!(" \"{}\"", brief(text))))
        }
        Action::ShareAlike { license } => format!("share alike under {}", brief(license)),
        Action::DisplayDelay { seconds } => format!("wait {seconds} s before display"),
        Action::OutputCap { .. } => "cap what outputs show".to_owned(),
        Action::Report { every_days, .. } => format!("report every {every_days} days"),
        Action::Delete { within_days, .. } => format!("delete within {within_days} days after the term"),
        Action::PassOn {} => "pass the terms on".to_owned(),
        Action::ObtainLicense { from } => {
            format!(
                "obtain a license{}",
                from.as_ref().map_or_else(String::new, |from| format!(" from {}", brief(from)))
            )
        }
    }
}

fn bounds(at_least: Option<Amount>, at_most: Option<Amount>) -> String {
    match (at_least, at_most) {
        (Some(least), Some(most)) => format!("between {least} and {most}"),
        (Some(least), None) => format!("at least {least}"),
        (None, Some(most)) => format!("at most {most}"),
        (None, None) => "no bounds known".to_owned(),
    }
}

/// What a line comes to, in words.
#[must_use]
pub fn due(due: &Due) -> String {
    match due {
        Due::Exact { amount } => amount.to_string(),
        Due::Undisclosed { at_least, at_most } => format!("undisclosed, {}", bounds(*at_least, *at_most)),
        Due::Uncounted { missing, each, at_least, at_most } => {
            let each = each.map_or_else(String::new, |each| format!("{each} each, "));
            let bounded = at_least.is_some() || at_most.is_some();
            let bounds = if bounded { format!("; {}", bounds(*at_least, *at_most)) } else { String::new() };
            format!("{each}{missing} not counted{bounds}")
        }
        Due::InKind { what } => format!("in kind: {}", brief(what)),
        Due::NoMoney {} => "no payment".to_owned(),
    }
}

/// The most different duties of one account.
pub const MAX_DUTIES: usize = 100_000;

/// What the papers count of the entries that one price falls upon; none where some entry does not say.
#[derive(Debug, Clone, Copy)]
struct Facts {
    titles: Option<u64>,
    images: Option<u64>,
}

/// A count that a paper states of an entry: a fact of this name, a whole number.
fn fact(entry: &Entry, name: &str) -> Option<u64> {
    let named = |(member, _): &&(String, Stated)| member.eq_ignore_ascii_case(name);
    entry.facts.iter().find(named).and_then(|(_, stated)| stated.text.trim().parse().ok())
}

/// The duties of the entries that are kept, counted as they come by.
#[derive(Debug, Default)]
pub struct Account {
    /// Entries that are kept.
    pub kept: u64,
    /// Entries that are not, and so owe nothing.
    pub left_out: u64,
    /// Entries some of whose duties are not counted, since there were too many different ones.
    pub beyond: u64,
    duties: Tally,
    facts: BTreeMap<Priced, Facts>,
}

impl Account {
    /// Counts an entry.
    pub fn add(&mut self, judged: &Judged) {
        if judged.outcome.action != Disposition::Keep {
            self.left_out += 1;
            return;
        }
        self.kept += 1;
        let duties = &judged.decision.duties;
        if self.duties.len().saturating_add(duties.len()) > MAX_DUTIES && !self.duties.knows(duties) {
            self.beyond += 1;
            return;
        }
        self.duties.add(duties);
        let (titles, images) = (fact(&judged.entry, "titles"), fact(&judged.entry, "images"));
        // Two clauses of one statement at one price are one line, of which a document is one part.
        let priced: BTreeSet<Priced> = duties.iter().filter_map(Priced::of).collect();
        for priced in priced {
            let facts = self.facts.entry(priced).or_insert(Facts { titles: Some(0), images: Some(0) });
            let plus = |sum: Option<u64>, more: Option<u64>| sum?.checked_add(more?);
            *facts = Facts { titles: plus(facts.titles, titles), images: plus(facts.images, images) };
        }
    }

    /// The duties that were counted.
    #[must_use]
    pub const fn duties(&self) -> &Tally {
        &self.duties
    }

    /// Everything by which the duties are priced: counts, the billed period, the statements' terms.
    ///
    /// # Errors
    /// [`Damage`] of the snapshot.
    pub fn metering(
        &self,
        judge: &Judge,
        counts: BTreeMap<CountedFor, Counts>,
        period: Option<Window>,
    ) -> Result<Metering, Damage> {
        let mut terms = BTreeMap::new();
        for id in self.facts.keys().filter_map(|priced| priced.statement) {
            if let Some(term) = term_of(judge, &id, None)? {
                terms.insert(id, term);
            }
        }
        let observed = |facts: &Facts| Counts { titles: facts.titles, images: facts.images, ..Counts::default() };
        let observed = self.facts.iter().map(|(priced, facts)| (priced.clone(), observed(facts))).collect();
        Ok(Metering { counts, period, terms, observed })
    }
}

/// Counts that no line of a bill asked for: what they were meant for may be misspelled.
#[must_use]
pub fn unused(bill: &Bill, counts: &BTreeMap<CountedFor, Counts>) -> Vec<String> {
    let asked = |whom: &CountedFor| match whom {
        CountedFor::All => bill.lines().next().is_some(),
        CountedFor::Payee(payee) => bill.payees.iter().any(|known| known.to == *payee),
        CountedFor::Statement(id) => bill.lines().any(|line| line.owed.statement == Some(*id)),
    };
    let named = |whom: &CountedFor| match whom {
        CountedFor::All => "*".to_owned(),
        CountedFor::Payee(payee) => payee.clone(),
        CountedFor::Statement(id) => id.to_string(),
    };
    counts.keys().filter(|whom| !asked(whom)).map(named).collect()
}
