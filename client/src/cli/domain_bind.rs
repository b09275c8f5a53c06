//! `cleartitle domain verify` and `revoke`: a key begins and ceases to speak for a domain in a registry.

use super::domain;
use super::talk::{Exit, Format, Hint as _, Talk, advised, data, json};
use crate::clock;
use crate::receipt::ReceiptFile;
use crate::registry::{Registered, Registry, RegistryError};
use crate::trust::PinnedLog;
use anyhow::Context as _;
use cleartitle_schema::domain_proof::{KeyRequest, request};
use cleartitle_schema::id::{KeyId, StatementId};
use cleartitle_schema::issuer::{Domain, Party};
use cleartitle_schema::signed::{Envelope, STATEMENT_TYPE, key_id, print_public_key, sign};
use cleartitle_schema::statement::{Body, Cause, Proof, Statement};
use cleartitle_schema::time::Timestamp;
use ed25519_dalek::SigningKey;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_secs(15);

/// Which registry, and which log it must be.
#[derive(Debug, clap::Args)]
pub(super) struct At {
    /// The registry's address.
    #[arg(long, value_name = "URL", env = "CLEARTITLE_REGISTRY")]
    registry: String,
    /// Allow plain http to another machine.
    #[arg(long)]
    allow_http: bool,
    /// The log's key, `origin+hash+base64`. Left out: the registry's own word is taken for it.
    #[arg(long, value_name = "KEY")]
    log_key: Option<String>,
}

impl At {
    pub(super) fn registry(&self) -> anyhow::Result<Registry> {
        super::registry_at(&self.registry, self.allow_http)
    }

    pub(super) fn log(&self, registry: &Registry, talk: Talk) -> anyhow::Result<PinnedLog> {
        super::signing_log(self.log_key.as_deref(), Some(registry), ("which log?", "--log-key KEY"), talk)
    }
}

/// Flags of `domain verify`.
#[derive(Debug, clap::Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    at: At,
    /// The private key that is to speak.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// A private key that speaks for the domain now, and vouches that the new one is the same holder's.
    #[arg(long, value_name = "FILE")]
    vouched_by: Option<PathBuf>,
    /// Where the domain publishes it: dns-txt, well-known or key-directory.
    #[arg(long, value_name = "PLACE", default_value = "dns-txt", value_parser = domain::parse_proof)]
    proof: Proof,
    /// Look again for so many minutes until the key is seen there: DNS takes its time.
    #[arg(long, value_name = "MINUTES", default_value_t = 0)]
    wait: u64,
    /// The domain.
    domain: Domain,
    /// In which form.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Flags of `domain revoke`.
