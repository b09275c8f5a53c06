//! `cleartitle usage`: the report that a deal asks for, made and signed here, taken by the registry, read by payee and reporter alone.

use super::bill::within;
use super::domain_bind::At;
use super::papers::{self, By, ReadAs};
use super::talk::{Exit, Format, Hint as _, Talk, data, json, shown};
use crate::asker::Asker;
use crate::bill::{due, what};
use crate::files;
use crate::trust::PinnedLog;
use crate::usage::{UsageFile, Used, terms_of};
use crate::{clock, files_private};
use anyhow::Context as _;
use clap::Subcommand;
use cleartitle_schema::id::{ContentId, StatementId};
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::signed::{Envelope, MAX_ENVELOPE, sign};
use cleartitle_schema::terms::Action;
use cleartitle_schema::time::{Timestamp, Window};
use cleartitle_schema::usage::{USAGE_TYPE, UsageReport, UsageView};
use serde_json::json as value;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Flags of `usage`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A report names one deal (an agreement, or your acceptance of an offer, public or sealed), a period that is over, the papers by
their BLAKE3, and for each price of the deal how often its meter turned and what it comes to. It is signed with a key of the
licensee, and its bytes depend on nothing but these: made again, it is the same report, and the registry takes it once.

The registry shows a report to the reporter and to the deal's licensor and payees, to nobody else; its log has a salted commitment,
so that the file of a report proves that it was sent, and when. The registry's operator can read it.

Examples:
  cleartitle usage make --snapshot terms.snapshot --policy cleartitle.toml --sealed deals --deal statement:... \\
      --licensee lab.example --key lab.key --from 2026-07-01 --to 2026-10-01 --counts counts.toml --out q3.json crawl.jsonl
  cleartitle usage send --registry https://registry.example --out q3.usage.json q3.json
  cleartitle usage fetch --registry https://registry.example --key press.key --party press.example --out reports
  cleartitle usage show --log-key KEY q3.usage.json")]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Count what a deal was used for, and sign it.
    Make(Box<MakeArgs>),
    /// Send a signed report, and keep its proof.
    Send {
        #[command(flatten)]
        at: At,
        /// Keep the report with its proof here.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// The signed report.
        report: PathBuf,
        /// In which form.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Bring the reports that a domain has sent, or is paid by.
    Fetch {
        #[command(flatten)]
        at: At,
        /// A private key that is bound to the domain; one of a key directory will do.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// In whose name.
        #[arg(long, value_name = "DOMAIN")]
        party: Domain,
        /// Keep the reports with their proofs in this folder, which is made for you alone where it is missing.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// In which form.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Check reports with their proofs offline, and show them.
    Show {
        /// The log's key, `origin+hash+base64`.
        #[arg(long, value_name = "KEY")]
        log_key: String,
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// In which form.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// Flags of `usage make`.
#[derive(Debug, clap::Args)]
struct MakeArgs {
    #[command(flatten)]
    by: By,
    /// The agreement, or the acceptance of an offer.
    #[arg(long, value_name = "STATEMENT")]
    deal: StatementId,
    /// Who reports: a licensee's domain.
    #[arg(long, value_name = "DOMAIN")]
    licensee: Domain,
    /// A private key that is bound to the licensee.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Begin of the period.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    from: Timestamp,
    /// End of the period; its first moment is no longer in it.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    to: Timestamp,
    /// What was counted beside the documents, as `cleartitle bill` reads it.
    #[arg(long, value_name = "FILE")]
    counts: Option<PathBuf>,
    /// Write the signed report here; the file must not be there yet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// In which form the report is shown.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    read_as: ReadAs,
    /// The data set's papers.
    #[arg(value_name = "MANIFEST", required = true)]
    papers: Vec<PathBuf>,
}

/// Runs the verb.
///
/// # Errors
/// Whatever stands in the way.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    match &args.verb {
        Verb::Make(args) => make(args, talk),
        Verb::Send { at, out, report, format } => send(at, out.as_deref(), report, *format, talk),
        Verb::Fetch { at, key, party, out, format } => {
            let asker = Asker::new(party.clone(), super::private_key::read(key, talk)?);
            fetch(at, &asker, out.as_deref(), *format, talk)
        }
        Verb::Show { log_key, files, format } => show(log_key, files, *format),
    }
}

fn make(args: &MakeArgs, talk: Talk) -> anyhow::Result<Exit> {
    anyhow::ensure!(args.from < args.to, "--from is not before --to");
    anyhow::ensure!(args.to <= clock::now(), "the period is not over: --to is in the future");
    let (key, counts) = (super::private_key::read(&args.key, talk)?, papers::counts(args.counts.as_deref())?);
    // By the period's last second, whenever it is made: the same inputs give the same report.
    let judge = args.by.judge(Some(within(Some(args.to))))?;
    let hint = "`cleartitle deals show` and `cleartitle check` name the deals that permit";
    let mut used = Used::under(terms_of(&judge.snapshot, args.deal).hint(hint)?);
    let read = papers::judged(&judge, args.read_as.papers(&args.papers), talk, |judged| {
        used.add(&judged);
        Ok(())
    })?;
    if read.exit(0) != Exit::Clean || used.account().beyond > 0 {
        talk.warn("no report is made of papers that were not read whole");
        return Ok(Exit::Failed);
    }
    let period = Window { from: Some(args.from), until: Some(args.to) };
    let metering = used.account().metering(&judge, counts, Some(period)).context("pull the snapshot again")?;
    let papers = args.papers.iter().map(|paper| digest(paper)).collect::<Result<_, _>>()?;
    let origin = &judge.snapshot.header().origin;
    let report = used
        .report(origin, args.deal, args.licensee.clone(), period, papers, &metering)
        .hint("`--counts FILE` brings what was counted; `cleartitle bill --help` shows one")?;
    let (id, payload) = report.to_payload()?;
    let envelope = sign(USAGE_TYPE, &payload, &[&key])?;
    files::write_new(&args.out, &envelope.to_bytes(), true)?;
    match args.format {
        Format::Json => json(&value!({"report": id, "usage": report, "file": args.out.display().to_string()}))?,
        Format::Human => data(format_args!("{id}\n{}", in_words(&report)))?,
    }
    talk.say(format_args!("signed into {}; `cleartitle usage send` sends it", args.out.display()));
    Ok(Exit::Clean)
}

/// BLAKE3 of a paper's bytes.
fn digest(paper: &Path) -> anyhow::Result<ContentId> {
    let told = || format!("cannot read `{}`", paper.display());
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(paper).with_context(told)?).with_context(told)?;
    Ok(ContentId(*hasher.finalize().as_bytes()))
}

