//! `cleartitle disclose`: a report on a data set as a law or code asks for it, out of its papers and what people answer.

use super::papers::{By, ReadAs};
use super::talk::{Exit, Hint as _, Talk, data, shown};
use crate::disclosure::answers::Answers;
use crate::disclosure::document::Document;
use crate::disclosure::runs::RunFact;
use crate::disclosure::{self, Inputs, Template, gather, html, markdown};
use crate::files;
use crate::gate::Judge;
use crate::{clock, toml_file};
use anyhow::Context as _;
use cleartitle_schema::signed::parse_public_key;
use cleartitle_schema::time::Timestamp;
use std::path::{Path, PathBuf};

/// In which form a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Form {
    /// Markdown.
    #[default]
    Markdown,
    /// One HTML file that asks no other host for anything.
    Html,
    /// The same tree as JSON.
    Json,
}

/// Flags of `disclose`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A report fills in every section of its template. What data can't know is asked for under [disclosure] in the policy, or in a
file of its own (--answers; `cleartitle init --disclosure` writes one, commented); what nobody gave is marked as missing, what does
not apply says N/A, and an answer that the papers contradict is told. Verdicts are those of `check`. No clock is read: the report
is true as of --as-of, or the latest use among the runs given, or the snapshot's last statement, and says which.

Templates: eu, the public summary of article 53(1)(d) of the AI Act, and eu-sme, its variant for small and medium-sized
providers; california, the twelve items of AB 2013; gpai-copyright, evidence for the copyright chapter of the Code of Practice;
attribution, whom to name. What of a template could not be checked against its own text stands in the report.

Rows of a manifest may say `bytes`, `media_type` and `language` beside an acquisition's members; `filter` writes the first two.
Sealed deals count (--sealed); nothing of their terms but duties is shown, and then no statement is told by its id.

Exit: 0 nothing is missing, 1 something is missing, contradicted or incomplete, 2 some entries could not be read, or there are
none.

Examples:
  cleartitle disclose --template eu --snapshot terms.snapshot --policy cleartitle.toml out/manifest.jsonl
  cleartitle disclose --template california --answers answers.toml --format html --out ab2013.html \\
      --snapshot terms.snapshot --policy cleartitle.toml --run out/receipt.dsse.json --run-key lab.key.pub out/manifest.jsonl")]
pub struct Args {
    /// Which report.
    #[arg(long, value_enum)]
    template: Template,
    #[command(flatten)]
    by: By,
    /// Answers; where both answer, these stand.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// The receipt of a filter run, with its list of outputs beside it; again for another.
    #[arg(long, value_name = "RECEIPT", requires = "run_key")]
    run: Vec<PathBuf>,
    /// A public key that may have signed receipts; again for another.
    #[arg(long, value_name = "FILE")]
    run_key: Vec<PathBuf>,
    /// The moment that the report is true of, and of the use that is judged.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    as_of: Option<Timestamp>,
    /// In which form.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    /// Where to, replacing what is there. Left out: stdout.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    read_as: ReadAs,
    /// The data set's papers.
    #[arg(required = true, value_name = "MANIFEST")]
    papers: Vec<PathBuf>,
}

/// Answers of the policy's table and of a file; the file's stand.
///
/// # Errors
/// A file that can't be read, or a complaint about an answer.
pub(super) fn answers(policy: &Path, file: Option<&Path>) -> anyhow::Result<Answers> {
    let read = |path: &Path| files::read_text(path, toml_file::MAX_FILE as u64);
    let answers = Answers::of_policy(&policy.display().to_string(), &read(policy)?)?;
    let Some(path) = file else { return Ok(answers) };
    Ok(answers.and(Answers::parse(&path.display().to_string(), &read(path)?)?))
}

/// Nothing is written over what is read.
///
/// # Errors
/// That it would be.
pub(super) fn spare(out: Option<&Path>, by: &By, papers: &[PathBuf], answers: Option<&Path>) -> anyhow::Result<()> {
    let Some(out) = out else { return Ok(()) };
    let named = papers.iter().map(PathBuf::as_path).chain(answers).chain([by.policy()]);
    files::spare(out, &named.collect::<Vec<_>>())
}

