//! `cleartitle register`: terms become a statement, are signed, registered, and the receipt is checked and kept.
mod documents;

use super::seen::Seen;
use super::talk::{Exit, Format, Hint as _, Talk, advised, data, json, shown};
use crate::clock;
use crate::files;
use crate::receipt::{ReceiptFile, same_payload};
use crate::registry::{Registered, Registry, RegistryError};
use crate::terms_file::{self, Context};
use crate::trust::PinnedLog;
use anyhow::Context as _;
use cleartitle_schema::id::StatementId;
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::signed::{self, Envelope, MAX_ENVELOPE, STATEMENT_TYPE};
use cleartitle_schema::statement::{Body, Statement};
use ed25519_dalek::SigningKey;
use std::path::{Path, PathBuf};

/// Flags of `register`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A statement is signed, public and permanent. Sending the same one twice gives the first receipt again; it is the same if
the terms file says `issued_at`, which is now otherwise.

An agreement is signed by both parties: with both keys here, or on two machines: one writes the signed envelope with
--sign-only, the other reads it, adds its signature with --countersign and registers it. So is a claim over listed bytes
that names in `countersigned_by` the site that serves them.

--documents registers provenance records by the million: a Parquet file with one document a row, signed by its digest.
Its columns are content (BLAKE3, 32 bytes or as text), sha256, warc_sha1, url, captured_at, acquired_at, published_at
(timestamps in UTC), channel, access, and more (JSON: what an acquisition has besides). Each may be missing, another one
is refused; a row names its document by at least one of the first three. At most 16 GiB, 1,048,576 rows and 128 MiB a
row group, zstd, snappy, LZ4_RAW or uncompressed. It is sent in pieces; stopped at any moment, the same command goes on
where it was, by the signed envelope that stands beside the file meanwhile. The rows are seen when all of them are.

Examples:
  cleartitle register --registry https://registry.example --key press.key --issuer press.example terms.toml
  cleartitle register --registry https://registry.example --key press.key --issuer press.example --dry-run terms.toml
  cleartitle register --registry https://registry.example --key press.key --issuer press.example \\
      --sign-only --out deal.json agreement.toml
  cleartitle register --registry https://registry.example --key lab.key --issuer lab.example --countersign deal.json
  cleartitle register --registry https://registry.example --key press.key --issuer press.example \\
      --documents archive.parquet")]
pub struct Args {
    /// The registry's address.
    #[arg(long, value_name = "URL", env = "CLEARTITLE_REGISTRY")]
    registry: Option<String>,
    /// Allow plain http to another machine.
    #[arg(long)]
    allow_http: bool,
    /// The log's key, `origin+hash+base64`. Left out: the registry's own word is taken for it.
    #[arg(long, value_name = "KEY")]
    log_key: Option<String>,
    /// A private key to sign with; again for the other party's.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["envelope", "dry_run"])]
    key: Vec<PathBuf>,
    /// Who speaks: the domain that the key is bound to. With --countersign: who signs besides.
    #[arg(long, value_name = "DOMAIN", required_unless_present = "envelope")]
    issuer: Option<Domain>,
    /// The terms file; `cleartitle init --terms` writes one to begin from.
    #[arg(value_name = "TERMS.toml", required_unless_present_any = ["envelope", "countersign", "documents"])]
    terms: Option<PathBuf>,
    /// A Parquet file of provenance records to register.
    #[arg(long, value_name = "FILE.parquet", conflicts_with_all = ["terms", "envelope", "countersign", "sealed", "sign_only"])]
    documents: Option<PathBuf>,
    /// Print the statement that would be signed, and stop.
    #[arg(long, conflicts_with_all = ["sign_only", "envelope", "countersign"])]
    dry_run: bool,
    /// Sign, write the envelope to --out, and stop.
    #[arg(long, requires = "out", conflicts_with = "envelope")]
    sign_only: bool,
    /// Where --sign-only writes the envelope.
    #[arg(long, value_name = "FILE", requires = "sign_only")]
    out: Option<PathBuf>,
    /// Add a signature to the envelope in this file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["terms", "envelope"])]
    countersign: Option<PathBuf>,
    /// Register the envelope in this file as it is.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["terms", "key"])]
    envelope: Option<PathBuf>,
    /// Seal it: the log gets a commitment alone, and only the parties get the envelope. The receipt is the deal, and needs
    /// --receipt-dir, a folder for you alone.
    #[arg(long, requires = "receipt_dir")]
    sealed: bool,
    /// Keep the receipt in this folder, named by the statement's id.
    #[arg(long, value_name = "DIR")]
    receipt_dir: Option<PathBuf>,
    #[command(flatten)]
    seen: Seen,
    /// In which form.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the verb.
///
/// # Errors
/// Whatever stands in the way; nothing was registered then, or the error says that it was.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    let registry = match &args.registry {
        Some(address) => Some(super::registry_at(address, args.allow_http)?),
        None => None,
    };
    let unnamed = ("which log is the statement for?", "--registry URL, or --log-key KEY");
    let log = super::signing_log(args.log_key.as_deref(), registry.as_ref(), unnamed, talk)?;
    if let Some(path) = &args.documents {
        return documents::run(args, path, &log, registry, talk);
    }
    if args.dry_run {
        return dry_run(args, &log);
    }
    let envelope = envelope(args, &log, talk)?;
    if let Some(out) = args.out.as_ref().filter(|_| args.sign_only) {
        files::write_new(out, &envelope.to_bytes(), false)?;
        talk.say(format_args!("wrote {}; nothing is registered yet", out.display()));
        data(format_args!("{}\n", StatementId::of(envelope.payload())))?;
        return Ok(Exit::Clean);
    }
    let registry =
        registry.ok_or_else(|| advised("no registry is named", "--registry URL, or --sign-only --out FILE"))?;
    if let (true, Some(folder)) = (args.sealed, &args.receipt_dir) {
        super::deals::ready(folder)?;
        let registered = registry.register_sealed(&envelope.to_bytes());
        let registered = registered.map_err(|error| advise(error, args.issuer.as_ref()))?;
        return seal(&envelope, &registered, folder, args.format, &log, talk);
    }
    let registered = registry.register(&envelope.to_bytes()).map_err(|error| advise(error, args.issuer.as_ref()))?;
    let receipt = receipt(&registry, envelope, &registered, &log)?;
    let kept = keep(args, &receipt)?;
    args.seen.look(&registry, &log, talk)?;
    report(args.format, &registered, kept.as_deref(), talk)
}

