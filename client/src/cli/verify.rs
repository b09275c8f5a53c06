//! `cleartitle verify`: tells what each file is by its content, and checks it offline.

use super::talk::{Exit, Format, Talk, data, shown};
use super::witnesses::Witnesses;
use crate::audit::{self, AuditError};
use crate::clock;
use crate::contradiction::{self, Contradiction, ContradictionError};
use crate::crawl::{DatasetLayout, FieldChoice};
use crate::dataset::again;
use crate::files;
use crate::policy_file;
use crate::receipt::{CheckedReceipt, MAX_RECEIPT_FILE, ReceiptFile, TlogProof};
use crate::run_receipt::{self, ReceiptError};
use crate::snapshot::{self, SnapshotError};
use crate::trust::{PinnedLog, TrustError};
use anyhow::Context as _;
use cleartitle_schema::fault::Fault;
use cleartitle_schema::id::{KeyId, StatementId};
use cleartitle_schema::policy::Policy;
use cleartitle_schema::signed::{self, Envelope, STATEMENT_TYPE, key_id, parse_public_key};
use cleartitle_schema::snapshot::{Snapshot, VerifyError, format::MAGIC};
use cleartitle_schema::statement::Statement;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::cosignature::WitnessPolicy;
use cleartitle_schema::tlog::proof::MAX_RECEIPT;
use ed25519_dalek::VerifyingKey;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

/// Flags of `verify`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A receipt holds if the pinned log contains exactly this signed envelope; with --witness, if besides so many of the witnesses
have seen the log so. A contradiction holds if the log signed two checkpoints that can't both be. A snapshot holds if the log signed it, and it is
byte for byte what its statements compile to. A manifest holds if the files that it names, beside it, hold exactly the
documents that it lists. An envelope holds if every signature is by a --key; the receipt of a filter run, if besides every
output in its folder is byte for byte what was signed for. What holds was stated; whether it is true, a
log can't know.

Exit: 0 all hold, 1 some do not, 2 some could not be checked.

Examples:
  cleartitle verify --log-key \"$(cat log.pub)\" receipts/*.receipt.json
  cleartitle verify --log-key \"$(cat log.pub)\" --witness \"$(cat witness.pub)\" deal.receipt.json
  cleartitle verify --log-key \"$(cat log.pub)\" --witness \"$(cat witness.pub)\" --envelope deal.json deal.tlog-proof
  cleartitle verify terms.snapshot
  cleartitle verify out/manifest.jsonl
  cleartitle verify --key lab.key.pub out/receipt.dsse.json
  cleartitle verify --key press.key.pub deal.json")]
