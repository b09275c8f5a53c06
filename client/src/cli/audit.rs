//! `cleartitle audit`: audits a registry's log from outside, entry by entry, and a pulled snapshot against it.

use super::seen::Seen;
use super::talk::{Exit, Format, Talk, data, json, shown};
use super::witnesses::Witnesses;
use crate::log_audit;
use crate::policy_file;
use crate::snapshot;
use std::path::PathBuf;

/// Flags of `audit`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Reads the whole log: recomputes the signed root from the entries and from the tiles, opens every published statement, checks
its signatures by the keys that the log had bound, and holds a snapshot against all of it: no statement of the log may be
missing in it, none may be in it otherwise, and none that the log has not. The operator's own `cleartitle-server audit` looks at
more, in the operator's folder; this one needs no operator, and no server either: a log is read where it lies
(`pull --help` says how).

Exit: 0 all is right, 1 not, 2 something could not be had.

Examples:
  cleartitle audit --registry https://registry.example --log-key \"$(cat log.pub)\" --snapshot terms.snapshot
  cleartitle audit --registry https://registry.example --policy cleartitle.toml --seen log.checkpoint
  cleartitle audit --registry s3://bucket/log --log-key \"$(cat log.pub)\" --snapshot terms.snapshot
  cleartitle audit --registry file:///media/disk/log --log-key \"$(cat log.pub)\"")]
pub struct Args {
    /// The registry's address, or where its log lies: https://, s3://bucket/prefix, file:///folder.
    #[arg(long, value_name = "URL", env = "CLEARTITLE_REGISTRY")]
    registry: String,
    /// Allow plain http to another machine.
    #[arg(long)]
    allow_http: bool,
    /// The log's key, `origin+hash+base64`. Left out: the policy's.
    #[arg(long, value_name = "KEY", required_unless_present = "policy")]
    log_key: Option<String>,
    /// Take the log's key and the witnesses from this policy.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    witnesses: Witnesses,
    #[command(flatten)]
    seen: Seen,
    /// Hold this snapshot, pulled before, against the log.
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// In which form.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the verb.
///
/// # Errors
/// Whatever can't be had; what is had and wrong is told as data.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    let registry = super::log_at(&args.registry, args.allow_http)?;
    let policy = args.policy.as_deref().map(policy_file::load).transpose()?;
    let log = super::known_log(args.log_key.as_deref(), policy.as_ref())?;
    let log = log.with_witnesses(args.witnesses.pinned(policy.as_ref())?);
    args.seen.look(&registry, &log, talk)?;
    let snapshot = args.snapshot.as_deref().map(|path| snapshot::open(path, &log)).transpose()?;
    // Asked for after the snapshot was there, so that an honest log's checkpoint covers it.
    let checkpoint = log.open(&registry.checkpoint()?).map_err(|error| match error.fault() {
        Some(fault) => super::talk::coded(error.into(), fault),
        None => error.into(),
    })?;
    let bar = talk.progress(checkpoint.size, "leaves");
    let report = log_audit::audit(&registry, &log, &checkpoint, snapshot.as_ref(), |done| bar.set_position(done))?;
    bar.finish_and_clear();
    match args.format {
        Format::Json => json(&report)?,
        Format::Human => {
            for finding in &report.findings {
                data(format_args!("{} ({})\n", shown(&finding.what), finding.code))?;
            }
            let verdict = if report.findings.is_empty() { "all is right" } else { "NOT RIGHT" };
            let compared = match &snapshot {
                Some(_) => format!(", {} of them as the snapshot has them", report.in_snapshot),
                None => String::new(),
            };
            let (leaves, statements, erased) = (report.leaves, report.statements, report.erased);
            data(format_args!(
                "audit: {leaves} leaves, {statements} statements{compared}, {erased} erased: {verdict}\n"
            ))?;
        }
    }
    Ok(if report.findings.is_empty() { Exit::Clean } else { Exit::Refused })
}
