//! `cleartitle check`: the gate. Judges every entry of a data set's manifests by a snapshot and a policy, and says yes only if all may
//! stay.

use super::locked::{self, Aside, From};
use super::papers::ReadAs;
use super::talk::{Exit, Hint as _, Talk, advised, data, shown};
use super::{Asked as Opened, open_locked, open_with_deals};
use crate::dataset::{self, Entry, Papers};
use crate::files;
use crate::gate::baseline::Baseline;
use crate::gate::drift::{self, Drift};
use crate::gate::lock::Lock;
use crate::gate::papers::Verify;
use crate::gate::report::{MAX_TOLD, Told};
use crate::gate::rules::Rules;
use crate::gate::told::{Form, excerpt, told};
use crate::gate::{Asked, Finding, Gate, Judge, Report, RunError, baseline};
use crate::impact::{Comparison, Earlier};
use crate::lineage::Index;
use crate::{clock, policy_file};
use anyhow::Context as _;
use cleartitle_schema::policy::Policy;
use cleartitle_schema::time::Timestamp;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Write as _};
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

Where cleartitle.lock lies beside the policy, it says which snapshot is judged by and for a use at what time, so that the answer
stays the same until `cleartitle update` moves it; the clock is not asked. --latest compares with the newest state instead: exit 1
where something that the lock lets through no longer may stay, with the statement that made the difference (a nightly job).

A baseline knows findings again by their code, by what they are about and by the bytes named, so that old debt does not close the gate:
--write-baseline writes down what there is now, --baseline takes it. What can't be read is never debt.

Exit: 0 every entry is kept, 1 the policy drops some or wants them reviewed, 2 some could not be read, or a manifest holds none.
With --format json every entry is one line, then every finding, and the last line has \"end\": true; without it the output was cut off.

Examples:
  cleartitle check --snapshot terms.snapshot --policy cleartitle.toml manifest.jsonl
  cleartitle check croissant.json README.md data.dvc
  cleartitle check --columns name=Set,license=Terms sheet.tsv
  cleartitle update --registry https://registry.example manifest.jsonl && cleartitle check manifest.jsonl
  cleartitle check --report sarif=check.sarif --report html=check.html manifest.jsonl more.jsonl
  cleartitle check --write-baseline manifest.jsonl && cleartitle check --baseline cleartitle-baseline.jsonl manifest.jsonl
  cleartitle check --latest --registry https://registry.example manifest.jsonl
  cleartitle check --latest --registry s3://bucket/log manifest.jsonl               # no server: `pull --help`")]
pub struct Args {
    /// The snapshot to judge by; with --latest, the newest. Left out: the one that the lock names.
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// A folder of sealed deals of yours, which only you can read: their terms join the snapshot's, here and nowhere else.
    #[arg(long, value_name = "DIR")]
    sealed: Option<PathBuf>,
    /// The policy to judge by.
    #[arg(long, value_name = "FILE", default_value = "cleartitle.toml")]
    policy: PathBuf,
    /// The lock. Left out: cleartitle.lock beside the policy, where there is one.
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// Judge by --snapshot and the clock, whatever lock lies there.
    #[arg(long, conflicts_with = "lock", requires = "snapshot")]
    no_lock: bool,
    /// The log's key. Left out: the policy's, or the one that the snapshot was pulled with.
    #[arg(long, value_name = "KEY")]
    log_key: Option<String>,
    /// When the use takes place. Left out: as the lock says, or without one, now.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    used_at: Option<Timestamp>,
    /// A table of crawler tokens newer than the built-in one (`cleartitle agents` prints that), as `filter` had it.
    #[arg(long, value_name = "FILE")]
    agents: Option<PathBuf>,
    /// Findings that are known, and don't close the gate.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write every finding that closes the gate to the baseline (cleartitle-baseline.jsonl beside the policy unless named).
    #[arg(long, conflicts_with = "latest")]
    write_baseline: bool,
    /// Compare what the lock lets through with the newest state: pulled from --registry, or --snapshot.
    #[arg(long, conflicts_with = "no_lock")]
    latest: bool,
    /// The registry's address, or where its log lies (https://, s3://bucket/prefix, file:///folder), for --latest.
    #[arg(long, value_name = "URL", env = "CLEARTITLE_REGISTRY")]
    registry: Option<String>,
    /// Allow plain http to another machine.
    #[arg(long)]
    allow_http: bool,
    /// In which form stdout is.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    /// Write another form to a file: human, json, sarif, junit, github, markdown, html; again for more.
    #[arg(long, value_name = "FORM=FILE", value_parser = form_and_file)]
    report: Vec<(Form, PathBuf)>,
    /// On how many threads. Left out: one a core.
    #[arg(long, value_name = "NUMBER")]
    threads: Option<usize>,
    #[command(flatten)]
    read_as: ReadAs,
    /// Leave the files that papers claim unread.
    #[arg(long)]
    no_digests: bool,
    /// The manifests, or other papers of a data set.
    #[arg(value_name = "PAPER", required = true)]
    papers: Vec<PathBuf>,
}