#[derive(Debug, clap::Args)]
pub(super) struct RevokeArgs {
    #[command(flatten)]
    at: At,
    /// A private key that speaks for the issuer now; it may be the one that is to end.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Who speaks: the domain of the key that is to end, or the registrable domain above it.
    #[arg(long, value_name = "DOMAIN")]
    issuer: Domain,
    /// The domain whose key ends. Left out: the issuer.
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<Domain>,
    /// retired: what it signed stands. compromised: what it signed alone in the last thirty days is in doubt.
    #[arg(long, value_name = "CAUSE", value_parser = parse_cause)]
    cause: Cause,
    /// Since when a compromised key may have been in other hands; within the last thirty days.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// The id of the key that ends, `key:...`, as `domain show` prints it.
    ended: KeyId,
    /// In which form.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

fn parse_cause(text: &str) -> Result<Cause, String> {
    match text.parse() {
        Ok(cause @ (Cause::Retired | Cause::Compromised)) => Ok(cause),
        _ => Err("retired or compromised".to_owned()),
    }
}

/// Runs `domain verify`.
pub(super) fn verify(args: &VerifyArgs, talk: Talk) -> anyhow::Result<Exit> {
    let registry = args.at.registry()?;
    let log = args.at.log(&registry, talk)?;
    let key = super::private_key::read(&args.key, talk)?;
    let voucher = args.vouched_by.as_ref().map(|path| super::private_key::read(path, talk)).transpose()?;
    let until = Instant::now() + Duration::from_secs(args.wait.saturating_mul(60));
    let registered = loop {
        match registry.bind_key(&request(args, &log, &key, voucher.as_ref())?.to_bytes()) {
            Err(RegistryError::Refused { code, .. })
                if matches!(code.as_str(), "not-published" | "domain-unreachable")
                    && Instant::now() + PAUSE < until =>
            {
                talk.say("not seen yet; looking again in 15 s");
                std::thread::sleep(PAUSE);
            }
            other => break other,
        }
    };
    let registered = registered.map_err(|error| advise(error, &args.domain))?;
    let (receipt, statement) = checked(&registry, &log, &registered)?;
    let Body::KeyBinding { domain, key: bound, new_tenure, .. } = &statement.body else {
        anyhow::bail!("`{}` is no key binding: the registry answered with another statement", receipt.statement);
    };
    if *domain != args.domain || bound != print_public_key(&key.verifying_key()).trim_end() {
        anyhow::bail!("the registry bound another key or domain than was asked for");
    }
    let id = key_id(&key.verifying_key());
    if args.format == Format::Json {
        let tenure = new_tenure.then_some(registered.registration.registered_at);
        json(&serde_json::json!({
            "key_id": id, "domain": domain, "binding": receipt.statement, "new": registered.new,
            "index": registered.registration.index, "new_tenure_from": tenure,
        }))?;
        return Ok(Exit::Clean);
    }
    data(format_args!("{id} speaks for {domain}\nbinding   {}\n", receipt.statement))?;
    if *new_tenure {
        talk.warn(
            "this opens a new tenure: no older key vouched for this one, so nothing stated before is loosened by it, and older keys are silent",
        );
    }
    talk.say(if registered.new { "bound; the receipt holds" } else { "bound before; the first receipt holds" });
    Ok(Exit::Clean)
}

fn request(
    args: &VerifyArgs,
    log: &PinnedLog,
    key: &SigningKey,
    voucher: Option<&SigningKey>,
) -> anyhow::Result<Envelope> {
    let request = KeyRequest {
        version: request::VERSION,
        log: log.origin().to_owned(),
        domain: args.domain.clone(),
        key: print_public_key(&key.verifying_key()).trim_end().to_owned(),
        proof: args.proof,
        issued_at: clock::now(),
    };
    let keys: Vec<&SigningKey> = std::iter::once(key).chain(voucher).collect();
    Ok(sign(request::PAYLOAD_TYPE, &request.to_payload()?, &keys)?)
}

/// The receipt of what the registry stated, and the statement, as its log has it.
pub(super) fn checked(
    registry: &Registry,
    log: &PinnedLog,
    registered: &Registered,
) -> anyhow::Result<(ReceiptFile, Statement)> {
    let told = || format!("`{}` is not to be trusted", registered.registration.statement);
    let view = registry.statement(&registered.registration.statement).with_context(told)?;
    let envelope: Envelope = serde_json::from_value(view.envelope).with_context(told)?;
    let statement = Statement::parse(envelope.payload()).with_context(told)?;
    let receipt = ReceiptFile::new(envelope, &registered.registration);
    receipt.check(log).with_context(told)?;
    Ok((receipt, statement))
}

fn advise(error: RegistryError, domain: &Domain) -> anyhow::Error {
    let RegistryError::Refused { code, .. } = &error else { return error.into() };
    let hint = match code.as_str() {
        "not-published" | "domain-unreachable" => format!(
            "`cleartitle domain record` prints what to publish, `cleartitle domain look {domain}` shows what is seen from here, and --wait 10 looks again for ten minutes"
        ),
        "stale-key-request" => "is this machine's clock right?".to_owned(),
        "key-of-another" | "key-compromised-before" => "`cleartitle keys new` makes a key of its own".to_owned(),
        "name-needs-review" => "ask the registry's operator, who can bind it by hand after a look".to_owned(),
        _ => return error.into(),
    };
    Err::<(), _>(error).hint(hint).expect_err("an error")
}

/// Runs `domain revoke`.
pub(super) fn revoke(args: &RevokeArgs, talk: Talk) -> anyhow::Result<Exit> {
    let registry = args.at.registry()?;
    let log = args.at.log(&registry, talk)?;
    let key = super::private_key::read(&args.key, talk)?;
    let domain = args.domain.as_ref().unwrap_or(&args.issuer);
    let bound = registry.issuer(domain)?.keys;
    let binding = bound.iter().find(|key| key.key_id == args.ended && key.ended.is_none());
    let binding = binding.map(|key| key.binding).ok_or_else(|| {
        let hint = format!("`cleartitle domain show {domain}` lists the keys");
        advised(format_args!("`{}` does not speak for `{domain}` now", args.ended), hint)
    })?;
    let statement = Statement::new(
        log.origin(),
        Party::new(args.issuer.clone()),
        clock::now(),
        Body::Withdrawal { statement: binding, cause: Some(args.cause), since: args.since },
    );
    let envelope = sign(STATEMENT_TYPE, &statement.to_payload()?, &[&key])?;
    let registered = registry.register(&envelope.to_bytes())?;
    let receipt = ReceiptFile::new(envelope, &registered.registration);
    receipt
        .check(&log)
        .with_context(|| format!("`{}` was sent, but its receipt is not to be trusted", receipt.statement))?;
    report(args, &receipt.statement, &registered, talk)
}

fn report(args: &RevokeArgs, id: &StatementId, registered: &Registered, talk: Talk) -> anyhow::Result<Exit> {
    if args.format == Format::Json {
        json(&serde_json::json!({"statement": id, "key_id": args.ended, "cause": args.cause, "new": registered.new}))?;
        return Ok(Exit::Clean);
    }
    data(format_args!("{} no longer speaks\nstatement {id}\n", args.ended))?;
    if args.cause == Cause::Compromised {
        talk.say(
            "what it signed alone in the last thirty days is in doubt: withdraw what is not yours, state anew what is",
        );
    }
    Ok(Exit::Clean)
}
