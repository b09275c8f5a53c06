//! `cleartitle export`: writes a data set's inventory in a form that other tools read.

use super::papers::{By, ReadAs};
use super::talk::{Exit, Talk, data};
use crate::clock;
use crate::disclosure::answers::{Answers, Given};
use crate::disclosure::gather;
use crate::export::{self, Input, Inventory, Target};
use crate::files;
use crate::gate::Judge;
use anyhow::Context as _;
use cleartitle_schema::time::Timestamp;
use std::path::PathBuf;

/// Flags of `export`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
One file or package stands for each paper: its SHA-256 and BLAKE3, how many entries it lists, their verdicts, the licenses that it
states, the statements that decided; beside it the files that it claims, with their digests, and its first 1,000 entries with what
the form has a place for. What it has none for is said under cleartitle:not-carried, and `check` takes that for damage: an
inventory is never better than its papers. Ids are made of the papers' digests, and no clock is read: equal inputs give equal bytes.

croissant is Croissant 1.1; spdx is SPDX 3.0.1, cyclonedx CycloneDX 1.6. Names come from --name, who
answers for the data set from [disclosure] provider-name, else the policy's asker. Beside sealed deals (--sealed) no statement is told
by its id.

Exit: 0 written, 1 written and not whole (lists have bounds; how much is left out is said), 2 some entries could not be read, or
there are none.

Examples:
  cleartitle export --to croissant --snapshot terms.snapshot --policy cleartitle.toml --out croissant.json out/manifest.jsonl
  cleartitle export --to spdx --name corpus-1 --snapshot terms.snapshot --policy cleartitle.toml out/manifest.jsonl
  cleartitle export --to cyclonedx --as-of 2026-11-01 --snapshot terms.snapshot --policy cleartitle.toml out/manifest.jsonl")]
pub struct Args {
    /// In which form.
    #[arg(long, value_enum)]
    to: Target,
    #[command(flatten)]
    by: By,
    /// Answers beside the policy's, for who answers for the data set and whether it holds personal information.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// The data set's name. Left out: the first paper's.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The moment that the inventory is true of. Left out: the snapshot's last statement.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    as_of: Option<Timestamp>,
    /// Where to, replacing what is there. Left out: stdout.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    read_as: ReadAs,
    /// The data set's papers.
    #[arg(required = true, value_name = "MANIFEST")]
    papers: Vec<PathBuf>,
}

/// Runs the verb.
///
/// # Errors
/// Whatever stands in the way of reading, judging or writing at all.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    // The clock says only whether the snapshot is still fresh enough for the policy; nothing that is written hangs on it.
    super::disclose::spare(args.out.as_deref(), &args.by, &args.papers, args.answers.as_deref())?;
    let mut judge = args.by.judge(None)?;
    let answers = super::disclose::answers(args.by.policy(), args.answers.as_deref())?;
    let (policy_digest, snapshot) = super::disclose::judged_by(&args.by, &judge)?;
    let (as_of, _) = super::disclose::moment(args.as_of, &[], judge.snapshot.header().time);
    judge.used_at = as_of;
    let read = |path: &PathBuf| Input::of(path).with_context(|| format!("cannot read `{}`", path.display()));
    let mut inputs = args.papers.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
    let papers = args.read_as.papers(&args.papers);
    let facts = gather::gather(&judge, Vec::new(), papers, args.by.sealed().is_some(), |rank, judged| {
        inputs[rank].count(judged)
    })?;
    let inventory = Inventory {
        name: args.name.clone().unwrap_or_else(|| inputs.first().map(|input| input.name.clone()).unwrap_or_default()),
        originator: originator(&answers, &judge),
        as_of,
        policy_digest,
        snapshot,
        personal: match answers.of("personal-information") {
            Some(Given::YesNo(yes)) => Some(*yes),
            _ => None,
        },
        facts: &facts,
        inputs,
    };
    let text = format!("{}\n", serde_json::to_string_pretty(&export::export(args.to, &inventory))?);
    match &args.out {
        Some(path) => files::replace(path, text.as_bytes())?,
        None => data(text)?,
    }
    for (place, what) in &facts.damage {
        talk.warn(format_args!("{place}: damaged: {}", super::talk::shown(what)));
    }
    let beyond = inventory.beyond();
    if beyond > 0 {
        talk.warn(format_args!("{beyond} files, statements or licenses are not listed: lists have bounds"));
    }
    let (entries, damaged) = (facts.entries, facts.damaged);
    talk.say(format_args!("export: {} papers, {entries} entries, {damaged} damaged", inventory.inputs.len()));
    Ok(Exit::over(entries, damaged, beyond))
}

fn originator(answers: &Answers, judge: &Judge) -> String {
    match answers.of("provider-name") {
        Some(Given::Text(name)) => name.clone(),
        _ => judge.policy.asker.domain.as_ref().map_or_else(|| "not stated".to_owned(), ToString::to_string),
    }
}
