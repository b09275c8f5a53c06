//! The command line: one file a verb, each with its `Args` and its `run`.
//!
//! Not here: what the verbs do with registries, snapshots and crawls; they call the library beside this folder.

pub mod agents;
pub mod ask;
pub mod audit;
pub mod bill;
pub mod check;
pub mod claim;
pub mod deals;
pub mod disclose;
pub mod domain;
mod domain_bind;
pub mod export;
pub mod filter;
pub mod gossip;
pub mod impact;
pub mod init;
pub mod keys;
pub mod lint;
mod locked;
pub mod network;
pub mod observe;
pub mod observe_talk;
pub mod papers;
mod private_key;
pub mod publish;
pub mod pull;
pub mod quote;
pub mod receipt;
pub mod register;
pub mod seen;
pub mod shell;
pub mod talk;
pub mod trace;
pub mod update;
pub mod usage;
pub mod verify;
pub mod witnesses;

use crate::receipt::ReceiptFile;
use crate::registry::{Registry, RegistryError};
use crate::sealed::{Deals, SealedError};
use crate::snapshot::{self, Mapped, SnapshotError};
use crate::trust::PinnedLog;
use anyhow::Context as _;
use clap::{Parser, Subcommand};
use cleartitle_schema::policy::Policy;
use cleartitle_schema::statement::Statement;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::AgentPurpose;
use cleartitle_schema::vocab::agents::{AgentRow, AgentTable};
use std::borrow::Cow;
use std::path::Path;
use std::process::ExitCode;
use talk::{Exit, Hint as _, Talk};

/// Filter a crawl down to cleared material, register terms, ask the registry.
#[derive(Debug, Parser)]
#[command(name = "cleartitle", version, max_term_width = 100, disable_help_subcommand = true, after_long_help = AFTER)]
pub struct Cli {
    /// Say nothing on stderr but warnings and errors.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER: &str = "\
Data goes to stdout, talk to stderr. Exit: 0 all is as it should be, 1 the answer is no, 2 the job could not be done.
A registry proves who stated what and when, not who owns what; `cleared` says nothing of data protection.

Examples:
  cleartitle keys new --out press.key
  cleartitle domain record --key press.key press.example
  cleartitle domain verify --registry https://registry.example --key press.key press.example
  cleartitle init --terms
  cleartitle register --registry https://registry.example --key press.key --issuer press.example terms.toml
  cleartitle init
  cleartitle ask --registry https://registry.example --policy cleartitle.toml https://press.example/article";

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented policy, or a commented terms file.
    Init(init::Args),
    /// Make and show keys.
    Keys(keys::Args),
    /// Sealed deals of your own: fetch, commit, show.
    Deals(deals::Args),
    /// Prove control of a domain: publish its keys, have them bound, end them.
    Domain(domain::Args),
    /// Prove a claim over documents: the registry sees them served under the claimant's domain.
    Claim(claim::Args),
    /// Write the files that say terms on the site itself.
    Publish(publish::Args),
    /// Tell what a site's files say, where they contradict, and what a lab would conclude.
    Lint(lint::Args),
    /// Sign terms and register them.
    Register(register::Args),
    /// Ask whether a document may be used.
    Ask(ask::Args),
    /// Bring the newest snapshot here, verified.
    Pull(pull::Args),
    /// Filter crawl files down to what the policy keeps.
    Filter(filter::Args),
    /// Observe what sites reserve, in crawl files or over the network.
    Observe(observe::Args),
    /// Judge every entry of a data set's manifests: the gate of a build.
    Check(check::Args),
    /// Move the lock that `check` judges by, and show what changed.
    Update(update::Args),
    /// Tell which documents of manifests are touched by what was registered since, and what must go.
    Impact(impact::Args),
    /// What is owed for what is kept of a data set, to whom, and what of it is met.
    Bill(bill::Args),
    /// What it would cost to clear the rest of a data set, cheapest first.
    Quote(quote::Args),
    /// Draw what an entry was made from, with verdicts and prices.
    Trace(trace::Args),
    /// Make, send and read the usage reports that deals ask for.
    Usage(usage::Args),
    /// Report on a data set as a law or code asks for it.
    Disclose(disclose::Args),
    /// Write an inventory of a data set: Croissant, SPDX or CycloneDX.
    Export(export::Args),
    /// Check receipts, snapshots, manifests and envelopes offline.
    Verify(verify::Args),
    /// Fetch a receipt that witnesses have cosigned.
    Receipt(receipt::Args),
    /// Compare what several parties were shown of one log.
    Gossip(gossip::Args),
    /// Audit a registry's log from outside.
    Audit(audit::Args),
    /// Show the table of AI crawler tokens.
    Agents(agents::Args),
    /// Print completions for a shell.
    Completions(shell::CompletionsArgs),
    /// Print the manual page, or write those of all verbs.
    Man(shell::ManArgs),
}

