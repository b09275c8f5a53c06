//! `cleartitle impact`: which documents of a lab's manifests are touched by what was registered since, and what must go.

use super::papers::{self, Read, ReadAs};
use super::talk::{Exit, Format, Hint as _, Talk, data, shown};
use crate::dataset::Entry;
use crate::gate::about;
use crate::impact::{Changed, Comparison, Earlier, Moved, Tally};
use crate::snapshot::{self, Mapped};
use crate::{clock, policy_file};
use anyhow::Context as _;
use cleartitle_schema::policy::Policy;
use cleartitle_schema::time::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// How many statements and rightsholders are told; the output of `--format json` has as many.
const TOLD: usize = 1000;

/// How many are told to people.
const SHOWN: usize = 20;

/// Flags of `impact`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Each row is decided twice by one policy: as the log was (--since), at the time of that state, and by --snapshot, now. A row is
to be removed if it was kept and no longer is, whether somebody stated something, withdrew it, or its time ran out.

Exit: 0 nothing must go, 1 something must, 2 some rows could not be read, or there are none.
--out gets one JSON object for each row that changed: `remove`, `admit` (it may be kept now), `other` (the same action for other
reasons), with what was, what is, and the statements and rightsholders that made the difference.

Examples:
  cleartitle pull --registry https://registry.example --out new.snapshot
  cleartitle impact --since old.snapshot --snapshot new.snapshot --policy cleartitle.toml manifest.jsonl
  cleartitle impact --since 2026-10-01 --snapshot new.snapshot --policy cleartitle.toml --out gone.jsonl a.jsonl b.jsonl
  cleartitle impact --since 48211 --snapshot new.snapshot --policy cleartitle.toml --format json manifest.jsonl")]
pub struct Args {
    /// The earlier state: an older snapshot's file, a log size (the `next` of `/v1/changes` and one more), or a time.
    #[arg(long, value_name = "FILE|SIZE|TIME")]
    since: String,
    /// The newer snapshot.
    #[arg(long, value_name = "FILE")]
    snapshot: PathBuf,
    /// The policy to judge by, then and now.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// The log's key. Left out: the policy's, or the one that the newer snapshot was pulled with.
    #[arg(long, value_name = "KEY")]
    log_key: Option<String>,
    /// When the use takes place. Left out: now.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    used_at: Option<Timestamp>,
    /// When the earlier judgement was made. Left out: --since where it is a time, else the last registration of that state.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    used_before: Option<Timestamp>,
    /// A table of crawler tokens newer than the built-in one (`cleartitle agents` prints that), as `filter` had it.
    #[arg(long, value_name = "FILE")]
    agents: Option<PathBuf>,
    /// Write the rows that changed here, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// In which form the summary is.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    read_as: ReadAs,
    /// The manifests, as `filter` writes them, or other papers that `check` reads.
    #[arg(value_name = "MANIFEST.jsonl", required = true)]
    manifests: Vec<PathBuf>,
}

/// A row that changed.
#[derive(Serialize)]
struct Row<'r> {
    manifest: &'r str,
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<String>,
    #[serde(flatten)]
    changed: &'r Changed,
}

#[derive(Default)]
struct Sum {
    read: Read,
    tally: Tally,
}

impl Sum {
    /// What could not be read may have to go.
    const fn exit(&self) -> Exit {
        self.read.exit(self.tally.all.remove)
    }
}

