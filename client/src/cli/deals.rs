//! `cleartitle deals`: sealed deals of one's own, fetched from a registry or registered by their commitment alone.

use super::domain_bind::At;
use super::shown_deal;
use super::talk::{Exit, Format, Talk, advised, data, json};
use crate::asker::Asker;
use crate::files;
use crate::receipt::ReceiptFile;
use crate::registry::Registry;
use crate::sealed::{Deals, ENDING};
use crate::trust::PinnedLog;
use crate::{clock, files_private};
use anyhow::Context as _;
use clap::Subcommand;
use cleartitle_schema::api::{Registration, SealedView};
use cleartitle_schema::id::StatementId;
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::leaf::Salt;
use cleartitle_schema::signed::{Envelope, MAX_ENVELOPE, STATEMENT_TYPE};
use cleartitle_schema::statement::Statement;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Flags of `deals`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A sealed deal is a leaf of the log whose envelope is published nowhere. Its file here holds envelope, salt and proof: it is
the deal, so its folder is for its owner alone (chmod 700). `filter`, `check` and `ask` join it to a snapshot with --sealed.
To disclose a deal to an auditor, give them its file: `cleartitle verify FILE --log-key KEY` checks it against the log.

A registry holds what `register --sealed` sends, and its operator can read it. With `deals commit` the registry learns the
commitment alone, and nothing can bring the file back when it is lost.