fn form_and_file(text: &str) -> Result<(Form, PathBuf), String> {
    let told = "expected FORM=FILE, such as sarif=check.sarif";
    let (form, file) = text.split_once('=').filter(|(_, file)| !file.is_empty()).ok_or(told)?;
    <Form as clap::ValueEnum>::from_str(form, false).map(|form| (form, PathBuf::from(file)))
}

/// The name of a baseline, beside the policy.
const BASELINE: &str = "cleartitle-baseline.jsonl";

/// What is judged by.
struct By {
    judge: Judge,
    plain: Policy,
    rules: Rules,
    /// What entries are made from.
    index: Index,
    /// The lock, and its place.
    lock: Option<(Lock, PathBuf)>,
}

/// Runs the verb.
///
/// # Errors
/// Whatever stands in the way of judging at all.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    spare(args)?;
    let (mut policy, rules) = policy_file::load_with_rules(&args.policy)?;
    super::know_agents(&mut policy, args.agents.as_deref())?;
    let lock = lock(args)?;
    if args.latest {
        let lock = lock.context("--latest compares with a lock").hint("`cleartitle update` writes one")?;
        return latest(args, policy, rules, lock, talk);
    }
    let by = by(args, policy, rules, lock, talk)?;
    let gate = gate(args, &by)?;
    let lock = by.lock.as_ref().map(|(_, place)| place.display().to_string());
    let mut out = anstream::stdout().lock();
    let files = |entry: &Entry, folder: &Path| verified(entry, folder, talk);
    let verify: Option<Verify<'_>> = if args.no_digests { None } else { Some(&files) };
    let ran = gate.run(papers(args), verify, lock, &mut out).map_err(|error| match error {
        RunError::Snapshot(_) => advised(error, "pull the snapshot again"),
        other => other.into(),
    })?;
    out.flush()?;
    drop(out);
    if args.write_baseline {
        let path = args.baseline.clone().unwrap_or_else(|| args.policy.with_file_name(BASELINE));
        files::replace(&path, ran.collected.to_text()?.as_bytes())?;
        talk.say(format_args!("wrote {} findings to {}", ran.collected.len(), path.display()));
    }
    tell(args, &ran.report)?;
    for (paper, _) in ran.report.papers.iter().filter(|(_, sum)| sum.rows == 0) {
        talk.warn(format_args!("`{}` holds no rows, so there is nothing to say yes to", shown(paper)));
    }
    Ok(exit(&ran.report, args.write_baseline))
}

/// No report goes where something is read from, or where another report goes.
fn spare(args: &Args) -> anyhow::Result<()> {
    let lock = locked::place(args.lock.as_deref(), &args.policy);
    let named = [Some(&args.policy), Some(&lock), args.snapshot.as_ref(), args.baseline.as_ref(), args.agents.as_ref()];
    let mut taken: Vec<&Path> = named.into_iter().flatten().chain(&args.papers).map(PathBuf::as_path).collect();
    for (_, path) in &args.report {
        files::spare(path, &taken)?;
        taken.push(path);
    }
    Ok(())
}

/// How a run ends. Debt that has just been written down closes the gate no more.
fn exit(report: &Report, written_down: bool) -> Exit {
    let empty = report.papers.iter().any(|(_, sum)| sum.rows == 0);
    let rows = if empty { 0 } else { report.sum.rows };
    Exit::over(rows, report.sum.damaged, if written_down { 0 } else { report.errors() })
}

/// What is read.
fn papers(args: &Args) -> Papers<'_> {
    let papers = args.read_as.papers(&args.papers);
    Papers { workers: args.threads.unwrap_or(papers.workers).clamp(1, 64), ..papers }
}