/// Runs the verb.
///
/// # Errors
/// Whatever stands in the way of comparing at all.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    let now = clock::now();
    let mut policy = policy_file::load(&args.policy)?;
    super::know_agents(&mut policy, args.agents.as_deref())?;
    let newer = super::open_snapshot(&args.snapshot, args.log_key.as_deref(), Some(&policy), now)?;
    let earlier = earlier(args, &newer, &policy)?;
    let then = args.used_before.map_or_else(|| time_of(&earlier, &newer), Ok)?;
    let sizes = (size_of(&earlier, &newer), newer.header().size);
    let comparison = Comparison { newer, earlier, then, now: args.used_at.unwrap_or(now), policy };
    let mut out = args.out.as_deref().map(Beside::new).transpose()?;
    let mut sum = Sum::default();
    let papers = args.read_as.papers(&args.manifests);
    let index = papers::index(papers, talk)?;
    sum.read = papers::each(papers, &index, talk, |Entry { place, copy, .. }| {
        let Some(changed) = comparison.of(&copy).context("pull the snapshot again")? else { return Ok(()) };
        sum.tally.add(&changed);
        let Some(out) = out.as_mut() else { return Ok(()) };
        let (manifest, line) = (&*place.file, place.line.unwrap_or_default());
        out.put(&Row { manifest, line, about: about(&copy), changed: &changed })
    })?;
    if let Some(out) = out {
        out.finish()?;
    }
    match args.format {
        Format::Json => data(format_args!("{}\n", in_json(&sum, sizes)))?,
        Format::Human => in_words(&sum, sizes)?,
    }
    Ok(sum.exit())
}

/// The earlier state that `--since` names.
fn earlier(args: &Args, newer: &Mapped, policy: &Policy) -> anyhow::Result<Earlier> {
    let (since, header) = (args.since.as_str(), newer.header());
    if !since.is_empty() && since.bytes().all(|byte| byte.is_ascii_digit()) {
        let size: u64 = since.parse().context("--since: that is no log size")?;
        if size > header.size {
            let told = anyhow::anyhow!("the snapshot has {} leaves, --since names {size}", header.size);
            return Err(told).hint("`cleartitle pull` brings a newer snapshot");
        }
        return Ok(Earlier::Size(size));
    }
    if let Ok(time) = clock::parse_moment(since) {
        return Ok(Earlier::Time(time));
    }
    let path = Path::new(since);
    File::open(path)
        .with_context(|| format!("cannot read `{}`", path.display()))
        .hint("--since takes an older snapshot's file, a log size, or a time such as 2026-10-01")?;
    let log = snapshot::log_for(&args.snapshot, args.log_key.as_deref(), Some(policy))?;
    let older = snapshot::open(path, &log).with_context(|| format!("`{}`", path.display()))?;
    if older.header().size > header.size {
        let told = anyhow::anyhow!("`{}` is of a later state than `{}`", path.display(), args.snapshot.display());
        return Err(told).hint("--since takes the older of the two");
    }
    Ok(Earlier::Snapshot(Box::new(older)))
}

/// When the state was judged by: the time that was named, or that of its last registration.
fn time_of(earlier: &Earlier, newer: &Mapped) -> anyhow::Result<Timestamp> {
    match earlier {
        Earlier::Snapshot(older) => Ok(older.header().time),
        Earlier::Time(time) => Ok(*time),
        Earlier::Size(size) => {
            // Places stand in log order; sealed leaves have none, and their time changes no verdict.
            let (mut low, mut high) = (0, newer.len());
            while low < high {
                let middle = usize::midpoint(low, high);
                let statement = newer.statement(u32::try_from(middle)?).context("pull the snapshot again")?;
                if statement.index < *size { low = middle + 1 } else { high = middle }
            }
            let Some(last) = low.checked_sub(1) else { return Ok(Timestamp::MIN) };
            Ok(newer.statement(u32::try_from(last)?).context("pull the snapshot again")?.registered_at)
        }
    }
}

fn size_of(earlier: &Earlier, newer: &Mapped) -> Option<u64> {
    match earlier {
        Earlier::Snapshot(older) => Some(older.header().size),
        Earlier::Size(size) => Some((*size).min(newer.header().size)),
        Earlier::Time(_) => None,
    }
}

/// A file that is written beside its place and moved there whole.
struct Beside {
    path: PathBuf,
    file: BufWriter<tempfile::NamedTempFile>,
}

