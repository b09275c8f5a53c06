//! `cleartitle check`: judges every row of a manifest by a snapshot and a policy, and says yes only if all are kept.

use super::explain;
use super::talk::{Exit, Format, Talk, data, shown};
use crate::dataset::mistakes::Mistakes;
use crate::dataset::{self, Entry, Item};
use crate::gate::{Finding, Judge, Judged, Level};
use crate::lineage::{Index, resolve};
use crate::{clock, policy_file};
use anyhow::Context as _;
use cleartitle_schema::decide::{Decision, Verdict};
use cleartitle_schema::policy::{Disposition, Exception, Outcome};
use cleartitle_schema::time::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Flags of `check`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A row is one JSON object a line: a manifest's row as `filter` writes it, or {\"url\": ..., \"content\": \"blake3:...\",
\"captured_at\": ...} with any other member of an acquisition, or the same as columns of a Parquet file.

Papers that data sets already have are read too, known by their names (.dvc, dvc.lock, .md, .yaml, .tsv, .csv, .parquet, a
folder) and else by their first bytes (PAR1, ---, bomFormat, spdxId, an @context); what is none of these is read as rows.
--paper-format says it outright. An entry is found by content id, sha256, sha1, URL and collection: a data set of the Hugging
Face hub as hf:owner/name, any other by its title, in lower case. A file that a paper claims beside itself is read and held
against its digests, unless --no-digests; other ids are taken at the paper's word. A stated license never clears; that it is
unknown, unversioned or contradicted is told, and so are other mistakes: each code has a page in schema/papers. A finding of
the level `error` makes the answer no.

A sheet's columns are known by usual headers (Dataset Name, License, Url, SHA-256, Commit ...), or by --columns.

Exit: 0 every row is kept, 1 the policy drops some or wants them reviewed, 2 some rows could not be read, or there are none.
With --format json every row is one line, and the last line has \"end\": true; without it the output was cut off.

Examples:
  cleartitle check --snapshot terms.snapshot --policy cleartitle.toml manifest.jsonl
  cleartitle check --snapshot terms.snapshot --policy cleartitle.toml --format json manifest.jsonl
  cleartitle check --snapshot terms.snapshot --policy cleartitle.toml croissant.json README.md data.dvc
  cleartitle check --snapshot terms.snapshot --policy cleartitle.toml --columns name=Set,license=Terms sheet.tsv")]
pub struct Args {
    /// The snapshot to judge by.
    #[arg(long, value_name = "FILE")]
    snapshot: PathBuf,
    /// A folder of sealed deals of yours, which only you can read: their terms join the snapshot's, here and nowhere else.
    #[arg(long, value_name = "DIR")]
    sealed: Option<PathBuf>,
    /// The policy to judge by.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// The log's key. Left out: the policy's, or the one that the snapshot was pulled with.
    #[arg(long, value_name = "KEY")]
    log_key: Option<String>,
    /// When the use takes place. Left out: now.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    used_at: Option<Timestamp>,
    /// A table of crawler tokens newer than the built-in one (`cleartitle agents` prints that), as `filter` had it.
    #[arg(long, value_name = "FILE")]
    agents: Option<PathBuf>,
    /// In which form.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The form of the papers. Left out: each by its name and first bytes.
    #[arg(long, value_enum, value_name = "FORM")]
    paper_format: Option<dataset::Format>,
    /// What a sheet's columns are: `name=HEADER,license=HEADER,url=HEADER,...`, or a TOML file of such members.
    #[arg(long, value_name = "MAP|FILE", value_parser = dataset::Columns::parse)]
    columns: Option<dataset::Columns>,
    /// Leave the files that papers claim unread.
    #[arg(long)]
    no_digests: bool,
    /// The manifests, or other papers of a data set.
    #[arg(value_name = "PAPER", required = true)]
    papers: Vec<PathBuf>,
}

/// What became of one row.
#[derive(Debug, Default, Serialize)]
struct Told {
    #[serde(skip)]
    file: String,
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<Disposition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<Decision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    damage: Option<String>,
}

