//! The bill for people: what is owed to whom, line by line, and what can't be counted from a crawl.

use crate::report::shown;
use cleartitle_schema::decide::DutyState;
use cleartitle_schema::manifest::{Bill, Due, Obligation};
use cleartitle_schema::money::Amount;
use cleartitle_schema::terms::Action;
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
        writeln!(f, "  {}: {totals}", shown(&payee.to))?;
        for line in &payee.lines {
            writeln!(f, "    {}", line_of(line))?;
        }
    }
    Ok(())
}

fn line_of(line: &Obligation) -> String {
    let state = match line.owed.state {
        DutyState::Outstanding => "outstanding",
        DutyState::Obligation => "falls due",
        DutyState::Discharged => "discharged by the payee",
        DutyState::Asserted => "asserted as met by the policy",
    };
    let by = line.owed.statement.map_or_else(|| "a license mark".to_owned(), |id| short(&id.to_string()));
    let (what, documents) = (what(&line.owed.duty.action), line.documents);
    format!("{what}: {} ({documents} documents, {state}, {by})", due(&line.due))
}

/// A statement's id, short enough for a line; `report.json` has it whole.
fn short(id: &str) -> String {
    id.chars().take(18).chain("...".chars()).collect()
}

fn what(action: &Action) -> String {
    match action {
        Action::Pay { price, .. } => format!("pay per {}", price.meter.word()),
        Action::Attribute { text, .. } => {
            format!("attribute{}", text.as_ref().map_or_else(String::new, |text| format!(" \"{}\"", shown(text))))
        }
        Action::ShareAlike { license } => format!("share alike under {}", shown(license)),
        Action::DisplayDelay { seconds } => format!("wait {seconds} s before display"),
        Action::OutputCap { .. } => "cap what outputs show".to_owned(),
        Action::Report { every_days, .. } => format!("report every {every_days} days"),
        Action::Delete { within_days, .. } => format!("delete within {within_days} days after the term"),
        Action::PassOn {} => "pass the terms on".to_owned(),
        Action::ObtainLicense { from } => {
            format!(
                "obtain a license{}",
                from.as_ref().map_or_else(String::new, |from| format!(" from {}", shown(from)))
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

fn due(due: &Due) -> String {
    match due {
        Due::Exact { amount } => amount.to_string(),
        Due::Undisclosed { at_least, at_most } => format!("undisclosed, {}", bounds(*at_least, *at_most)),
        Due::Uncounted { missing, each, at_least, at_most } => {
            let each = each.map_or_else(String::new, |each| format!("{each} each, "));
            let bounded = at_least.is_some() || at_most.is_some();
            let bounds = if bounded { format!("; {}", bounds(*at_least, *at_most)) } else { String::new() };
            format!("{each}{missing} not counted{bounds}")
        }
        Due::NoMoney {} => "no payment".to_owned(),
    }
}