Examples:
  cleartitle register --registry https://registry.example --key press.key --key lab.key --issuer press.example \\
      --sealed --receipt-dir deals agreement.toml
  cleartitle deals fetch --registry https://registry.example --key lab.key --party lab.example --out deals
  cleartitle deals commit --registry https://registry.example --key lab.key --party lab.example --out deals signed.json
  cleartitle deals show --log-key KEY deals
  cleartitle filter --snapshot terms.snapshot --sealed deals --policy cleartitle.toml --out out crawl.warc.gz")]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Bring the sealed deals of a domain that a registry holds for it.
    Fetch {
        #[command(flatten)]
        ask: Ask,
        /// In which form.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Register the commitment of a signed envelope alone, and keep the deal here.
    Commit {
        #[command(flatten)]
        ask: Ask,
        /// The signed envelope, as `register --sign-only` and `--countersign` write it.
        envelope: PathBuf,
        /// In which form.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Check the deals of a folder offline, and say what they are.
    Show {
        /// The log's key, `origin+hash+base64`.
        #[arg(long, value_name = "KEY")]
        log_key: String,
        /// The folder.
        folder: PathBuf,
        /// In which form.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// Who asks, and where the deals go.
#[derive(Debug, clap::Args)]
struct Ask {
    #[command(flatten)]
    at: At,
    /// A private key that is bound to the party; one of a key directory will do.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// In whose name: the domain.
    #[arg(long, value_name = "DOMAIN")]
    party: Domain,
    /// The folder of deals; made for you alone where it is missing.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Ask {
    fn begin(&self, talk: Talk) -> anyhow::Result<(Registry, PinnedLog, Asker)> {
        let registry = self.at.registry()?;
        let log = self.at.log(&registry, talk)?;
        ready(&self.out)?;
        Ok((registry, log, Asker::new(self.party.clone(), super::private_key::read(&self.key, talk)?)))
    }
}

/// A folder for deals that nobody else can look into.
pub(super) fn ready(folder: &Path) -> anyhow::Result<()> {
    let told = || format!("cannot use `{}`", folder.display());
    files_private::make_folder(folder).with_context(told)?;
    if files_private::open_to_others(folder).with_context(told)? {
        let hint = format!("chmod 700 {}", folder.display());
        return Err(advised(format_args!("`{}` can be read by others", folder.display()), hint));
    }
    Ok(())
}

/// What the file of a deal is called.
pub(super) fn file_name(id: &StatementId) -> String {
    format!("{}{ENDING}", id.to_string().replace(':', "-"))
}

/// Keeps a deal under its statement's id.
pub(super) fn keep(folder: &Path, receipt: &ReceiptFile) -> anyhow::Result<PathBuf> {
    let path = folder.join(file_name(&receipt.statement));
    files_private::write(&path, receipt.to_text()?.as_bytes())
        .with_context(|| format!("`{}` can't be kept in `{}`", receipt.statement, folder.display()))?;
    Ok(path)
}

/// Runs the verb.
///
/// # Errors
/// Whatever stands in the way.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    match &args.verb {
        Verb::Fetch { ask, format } => fetch(ask, *format, talk),
        Verb::Commit { ask, envelope, format } => commit(ask, envelope, *format, talk),
        Verb::Show { log_key, folder, format } => show(log_key, folder, *format),
    }
}

fn fetch(ask: &Ask, format: Format, talk: Talk) -> anyhow::Result<Exit> {
    let (registry, log, asker) = ask.begin(talk)?;
    let (mut after, mut kept) = (None, Vec::new());
    loop {
        let page = registry.sealed(&asker, after)?;
        for SealedView { registration, envelope } in page.statements {
            let told = || format!("`{}` is not to be trusted", registration.statement);
            let envelope: Envelope = serde_json::from_value(envelope).with_context(told)?;
            let receipt = ReceiptFile::new(envelope, &registration);
            let checked = receipt.check(&log).with_context(told)?;
            anyhow::ensure!(checked.sealed, "`{}` is no sealed leaf", registration.statement);
            kept.push((receipt.statement, checked.statement.kind(), keep(&ask.out, &receipt)?));
        }
        match page.next {
            Some(next) if Some(next) > after => after = Some(next),
            _ => break,
        }
    }
    match format {
        Format::Json => {
            let rows: Vec<_> = kept
                .iter()
                .map(|(id, kind, path)| json!({"statement": id, "kind": kind, "file": path.display().to_string()}))
                .collect();
            json(&json!({"party": asker.domain, "deals": rows}))?;
        }
        Format::Human => {
            for (id, kind, path) in &kept {
                data(format_args!("{id} {kind} {}\n", path.display()))?;
            }
        }
    }
    talk.say(format_args!("{} deals of {} are in {}", kept.len(), asker.domain, ask.out.display()));
    Ok(Exit::Clean)
}

fn commit(ask: &Ask, path: &Path, format: Format, talk: Talk) -> anyhow::Result<Exit> {
    let (registry, log, asker) = ask.begin(talk)?;
    let told = || format!("cannot use the envelope in `{}`", path.display());
    let envelope = Envelope::parse(&files::read(path, MAX_ENVELOPE as u64)?).with_context(told)?;
    anyhow::ensure!(envelope.payload_type() == STATEMENT_TYPE, "`{}` holds no statement", path.display());
    let statement = Statement::parse(envelope.payload()).with_context(told)?;
    anyhow::ensure!(statement.log == log.origin(), "the statement is for another log than `{}`", log.origin());
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let salt = Salt(salt);
    let leaf = registry.register_commitment(&asker, salt.commit(&envelope.to_bytes()))?;
    let registration = Registration {
        statement: StatementId::of(envelope.payload()),
        index: leaf.index,
        registered_at: leaf.registered_at,
        commitment: leaf.commitment,
        salt: salt.to_hex(),
        leaf: leaf.leaf,
        receipt: leaf.receipt,
    };
    let receipt = ReceiptFile::new(envelope, &registration);
    let kept = keep(&ask.out, &receipt)?;
    receipt
        .check(&log)
        .with_context(|| format!("`{}` was sent, but its receipt is not to be trusted", receipt.statement))?;
    if format == Format::Json {
        let file = kept.display().to_string();
        json(
            &json!({"statement": receipt.statement, "index": receipt.index, "commitment": leaf.commitment, "file": file}),
        )?;
    } else {
        data(format_args!("{}\nindex {}\ndeal  {}\n", leaf.commitment, receipt.index, kept.display()))?;
    }
    talk.say("the registry knows the commitment alone: keep the file, nobody can bring it back; the other party needs a copy");
    Ok(Exit::Clean)
}

fn show(log_key: &str, folder: &Path, format: Format) -> anyhow::Result<Exit> {
    let log = PinnedLog::parse(log_key)?;
    let deals = Deals::read(folder, &log).map_err(super::sealed_advice)?;
    let rows: Vec<_> = deals.iter().map(shown_deal).collect();
    match format {
        Format::Json => json(&json!({"deals": rows, "digest": deals.digest(), "at": clock::now()}))?,
        Format::Human => {
            for row in &rows {
                let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
                data(format_args!(
                    "{} {} by {} at {} ({})\n",
                    text("statement"),
                    text("kind"),
                    text("issuer"),
                    text("registered_at"),
                    text("file")
                ))?;
            }
        }
    }
    Ok(Exit::Clean)
}