/// What became of all rows.
#[derive(Debug, Default, Serialize)]
struct Sum {
    end: bool,
    rows: u64,
    keep: u64,
    review: u64,
    drop: u64,
    damaged: u64,
    findings: BTreeMap<&'static str, u64>,
    #[serde(skip)]
    errors: u64,
    verdicts: BTreeMap<&'static str, u64>,
    log_size: u64,
}

impl Sum {
    fn count(&mut self, judged: &Told) {
        self.rows += 1;
        match judged.action {
            Some(Disposition::Keep) => self.keep += 1,
            Some(Disposition::Review) => self.review += 1,
            Some(Disposition::Drop) => self.drop += 1,
            None => self.damaged += 1,
        }
        if let Some(verdict) = judged.verdict {
            *self.verdicts.entry(verdict.word()).or_default() += 1;
        }
    }

    const fn exit(&self) -> Exit {
        Exit::over(self.rows, self.damaged, self.review + self.drop + self.errors)
    }
}

/// Runs the verb.
///
/// # Errors
/// Whatever stands in the way of judging at all.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    let now = clock::now();
    let mut policy = policy_file::load(&args.policy)?;
    super::know_agents(&mut policy, args.agents.as_deref())?;
    let deals = args.sealed.as_deref();
    let asked = super::open_with_deals(&args.snapshot, deals, args.log_key.as_deref(), Some(&policy), now)?;
    let snapshot = asked.snapshot;
    let judge = Judge { snapshot, policy, used_at: args.used_at.unwrap_or(now) };
    let mut out = anstream::stdout().lock();
    let mut sum = Sum { log_size: judge.snapshot.header().size, ..Sum::default() };
    let mut used = BTreeSet::new();
    let mut findings = Vec::new();
    let mut mistakes = Mistakes::default();
    let columns = args.columns.clone().unwrap_or_default();
    let index = super::papers::index(&args.papers, talk)?;
    for paper in &args.papers {
        let unread = || format!("cannot read `{}`", paper.display());
        for item in dataset::open_by(paper, args.paper_format, &columns)? {
            let item = item.with_context(unread)?;
            if let Item::Entry(entry) = &item {
                findings.extend(mistakes.look(entry));
                if !args.no_digests && !entry.files.is_empty() {
                    findings.extend(verified(entry, paper, talk));
                }
            }
            let judged = told(&judge, &index, item)?;
            sum.count(&judged);
            if let Some(because) = judged.because.as_ref().filter(|because| because.starts_with("exception by ")) {
                used.insert(because.clone());
            }
            match args.format {
                Format::Json => writeln!(out, "{}", serde_json::to_string(&judged)?)?,
                Format::Human => in_words(&mut out, &judged)?,
            }
        }
    }
    findings.extend(mistakes.end());
    for finding in &findings {
        *sum.findings.entry(finding.code).or_default() += 1;
        sum.errors += u64::from(finding.level == Level::Error);
        found(&mut out, finding, args.format)?;
    }
    out.flush()?;
    drop(out);
    sum.end = true;
    match args.format {
        Format::Json => data(format_args!("{}\n", serde_json::to_string(&sum)?))?,
        Format::Human => data(format_args!(
            "check: {} rows: {} keep, {} review, {} drop, {} damaged\n",
            sum.rows, sum.keep, sum.review, sum.drop, sum.damaged
        ))?,
    }
    for unused in unused(&judge, &used) {
        talk.warn(unused);
    }
    if sum.rows == 0 {
        let papers: Vec<String> = args.papers.iter().map(|paper| format!("`{}`", paper.display())).collect();
        talk.warn(format_args!("{} holds no rows, so there is nothing to say yes to", papers.join(", ")));
    }
    Ok(sum.exit())
}