impl Beside {
    fn new(path: &Path) -> anyhow::Result<Self> {
        let folder = snapshot::folder_of(path);
        let file = tempfile::NamedTempFile::new_in(folder);
        let file = file.with_context(|| format!("cannot write into `{}`", folder.display()))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    fn put(&mut self, row: &Row<'_>) -> anyhow::Result<()> {
        serde_json::to_writer(&mut self.file, row)?;
        self.file.write_all(b"\n").with_context(|| format!("cannot write `{}`", self.path.display()))
    }

    fn finish(self) -> anyhow::Result<()> {
        let told = || format!("cannot write `{}`", self.path.display());
        let file = self.file.into_inner().map_err(std::io::IntoInnerError::into_error).with_context(told)?;
        file.as_file().sync_all().with_context(told)?;
        file.persist(&self.path).with_context(told)?;
        Ok(())
    }
}

/// The groups, those that move most first.
fn ranked<K: Display>(groups: &BTreeMap<K, Moved>) -> Vec<(String, Moved)> {
    let mut ranked: Vec<(String, Moved)> = groups.iter().map(|(key, moved)| (key.to_string(), *moved)).collect();
    ranked.sort_by_key(|(_, moved)| std::cmp::Reverse((moved.remove, moved.admit, moved.other)));
    ranked
}

fn in_json(sum: &Sum, (before, now): (Option<u64>, u64)) -> Value {
    let groups = |ranked: Vec<(String, Moved)>, name: &str| -> Vec<Value> {
        let told = |(key, Moved { remove, admit, other }): &(String, Moved)| json!({ name: key, "remove": remove, "admit": admit, "other": other });
        ranked.iter().take(TOLD).map(told).collect()
    };
    let Tally { all, by_statement, by_rightsholder, ungrouped } = &sum.tally;
    json!({
        "rows": sum.read.rows, "damaged": sum.read.damaged, "log_size_before": before, "log_size": now,
        "remove": all.remove, "admit": all.admit, "other": all.other,
        "statements": groups(ranked(by_statement), "statement"),
        "rightsholders": groups(ranked(by_rightsholder), "rightsholder"),
        "statements_left_off": by_statement.len().saturating_sub(TOLD),
        "rightsholders_left_off": by_rightsholder.len().saturating_sub(TOLD),
        "rows_not_grouped": ungrouped,
    })
}

fn in_words(sum: &Sum, (before, now): (Option<u64>, u64)) -> anyhow::Result<()> {
    let Tally { all, by_statement, by_rightsholder, .. } = &sum.tally;
    for (title, ranked) in [("by rightsholder", ranked(by_rightsholder)), ("by statement", ranked(by_statement))] {
        if ranked.is_empty() {
            continue;
        }
        data(format_args!("{title}:\n"))?;
        for (key, Moved { remove, admit, other }) in ranked.iter().take(SHOWN) {
            data(format_args!("  {}  {remove} remove, {admit} admit, {other} other\n", shown(key)))?;
        }
        if ranked.len() > SHOWN {
            data(format_args!("  and {} more\n", ranked.len() - SHOWN))?;
        }
    }
    let since = before.map_or_else(String::new, |size| format!("{size} to "));
    data(format_args!(
        "impact: {} rows, log size {since}{now}: {} to remove, {} to admit, {} for other reasons, {} damaged\n",
        sum.read.rows, all.remove, all.admit, all.other, sum.read.damaged
    ))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_read_is_no_all_clear() {
        let exit = |rows, damaged, remove| {
            let all = Moved { remove, ..Moved::default() };
            let read = Read { rows, damaged, ..Read::default() };
            Sum { read, tally: Tally { all, ..Tally::default() } }.exit()
        };
        assert_eq!((exit(3, 0, 0), exit(3, 0, 1)), (Exit::Clean, Exit::Refused));
        assert_eq!((exit(3, 1, 1), exit(3, 1, 0), exit(0, 0, 0)), (Exit::Failed, Exit::Failed, Exit::Failed));
    }
}
