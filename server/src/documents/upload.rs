//! An upload from its signed statement to its leaf.

use std::sync::{Mutex, PoisonError};

use cleartitle_schema::api::{BatchRegistration, Problem, UploadState, UploadView};
use cleartitle_schema::id::StatementId;
use cleartitle_schema::statement::Body;

use crate::app::App;
use crate::log::now;
use crate::provenance::{self, Loading, TableError};
use crate::refusal::Refusal;
use crate::registration;
use crate::routes::problem::{Code, Failure};
use crate::routes::statements::registration_of;
use crate::standing;
use crate::store::Store;
use crate::store::uploads::Upload;

/// How many rows have been read of the table that is loaded now.
#[derive(Debug, Default)]
pub struct Progress(Mutex<Option<(StatementId, u64)>>);

impl Progress {
    fn of(&self, statement: &StatementId) -> Option<u64> {
        let now = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        now.filter(|(of, _)| of == statement).map(|(_, rows)| rows)
    }

    fn set(&self, at: Option<(StatementId, u64)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }
}

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the log.
    Registered,
    /// It was refused.
    Refused,
    /// The server ends, or another one loads it.
    Stopped,
}

/// Begins an upload, or says how one that was begun stands. The flag says whether it is new.
///
/// # Errors
/// Why the statement is refused, or that there is no room.
pub fn begin(app: &App, envelope: &[u8]) -> Result<(UploadView, bool), Failure> {
    let candidate = registration::admit_table(&*app.registry.store, &app.registry.origin, envelope, now())?;
    if let Some(view) = view(app, &candidate.id)?
        && view.state != UploadState::Refused
    {
        return Ok((view, false));
    }
    // What the log would say at the end is said before a byte is sent.
    let store: &dyn Store = &*app.registry.store;
    standing::check(store, store, &candidate, now())?;
    app.limits.registration(&candidate.statement.issuer.domain)?;
    let Body::Manifest { bytes, .. } = &candidate.statement.body else { return Err(Failure::internal()) };
    let upload = Upload {
        statement: candidate.id,
        envelope: candidate.envelope.to_bytes(),
        authority: candidate.statement.issuer.domain.authority(),
        bytes: *bytes,
        received: 0,
        touched_at: now(),
        refused: None,
    };
    match app.registry.store.begin_upload(&upload, &app.limits.tables())? {
        Ok(begun) => Ok((stands(app, &begun), true)),
        Err(why) => Err(Failure::new(Code::NoRoom, why.to_string())),
    }
}

/// How an upload stands; `None` where none of this statement was begun.
///
/// # Errors
/// What the store gives.
pub fn view(app: &App, statement: &StatementId) -> Result<Option<UploadView>, Failure> {
    // In this order: what was loaded in between is found by the second look, as what is forgotten after the commit.
    let upload = app.registry.store.upload(statement)?;
    if let Some(stored) = app.store.statement(statement)?
        && let Body::Manifest { list, rows, bytes, media_type, .. } = &stored.registered.statement.body
        && media_type == cleartitle_schema::provenance::MEDIA_TYPE
    {
        let registration =
            Some(BatchRegistration { registration: registration_of(app, &stored)?, list: *list, rows: *rows });
        return Ok(Some(UploadView {
            statement: *statement,
            state: UploadState::Registered,
            received: *bytes,
            bytes: *bytes,
            rows_read: None,
            problem: None,
            registration,
        }));
    }
    Ok(upload.map(|upload| stands(app, &upload)))
}

/// How an upload stands that is not in the log.
fn stands(app: &App, upload: &Upload) -> UploadView {
    let state = match &upload.refused {
        Some(_) => UploadState::Refused,
        None if upload.received < upload.bytes => UploadState::Receiving,
        None => UploadState::Loading,
    };
    UploadView {
        statement: upload.statement,
        state,
        received: upload.received,
        bytes: upload.bytes,
        rows_read: app.loading.of(&upload.statement),
        problem: upload.refused.as_ref().map(|(code, detail)| problem(code, detail)),
        registration: None,
    }
}

