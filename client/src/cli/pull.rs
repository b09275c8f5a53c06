//! `cleartitle pull`: brings the newest snapshot to this machine, verified against the pinned log.

use super::gossip;
use super::talk::{Exit, Format, Hint as _, Talk, advised, coded, data, json, shown};
use super::witnesses::Witnesses;
use crate::clock;
use crate::policy_file;
use crate::pull::{self, Bounds, CONTRADICTION, PullError, Pulled, Way};
use crate::registry::{Registry, RegistryError};
use crate::snapshot::{SnapshotError, beside, log_for};
use crate::trust::{PinnedLog, TrustError};
use cleartitle_schema::fault::Fault;
use cleartitle_schema::policy::Policy;
use std::path::PathBuf;

/// Flags of `pull`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Verified are: the log's signatures on checkpoint and snapshot, the body's hash, that it is byte for byte what its statements
compile to, and that the log only grew since the last pull. Of a snapshot that grew since, what is new is fetched alone, and
the rest made of the older one here; it is the one that the log signed, or the whole is fetched and that is said. Beside FILE lie FILE.note, FILE.tree, FILE.checkpoint and
FILE.log-key, and FILE.growth where the checkpoint is of a later state; keep them together. A download that broke off goes on
where it was.

A log is read as well where it lies with no server behind it: s3://BUCKET/PREFIX (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
AWS_REGION; AWS_ENDPOINT_URL for another store, AWS_SKIP_SIGNATURE=true for a public bucket), file:///FOLDER, which a copy on a
disk is too, and https:// on a server of files or a CDN. Such a server may send files whole alone, and the whole snapshot is
fetched then; it must keep `checkpoint` and `v1/snapshots/latest` in no cache.

Examples:
  cleartitle pull --registry https://registry.example --log-key \"$(cat log.pub)\" --out terms.snapshot
  cleartitle pull --registry https://registry.example --trust-first --out terms.snapshot
  cleartitle pull --registry s3://bucket/log --log-key \"$(cat log.pub)\" --out terms.snapshot
  cleartitle pull --registry file:///media/disk/log --log-key \"$(cat log.pub)\" --out terms.snapshot
  cleartitle pull --registry https://registry.example --log-key \"$(cat log.pub)\" --witness \"$(cat witness.pub)\" \\
      --max-age 7 --out terms.snapshot")]
pub struct Args {
    /// The registry's address, or where its log lies: https://, s3://bucket/prefix, file:///folder.
    #[arg(long, value_name = "URL", env = "CLEARTITLE_REGISTRY")]
    registry: String,
    /// Allow plain http to another machine.
    #[arg(long)]
    allow_http: bool,
    /// The log's key, `origin+hash+base64`. Left out: the policy's, or the one of the last pull.
    #[arg(long, value_name = "KEY")]
    log_key: Option<String>,
    /// Take the log's key from this policy.
    #[arg(long, value_name = "FILE", conflicts_with = "log_key")]
    policy: Option<PathBuf>,
    /// Where the snapshot goes.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Without a key, trust the one that the registry names, and keep it.
    #[arg(long)]
    trust_first: bool,
    /// The most bytes that are taken.
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 30)]
    max_bytes: u64,
    #[command(flatten)]
    witnesses: Witnesses,
    /// Compare the log with what this mirror or witness has of it before anything is put in place; again for another.
    #[arg(long, value_name = "URL")]
    peer: Vec<String>,
    /// Refuse a snapshot whose last statement, or last look of its witnesses, is more than so many days ago. Left out: as the
    /// policy says.
    #[arg(long, value_name = "DAYS")]
    max_age: Option<u32>,
    /// In which form.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the verb.
