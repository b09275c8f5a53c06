//! `cleartitle gossip`: compares what several parties were shown of one log, and makes a proof of what can't both be.

use super::talk::{Exit, Format, Talk, advised, data, json, shown};
use crate::contradiction::Contradiction;
use crate::files;
use crate::policy_file;
use crate::pull::PullError;
use crate::registry::Registry;
use crate::trust::{PinnedLog, TrustError, check_growth};
use anyhow::Context as _;
use cleartitle_schema::fault::Fault;
use cleartitle_schema::tlog::checkpoint::Checkpoint;
use cleartitle_schema::tlog::note::MAX_NOTE;
use std::path::{Path, PathBuf};

/// The most checkpoints that are compared at once.
const MAX_COMPARED: usize = 1000;

/// Flags of `gossip`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A log that shows one party another past than another signs both, and neither party sees it alone. Exchange checkpoints, by
whatever way, and compare: files that `pull` (FILE.checkpoint), `ask --seen` and `register --seen` keep, what a registry or
mirror shows now, and what a witness has cosigned. Of two sizes the longer must contain the shorter; the hashes for that come
from the registries asked, which can't forge them. What can't both be goes to --proof: both signed checkpoints with the hashes
that show it, which `cleartitle verify` checks offline.

Exit: 0 all are of one log, 1 they contradict each other, 2 some could not be compared.

Examples:
  cleartitle gossip --registry https://registry.example --log-key \"$(cat log.pub)\" theirs.checkpoint
  cleartitle gossip --registry https://registry.example --policy cleartitle.toml --peer https://witness.example
  cleartitle gossip --registry https://registry.example --log-key \"$(cat log.pub)\" --peer s3://bucket/log
  cleartitle gossip --log-key \"$(cat log.pub)\" ours.checkpoint theirs.checkpoint")]
pub struct Args {
    /// A registry, or where its log lies (https://, s3://bucket/prefix, file:///folder): its newest checkpoint is compared, and
    /// its tiles tell whether one log contains another.
    #[arg(long, value_name = "URL", env = "CLEARTITLE_REGISTRY")]
    registry: Option<String>,
    /// Another registry or mirror of the same log, or a witness; again for another.
    #[arg(long, value_name = "URL")]
    peer: Vec<String>,
    /// Allow plain http to another machine.
    #[arg(long)]
    allow_http: bool,
    /// The log's key, `origin+hash+base64`. Left out: the policy's.
    #[arg(long, value_name = "KEY", required_unless_present = "policy")]
    log_key: Option<String>,
    /// Take the log's key from this policy.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Where a proof goes.
    #[arg(long, value_name = "FILE", default_value = "contradiction.json")]
    proof: PathBuf,
    /// In which form.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Checkpoints as others were shown them.
    #[arg(value_name = "CHECKPOINT")]
    files: Vec<PathBuf>,
}

/// One checkpoint, from whom it is, and where tiles of its log can be had.
struct Told {
    from: String,
    note: Vec<u8>,
    checkpoint: Checkpoint,
    tiles: Option<Registry>,
}

/// What comparing came to.
enum Outcome {
    /// All are of one log.
    OneLog,
    /// Two can't both be.
    Contradicts { shorter: String, longer: String, fault: Fault, why: String, proof: Option<Contradiction> },
}

/// Runs the verb.
///
/// # Errors
/// A checkpoint that can't be had or is not the log's, and tiles that can't be had.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    let policy = args.policy.as_deref().map(policy_file::load).transpose()?;
    let log = super::known_log(args.log_key.as_deref(), policy.as_ref())?;
    let mut all = gather(args, &log)?;
    if all.len() < 2 {
        return Err(advised(
            "there is nothing to compare",
            "name two checkpoints at least: files, --registry URL, --peer URL",
        ));
    }
    all.sort_by_key(|told| told.checkpoint.size);
    let outcome = compare(&all)?;
    report(args, &log, &all, outcome, talk)
}

/// Compares the checkpoint that a registry has shown with what peers have of its log. The proof of a contradiction goes to
/// `proof`.
///
/// # Errors
/// [`PullError::Peers`]: a contradiction, and peers that don't answer, since who asked for the comparison must not be left
/// without it in silence.
pub(crate) fn agree(
    registry: &Registry,
    note: &[u8],
    peers: (&[String], bool),
    log: &PinnedLog,
    proof: &Path,
) -> Result<(), PullError> {
    let (peers, allow_http) = peers;
    let compared = || -> anyhow::Result<Outcome> {
        let mut all = vec![told(registry.address().to_owned(), note.to_vec(), Some(registry.clone()), log)?];
        for address in peers {
            all.push(peer(address, allow_http, log)?);
        }
        all.sort_by_key(|told| told.checkpoint.size);
        compare(&all)
    };
    let unasked = |error: anyhow::Error| PullError::Peers { fault: None, why: format!("{error:#}") };
    let Outcome::Contradicts { shorter, longer, fault, why, proof: found } = compared().map_err(unasked)? else {
        return Ok(());
    };
    if let Some(found) = found {
        let written =
            found.to_text().map_err(anyhow::Error::from).and_then(|text| files::replace(proof, text.as_bytes()));
        written.map_err(unasked)?;
    }
    let why = format!("`{}` and `{}`: {}", shown(&shorter), shown(&longer), shown(&why));
    Err(PullError::Peers { fault: Some(fault), why })
}

