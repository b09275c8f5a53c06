//! The two bills: who is owed what for which statement, exactly, and what can't be counted from a crawl.

use crate::layout::{grouped, wrapped};
use cleartitle_schema::decide::DutyState;
use cleartitle_schema::id::StatementId;
use cleartitle_schema::manifest::{Bill, Due, Obligation};
use cleartitle_schema::money::{Amount, Meter};
use cleartitle_schema::terms::{Action, Phase};
use std::collections::BTreeMap;
use std::fmt::Write as _;

fn money(amount: &Amount) -> String {
    format!("{} {}", grouped(&amount.amount.to_string()), amount.currency)
}

fn bounds(at_least: Option<&Amount>, at_most: Option<&Amount>) -> String {
    match (at_least, at_most) {
        (Some(least), Some(most)) if least.currency == most.currency => {
            format!("{} to {}", grouped(&least.amount.to_string()), money(most))
        }
        (least, most) => {
            let least = least.map(|least| format!("at least {}", money(least)));
            let most = most.map(|most| format!("at most {}", money(most)));
            [least, most].into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
    }
}

/// What a line comes to.
fn due(due: &Due) -> String {
    match due {
        Due::Exact { amount } => money(amount),
        Due::Undisclosed { at_least: None, at_most: None } => "undisclosed".to_owned(),
        Due::Undisclosed { at_least, at_most } => {
            format!("undisclosed: {}", bounds(at_least.as_ref(), at_most.as_ref()))
        }
        Due::Uncounted { missing, each, .. } => match each {
            Some(each) => format!("{} each, {missing} uncounted", money(each)),
            None => format!("{missing} uncounted"),
        },
        Due::InKind { what } => format!("in kind: {what}"),
        Due::NoMoney {} => "no payment".to_owned(),
    }
}

fn meter(meter: &Meter) -> String {
    match meter {
        Meter::Flat { period: None } => "flat fee, once".to_owned(),
        Meter::Flat { period: Some(_) } => "flat fee, a year".to_owned(),
        Meter::ThousandTokens { .. } => "per thousand tokens".to_owned(),
        Meter::RevenueShare { percent } => format!("{percent} percent of revenue"),
        meter => format!("per {}", meter.word()),
    }
}

/// How a duty stands.
fn state(line: &Obligation) -> &'static str {
    match (line.owed.state, line.owed.duty.phase) {
        (DutyState::Discharged, _) => "discharged",
        (DutyState::Asserted, _) => "met as the policy asserts",
        (_, Phase::Before) => "before the use",
        (_, Phase::During) => "in the term",
        (_, Phase::After) => "after the use",
    }
}

/// A duty that is no payment, in a few words.
fn besides(line: &Obligation, number: &str) -> String {
    let to = &line.owed.to;
    let what = match &line.owed.duty.action {
        Action::Attribute { .. } => format!("name {to} as the source"),
        Action::Report { every_days, .. } => format!("report to {to} every {every_days} days"),
        Action::OutputCap { words, percent } => {
            let words = words.map(|words| format!("{words} words"));
            let percent = percent.map(|percent| format!("{percent} percent"));
            let most = [words, percent].into_iter().flatten().collect::<Vec<_>>().join(" or ");
            format!("show at most {most} of {to}")
        }
        action => format!("{} ({to})", action.word()),
    };
    format!("{what} ({number}, {} documents, {})", line.documents, state(line))
}

/// The number of the statement that asks for it.
fn number<'a>(line: &Obligation, numbers: &'a BTreeMap<StatementId, String>) -> &'a str {
    line.owed.statement.as_ref().and_then(|id| numbers.get(id)).map_or("--", String::as_str)
}

fn row(text: &mut String, [number, to, price, due, documents]: [&str; 5]) {
    let _ = writeln!(text, "    {number:<2} {to:<22}  {price:<16} {due:>41}  {documents:>9}");
}

/// Writes what the columns are.
pub fn head(text: &mut String) {
    row(text, ["", "owed to", "price", "comes to", "documents"]);
}

/// Writes one lab's bill: money line by line, the other duties in one sentence.
pub fn write(text: &mut String, lab: &str, bill: &Bill, numbers: &BTreeMap<StatementId, String>) {
    let mut lines: Vec<&Obligation> = bill.payees.iter().flat_map(|payee| &payee.lines).collect();
    // Statements have other ids each time that the demo runs; their files' numbers stay.
    lines.sort_by_key(|line| number(line, numbers));
    let (none, pay): (Vec<&Obligation>, Vec<_>) = lines.into_iter().partition(|line| line.due == Due::NoMoney {});
    let _ = writeln!(text, "  {lab}.example owes{}", if pay.is_empty() { " nobody any money" } else { "" });
    for line in pay {
        let price = match &line.owed.duty.action {
            Action::Pay { price, .. } => meter(&price.meter),
            action => action.word().to_owned(),
        };
        row(text, [number(line, numbers), &line.owed.to, &price, &due(&line.due), &line.documents.to_string()]);
    }
    if !none.is_empty() {
        let all: Vec<String> = none.into_iter().map(|line| besides(line, number(line, numbers))).collect();
        wrapped(text, "    besides: ", 6, &format!("{}.", all.join("; ")));
    }
}