///
/// # Errors
/// Whatever stands in the way. An older snapshot stays in its place then.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    let registry = super::log_at(&args.registry, args.allow_http)?;
    let policy = args.policy.as_deref().map(policy_file::load).transpose()?;
    let log = log(args, policy.as_ref(), &registry, talk)?;
    let days = args.max_age.or(policy.as_ref().and_then(|policy| policy.max_snapshot_age_days));
    let bounds = Bounds { bytes: args.max_bytes, days, now: clock::now() };
    let proof = beside(&args.out, CONTRADICTION);
    let agree = |note: &[u8]| gossip::agree(&registry, note, (&args.peer, args.allow_http), &log, &proof);
    let mut bar = None;
    let pulled = pull::pull(&registry, &log, &args.out, bounds, agree, |have, all| {
        bar.get_or_insert_with(|| talk.progress(all, "snapshot")).set_position(have);
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let pulled = pulled.map_err(|error| refused(args.format, error, registry.address()))?;
    report(args, &pulled, &log, talk)
}

fn log(args: &Args, policy: Option<&Policy>, registry: &Registry, talk: Talk) -> anyhow::Result<PinnedLog> {
    let witnesses = args.witnesses.pinned(policy)?;
    key(args, policy, registry, talk).map(|log| log.with_witnesses(witnesses))
}

fn key(args: &Args, policy: Option<&Policy>, registry: &Registry, talk: Talk) -> anyhow::Result<PinnedLog> {
    match log_for(&args.out, args.log_key.as_deref(), policy) {
        Ok(log) => Ok(log),
        Err(SnapshotError::NoKey(_)) if args.trust_first => {
            let told = registry.log_key()?;
            let log = PinnedLog::parse(&told.verifier)?;
            talk.warn(format_args!("trusting the log key that the registry names: {}", log.verifier()));
            Ok(log)
        }
        Err(SnapshotError::NoKey(_)) => Err(advised(
            "no log key is known, so nothing that the registry says could be checked",
            format!("--log-key KEY ({}), or --trust-first", super::LOG_KEY_HINT),
        )),
        Err(error) => Err(error).hint(super::LOG_KEY_HINT),
    }
}

/// A refusal with the code of what was found, where something was.
fn refused(format: Format, error: PullError, address: &str) -> anyhow::Error {
    let fault = error.fault();
    let advised = advise(error, address);
    match fault {
        Some(fault) => told(format, advised, fault),
        None => advised,
    }
}

/// The code in JSON on stdout for programs, and behind the error for people.
fn told(format: Format, error: anyhow::Error, fault: Fault) -> anyhow::Error {
    let why = shown(&error.to_string());
    if let Format::Json = format
        && let Err(error) = json(&serde_json::json!({ "refused": true, "code": fault, "why": why }))
    {
        return error;
    }
    coded(error, fault)
}

/// What to do about a log that contradicts itself.
const CONTRADICTED: &str = "do not use this registry before its operator has explained this; the evidence is FILE.checkpoint, and \
                            FILE.contradiction.json where it convicts the log's key by itself (`cleartitle verify` checks it)";

fn advise(error: PullError, address: &str) -> anyhow::Error {
    let not_signed;
    let hint = match &error {
        PullError::Peers { fault: Some(_), .. }
        | PullError::Trust(TrustError::Rollback { .. } | TrustError::SplitView { .. } | TrustError::Forked { .. }) => {
            CONTRADICTED
        }
        PullError::Trust(TrustError::NotWitnessed(_)) => {
            "pull again in a while; if it lasts, compare with what others see: `cleartitle gossip`"
        }
        PullError::Trust(TrustError::Checkpoint(_)) | PullError::Snapshot(SnapshotError::Note(_)) => {
            super::LOG_KEY_HINT
        }
        PullError::CheckpointBehind { .. } => {
            "pull again; a cache on the way must keep neither `checkpoint` nor `v1/snapshots/latest`"
        }
        PullError::TooLong { .. } => "--max-bytes takes more",
        PullError::OtherThanSigned(_)
        | PullError::Behind { .. }
        | PullError::Trust(TrustError::AlteredTiles { .. })
        | PullError::Snapshot(SnapshotError::Format(_) | SnapshotError::Verify(_) | SnapshotError::OtherBody(_)) => {
            not_signed = format!(
                "what `{}` gives was damaged, changed or kept back on the way; what lay here is as it was. Pull again, or from \
                 another place that has the log",
                shown(address)
            );
            &not_signed
        }
        PullError::Length { .. } | PullError::Registry(RegistryError::BrokeOff { .. }) => {
            "pull again: it goes on where it broke off"
        }
        _ => return error.into(),
    };
    let Err(advised) = Err::<(), _>(error).hint(hint) else { unreachable!("it is an error") };
    advised
}

fn report(args: &Args, pulled: &Pulled, log: &PinnedLog, talk: Talk) -> anyhow::Result<Exit> {
    let path = args.out.display();
    if let Way::Whole { why: Some(why) } = &pulled.way {
        talk.warn(format_args!("the whole snapshot was fetched, since what is new did not do: {}", shown(why)));
    }
    match args.format {
        Format::Human => {
            let Pulled { header, statements, .. } = pulled;
            data(format_args!(
                "{path}: {statements} statements at log size {} of {}\n",
                header.size,
                shown(&header.origin)
            ))?;
            talk.say(match pulled.seen_before {
                Some(seen) if seen == pulled.checkpoint.size => {
                    "verified; the log is as it was at the last pull".to_owned()
                }
                Some(seen) => {
                    format!("verified; the log grew from {seen} to {} since the last pull", pulled.checkpoint.size)
                }
                None => "verified; this log was not seen before".to_owned(),
            });
            if pulled.checkpoint.size > header.size {
                let more = pulled.checkpoint.size - header.size;
                talk.say(format_args!("its newest checkpoint has {more} leaves more than the snapshot"));
            }
            if let Some(policy) = log.witnesses() {
                talk.say(format_args!("seen by witnesses of {} operators or more", policy.quorum()));
            }
            if let Way::Grown { fetched } = pulled.way {
                talk.say(format_args!(
                    "fetched {fetched} of its {} bytes, and made the rest of the older one",
                    pulled.bytes
                ));
            }
        }
        Format::Json => json(&serde_json::json!({
            "file": path.to_string(),
            "origin": pulled.header.origin,
            "log_key": log.verifier().to_string(),
            "size": pulled.header.size,
            "root": pulled.header.root.to_base64(),
            "time": pulled.header.time,
            "blake3": cleartitle_schema::id::ContentId(pulled.note.body),
            "bytes": pulled.bytes,
            "statements": pulled.statements,
            "checkpoint_size": pulled.checkpoint.size,
            "seen_before": pulled.seen_before,
            "fetched": match pulled.way {
                Way::Here => 0,
                Way::Grown { fetched } => fetched,
                Way::Whole { .. } => pulled.bytes,
            },
        }))?,
    }
    Ok(Exit::Clean)
}