/// The moment that a report or inventory is true of, and what it is taken from.
pub(super) fn moment(asked: Option<Timestamp>, runs: &[RunFact], snapshot: Timestamp) -> (Timestamp, &'static str) {
    let used = runs.iter().map(|run| run.run.identity.used_at).max();
    match (asked, used) {
        (Some(moment), _) => (moment, "as asked for by --as-of"),
        (None, Some(moment)) => (moment, "the latest use among the runs"),
        (None, None) => (snapshot, "the snapshot's last statement"),
    }
}

/// The digest of the policy file, and the snapshot in words.
///
/// # Errors
/// The policy file can't be read.
pub(super) fn judged_by(by: &By, judge: &Judge) -> anyhow::Result<(String, String)> {
    let digest = blake3::hash(&files::read(by.policy(), toml_file::MAX_FILE as u64)?);
    let header = judge.snapshot.header();
    let snapshot = format!("snapshot of {} at size {}, root {}", header.origin, header.size, header.root);
    Ok((format!("blake3:{}", digest.to_hex()), snapshot))
}

/// Runs the verb.
///
/// # Errors
/// Whatever stands in the way of reading, judging or writing at all.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    // The clock says only whether the snapshot is still fresh enough for the policy; nothing of the report hangs on it.
    spare(args.out.as_deref(), &args.by, &args.papers, args.answers.as_deref())?;
    let mut judge = args.by.judge(None)?;
    let answers = answers(args.by.policy(), args.answers.as_deref())?;
    let read_key = |path: &PathBuf| -> anyhow::Result<_> {
        parse_public_key(&files::read_text(path, 4096)?).with_context(|| format!("cannot use `{}`", path.display()))
    };
    let keys = args.run_key.iter().map(read_key).collect::<anyhow::Result<Vec<_>>>()?;
    let read_run = |path: &PathBuf| {
        RunFact::read(path, &keys).hint("`cleartitle verify --key FILE.pub RECEIPT` says what holds of it")
    };
    let runs = args.run.iter().map(read_run).collect::<anyhow::Result<Vec<_>>>()?;
    let (as_of, as_of_from) = moment(args.as_of, &runs, judge.snapshot.header().time);
    judge.used_at = as_of;
    let mut facts =
        gather::gather(&judge, runs, args.read_as.papers(&args.papers), args.by.sealed().is_some(), |_, _| {})?;
    let (policy_digest, snapshot) = judged_by(&args.by, &judge)?;
    let policy = &judge.policy;
    let inputs = Inputs { facts: &mut facts, answers: &answers, policy, policy_digest, snapshot, as_of, as_of_from };
    let document = disclosure::report(args.template, inputs).context("cannot read temporary files")?;
    write(args, &document)?;
    tell(&document, &facts, talk);
    Ok(Exit::over(facts.entries, facts.damaged, document.open()))
}

fn write(args: &Args, document: &Document) -> anyhow::Result<()> {
    let text = match args.format {
        Form::Markdown => markdown::render(document),
        Form::Html => html::render(document),
        Form::Json => format!("{}\n", serde_json::to_string_pretty(document)?),
    };
    match &args.out {
        Some(path) => files::replace(path, text.as_bytes()),
        None => data(text),
    }
}

/// What keeps the report from being finished, and the line that sums up.
fn tell(document: &Document, facts: &disclosure::facts::Facts, talk: Talk) {
    for missing in &document.missing {
        talk.say(format_args!("missing: {}: {}", missing.question, missing.text));
    }
    document.contradictions.iter().for_each(|it| talk.warn(format_args!("contradiction: {}", shown(it))));
    document.incomplete.iter().for_each(|it| talk.warn(format_args!("incomplete: {}", shown(it))));
    document.unverified.iter().for_each(|it| talk.say(format_args!("not verified: {it}")));
    let kept = facts.actions.get(&cleartitle_schema::policy::Disposition::Keep).copied().unwrap_or_default();
    if kept < facts.entries {
        talk.warn(format_args!("the policy would not keep {} of the documents", facts.entries - kept));
    }
    talk.say(format_args!(
        "disclose: {} documents, {} damaged; {} answers missing, {} contradicted, {} incomplete",
        facts.entries,
        facts.damaged,
        document.missing.len(),
        document.contradictions.len(),
        document.incomplete.len()
    ));
    if !document.missing.is_empty() {
        talk.say("hint: `cleartitle init --disclosure` writes the questions as a file for --answers");
    }
}