fn told(from: String, note: Vec<u8>, tiles: Option<Registry>, log: &PinnedLog) -> anyhow::Result<Told> {
    let opened = log.open_signed(&note);
    let checkpoint = opened.with_context(|| format!("the checkpoint of `{}` is refused", shown(&from)))?;
    Ok(Told { from, note, checkpoint, tiles })
}

fn peer(address: &str, allow_http: bool, log: &PinnedLog) -> anyhow::Result<Told> {
    let registry = super::log_at(address, allow_http)?;
    let note = registry.checkpoint_of(log.origin())?;
    told(address.to_owned(), note, Some(registry), log)
}

fn gather(args: &Args, log: &PinnedLog) -> anyhow::Result<Vec<Told>> {
    let mut all = Vec::new();
    anyhow::ensure!(
        args.files.len() + args.peer.len() < MAX_COMPARED,
        "more than {MAX_COMPARED} checkpoints are named"
    );
    for path in &args.files {
        all.push(told(path.display().to_string(), files::read(path, MAX_NOTE as u64)?, None, log)?);
    }
    for address in args.registry.iter().chain(&args.peer) {
        all.push(peer(address, args.allow_http, log)?);
    }
    Ok(all)
}

/// Holds each against the next larger one: what contains what contains the smallest contains it too.
fn compare(all: &[Told]) -> anyhow::Result<Outcome> {
    for (shorter, longer) in all.iter().zip(&all[1..]) {
        let compared = if shorter.checkpoint.size == longer.checkpoint.size {
            let same = shorter.checkpoint.root == longer.checkpoint.root;
            if same { Ok(()) } else { Err(TrustError::SplitView { size: shorter.checkpoint.size }) }
        } else {
            grown(shorter, longer, all)?
        };
        let Err(error) = compared else { continue };
        let Some(fault) = error.fault() else { return Err(error.into()) };
        return Ok(Outcome::Contradicts {
            shorter: shorter.from.clone(),
            longer: longer.from.clone(),
            fault,
            why: error.to_string(),
            proof: Contradiction::found(&shorter.note, &longer.note, &error),
        });
    }
    Ok(Outcome::OneLog)
}

/// Asks for the hashes: where the longer one is from first, since who shows a log has its tiles, then everybody else. An answer
/// that settles it, either way, ends the search; tiles that are missing or lead nowhere don't.
fn grown(shorter: &Told, longer: &Told, all: &[Told]) -> anyhow::Result<Result<(), TrustError>> {
    let mut last = None;
    for registry in longer.tiles.iter().chain(all.iter().filter_map(|told| told.tiles.as_ref())) {
        match check_growth(&shorter.checkpoint, &longer.checkpoint, registry) {
            Err(error @ (TrustError::Fetch(_) | TrustError::Tiles(_) | TrustError::AlteredTiles { .. })) => {
                last.get_or_insert(error);
            }
            settled => return Ok(settled),
        }
    }
    match last {
        Some(error @ TrustError::AlteredTiles { .. }) => Ok(Err(error)),
        Some(error) => Err(error.into()),
        None => Err(advised(
            format_args!(
                "whether the log of {} leaves contains the one of {} can't be told without its tiles",
                longer.checkpoint.size, shorter.checkpoint.size
            ),
            "--registry URL names a place that has them",
        )),
    }
}

fn report(args: &Args, log: &PinnedLog, all: &[Told], outcome: Outcome, talk: Talk) -> anyhow::Result<Exit> {
    let compared: Vec<_> = all
        .iter()
        .map(|told| serde_json::json!({ "from": told.from, "size": told.checkpoint.size, "root": told.checkpoint.root.to_base64() }))
        .collect();
    let Outcome::Contradicts { shorter, longer, fault, why, proof } = outcome else {
        match args.format {
            Format::Human => {
                let newest = all.last().map_or(0, |told| told.checkpoint.size);
                data(format_args!(
                    "{}: {} checkpoints up to {newest} leaves are of one log\n",
                    log.origin(),
                    all.len()
                ))?;
            }
            Format::Json => {
                json(&serde_json::json!({ "origin": log.origin(), "one_log": true, "compared": compared }))?
            }
        }
        return Ok(Exit::Clean);
    };
    let written = match &proof {
        Some(proof) => {
            files::replace(&args.proof, proof.to_text()?.as_bytes())?;
            Some(args.proof.display().to_string())
        }
        None => None,
    };
    match args.format {
        Format::Human => {
            data(format_args!("`{}` and `{}`: {} ({fault})\n", shown(&shorter), shown(&longer), shown(&why)))?;
            talk.say(match &written {
                Some(path) => {
                    format!("the proof is in {path}; `cleartitle verify --log-key KEY {path}` checks it offline")
                }
                None => "nothing is proven against the log: ask for its tiles elsewhere".to_owned(),
            });
        }
        Format::Json => json(&serde_json::json!({
            "origin": log.origin(), "one_log": false, "code": fault, "why": why, "shorter": shorter, "longer": longer,
            "proof": written, "compared": compared,
        }))?,
    }
    Ok(Exit::Refused)
}