/// Holds the files that an entry claims against those that lie in a folder.
fn verified(entry: &Entry, folder: &Path, talk: Talk) -> Vec<Finding> {
    let bytes = entry.files.iter().filter_map(|claim| claim.bytes).sum();
    let bar = talk.progress(bytes, &shown(entry.name.as_deref().unwrap_or("files")));
    let findings = dataset::files::verify(entry, folder, &mut |read| bar.inc(read));
    bar.finish_and_clear();
    findings
}

/// The lock that decides, where one does.
fn lock(args: &Args) -> anyhow::Result<Option<(Lock, PathBuf)>> {
    let place = locked::place(args.lock.as_deref(), &args.policy);
    // A link that leads nowhere is a lock that can't be read, and no freedom to judge without one.
    if args.no_lock || (args.lock.is_none() && !locked::stands(&place)) {
        return Ok(None);
    }
    let lock = locked::read(&place).hint("`cleartitle update` writes it")?;
    Ok(Some((lock, place)))
}

/// The snapshot and the time: the lock's, to the letter, or else the named one and now.
fn by(args: &Args, policy: Policy, rules: Rules, lock: Option<(Lock, PathBuf)>, talk: Talk) -> anyhow::Result<By> {
    let named = args.snapshot.clone().or_else(|| lock.as_ref().map(|(lock, place)| locked::snapshot_of(lock, place)));
    let snapshot = named.context("no snapshot is named, and no lock names one").hint(
        "--snapshot FILE, or `cleartitle update --registry URL`, which writes cleartitle.lock beside the policy",
    )?;
    let now = lock.as_ref().map_or_else(clock::now, |(lock, _)| lock.used_at);
    let opened = if lock.is_some() {
        let (deals, log_key) = (args.sealed.as_deref(), args.log_key.as_deref());
        open_locked(&snapshot, deals, log_key, Some(&policy), now)?
    } else {
        open(args, &snapshot, &policy, now)?
    };
    if opened.younger > 0 {
        let younger = opened.younger;
        talk.say(format_args!(
            "{younger} sealed statements are younger than the lock, and count once `cleartitle update` moved it"
        ));
    }
    if let Some((lock, place)) = &lock {
        lock.holds(opened.snapshot.header(), opened.public)
            .map_err(|error| locked::other_state(error, place, &snapshot))?;
    }
    let plain = without_exceptions(&policy);
    let used_at = args.used_at.unwrap_or(now);
    let index = super::papers::index(papers(args), talk)?;
    Ok(By { judge: Judge { snapshot: opened.snapshot, policy, used_at }, plain, rules, index, lock })
}

fn open(args: &Args, snapshot: &Path, policy: &Policy, now: Timestamp) -> anyhow::Result<Opened> {
    open_with_deals(snapshot, args.sealed.as_deref(), args.log_key.as_deref(), Some(policy), now)
}

/// By this the entries are judged that no exception fits, so that rulings can be remembered.
fn without_exceptions(policy: &Policy) -> Policy {
    let mut plain = policy.clone();
    plain.actions.exceptions.clear();
    plain
}

fn gate<'g>(args: &Args, by: &'g By) -> anyhow::Result<Gate<'g>> {
    let known = match &args.baseline {
        // Written anew, an older one tells nothing.
        Some(path) if !args.write_baseline => {
            let shown = || format!("cannot use `{}`", path.display());
            let file = File::open(path).with_context(shown).hint("--write-baseline writes one")?;
            Some(Baseline::read(BufReader::new(file)).with_context(shown)?)
        }
        _ => None,
    };
    let asked = Asked { rows: args.format == Form::Json && !args.latest, baseline: args.write_baseline };
    let policy = args.policy.display().to_string();
    Ok(Gate::new(&by.judge, &by.plain, &by.rules, &by.index, &policy).with_baseline(known).asked(asked))
}