/// Runs a parsed command line and tells its errors.
#[must_use]
pub fn run(cli: &Cli) -> ExitCode {
    let talk = Talk { quiet: cli.quiet };
    let ended = match &cli.command {
        Command::Init(args) => init::run(args, talk),
        Command::Keys(args) => keys::run(args, talk),
        Command::Deals(args) => deals::run(args, talk),
        Command::Claim(args) => claim::run(args, talk),
        Command::Domain(args) => domain::run(args, talk),
        Command::Publish(args) => publish::run(args, talk),
        Command::Lint(args) => lint::run(args, talk),
        Command::Register(args) => register::run(args, talk),
        Command::Ask(args) => ask::run(args, talk),
        Command::Pull(args) => pull::run(args, talk),
        Command::Filter(args) => filter::run(args, talk),
        Command::Observe(args) => observe::run(args, talk),
        Command::Check(args) => check::run(args, talk),
        Command::Update(args) => update::run(args, talk),
        Command::Impact(args) => impact::run(args, talk),
        Command::Bill(args) => bill::run(args, talk),
        Command::Quote(args) => quote::run(args, talk),
        Command::Trace(args) => trace::run(args, talk),
        Command::Usage(args) => usage::run(args, talk),
        Command::Disclose(args) => disclose::run(args, talk),
        Command::Export(args) => export::run(args, talk),
        Command::Verify(args) => verify::run(args, talk),
        Command::Receipt(args) => receipt::run(args, talk),
        Command::Gossip(args) => gossip::run(args, talk),
        Command::Audit(args) => audit::run(args, talk),
        Command::Agents(args) => agents::run(args),
        Command::Completions(args) => shell::completions(args),
        Command::Man(args) => shell::man(args, talk),
    };
    ended.map_or_else(
        |error| {
            talk::tell(&error);
            // A closed pipe too: whoever closed it has not seen the answer, so it must not look like a yes.
            Exit::Failed.into()
        },
        Into::into,
    )
}

/// What to do about a missing or wrong log key.
pub(crate) const LOG_KEY_HINT: &str = "the registry's operator prints it, and keeps it in the file log.pub; ask over another way than the registry itself";

/// Takes a registry's address, for a verb that asks it for what only a server does.
///
/// # Errors
/// [`RegistryError`], with advice.
pub(crate) fn registry_at(address: &str, allow_http: bool) -> anyhow::Result<Registry> {
    let registry = log_at(address, allow_http)?;
    registry.has_server()?;
    Ok(registry)
}

/// Takes an address at which a log and its snapshots are read, with a server behind it or not.
///
/// # Errors
/// [`RegistryError`], with advice.
pub(crate) fn log_at(address: &str, allow_http: bool) -> anyhow::Result<Registry> {
    Registry::at(address, allow_http).map_err(|error| match error {
        RegistryError::PlainHttp(_) => talk::advised(error, "use https, or --allow-http if the network is yours"),
        other => other.into(),
    })
}