fn in_words(report: &UsageReport) -> String {
    let (from, until) = (report.period.from.unwrap_or(Timestamp::MIN), report.ends());
    let mut text =
        format!("{} used {} documents of {} from {from} to {until}\n", report.licensee, report.documents, report.deal);
    for line in &report.lines {
        let units = line.units.map_or_else(String::new, |units| format!("{units} counted, "));
        let priced = what(&Action::Pay { price: line.price.clone(), payee: None });
        text.push_str(&format!(
            "  {priced} to {}: {} ({units}{} documents)\n",
            shown(&line.to),
            due(&line.due),
            line.documents
        ));
    }
    text
}

fn send(at: &At, out: Option<&Path>, path: &Path, format: Format, talk: Talk) -> anyhow::Result<Exit> {
    let registry = at.registry()?;
    let log = at.log(&registry, talk)?;
    let told = || format!("cannot use the report in `{}`", path.display());
    let envelope = Envelope::parse(&files::read(path, MAX_ENVELOPE as u64)?).with_context(told)?;
    anyhow::ensure!(envelope.payload_type() == USAGE_TYPE, "`{}` holds no usage report", path.display());
    let (receipt, new) = registry.report_usage(&envelope.to_bytes())?;
    let file = UsageFile::new(envelope, receipt);
    file.check(&log).context("the registry's answer is not to be trusted")?;
    if let Some(out) = out {
        let text = serde_json::to_string_pretty(&file)? + "\n";
        files_private::write(out, text.as_bytes()).with_context(|| format!("cannot write `{}`", out.display()))?;
    }
    let receipt = &file.receipt;
    match format {
        Format::Json => json(&value!({"report": receipt.report, "index": receipt.index, "new": new}))?,
        Format::Human => {
            data(format_args!("{}\nindex {}\nat    {}\n", receipt.report, receipt.index, receipt.registered_at))?
        }
    }
    talk.say(if new { "taken; the proof holds" } else { "was taken before; the proof holds" });
    Ok(Exit::Clean)
}

fn fetch(at: &At, asker: &Asker, out: Option<&Path>, format: Format, talk: Talk) -> anyhow::Result<Exit> {
    let registry = at.registry()?;
    let log = at.log(&registry, talk)?;
    if let Some(folder) = out {
        super::deals::ready(folder)?;
    }
    let (mut after, mut shown) = (None, 0_u64);
    loop {
        let page = registry.usage(asker, after)?;
        for UsageView { receipt, envelope, .. } in page.reports {
            let told = || format!("`{}` is not to be trusted", receipt.report);
            let envelope: Envelope = serde_json::from_value(envelope).with_context(told)?;
            let file = UsageFile::new(envelope, receipt.clone());
            let report = file.check(&log).with_context(told)?;
            if let Some(folder) = out {
                let path = folder.join(format!("{}.usage.json", receipt.report.to_string().replace(':', "-")));
                let text = serde_json::to_string_pretty(&file)? + "\n";
                files_private::write(&path, text.as_bytes())
                    .with_context(|| format!("cannot write `{}`", path.display()))?;
            }
            one(&file, &report, format)?;
            shown += 1;
        }
        match page.next {
            Some(next) if Some(next) > after => after = Some(next),
            _ => break,
        }
    }
    talk.say(format_args!("{shown} reports that {} may read", asker.domain));
    Ok(Exit::Clean)
}

fn one(file: &UsageFile, report: &UsageReport, format: Format) -> anyhow::Result<()> {
    let receipt = &file.receipt;
    match format {
        Format::Json => {
            json(&value!({"report": receipt.report, "index": receipt.index, "registered_at": receipt.registered_at,
                "usage": report}))
        }
        Format::Human => data(format_args!("{} at index {}\n{}", receipt.report, receipt.index, in_words(report))),
    }
}

fn show(log_key: &str, paths: &[PathBuf], format: Format) -> anyhow::Result<Exit> {
    let log = PinnedLog::parse(log_key).hint(super::LOG_KEY_HINT)?;
    for path in paths {
        let file = UsageFile::parse(&files::read(path, crate::receipt::MAX_RECEIPT_FILE)?)
            .with_context(|| format!("cannot use `{}`", path.display()))?;
        let report = file.check(&log).with_context(|| format!("`{}` does not hold", path.display()))?;
        one(&file, &report, format)?;
    }
    Ok(Exit::Clean)
}