/// What the lock lets through, judged again by the newest state and now.
fn latest(
    args: &Args,
    policy: Policy,
    rules: Rules,
    (lock, place): (Lock, PathBuf),
    talk: Talk,
) -> anyhow::Result<Exit> {
    let locked_snapshot = locked::snapshot_of(&lock, &place);
    let aside = if args.snapshot.is_none() { Some(Aside::of(&locked_snapshot)?) } else { None };
    let newest = match (&args.snapshot, &aside) {
        (Some(named), _) => named.clone(),
        (None, Some(aside)) => {
            let registry = args
                .registry
                .as_deref()
                .context("--latest needs the newest state")
                .hint("--registry URL pulls it, --snapshot FILE names one that was pulled")?;
            let log_key = args.log_key.as_deref();
            let from = From { registry, allow_http: args.allow_http, log_key, policy: &policy };
            locked::pull(&from, &aside.path(), Some(&lock), talk)?;
            aside.path()
        }
        (None, None) => locked_snapshot,
    };
    let now = args.used_at.unwrap_or_else(clock::now);
    let opened = open(args, &newest, &policy, now)?;
    let header = opened.snapshot.header();
    if header.size < lock.size || header.origin != lock.origin {
        let told = format!("the newest snapshot is of log size {}, the lock of {}", header.size, lock.size);
        return Err(advised(told, "pull again; a registry that shows less than it did is not to be believed"));
    }
    let plain = without_exceptions(&policy);
    let by = By {
        judge: Judge { snapshot: opened.snapshot, policy, used_at: now },
        plain,
        rules,
        index: super::papers::index(papers(args), talk)?,
        lock: None,
    };
    let shown_lock = Some(place.display().to_string());
    let papers = papers(args);
    let judged = gate(args, &by)?.run(papers, None, shown_lock, &mut std::io::sink())?;
    // Only what the lock let through: what it refuses is told by every other run.
    let mut report = Report { told: Vec::new(), codes: std::collections::BTreeMap::new(), debt: None, ..judged.report };
    let Judge { snapshot, policy, .. } = by.judge;
    let earlier = Earlier::Size(lock.size);
    let comparison = Comparison { newer: snapshot, earlier, then: lock.used_at, now, policy };
    let mut found: Vec<(Finding, Vec<String>)> = Vec::new();
    let drift = Drift::over(&comparison, papers, &by.index, |heard| {
        if let Ok(example) = heard
            && found.len() < MAX_TOLD
        {
            found.push(drift::finding(example, &comparison.newer));
        }
    })?;
    for (finding, notes) in found {
        let fingerprint = baseline::fingerprint(&finding, None);
        report.tell(Told { finding, fingerprint, notes });
    }
    tell(args, &report)?;
    let all = drift.tally.all;
    talk.say(format_args!(
        "log size {} -> {}: {} to remove, {} to admit, {} for other reasons",
        lock.size,
        comparison.newer.header().size,
        all.remove,
        all.admit,
        all.other
    ));
    Ok(Exit::over(if drift.empty { 0 } else { drift.rows }, drift.damaged, all.remove))
}

/// Tells the report on stdout, in the files that were asked for, and in GitHub's summary.
fn tell(args: &Args, report: &Report) -> anyhow::Result<()> {
    let excerpts = excerpt::of(&report.told);
    data(told(report, &excerpts, args.format))?;
    for (form, path) in &args.report {
        let text = told(report, &excerpts, *form);
        files::replace(path, anstream::adapter::strip_str(&text).to_string().as_bytes())?;
    }
    if args.format == Form::Github
        && let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty())
    {
        let shown = Path::new(&path).display().to_string();
        let file = OpenOptions::new().append(true).create(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(told(report, &excerpts, Form::Markdown).as_bytes()));
        written.with_context(|| format!("cannot write the summary `{shown}`"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Level;
    use crate::gate::report::Sum;

    #[test]
    fn only_manifests_read_whole_and_kept_whole_are_a_yes() {
        let exit = |rows: u64, errors: u64, damaged: u64, written: bool| {
            let sum = Sum { rows, damaged, ..Sum::default() };
            let mut report = Report { papers: vec![("m".to_owned(), sum.clone())], sum, ..Report::default() };
            (0..errors).for_each(|_| report.count("rights-reserved", Level::Error));
            super::exit(&report, written)
        };
        assert_eq!(exit(2, 0, 0, false), Exit::Clean);
        assert_eq!(exit(2, 1, 0, false), Exit::Refused);
        assert_eq!(exit(2, 1, 0, true), Exit::Clean);
        assert_eq!(exit(2, 1, 1, true), Exit::Failed);
        assert_eq!(exit(2, 0, 1, false), Exit::Failed);
        assert_eq!(exit(0, 0, 0, false), Exit::Failed);
    }

    #[test]
    fn a_report_names_its_form_and_its_file() {
        assert_eq!(form_and_file("sarif=a=b").unwrap(), (Form::Sarif, PathBuf::from("a=b")));
        assert!(form_and_file("sarif").is_err() && form_and_file("pdf=x").is_err() && form_and_file("sarif=").is_err());
    }
}
