//! `cleartitle bill`: what is owed for what is kept of a data set, to whom, by which statement, and what of it is met.

use super::papers::{self, By, Form, ReadAs};
use super::talk::{Exit, Talk, data, json, shown};
use crate::bill::{Account, line_of, state, unused, what};
use crate::clock;
use crate::snapshot::Mapped;
use anyhow::Context as _;
use cleartitle_schema::bill::{Bill, Obligation, Sums};
use cleartitle_schema::id::StatementId;
use cleartitle_schema::money::{Amount, Currency};
use cleartitle_schema::pricing::Due;
use cleartitle_schema::terms::Action;
use cleartitle_schema::time::{Timestamp, Window};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Flags of `bill`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Every entry of the papers is judged; the duties of those that the policy keeps are counted and priced, a line for each duty of
each statement. A line is rounded once, half to even; totals are the sums of the rounded lines, one for each currency, and no
currency is ever changed into another. With --from and --to a prorated fee is owed by its days, any other flat fee in the period
in which its own begins: the price's, else the agreement's; of an offer, on the day of your acceptance.

Documents count themselves. Titles, images, tokens, hours, requests and revenue come from --counts, TOML or JSON:
  [[counts]]
  for = \"press.example\"                      # a payee, a statement's id, or \"*\"; the narrowest counts
  titles = 12
  tokens = { o200k = 1500000 }               # of one epoch
  epochs = 2
  requests = 900
  hours = \"12.5\"
  revenue = { USD = \"1000000\" }

Exit: 0 every line comes to something, 1 some can't be counted or are undisclosed, 2 some rows could not be read, or there are
none. An undisclosed price is told with its bounds, and never summed.

Examples:
  cleartitle bill --snapshot terms.snapshot --policy cleartitle.toml manifest.jsonl
  cleartitle bill --snapshot terms.snapshot --policy cleartitle.toml --sealed deals --counts counts.toml \\
      --from 2026-07-01 --to 2026-10-01 --format csv crawl.jsonl labels.jsonl")]
pub struct Args {
    #[command(flatten)]
    by: By,
    /// What was counted beside the documents.
    #[arg(long, value_name = "FILE")]
    counts: Option<PathBuf>,
    /// Begin of the period that is billed.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    from: Option<Timestamp>,
    /// End of the period that is billed; its first moment is no longer billed.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    to: Option<Timestamp>,
    /// When the use takes place. Left out: the last second before --to, or now.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    used_at: Option<Timestamp>,
    /// In which form.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    #[command(flatten)]
    read_as: ReadAs,
    /// The data set's papers.
    #[arg(value_name = "MANIFEST", required = true)]
    papers: Vec<PathBuf>,
}

/// Where the statement behind a line stands.
#[derive(Debug, Clone, Serialize)]
struct Reference {
    index: u64,
    receipt: String,
}

/// A line with its references.
#[derive(Debug, Serialize)]
struct Line<'b> {
    #[serde(flatten)]
    obligation: &'b Obligation,
    #[serde(flatten)]
    reference: Option<&'b Reference>,
}

#[derive(Debug, Serialize)]
struct Payee<'b> {
    to: &'b str,
    totals: &'b [Amount],
    lines: Vec<Line<'b>>,
}

#[derive(Debug, Serialize)]
struct Told<'b> {
    log_size: u64,
    used_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<Window>,
    rows: u64,
    damaged: u64,
    kept: u64,
    left_out: u64,
    complete: bool,
    payees: Vec<Payee<'b>>,
    totals: BTreeMap<Currency, Sums>,
}

/// The period that two flags name.
pub(super) fn period(from: Option<Timestamp>, to: Option<Timestamp>) -> anyhow::Result<Option<Window>> {
    if from.is_none() && to.is_none() {
        return Ok(None);
    }
    let window = Window { from, until: to };
    anyhow::ensure!(!window.is_empty(), "--from is not before --to");
    Ok(Some(window))
}

/// The last second of a period, or now.
pub(super) fn within(to: Option<Timestamp>) -> Timestamp {
    to.map_or_else(clock::now, |to| to.plus_seconds(-1))
}

/// Runs the verb.
///
/// # Errors
/// Whatever stands in the way of billing at all.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    let period = period(args.from, args.to)?;
    let counts = papers::counts(args.counts.as_deref())?;
    let judge = args.by.judge(Some(args.used_at.unwrap_or_else(|| within(args.to))))?;
    let mut account = Account::default();
    let read = papers::judged(&judge, args.read_as.papers(&args.papers), talk, |judged| {
        account.add(&judged);
        Ok(())
    })?;
    let metering = account.metering(&judge, counts, period).context("pull the snapshot again")?;
    let bill = account.duties().bill_by(&metering);
    let references = references(&judge.snapshot, &bill, args.by.sealed())?;
    for unused in unused(&bill, &metering.counts) {
        talk.warn(format_args!("nothing is owed that the counts for `{}` are for", shown(&unused)));
    }
    if account.beyond > 0 {
        talk.warn(format_args!("{} documents owe more different duties than are counted", account.beyond));
    }
    let complete = bill.complete() && account.beyond == 0;
    let told = Told {
        log_size: judge.snapshot.header().size,
        used_at: judge.used_at,
        period,
        rows: read.rows,
        damaged: read.damaged,
        kept: account.kept,
        left_out: account.left_out,
        complete,
        payees: payees(&bill, &references),
        totals: bill.totals(),
    };
    match args.format {
        Form::Json => json(&told)?,
        Form::Csv => data(csv(&bill, &references))?,
        Form::Human => data(human(&told))?,
    }
    Ok(read.exit(u64::from(!complete)))
}

