//! `cleartitle receipt`: fetches a statement's receipt under a checkpoint that witnesses have seen, and keeps it checked.

use super::talk::{Exit, Format, Hint as _, Talk, coded, data, json};
use super::witnesses::Witnesses;
use crate::files;
use crate::policy_file;
use crate::receipt::ReceiptFile;
use crate::registry::{Registry, RegistryError};
use anyhow::Context as _;
use cleartitle_schema::id::StatementId;
use cleartitle_schema::signed::Envelope;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long to wait between two questions for a receipt that is not there yet.
const AGAIN: Duration = Duration::from_secs(1);

/// Flags of `receipt`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The receipt that `register` keeps is signed by the log alone, and there at once. This one is cosigned by witnesses, who sign
no second past of the same log, and is there seconds later. `cleartitle verify` checks it from the file alone, with the keys
of log and witnesses, years after the registry is gone.

Examples:
  cleartitle receipt --registry https://registry.example --log-key \"$(cat log.pub)\" --witness \"$(cat witness.pub)\" \\
      --wait 60 --out deal.receipt.json statement:0123...
  cleartitle verify --log-key \"$(cat log.pub)\" --witness \"$(cat witness.pub)\" deal.receipt.json")]
pub struct Args {
    /// The registry's address.
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
    /// How many seconds to wait for witnesses.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,
    /// Where the receipt goes. With the ending `.tlog-proof` it is the bare C2SP text, and the envelope is kept apart.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// In which form.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The statement.
    #[arg(value_name = "STATEMENT")]
    statement: StatementId,
}

/// Runs the verb.
///
/// # Errors
/// Whatever stands in the way; nothing is written then.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    let registry = super::registry_at(&args.registry, args.allow_http)?;
    let policy = args.policy.as_deref().map(policy_file::load).transpose()?;
    let log = super::known_log(args.log_key.as_deref(), policy.as_ref())?;
    let log = log.with_witnesses(args.witnesses.pinned(policy.as_ref())?);
    let view = registry.statement(&args.statement)?;
    let envelope: Envelope = serde_json::from_value(view.envelope)
        .context("the registry does not hold the statement's envelope any more")?;
    let text = cosigned(args, &registry, talk)?;
    let receipt = ReceiptFile {
        receipt: String::from_utf8(text).context("the receipt is not UTF-8")?,
        ..ReceiptFile::new(envelope, &view.registration)
    };
    let checked = receipt.check(&log).and_then(|checked| {
        // Whole and sound, and about something else.
        if receipt.statement == args.statement {
            Ok(checked)
        } else {
            Err(crate::trust::TrustError::Other("statement"))
        }
    });
    let checked = checked.map_err(|error| {
        let fault = error.fault();
        let error = anyhow::Error::from(error).context("the receipt is not to be trusted");
        if let (Some(fault), Format::Json) = (fault, args.format)
            && let Err(error) =
                json(&serde_json::json!({ "refused": true, "code": fault, "why": format!("{error:#}") }))
        {
            return error;
        }
        match fault {
            Some(fault) => coded(anyhow::anyhow!("{error:#}"), fault),
            None => error,
        }
    })?;
    // Under the name that the format has everywhere, what every reader of it knows; else all in one file.
    let bare = args.out.extension().is_some_and(|extension| extension == "tlog-proof");
    let text = if bare { receipt.receipt.clone() } else { receipt.to_text()? };
    files::replace(&args.out, text.as_bytes())?;
    match args.format {
        Format::Human => {
            data(format_args!("receipt   {}\n", args.out.display()))?;
            let size = checked.checkpoint.size;
            talk.say(match checked.seen_at {
                Some(seen_at) => {
                    format!("it holds under a checkpoint of {size} leaves, seen by the witnesses at {seen_at}")
                }
                None => format!("it holds under a checkpoint of {size} leaves; --witness would say who has seen that"),
            });
        }
        Format::Json => json(&serde_json::json!({
            "statement": receipt.statement, "index": receipt.index, "file": args.out.display().to_string(),
            "log_size": checked.checkpoint.size, "seen_at": checked.seen_at,
        }))?,
    }
    Ok(Exit::Clean)
}

/// The receipt's text, waited for as long as was asked.
fn cosigned(args: &Args, registry: &Registry, talk: Talk) -> anyhow::Result<Vec<u8>> {
    let begun = Instant::now();
    let mut told = false;
    loop {
        match registry.receipt(&args.statement) {
            Err(RegistryError::Refused { code, .. })
                if code == "not-yet-witnessed" && begun.elapsed() < Duration::from_secs(args.wait) =>
            {
                if !std::mem::replace(&mut told, true) {
                    talk.say("no witnesses have cosigned it yet; waiting");
                }
                std::thread::sleep(AGAIN);
            }
            Err(error @ RegistryError::Refused { .. }) => {
                return Err(error)
                    .hint("--wait SECONDS waits for witnesses; a registry without any never has such a receipt");
            }
            other => return Ok(other?),
        }
    }
}