/// Exceptions that fitted no row: left behind, they wait for one that nobody thought of.
fn unused(judge: &Judge, used: &BTreeSet<String>) -> Vec<String> {
    let exceptions = judge.policy.actions.exceptions.iter();
    let told = |exception: &Exception| {
        let Exception { owner, because, expires, .. } = exception;
        if judge.used_at >= *expires {
            return Some(format!("the policy's exception by {} has expired at {expires}", shown(owner)));
        }
        let fitted = used.contains(&format!("exception by {owner}: {because}"));
        (!fitted).then(|| format!("the policy's exception by {} fits no row: {}", shown(owner), shown(because)))
    };
    exceptions.filter_map(told).collect()
}

/// Holds the files that an entry claims against those beside its paper.
fn verified(entry: &Entry, paper: &Path, talk: Talk) -> Vec<Finding> {
    let bytes = entry.files.iter().filter_map(|claim| claim.bytes).sum();
    let bar = talk.progress(bytes, entry.name.as_deref().unwrap_or("files"));
    let base = paper.parent().unwrap_or(Path::new(""));
    let findings = dataset::files::verify(entry, base, &mut |read| bar.inc(read));
    bar.finish_and_clear();
    findings
}

/// Tells a finding. Notes are counted for people, and listed for programs.
fn found(out: &mut impl Write, finding: &Finding, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => writeln!(out, "{}", serde_json::json!({ "finding": finding }))?,
        Format::Human if finding.level == Level::Note => {}
        Format::Human => {
            let level = if finding.level == Level::Error { "error" } else { "warning" };
            let about = finding.about.as_deref().map(|about| format!(" {}:", shown(about))).unwrap_or_default();
            writeln!(out, "{}: {level}: {}:{about} {}", finding.place, finding.code, shown(&finding.message))?;
            if let Some(hint) = &finding.hint {
                writeln!(out, "  hint: {hint}")?;
            }
        }
    }
    Ok(())
}

/// What is told of an entry, or of what could not be read as one.
fn told(judge: &Judge, index: &Index, item: Item) -> anyhow::Result<Told> {
    Ok(match item {
        Item::Damage { place, what } => Told {
            file: place.to_string(),
            line: place.line.unwrap_or_default(),
            damage: Some(what),
            ..Told::default()
        },
        Item::Entry(entry) => {
            let judged = judge.judge(resolve(*entry, index)).context("pull the snapshot again")?;
            let about = judged.about();
            let Judged { entry, decision, outcome } = judged;
            let Outcome { action, because } = outcome;
            Told {
                file: entry.place.to_string(),
                line: entry.place.line.unwrap_or_default(),
                about,
                verdict: Some(decision.verdict),
                action: Some(action),
                because: Some(because),
                decision: Some(decision),
                damage: None,
            }
        }
    })
}

/// Rows that are kept are counted only; every other is told with its reasons.
fn in_words(out: &mut impl Write, judged: &Told) -> anyhow::Result<()> {
    if let Some(damage) = &judged.damage {
        writeln!(out, "{}: damaged: {}", judged.file, shown(damage))?;
    }
    let (Some(action), Some(decision)) = (judged.action, &judged.decision) else { return Ok(()) };
    if action != Disposition::Keep {
        let about = judged.about.as_deref().map(shown).unwrap_or_default();
        writeln!(out, "{}: {action}: {} {about}", judged.file, decision.verdict)?;
        write!(out, "{}", explain::decision(decision))?;
        let because = judged.because.as_deref().unwrap_or_default();
        writeln!(out, "  policy: {action} ({})", shown(because))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_manifest_read_whole_and_kept_whole_is_a_yes() {
        let exit = |rows, keep, drop, damaged| Sum { rows, keep, drop, damaged, ..Sum::default() }.exit();
        assert_eq!(exit(2, 2, 0, 0), Exit::Clean);
        assert_eq!(exit(2, 1, 1, 0), Exit::Refused);
        assert_eq!(exit(2, 1, 0, 1), Exit::Failed);
        assert_eq!(exit(2, 0, 1, 1), Exit::Failed);
        assert_eq!(exit(0, 0, 0, 0), Exit::Failed);
    }
}