fn statement(args: &Args, log: &PinnedLog) -> anyhow::Result<Statement> {
    let (Some(terms), Some(issuer)) = (&args.terms, &args.issuer) else {
        anyhow::bail!("a terms file and an issuer are needed");
    };
    let text = files::read_text(terms, crate::toml_file::MAX_FILE as u64)?;
    let context = Context { log: log.origin().to_owned(), issuer: issuer.clone(), issued_at: clock::now() };
    Ok(terms_file::parse(&terms.display().to_string(), &text, &context)?)
}

fn dry_run(args: &Args, log: &PinnedLog) -> anyhow::Result<Exit> {
    let statement = statement(args, log)?;
    match args.format {
        Format::Human => data(format_args!("{}\n", serde_json::to_string_pretty(&statement)?))?,
        Format::Json => json(&statement)?,
    }
    Ok(Exit::Clean)
}

fn keys(args: &Args, talk: Talk) -> anyhow::Result<Vec<SigningKey>> {
    args.key.iter().map(|path| super::private_key::read(path, talk)).collect()
}

fn envelope(args: &Args, log: &PinnedLog, talk: Talk) -> anyhow::Result<Envelope> {
    if let Some(path) = &args.envelope {
        return Ok(read_envelope(path, log)?.0);
    }
    let keys = keys(args, talk)?;
    if let Some(path) = &args.countersign {
        let (mut envelope, statement) = read_envelope(path, log)?;
        check_party(&statement, args.issuer.as_ref())?;
        // What is about to be signed is shown first: the file came from somebody else.
        talk.say(format_args!("signing {}:", StatementId::of(envelope.payload())));
        talk.say(shown_statement(&statement));
        for key in &keys {
            envelope = envelope.countersign(key)?;
        }
        return Ok(envelope);
    }
    let payload = statement(args, log)?.to_payload()?;
    Ok(signed::sign(STATEMENT_TYPE, &payload, &keys.iter().collect::<Vec<_>>())?)
}