pub struct Args {
    /// The log's key. Left out: the policy's; for a snapshot, the one that it was pulled with.
    #[arg(long, value_name = "KEY")]
    log_key: Option<String>,
    /// Take the log's key from this policy.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    witnesses: Witnesses,
    /// Refuse a snapshot whose last statement, or last look of its witnesses, is more than so many days ago. Left out: as the
    /// policy says.
    #[arg(long, value_name = "DAYS")]
    max_age: Option<u32>,
    /// The signed envelope that a bare receipt (`.tlog-proof`) is about.
    #[arg(long, value_name = "FILE")]
    envelope: Option<PathBuf>,
    /// A public key that may have signed an envelope; again for another.
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// Which data set's names JSONL and Parquet use. Left out: whichever of them each file has.
    #[arg(long, value_name = "DATASET", value_enum, default_value_t)]
    layout: DatasetLayout,
    /// Where lines and rows keep their text.
    #[arg(long, value_name = "PATH")]
    text_field: Option<String>,
    /// In which form; json is one object a file.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Receipts, snapshots, manifests, envelopes, checkpoints, contradictions.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// What became of one file.
enum Found {
    /// It holds; what it says, for people and for programs.
    Holds(&'static str, String, Value),
    /// It does not hold; the code of what was found, where it has one, and why.
    Fails(&'static str, Option<Fault>, String),
    /// It could not be checked, and why.
    Open(&'static str, String),
}

/// What all files are checked against.
struct Against {
    log_key: Option<String>,
    policy: Option<Policy>,
    witnesses: Option<WitnessPolicy>,
    max_age: Option<u32>,
    now: Timestamp,
    envelope: Option<Envelope>,
    keys: BTreeMap<KeyId, VerifyingKey>,
    fields: FieldChoice,
}

/// Runs the verb.
///
/// # Errors
/// A policy or key that can't be read, and what writing gives.
pub fn run(args: &Args, _talk: Talk) -> anyhow::Result<Exit> {
    let mut keys = BTreeMap::new();
    for path in &args.key {
        let key = parse_public_key(&files::read_text(path, 4096)?)?;
        keys.insert(key_id(&key), key);
    }
    // Bytes are compared, wherever they are from.
    let fields =
        FieldChoice { layout: args.layout, text: args.text_field.clone(), without_url: true, ..FieldChoice::default() };
    let policy = args.policy.as_deref().map(policy_file::load).transpose()?;
    let against = Against {
        log_key: args.log_key.clone(),
        witnesses: args.witnesses.pinned(policy.as_ref())?,
        max_age: args.max_age.or(policy.as_ref().and_then(|policy| policy.max_snapshot_age_days)),
        now: clock::now(),
        envelope: args.envelope.as_deref().map(envelope).transpose()?,
        policy,
        keys,
        fields,
    };
    let (mut failed, mut open) = (false, false);
    for path in &args.files {
        let found = against.check(path);
        failed |= matches!(found, Found::Fails(..));
        open |= matches!(found, Found::Open(..));
        match args.format {
            Format::Human => data(found.in_words(path))?,
            Format::Json => data(format_args!("{}\n", found.in_json(path)))?,
        }
    }
    Ok(match (open, failed) {
        (true, _) => Exit::Failed,
        (_, true) => Exit::Refused,
        _ => Exit::Clean,
    })
}

fn envelope(path: &Path) -> anyhow::Result<Envelope> {
    let bytes = files::read(path, signed::MAX_ENVELOPE as u64)?;
    Envelope::parse(&bytes).with_context(|| format!("cannot use the envelope in `{}`", path.display()))
}

impl Found {
    fn in_words(&self, path: &Path) -> String {
        let path = path.display();
        match self {
            Self::Holds(kind, words, _) => format!("{path}: {kind} holds: {words}\n"),
            Self::Fails(kind, None, why) => format!("{path}: {kind} DOES NOT HOLD: {why}\n"),
            Self::Fails(kind, Some(code), why) => format!("{path}: {kind} DOES NOT HOLD: {why} ({code})\n"),
            Self::Open(kind, why) => format!("{path}: {kind} not checked: {why}\n"),
        }
    }

    fn in_json(&self, path: &Path) -> Value {
        let path = path.display().to_string();
        match self {
            Self::Holds(kind, _, said) => json!({ "file": path, "kind": kind, "holds": true, "said": said }),
            Self::Fails(kind, None, why) => json!({ "file": path, "kind": kind, "holds": false, "why": why }),
            Self::Fails(kind, code, why) => {
                json!({ "file": path, "kind": kind, "holds": false, "code": code, "why": why })
            }
            Self::Open(kind, why) => json!({ "file": path, "kind": kind, "holds": null, "why": why }),
        }
    }
}

/// What a receipt that holds says.
fn receipt_holds(kind: &'static str, file: &ReceiptFile, checked: &CheckedReceipt, log: &PinnedLog) -> Found {
    let mut words = format!(
        "{} by {}, index {} of {}, registered at {}",
        file.statement,
        checked.statement.issuer.domain,
        file.index,
        log.origin(),
        file.registered_at
    );
    if let Some(seen_at) = checked.seen_at {
        words.push_str(&format!(", seen by its witnesses at {seen_at}"));
    }
    if checked.sealed {
        words.push_str(", sealed: published nowhere");
    }
    let said = json!({
        "sealed": checked.sealed,
        "statement": file.statement, "issuer": checked.statement.issuer.domain,
        "statement_kind": checked.statement.kind(), "index": file.index,
        "registered_at": file.registered_at, "origin": log.origin(), "log_size": checked.checkpoint.size,
        "seen_at": checked.seen_at,
    });
    Found::Holds(kind, words, said)
}

const NO_KEY: &str = "no log key is known; name it with --log-key, or a policy that has one";

impl Against {
    fn check(&self, path: &Path) -> Found {
        let mut head = Vec::new();
        let read = again::open(path).and_then(|file| file.take(128 * 1024).read_to_end(&mut head));
        if let Err(error) = read {
            return Found::Open("file", error.to_string());
        }
        if head.starts_with(&MAGIC) {
            return self.snapshot(path);
        }
        let text = String::from_utf8_lossy(&head);
        if text.starts_with("c2sp.org/tlog-proof@") {
            return self.bare_receipt(path);
        }
        if text.starts_with("old ") {
            return Found::Open("growth", "it is checked with the snapshot that it lies beside".to_owned());
        }
        if text.contains("\n\n\u{2014} ") {
            return self.note(path);
        }
        let trimmed = text.trim_start_matches('\u{feff}').trim_start();
        let members = |name: &str| trimmed.starts_with('{') && text.contains(&format!("\"{name}\""));
        if members("cleartitle_contradiction") {
            self.contradiction(path)
        } else if members("cleartitle_receipt") {
            self.receipt(path)
        } else if members("payloadType") {
            self.envelope(path)
        } else if members("container") && members("verdict") {
            self.manifest(path)
        } else {
            let known =
                "it is neither a receipt, a snapshot, a manifest, an envelope, a checkpoint nor a contradiction";
            Found::Open("file", known.to_owned())
        }
    }

    fn log(&self) -> Result<PinnedLog, String> {
        let key = self.log_key.as_deref().or_else(|| self.policy.as_ref()?.log_key.as_deref());
        let log = PinnedLog::parse(key.ok_or(NO_KEY)?).map_err(|error| error.to_string())?;
        Ok(log.with_witnesses(self.witnesses.clone()))
    }

    fn receipt(&self, path: &Path) -> Found {
        const KIND: &str = "receipt";
        let log = match self.log() {
            Ok(log) => log,
            Err(why) => return Found::Open(KIND, why),
        };
        let file = match files::read(path, MAX_RECEIPT_FILE) {
            Ok(bytes) => ReceiptFile::parse(&bytes),
            Err(error) => return Found::Open(KIND, format!("{error:#}")),
        };
        let checked = file.and_then(|file| file.check(&log).map(|checked| (file, checked)));
        match checked {
            Ok((file, checked)) => receipt_holds(KIND, &file, &checked, &log),
            Err(error) => Found::Fails(KIND, error.fault(), shown(&error.to_string())),
        }
    }

    /// A receipt as the registry gives it, `c2sp.org/tlog-proof`, with the envelope beside it.
    fn bare_receipt(&self, path: &Path) -> Found {
        const KIND: &str = "tlog-proof";
        let log = match self.log() {
            Ok(log) => log,
            Err(why) => return Found::Open(KIND, why),
        };
        let bytes = match files::read(path, MAX_RECEIPT as u64) {
            Ok(bytes) => bytes,
            Err(error) => return Found::Open(KIND, format!("{error:#}")),
        };
        let proof = match TlogProof::parse(&bytes) {
            Ok(proof) => proof,
            Err(TrustError::NoLeaf) => return Found::Open(KIND, TrustError::NoLeaf.to_string()),
            Err(error) => return Found::Fails(KIND, error.fault(), shown(&error.to_string())),
        };
        let Some(envelope) = &self.envelope else {
            return Found::Open(KIND, "name the envelope that it is about with --envelope".to_owned());
        };
        match proof.check(envelope, &log) {
            Ok((file, checked)) => receipt_holds(KIND, &file, &checked, &log),
            Err(error) => Found::Fails(KIND, error.fault(), shown(&error.to_string())),
        }
    }

    fn snapshot(&self, path: &Path) -> Found {
        const KIND: &str = "snapshot";
        let log = match snapshot::log_for(path, self.log_key.as_deref(), self.policy.as_ref()) {
            Ok(log) => log.with_witnesses(self.witnesses.clone()),
            Err(SnapshotError::NoKey(_)) => return Found::Open(KIND, NO_KEY.to_owned()),
            Err(error) => return Found::Open(KIND, error.to_string()),
        };
        match self.snapshot_by(path, &log) {
            Ok((words, said)) => Found::Holds(KIND, words, said),
            Err(error @ (SnapshotError::Read { .. } | SnapshotError::NoNote(_))) => {
                Found::Open(KIND, error.to_string())
            }
            Err(error) => Found::Fails(KIND, error.fault(), shown(&error.to_string())),
        }
    }

    fn snapshot_by(&self, path: &Path, log: &PinnedLog) -> Result<(String, Value), SnapshotError> {
        // The note first; then every byte against what the statements compile to, and the hash of that against the note.
        let vouched = snapshot::open(path, log)?;
        let verified = Snapshot::open(vouched.bytes())?.verify()?;
        if verified.verified_hash() != vouched.verified_hash() {
            return Err(VerifyError::Hash.into());
        }
        let header = verified.header();
        snapshot::check_age(snapshot::fresh_at(path, header, log, self.now)?, self.max_age, self.now)?;
        let words = format!(
            "{} statements at log size {} of {}, of {}",
            verified.len(),
            header.size,
            log.origin(),
            header.time
        );
        let said = json!({
            "origin": header.origin, "size": header.size, "root": header.root.to_base64(), "time": header.time,
            "statements": verified.len(),
        });
        Ok((words, said))
    }

    fn note(&self, path: &Path) -> Found {
        let log = match self.log() {
            Ok(log) => log,
            Err(why) => return Found::Open("signed note", why),
        };
        let bytes = match files::read(path, 256 * 1024) {
            Ok(bytes) => bytes,
            Err(error) => return Found::Open("signed note", format!("{error:#}")),
        };
        if bytes.split(|byte| *byte == b'\n').nth(1).is_some_and(|line| line.starts_with(b"cleartitle-snapshot")) {
            return match snapshot::open_note(&bytes, &log) {
                Ok(note) => {
                    let words = format!("log size {} of {}; its snapshot was not looked at", note.size, note.origin);
                    Found::Holds("snapshot note", words, json!({ "origin": note.origin, "size": note.size }))
                }
                Err(error) => Found::Fails("snapshot note", error.fault(), shown(&error.to_string())),
            };
        }
        match log.open(&bytes) {
            Ok(checkpoint) => {
                let words = format!("log size {} of {}", checkpoint.size, checkpoint.origin);
                let said = json!({ "origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.to_base64() });
                Found::Holds("checkpoint", words, said)
            }
            Err(error) => Found::Fails("checkpoint", error.fault(), shown(&error.to_string())),
        }
    }

    fn contradiction(&self, path: &Path) -> Found {
        const KIND: &str = "contradiction";
        let log = match self.log() {
            Ok(log) => log,
            Err(why) => return Found::Open(KIND, why),
        };
        let bytes = match files::read(path, contradiction::MAX_FILE) {
            Ok(bytes) => bytes,
            Err(error) => return Found::Open(KIND, format!("{error:#}")),
        };
        match Contradiction::parse(&bytes).and_then(|file| file.check(&log)) {
            Ok((shorter, longer)) => {
                let code = if shorter == longer { Fault::SplitView } else { Fault::ForkedLog };
                let words = format!(
                    "{} signed a checkpoint of {shorter} leaves and one of {longer} that can't both be ({code})",
                    log.origin()
                );
                Found::Holds(KIND, words, json!({ "origin": log.origin(), "code": code, "sizes": [shorter, longer] }))
            }
            Err(ContradictionError::Trust(error)) => Found::Fails(KIND, error.fault(), shown(&error.to_string())),
            Err(error) => Found::Fails(KIND, None, shown(&error.to_string())),
        }
    }

    fn envelope(&self, path: &Path) -> Found {
        const KIND: &str = "envelope";
        let envelope = match files::read(path, signed::MAX_ENVELOPE as u64) {
            Ok(bytes) => Envelope::parse(&bytes),
            Err(error) => return Found::Open(KIND, format!("{error:#}")),
        };
        let envelope = match envelope {
            Ok(envelope) => envelope,
            Err(error) => return Found::Fails(KIND, None, shown(&error.to_string())),
        };
        if self.keys.is_empty() {
            let signers: Vec<String> = envelope.signatures().iter().map(|one| one.key_id().to_string()).collect();
            return Found::Open(
                KIND,
                format!("name the public keys with --key; it says it is signed by {}", signers.join(", ")),
            );
        }
        if envelope.payload_type() == run_receipt::PAYLOAD_TYPE {
            return self.run_receipt(path, &envelope);
        }
        let opened = signed::open(&envelope, |id| self.keys.get(id).copied()).map_err(|error| error.to_string());
        let checked = opened.and_then(|verified| {
            let statement = verified.payload_type() == STATEMENT_TYPE;
            let statement = statement.then(|| Statement::parse(verified.payload())).transpose();
            Ok((verified.signers().to_vec(), statement.map_err(|error| error.to_string())?))
        });
        match checked {
            Ok((signers, statement)) => {
                let signed_by: Vec<String> = signers.iter().map(ToString::to_string).collect();
                let about = match &statement {
                    Some(said) => format!("{} by {}", said.kind(), said.issuer.domain),
                    None => shown(envelope.payload_type()),
                };
                let id = statement.as_ref().map(|_| StatementId::of(envelope.payload()));
                let words = format!("{about}, signed by {}", signed_by.join(", "));
                Found::Holds(
                    KIND,
                    words,
                    json!({ "statement": id, "signed_by": signed_by, "payload_type": envelope.payload_type() }),
                )
            }
            Err(why) => Found::Fails(KIND, None, shown(&why)),
        }
    }

    fn run_receipt(&self, path: &Path, envelope: &Envelope) -> Found {
        const KIND: &str = "run receipt";
        let verified = match signed::open(envelope, |id| self.keys.get(id).copied()) {
            Ok(verified) => verified,
            Err(error) => return Found::Fails(KIND, None, shown(&error.to_string())),
        };
        let folder = path.parent().unwrap_or(Path::new("."));
        match run_receipt::check(&verified, folder) {
            Ok(run_receipt::Checked { statement, outputs }) => {
                let signed_by: Vec<String> = verified.signers().iter().map(ToString::to_string).collect();
                let run = &statement.predicate;
                let words = format!(
                    "{outputs} outputs of {} inputs are as signed by {}; decided by log size {} of {}; {} documents kept",
                    run.inputs,
                    signed_by.join(", "),
                    run.snapshot.size,
                    shown(&run.snapshot.origin),
                    run.kept.documents
                );
                Found::Holds(KIND, words, json!({ "signed_by": signed_by, "outputs": outputs, "run": run }))
            }
            Err(error @ ReceiptError::Read { .. }) => Found::Open(KIND, shown(&error.to_string())),
            Err(error) => Found::Fails(KIND, None, shown(&error.to_string())),
        }
    }

    fn manifest(&self, path: &Path) -> Found {
        const KIND: &str = "manifest";
        let file = match File::open(path) {
            Ok(file) => BufReader::new(file),
            Err(error) => return Found::Open(KIND, error.to_string()),
        };
        match audit::audit(path, file, &self.fields) {
            Ok(audit) if audit.wrong == 0 => {
                let verdicts: BTreeMap<&str, u64> =
                    audit.verdicts.iter().map(|(verdict, count)| (verdict.word(), *count)).collect();
                let words = format!("{} documents in {} files are as listed", audit.rows, audit.files);
                Found::Holds(KIND, words, json!({ "rows": audit.rows, "files": audit.files, "verdicts": verdicts }))
            }
            Ok(audit) => {
                let told: Vec<String> = audit.complaints.iter().map(|complaint| shown(complaint)).collect();
                let more = audit.wrong.saturating_sub(told.len() as u64);
                let more = if more == 0 { String::new() } else { format!("; and {more} more") };
                Found::Fails(KIND, None, format!("{}{more}", told.join("; ")))
            }
            Err(error @ AuditError::Outside { .. }) => Found::Fails(KIND, None, shown(&error.to_string())),
            Err(error) => Found::Open(KIND, shown(&format!("{:#}", anyhow::Error::from(error)))),
        }
    }
}