fn problem(code: &str, detail: &str) -> Problem {
    let known = Code::ALL.iter().find(|known| known.word() == code);
    known.map_or_else(Failure::internal, |code| Failure::new(*code, detail)).problem()
}

/// Checks and loads a table of which all bytes are here, and has its statement committed.
///
/// # Errors
/// What may be over in a while: the store or the log failed, and the upload stands as it stood.
pub fn load(app: &App, upload: &Upload, runtime: &tokio::runtime::Handle) -> Result<Outcome, Refusal> {
    let store = &*app.registry.store;
    // Committed before the server that had it ended: whatever became of its key since, nothing is left to be judged.
    if store.statement(&upload.statement)?.is_some() {
        return store.end_upload(&upload.statement).map(|()| Outcome::Registered).map_err(Refusal::from);
    }
    let done = checked(app, upload).and_then(|candidate| match candidate {
        Some(candidate) => runtime.block_on(app.log.add(candidate)).map(|_| Outcome::Registered),
        None => Ok(Outcome::Stopped),
    });
    app.loading.set(None);
    match done {
        Ok(Outcome::Stopped) => Ok(Outcome::Stopped),
        Ok(outcome) => store.end_upload(&upload.statement).map(|()| outcome).map_err(Refusal::from),
        Err(error @ (Refusal::Busy | Refusal::Unavailable(_))) => Err(error),
        Err(refusal) => {
            let Failure { code, detail, .. } = Failure::from(refusal);
            let detail: String = detail.chars().take(500).collect();
            tracing::info!(code = code.word(), statement = %upload.statement, "a table was refused");
            store.refuse_upload(&upload.statement, code.word(), &detail)?;
            Ok(Outcome::Refused)
        }
    }
}

/// The candidate, when every row was checked and the run is written; `None` where the server ends, or another one loads it.
fn checked(app: &App, upload: &Upload) -> Result<Option<crate::log::Candidate>, Refusal> {
    let store = &*app.registry.store;
    let candidate = registration::admit_table(&*app.registry.store, &app.registry.origin, &upload.envelope, now())?;
    let Body::Manifest { list, rows, bytes, .. } = &candidate.statement.body else {
        return Err(Refusal::Unavailable("an upload that is no manifest".to_owned()));
    };
    // From here on whoever else has taken this table up, on another server that had the duty, can write none of it.
    let Some(loader) = store.begin_load(&candidate.id)? else { return Ok(None) };
    let fetch = |range| store.table_bytes(&candidate.id, range);
    let goes_on = |rows| {
        app.loading.set(Some((candidate.id, rows)));
        !app.readiness.is_ending()
    };
    // As the run was written, so it will be made again: by who speaks, which delegation may make another than the issuer.
    let own = crate::delegation::speaker(store, &candidate.statement, now())?.authority();
    let goes = |mine: bool| if mine { Ok(()) } else { Err(TableError::Stopped) };
    let mut put = |blocks: &[provenance::Block]| goes(store.add_blocks(&candidate.id, loader, blocks)?);
    let mut loading = Loading { own: &own, put: &mut put, goes_on: &goes_on, logged: false };
    let loaded = provenance::same_list(&fetch, *bytes, list, &goes_on)
        .and_then(|()| provenance::load(&fetch, *bytes, *rows, &mut loading))
        .and_then(|()| goes(store.end_load(&candidate.id, loader)?));
    match loaded {
        Ok(()) => {
            metrics::counter!("cleartitle_table_rows_total").increment(*rows);
            Ok(Some(candidate))
        }
        Err(TableError::Stopped) => Ok(None),
        Err(TableError::Store(error)) => Err(error.into()),
        Err(TableError::Other(why)) => Err(Refusal::ListMismatch(why)),
        Err(error) => Err(Refusal::Table(error.to_string())),
    }
}
