//! `register --documents`: a provenance table is signed by its digest, length and rows, sent in pieces, and waited for until it is in the log.
//!
//! The envelope stands beside the table while that lasts, so that a run after a broken connection or a `kill -9` goes on with the same
//! statement where the registry's copy ends, and never signs twice.

use super::super::talk::{Exit, Format, Hint as _, Talk, advised, data, json, shown};
use super::{Args, advise, keep, read_envelope, receipt, report};
use crate::clock;
use crate::crawl::parquet::rows_in;
use crate::crawl::store::{Location, Store};
use crate::files;
use crate::registry::{Registered, Registry, RegistryError};
use crate::trust::PinnedLog;
use anyhow::Context as _;
use cleartitle_schema::api::{UploadState, UploadView};
use cleartitle_schema::id::{ListHasher, ListId, StatementId};
use cleartitle_schema::issuer::{Domain, Party};
use cleartitle_schema::provenance::{MAX_BYTES, MAX_PIECE, MEDIA_TYPE};
use cleartitle_schema::signed::{self, Envelope, STATEMENT_TYPE};
use cleartitle_schema::statement::{Body, ListRole, Statement};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a piece, or a question, is tried again in a row before the run gives up.
const ATTEMPTS: u32 = 6;

/// How often is asked whether the table is in the log.
const ASKED_EVERY: Duration = Duration::from_millis(500);

/// The file, as the statement signs it.
struct Table {
    list: ListId,
    bytes: u64,
    rows: u64,
}

/// Registers the table in this file.
///
/// # Errors
/// Whatever stands in the way; run again, it goes on where it stopped.
pub(super) fn run(
    args: &Args,
    path: &Path,
    log: &PinnedLog,
    registry: Option<Registry>,
    talk: Talk,
) -> anyhow::Result<Exit> {
    let issuer = args.issuer.as_ref().context("an issuer is needed")?;
    let table = read(path)?;
    if args.dry_run {
        let statement = statement(&table, issuer, log);
        match args.format {
            Format::Human => data(format_args!("{}\n", serde_json::to_string_pretty(&statement)?))?,
            Format::Json => json(&statement)?,
        }
        return Ok(Exit::Clean);
    }
    let registry = registry.ok_or_else(|| advised("no registry is named", "--registry URL"))?;
    let kept = beside(path);
    let envelope = envelope(args, &table, issuer, log, &kept, talk)?;
    let id = StatementId::of(envelope.payload());
    let begun = tried(talk, || registry.begin_upload(&envelope.to_bytes()));
    let mut view = begun.map_err(|error| {
        if matches!(&error, RegistryError::Refused { status: 400..=499, .. }) && !passing(&error) {
            // The next run signs anew: with another key, say.
            let _ = std::fs::remove_file(&kept);
        }
        advise(error, Some(issuer))
    })?;
    if view.received > 0 && view.state == UploadState::Receiving {
        talk.say(format_args!("going on at byte {} of {}", view.received, view.bytes));
    }
    let new = view.state != UploadState::Registered;
    let mut file = File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
    let progress = talk.progress(view.bytes, "sending");
    let mut in_vain = 0;
    while view.state == UploadState::Receiving {
        progress.set_position(view.received);
        let before = view.received;
        view = piece(&registry, &id, &mut file, &view, talk)?;
        in_vain = if view.received > before { 0 } else { in_vain + 1 };
        if in_vain > ATTEMPTS {
            let message = format!("the registry takes no byte from {before} on, tried {in_vain} times");
            return Err(advised(message, "run the same command again later: it goes on where it stopped"));
        }
        if in_vain > 0 {
            std::thread::sleep(pause(in_vain - 1));
        }
    }
    progress.finish_and_clear();
    view = loaded(&registry, &id, view, talk)?;
    let Some(registration) = view.registration.map(|batch| batch.registration) else {
        let why =
            view.problem.map_or_else(String::new, |problem| format!("{} ({})", shown(&problem.detail), problem.code));
        // Another file is another statement: this one is of no more use.
        let _ = std::fs::remove_file(&kept);
        return Err(advised(
            format_args!("the registry refuses `{}`: {why}", path.display()),
            "nothing of it was kept; mend the file and run this again",
        ));
    };
    let registered = Registered { registration, new };
    let receipt = receipt(&registry, envelope, &registered, log)?;
    let receipt_file = keep(args, &receipt)?;
    let _ = std::fs::remove_file(&kept);
    args.seen.look(&registry, log, talk)?;
    talk.say(format_args!("{} rows in {} bytes", table.rows, table.bytes));
    report(args.format, &registered, receipt_file.as_deref(), talk)
}

/// Where the envelope stands while the table is on its way.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".envelope.json");
    name.into()
}