/// The log by the key that a flag names, or else the policy.
///
/// # Errors
/// Neither names one, or it can't be read.
pub(crate) fn known_log(log_key: Option<&str>, policy: Option<&Policy>) -> anyhow::Result<PinnedLog> {
    let key = log_key.or_else(|| policy?.log_key.as_deref());
    PinnedLog::parse(key.context("the policy names no log key")?).hint(LOG_KEY_HINT)
}

/// The log that something is signed for: the pinned one, which must be the registry's, or the one that the registry names.
/// `unnamed`: what to say and advise where there is neither.
///
/// # Errors
/// A key that can't be read, a registry with another log, or neither key nor registry.
pub(crate) fn signing_log(
    log_key: Option<&str>,
    registry: Option<&Registry>,
    unnamed: (&str, &str),
    talk: Talk,
) -> anyhow::Result<PinnedLog> {
    let pinned = log_key.map(PinnedLog::parse).transpose().hint(LOG_KEY_HINT)?;
    let told = registry.map(Registry::log_key).transpose()?;
    match (pinned, told) {
        (Some(pinned), Some(told)) if told.verifier.trim() != pinned.verifier().to_string() => Err(talk::advised(
            format_args!(
                "the registry's log is `{}`, not the pinned `{}`",
                talk::shown(&told.verifier),
                pinned.verifier()
            ),
            "ask the operator, over another way, which key is the log's",
        )),
        (Some(pinned), _) => Ok(pinned),
        (None, Some(told)) => {
            let log = PinnedLog::parse(&told.verifier)?;
            talk.say(format_args!("log key (at the registry's word; --log-key pins it): {}", log.verifier()));
            Ok(log)
        }
        (None, None) => Err(talk::advised(unnamed.0, unnamed.1)),
    }
}

/// The table of crawler tokens: the named file's, or the built-in one.
///
/// # Errors
/// When the file can't be read or is no table.
pub(crate) fn agent_table(named: Option<&Path>) -> anyhow::Result<Cow<'static, AgentTable>> {
    let Some(path) = named else { return Ok(Cow::Borrowed(AgentTable::builtin())) };
    let text = crate::files::read_text(path, 4 << 20)?;
    let table = AgentTable::parse(&text).with_context(|| format!("`{}` is no table of agents", path.display()));
    table.map(Cow::Owned).hint("`cleartitle agents --format json` prints the built-in one, in the form that is read")
}

/// The table of crawler tokens. A named one decides which tokens train, beside what each observation says.
///
/// # Errors
/// When the file can't be read or is no table.
pub(crate) fn know_agents(policy: &mut Policy, named: Option<&Path>) -> anyhow::Result<Cow<'static, AgentTable>> {
    let table = agent_table(named)?;
    if named.is_some() {
        let trains = |row: &&AgentRow| matches!(row.purpose(), AgentPurpose::Training | AgentPurpose::Archive);
        policy.reading.training_agents.extend(table.rows().iter().filter(trains).map(|row| row.token.clone()));
    }
    Ok(table)
}

/// Opens a snapshot for a verb: checked against the log's key, and young enough for the policy.
///
/// # Errors
/// [`SnapshotError`], with advice.
pub(crate) fn open_snapshot(
    path: &Path,
    log_key: Option<&str>,
    policy: Option<&Policy>,
    now: Timestamp,
) -> anyhow::Result<Mapped> {
    // Before the key is looked for beside the file: of a misspelled name nobody would learn that the file is missing.
    std::fs::File::open(path)
        .with_context(|| format!("cannot read `{}`", path.display()))
        .hint("`cleartitle pull --registry URL --log-key KEY --out FILE` brings a snapshot")?;
    let pinned = witnesses::Witnesses::default().pinned(policy)?;
    let days = policy.and_then(|policy| policy.max_snapshot_age_days);
    let checked = snapshot::log_for(path, log_key, policy).and_then(|log| {
        let log = log.with_witnesses(pinned);
        let mapped = snapshot::open(path, &log)?;
        snapshot::check_age(snapshot::fresh_at(path, mapped.header(), &log, now)?, days, now)?;
        Ok(mapped)
    });
    let hint = match &checked {
        Err(SnapshotError::NoKey(_)) => LOG_KEY_HINT,
        Err(SnapshotError::TooOld { .. }) => "pull again; where the log itself is quiet, raise `max_snapshot_age_days`",
        _ => "`cleartitle pull --registry URL --log-key KEY --out FILE` brings a sound one",
    };
    checked.hint(hint)
}

