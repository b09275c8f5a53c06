//! `cleartitle quote`: what it would cost to clear the rest of a data set, cheapest first, by rightsholder.

use super::bill::period;
use super::papers::{self, By, Form, ReadAs};
use super::talk::{Exit, Talk, data, json};
use crate::bill::{term_of, what};
use crate::clock;
use crate::files;
use crate::quote::curve::{Quote, Rates, quote};
use crate::quote::{Refused, Waiting};
use anyhow::Context as _;
use cleartitle_schema::money::{Amount, Currency};
use cleartitle_schema::pricing::Metering;
use cleartitle_schema::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Flags of `quote`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Of what the policy does not keep now, the entries are grouped by the duties that they wait for: prices of open offers and of
agreements, attribution, licenses to obtain. Whether the policy would keep them once the duties are met is decided, not supposed.
Groups are taken on cheapest document first; a fee that one group has paid is not paid again for the next. What each step costs
is the exact bill of all steps so far, or with --from and --to what of it falls into that period.

There is one curve for each currency: none is ever changed into another. With --rates FILE, at your own rates, there is one:
  base = \"USD\"
  [rates]
  EUR = \"1.08\"                               # one EUR in USD

What is reserved without an offer, disputed or unknown can't be bought here: it is told with the domains that could be asked.

Exit: 0 everything is kept or has a price, 1 some documents have none, 2 some rows could not be read, or there are none.

Examples:
  cleartitle quote --snapshot terms.snapshot --policy cleartitle.toml manifest.jsonl
  cleartitle quote --snapshot terms.snapshot --policy cleartitle.toml --rates rates.toml --format json *.jsonl")]
pub struct Args {
    #[command(flatten)]
    by: By,
    /// What was counted beside the documents, as `cleartitle bill` reads it.
    #[arg(long, value_name = "FILE")]
    counts: Option<PathBuf>,
    /// Exchange rates of your own.
    #[arg(long, value_name = "FILE")]
    rates: Option<PathBuf>,
    /// Begin of the period that is quoted.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    from: Option<Timestamp>,
    /// End of the period that is quoted; its first moment is no longer in it.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    to: Option<Timestamp>,
    /// When the use takes place, and offers are accepted. Left out: now.
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RatesFile {
    base: Currency,
    rates: BTreeMap<Currency, cleartitle_schema::money::Money>,
}

#[derive(Debug, Serialize)]
struct Told<'q> {
    log_size: u64,
    used_at: Timestamp,
    damaged: u64,
    #[serde(flatten)]
    quote: &'q Quote,
    #[serde(skip_serializing_if = "Option::is_none")]
    rates: Option<&'q Rates>,
    beyond: u64,
    refused: &'q BTreeMap<String, Refused>,
    refused_unnamed: u64,
}

fn rates(path: Option<&Path>) -> anyhow::Result<Option<Rates>> {
    let Some(path) = path else { return Ok(None) };
    let text = files::read_text(path, 1 << 20)?;
    let read: RatesFile = toml::from_str(&text).with_context(|| format!("`{}` holds no rates", path.display()))?;
    anyhow::ensure!(!read.rates.contains_key(&read.base), "the base `{}` has a rate of its own", read.base);
    Ok(Some(Rates { base: read.base, rates: read.rates }))
}

/// Runs the verb.
///
/// # Errors
/// Whatever stands in the way of quoting at all.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    let period = period(args.from, args.to)?;
    let (rates, counts) = (rates(args.rates.as_deref())?, papers::counts(args.counts.as_deref())?);
    let judge = args.by.judge(args.used_at)?;
    let mut waiting = Waiting::default();
    let read = papers::judged(&judge, args.read_as.papers(&args.papers), talk, |judged| {
        waiting.add(&judge, &judged).context("pull the snapshot again")
    })?;
    let mut terms = BTreeMap::new();
    for id in waiting.groups.keys().flatten().filter_map(|owed| owed.statement) {
        if let Some(term) = term_of(&judge, &id, Some(judge.used_at)).context("pull the snapshot again")? {
            terms.insert(id, term);
        }
    }
    let metering = Metering { counts, terms, period, ..Metering::default() };
    let found = quote(&waiting, &metering, rates.as_ref());
    if waiting.beyond > 0 {
        talk.warn(format_args!("{} documents wait for more different terms than are priced", waiting.beyond));
    }
    if rates.is_some() {
        talk.say("sums in one currency are at the rates of --rates, which nobody but you vouches for");
    }
    let told = Told {
        log_size: judge.snapshot.header().size,
        used_at: judge.used_at,
        damaged: read.damaged,
        quote: &found,
        rates: rates.as_ref(),
        beyond: waiting.beyond,
        refused: &waiting.refused,
        refused_unnamed: waiting.unnamed.documents,
    };
    match args.format {
        Form::Json => json(&told)?,
        Form::Csv => data(csv(&found))?,
        Form::Human => data(waiting.told(&found))?,
    }
    let open = !found.unpriced.is_empty() || waiting.beyond > 0 || !waiting.refused.is_empty();
    Ok(read.exit(u64::from(open)))
}

/// One row for each duty of each step.
fn csv(quote: &Quote) -> String {
    let head =
        ["curve", "step", "clear", "documents", "payee", "statement", "duty", "kind", "adds", "currency", "cost"];
    let mut text = papers::csv_row(head);
    for curve in &quote.curves {
        let named = curve.currency.map_or("all", Currency::code);
        for (number, step) in curve.steps.iter().enumerate() {
            let cost: Vec<String> = step.cost.iter().map(Amount::to_string).collect();
            for asked in &step.asked {
                let amount = |of: fn(&Amount) -> String| asked.adds.as_ref().map(of).unwrap_or_default();
                text.push_str(&papers::csv_row([
                    named,
                    &(number + 1).to_string(),
                    &step.clear.to_string(),
                    &step.documents.to_string(),
                    &asked.owed.to,
                    &asked.owed.statement.map(|id| id.to_string()).unwrap_or_default(),
                    &what(&asked.owed.duty.action),
                    if asked.fixed { "once" } else { "per-document" },
                    &amount(|it| it.amount.to_string()),
                    &amount(|it| it.currency.to_string()),
                    &cost.join(" + "),
                ]));
            }
        }
    }
    text
}