/// Digest, length and rows of a table. What is in its rows the registry judges.
fn read(path: &Path) -> anyhow::Result<Table> {
    let told = || format!("cannot read `{}`", path.display());
    let stored = Store::new().open(&Location::File(path.to_owned())).with_context(told)?;
    if stored.length() > MAX_BYTES {
        let message = format!("`{}` has {} bytes, a table has at most {MAX_BYTES}", path.display(), stored.length());
        return Err(advised(message, "cut it into several, each registered by itself"));
    }
    let rows = rows_in(stored, &path.display().to_string())?;
    let mut file = File::open(path).with_context(told)?;
    let (mut hasher, mut bytes, mut buffer) = (ListHasher::default(), 0, vec![0; 1 << 20]);
    loop {
        let count = file.read(&mut buffer).with_context(told)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        bytes += count as u64;
    }
    Ok(Table { list: hasher.id(), bytes, rows })
}

fn statement(table: &Table, issuer: &Domain, log: &PinnedLog) -> Statement {
    let Table { list, bytes, rows } = *table;
    let media_type = MEDIA_TYPE.to_owned();
    let body = Body::Manifest { role: ListRole::Provenance, list, rows, bytes, media_type, name: None };
    Statement::new(log.origin(), Party::new(issuer.clone()), clock::now(), body)
}

/// The envelope that an earlier run left, if it signs this file; otherwise a new one, which is left for the next run first.
fn envelope(
    args: &Args,
    table: &Table,
    issuer: &Domain,
    log: &PinnedLog,
    kept: &Path,
    talk: Talk,
) -> anyhow::Result<Envelope> {
    if kept.exists() {
        let (envelope, statement) = read_envelope(kept, log)?;
        let same = matches!(&statement.body, Body::Manifest { list, .. } if *list == table.list);
        if same && statement.issuer.domain == *issuer {
            return Ok(envelope);
        }
        let message = format!("`{}` signs another table, or speaks for another issuer", kept.display());
        return Err(advised(message, "remove it, unless that upload is to go on with the file it was begun with"));
    }
    let payload = statement(table, issuer, log).to_payload()?;
    let keys = super::keys(args, talk)?;
    let envelope = signed::sign(STATEMENT_TYPE, &payload, &keys.iter().collect::<Vec<_>>())?;
    files::write_new(kept, &envelope.to_bytes(), false)?;
    Ok(envelope)
}

/// Brings one piece; how the upload stands then.
fn piece(
    registry: &Registry,
    id: &StatementId,
    file: &mut File,
    view: &UploadView,
    talk: Talk,
) -> anyhow::Result<UploadView> {
    let left = usize::try_from(view.bytes - view.received).unwrap_or(usize::MAX);
    let mut bytes = vec![0; left.min(MAX_PIECE)];
    file.seek(SeekFrom::Start(view.received)).and_then(|_| file.read_exact(&mut bytes)).context("the table changed")?;
    match registry.bring_piece(id, view.received, bytes) {
        Ok(view) => Ok(view),
        Err(error) if passing(&error) => {
            talk.warn(format_args!("{error}; asking where to go on"));
            tried(talk, || registry.upload(id)).hint("run the same command again: it goes on where it stopped")
        }
        Err(RegistryError::Refused { code, .. }) if code == "wrong-offset" => Ok(registry.upload(id)?),
        Err(error) => Err(error).hint("run the same command again: it goes on where it stopped"),
    }
}

/// Whether asking again may help.
fn passing(error: &RegistryError) -> bool {
    match error {
        RegistryError::Unreachable { .. } | RegistryError::BrokeOff { .. } => true,
        RegistryError::Refused { status, .. } | RegistryError::Status { status, .. } => {
            matches!(status, 408 | 429 | 502..=504)
        }
        _ => false,
    }
}

/// How long to wait after so many attempts in vain before another.
fn pause(attempts: u32) -> Duration {
    Duration::from_millis(250 << attempts.min(ATTEMPTS))
}

/// Asks, again after a pause each time longer where asking again may help.
fn tried<T>(talk: Talk, ask: impl Fn() -> Result<T, RegistryError>) -> Result<T, RegistryError> {
    for attempt in 0..ATTEMPTS {
        match ask() {
            Err(error) if passing(&error) => {
                let pause = pause(attempt);
                talk.warn(format_args!("{error}; trying again in {} ms", pause.as_millis()));
                std::thread::sleep(pause);
            }
            other => return other,
        }
    }
    ask()
}

/// Waits until the table is in the log or refused.
fn loaded(registry: &Registry, id: &StatementId, mut view: UploadView, talk: Talk) -> anyhow::Result<UploadView> {
    let mut told = 0;
    while view.state == UploadState::Loading {
        std::thread::sleep(ASKED_EVERY);
        view = tried(talk, || registry.upload(id)).hint("run the same command again: it goes on where it stopped")?;
        if let Some(rows) = view.rows_read.filter(|rows| *rows >= told + 10_000_000) {
            told = rows;
            talk.say(format_args!("the registry has read {rows} rows"));
        }
    }
    Ok(view)
}