/// A deal in a few words, none of them about its terms.
pub(crate) fn shown_deal(deal: (&Path, &ReceiptFile, Option<Statement>)) -> serde_json::Value {
    let (path, receipt, statement) = deal;
    serde_json::json!({
        "statement": receipt.statement,
        "kind": statement.as_ref().map(Statement::kind),
        "issuer": statement.as_ref().map(|statement| &statement.issuer.domain),
        "index": receipt.index,
        "registered_at": receipt.registered_at,
        "file": path.display().to_string(),
    })
}

/// A snapshot that is asked, and which sealed deals it was joined with.
pub(crate) struct Asked {
    /// The public snapshot, or it and the deals as one.
    pub snapshot: Mapped,
    /// BLAKE3 of the public snapshot's body.
    pub public: [u8; 32],
    /// How many deals, and the digest that names them.
    pub sealed: Option<(usize, String)>,
    /// How many deals are younger than the state that is locked, and left out.
    pub younger: usize,
}

/// Opens a snapshot as [`open_snapshot`] does, and joins the sealed deals of a folder to it.
///
/// # Errors
/// [`SnapshotError`], [`sealed::SealedError`], with advice.
pub(crate) fn open_with_deals(
    path: &Path,
    deals: Option<&Path>,
    log_key: Option<&str>,
    policy: Option<&Policy>,
    now: Timestamp,
) -> anyhow::Result<Asked> {
    opened(path, deals, log_key, policy, now, |deals, _| (deals, 0))
}

/// The same of a locked state: deals that are younger don't count yet.
///
/// # Errors
/// As [`open_with_deals`].
pub(crate) fn open_locked(
    path: &Path,
    deals: Option<&Path>,
    log_key: Option<&str>,
    policy: Option<&Policy>,
    now: Timestamp,
) -> anyhow::Result<Asked> {
    opened(path, deals, log_key, policy, now, Deals::of_state)
}

/// `counted` says which of the deals count in a log of a size, and how many don't.
fn opened(
    path: &Path,
    deals: Option<&Path>,
    log_key: Option<&str>,
    policy: Option<&Policy>,
    now: Timestamp,
    counted: impl FnOnce(Deals, u64) -> (Deals, usize),
) -> anyhow::Result<Asked> {
    let snapshot = open_snapshot(path, log_key, policy, now)?;
    let public = snapshot.verified_hash();
    let Some(folder) = deals else { return Ok(Asked { snapshot, public, sealed: None, younger: 0 }) };
    let log = snapshot::log_for(path, log_key, policy)?;
    let deals = Deals::read(folder, &log).map_err(sealed_advice)?;
    let (deals, younger) = counted(deals, snapshot.header().size);
    let sealed = Some((deals.len(), deals.digest()));
    let snapshot = if deals.is_empty() { snapshot } else { deals.join(&snapshot).map_err(sealed_advice)? };
    Ok(Asked { snapshot, public, sealed, younger })
}

pub(crate) fn sealed_advice(error: SealedError) -> anyhow::Error {
    match &error {
        SealedError::Open(folder) => {
            let hint = format!("chmod 700 {}", folder.display());
            talk::advised(error, hint)
        }
        SealedError::Younger { .. } => talk::advised(error, "pull a newer snapshot first"),
        SealedError::Public(_) => talk::advised(error, "move it elsewhere; only sealed deals belong in this folder"),
        SealedError::Receipt { .. } | SealedError::Signature { .. } | SealedError::Consent { .. } => talk::advised(
            error,
            "`cleartitle deals fetch` brings it again; move the file away to go on without the deal",
        ),
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