fn references(
    snapshot: &Mapped,
    bill: &Bill,
    sealed: Option<&Path>,
) -> anyhow::Result<BTreeMap<StatementId, Reference>> {
    let mut found = BTreeMap::new();
    for id in bill.lines().filter_map(|line| line.owed.statement) {
        let Some(place) = snapshot.find(&id).context("pull the snapshot again")? else { continue };
        let index = snapshot.statement(place).context("pull the snapshot again")?.index;
        let kept = sealed.map(|folder| folder.join(super::deals::file_name(&id))).filter(|path| path.is_file());
        let receipt = kept.map_or_else(|| format!("/v1/statements/{id}/receipt"), |path| path.display().to_string());
        found.insert(id, Reference { index, receipt });
    }
    Ok(found)
}

fn payees<'b>(bill: &'b Bill, references: &'b BTreeMap<StatementId, Reference>) -> Vec<Payee<'b>> {
    let reference = |line: &Obligation| line.owed.statement.and_then(|id| references.get(&id));
    let line = |obligation: &'b Obligation| Line { obligation, reference: reference(obligation) };
    let payee = |payee: &'b cleartitle_schema::bill::Payee| Payee {
        to: &payee.to,
        totals: &payee.totals,
        lines: payee.lines.iter().map(line).collect(),
    };
    bill.payees.iter().map(payee).collect()
}

fn human(told: &Told<'_>) -> String {
    let mut text = String::new();
    for payee in &told.payees {
        let totals: Vec<String> = payee.totals.iter().map(ToString::to_string).collect();
        let totals = if totals.is_empty() { "no sum".to_owned() } else { totals.join(" and ") };
        let _ = writeln!(text, "{}: {totals}", shown(payee.to));
        for Line { obligation, reference } in &payee.lines {
            let _ = writeln!(text, "  {}", line_of(obligation));
            if let (Some(id), Some(reference)) = (obligation.owed.statement, reference) {
                let _ =
                    writeln!(text, "    {id}\n    index {}, receipt {}", reference.index, shown(&reference.receipt));
            }
        }
    }
    for (currency, sums) in &told.totals {
        let sum = |sum: Option<Amount>| sum.map_or_else(|| "out of range".to_owned(), |sum| sum.amount.to_string());
        let (open, discharged, asserted) = (sum(sums.open), sum(sums.discharged), sum(sums.asserted));
        let _ = writeln!(text, "total {currency}: {open} open, {discharged} discharged, {asserted} asserted");
    }
    let known = if told.complete { "every line is counted" } else { "some lines are not counted" };
    let _ = writeln!(
        text,
        "bill: {} rows: {} kept, {} left out, {} damaged; {known}",
        told.rows, told.kept, told.left_out, told.damaged
    );
    text
}

fn csv(bill: &Bill, references: &BTreeMap<StatementId, Reference>) -> String {
    let head = [
        "payee",
        "statement",
        "index",
        "receipt",
        "duty",
        "meter",
        "state",
        "documents",
        "units",
        "known",
        "amount",
        "currency",
        "at_least",
        "at_most",
        "what",
    ];
    let mut text = papers::csv_row(head);
    for line in bill.lines() {
        let owed = &line.owed;
        let reference = owed.statement.and_then(|id| references.get(&id));
        let shown = |amount: Option<Amount>| amount.map(|amount| amount.to_string()).unwrap_or_default();
        let (known, amount, least, most) = match &line.due {
            Due::Exact { amount } => ("exact", Some(*amount), None, None),
            Due::Undisclosed { at_least, at_most } => ("undisclosed", None, *at_least, *at_most),
            Due::Uncounted { at_least, at_most, .. } => ("uncounted", None, *at_least, *at_most),
            Due::InKind { .. } => ("in-kind", None, None, None),
            Due::NoMoney {} => ("no-money", None, None, None),
        };
        let meter = match &owed.duty.action {
            Action::Pay { price, .. } => price.meter.word(),
            _ => "",
        };
        text.push_str(&papers::csv_row([
            owed.to.as_str(),
            &owed.statement.map(|id| id.to_string()).unwrap_or_default(),
            &reference.map(|it| it.index.to_string()).unwrap_or_default(),
            reference.map(|it| it.receipt.as_str()).unwrap_or_default(),
            owed.duty.action.word(),
            meter,
            state(line),
            &line.documents.to_string(),
            &line.units.map(|units| units.to_string()).unwrap_or_default(),
            known,
            &amount.map(|amount| amount.amount.to_string()).unwrap_or_default(),
            amount.map(|amount| amount.currency.code()).unwrap_or_default(),
            &shown(least),
            &shown(most),
            &what(&owed.duty.action),
        ]));
    }
    text
}