/// Pretty JSON. It escapes control characters below 32; those above would still reach the terminal.
fn shown_statement(statement: &Statement) -> String {
    let text = serde_json::to_string_pretty(statement).unwrap_or_default();
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

fn read_envelope(path: &Path, log: &PinnedLog) -> anyhow::Result<(Envelope, Statement)> {
    let bytes = files::read(path, MAX_ENVELOPE as u64)?;
    let told = || format!("cannot use the envelope in `{}`", path.display());
    let envelope = Envelope::parse(&bytes).with_context(told)?;
    if envelope.payload_type() != STATEMENT_TYPE {
        anyhow::bail!("`{}` holds no statement but `{}`", path.display(), shown(envelope.payload_type()));
    }
    let statement = Statement::parse(envelope.payload()).with_context(told)?;
    if statement.log != log.origin() {
        anyhow::bail!("the statement is for the log `{}`, not for `{}`", shown(&statement.log), log.origin());
    }
    Ok((envelope, statement))
}

fn check_party(statement: &Statement, signer: Option<&Domain>) -> anyhow::Result<()> {
    let Some(signer) = signer else { return Ok(()) };
    let licensees = match &statement.body {
        Body::Agreement { licensees, .. } => licensees.as_slice(),
        _ => &[],
    };
    let licensee = licensees.iter().any(|party| party.domain == *signer);
    if statement.issuer.domain == *signer || licensee || statement.countersigned_by.contains(signer) {
        return Ok(());
    }
    Err(advised(
        format_args!("`{signer}` is no party of this statement"),
        format!(
            "its issuer is `{}`; only an agreement's licensees and the sites in `countersigned_by` sign besides",
            statement.issuer.domain
        ),
    ))
}

fn advise(error: RegistryError, issuer: Option<&Domain>) -> anyhow::Error {
    let code = match &error {
        RegistryError::Refused { code, .. } => code.clone(),
        _ => return error.into(),
    };
    let issuer = issuer.map_or_else(|| "DOMAIN".to_owned(), Domain::to_string);
    let hint = match code.as_str() {
        "unknown-issuer" | "foreign-key" | "issuer-unsigned" => format!(
            "`cleartitle domain record` prints what to publish at {issuer}, and `cleartitle domain verify` has it bound"
        ),
        "key-ended" => "`cleartitle domain show` lists the keys that speak now".to_owned(),
        "not-delegated" => "name the `delegation` in the terms file; its issuer registers it".to_owned(),
        "licensee-unsigned" => "give the licensee's --key too, or let it --countersign".to_owned(),
        "countersigner-unsigned" | "seen-elsewhere" => {
            "name the site in `countersigned_by`, --sign-only, and let it --countersign and register".to_owned()
        }
        "common-content" => "leave these bytes out of the scope: everybody serves them".to_owned(),
        "outside-authority" => "a scope names hosts of the issuer's own registrable domain".to_owned(),
        "future-time" => "is this machine's clock right?".to_owned(),
        _ => return error.into(),
    };
    Err::<(), _>(error).hint(hint).expect_err("an error")
}

/// The receipt, checked. The registry may have had the same payload with fewer signatures before: then the receipt is about
/// that envelope, and it is fetched.
fn receipt(
    registry: &Registry,
    envelope: Envelope,
    registered: &Registered,
    log: &PinnedLog,
) -> anyhow::Result<ReceiptFile> {
    let told = || format!("`{}` was sent, but its receipt is not to be trusted", registered.registration.statement);
    let receipt = ReceiptFile::new(envelope.clone(), &registered.registration);
    let first = receipt.check(log);
    if first.is_ok() || registered.new {
        return first.map(|_| receipt).with_context(told);
    }
    let view = registry.statement(&StatementId::of(envelope.payload())).with_context(told)?;
    let stored: Envelope = serde_json::from_value(view.envelope).with_context(told)?;
    if !same_payload(&stored, &envelope) {
        return Err(anyhow::anyhow!("the registry holds another envelope")).with_context(told);
    }
    let receipt = ReceiptFile::new(stored, &view.registration);
    receipt.check(log).with_context(told)?;
    Ok(receipt)
}

/// The deal, kept before it is checked: the other party's copy may be the only one besides.
fn seal(
    envelope: &Envelope,
    registered: &Registered,
    folder: &Path,
    format: Format,
    log: &PinnedLog,
    talk: Talk,
) -> anyhow::Result<Exit> {
    let receipt = ReceiptFile::new(envelope.clone(), &registered.registration);
    let kept = super::deals::keep(folder, &receipt)?;
    let told = || format!("`{}` was sent, but its receipt is not to be trusted", receipt.statement);
    anyhow::ensure!(receipt.check(log).with_context(told)?.sealed, "the registry published what was to be sealed");
    report(format, registered, Some(&kept), talk)
}

fn keep(args: &Args, receipt: &ReceiptFile) -> anyhow::Result<Option<PathBuf>> {
    let Some(folder) = &args.receipt_dir else { return Ok(None) };
    let told = || format!("`{}` is registered, but its receipt can't be kept", receipt.statement);
    std::fs::create_dir_all(folder).with_context(told)?;
    let name = receipt.statement.to_string().replace(':', "-");
    let path = folder.join(format!("{name}.receipt.json"));
    files::replace(&path, receipt.to_text()?.as_bytes()).with_context(told)?;
    Ok(Some(path))
}

fn report(format: Format, registered: &Registered, kept: Option<&Path>, talk: Talk) -> anyhow::Result<Exit> {
    let Registered { registration, new } = registered;
    match format {
        Format::Human => {
            data(format_args!(
                "statement {}\nindex     {}\nat        {}\n",
                registration.statement, registration.index, registration.registered_at
            ))?;
            if let Some(path) = kept {
                data(format_args!("receipt   {}\n", path.display()))?;
            }
            talk.say(if *new { "registered; the receipt holds" } else { "registered before; the first receipt holds" });
        }
        Format::Json => json(&serde_json::json!({
            "statement": registration.statement,
            "index": registration.index,
            "registered_at": registration.registered_at,
            "new": new,
            "receipt_file": kept.map(|path| path.display().to_string()),
        }))?,
    }
    Ok(Exit::Clean)
}
