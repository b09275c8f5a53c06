//! Erasure: the operator's act when the law obliges; the envelope goes, a logged tombstone says when and why, never what.
//!
//! First what remains is kept and the tombstone logged, then the bytes go: a crash between leaves a tombstone whose subject is
//! still here, which the audit finds and the same command ends. The other order could leave a hole that nobody explains.

use cleartitle_schema::erasure::{MEDIA_TYPE, Remains};
use cleartitle_schema::id::{BlobId, Commitment, StatementId};
use cleartitle_schema::statement::{Body, Exhibit, Kind};

use crate::app::Registry;
use crate::domains::binding::{self, BindError};
use crate::log::now;
use crate::objects::purge::{PurgeError, purge};
use crate::refusal::Refusal;
use crate::snapshots::SnapshotError;
use crate::store::{Page, StoreError, Stored};

/// Why nothing was erased, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// No such statement.
    #[error("`{0}` is not in the log")]
    Unknown(StatementId),
    /// A statement that the log can't be read without.
    #[error("`{0}` is a {1}, which can't be erased")]
    Kind(StatementId, Kind),
    /// A sealed statement that ends another, which would be in force again.
    #[error("`{0}` ends `{1}`, which would be in force again without it")]
    StillNamed(StatementId, StatementId),
    /// What remains has no form.
    #[error("what would remain of `{0}` can't be written: {1}")]
    Remains(StatementId, String),
    /// The tombstone could not be made.
    #[error(transparent)]
    Statement(#[from] BindError),
    /// The tombstone was not registered.
    #[error(transparent)]
    Log(#[from] Refusal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A snapshot could not be deleted.
    #[error(transparent)]
    Snapshots(#[from] SnapshotError),
    /// The storage did not let go of everything.
    #[error(
        "it was erased here, and not yet among the objects: {0}\n\nhint: run the same command again when the storage answers"
    )]
    Objects(#[from] PurgeError),
    /// The registry could not be opened for its snapshots.
    #[error(transparent)]
    Open(#[from] crate::app::OpenError),
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// The leaf whose envelope is gone.
    pub index: u64,
    /// The leaf of the tombstone.
    pub tombstone: u64,
    /// The tombstone was logged now, not before.
    pub new: bool,
    /// Something remains.
    pub remains: bool,
    /// How many snapshots were deleted, to be made again without it.
    pub snapshots: usize,
    /// How many objects were deleted; `None` without an object storage.
    pub objects: Option<usize>,
}

/// Erases a statement's envelope from a registry that nobody serves.
///
/// # Errors
/// [`EraseError`]. Asking again ends what was begun.
pub fn erase(registry: &Registry, id: &StatementId, reason: &str) -> Result<Erased, EraseError> {
    let subject = subject(registry, id)?;
    let (tombstone, new) = match tombstone_of(registry, &subject)? {
        Some(logged) => (logged, false),
        None => (bury(registry, id, reason)?, true),
    };
    let Body::Erasure { commitment, remains, .. } = &tombstone.registered.statement.body else {
        return Err(EraseError::Unknown(*id));
    };
    registry.store.erase(commitment)?;
    let index = index_of(registry, commitment)?.ok_or(EraseError::Unknown(*id))?;
    let snapshots = registry.snapshots()?.forget_after(index)?;
    let objects = registry.objects().map(|objects| purge(&*registry.store, objects, commitment, index)).transpose()?;
    Ok(Erased { index, tombstone: tombstone.registered.index, new, remains: remains.is_some(), snapshots, objects })
}

/// What the statement's leaf commits to, whether it is still here or went before.
fn subject(registry: &Registry, id: &StatementId) -> Result<Commitment, EraseError> {
    let store = &registry.store;
    if let Some(stored) = store.statement(id)? {
        return Ok(stored.commitment);
    }
    if let Some(stored) = store.sealed_statement(id)? {
        return Ok(stored.commitment);
    }
    let named = store.naming(id)?.into_iter().find_map(|(_, by)| match by.registered.statement.body {
        Body::Erasure { commitment, .. } => Some(commitment),
        _ => None,
    });
    match named {
        Some(commitment) => Ok(commitment),
        None => store.sealed_erased(id)?.ok_or(EraseError::Unknown(*id)),
    }
}

/// The tombstone that was logged before. One of a sealed leaf names no statement, so that they are found by their commitment.
fn tombstone_of(registry: &Registry, subject: &Commitment) -> Result<Option<Stored>, StoreError> {
    let mut from = 0;
    loop {
        let page = Page { kind: Some(Kind::Erasure), from, limit: 256, ..Page::default() };
        let found = registry.store.statements(&page)?;
        let Some(last) = found.last() else { return Ok(None) };
        from = last.registered.index + 1;
        let names = |body: &Body| matches!(body, Body::Erasure { commitment, .. } if commitment == subject);
        if let Some(logged) = found.into_iter().find(|stored| names(&stored.registered.statement.body)) {
            return Ok(Some(logged));
        }
    }
}

/// A sealed statement of which nothing can remain must not be all that ends another.
fn check_ends_nothing(registry: &Registry, stored: &Stored) -> Result<(), EraseError> {
    let statement = &stored.registered.statement;
    let ended = match &statement.body {
        Body::Withdrawal { .. } | Body::Dispute { .. } => statement.names(),
        _ => statement.supersedes.clone(),
    };
    for named in ended {
        if registry.store.sealed_statement(&named)?.is_some() {
            return Err(EraseError::StillNamed(stored.registered.id, named));
        }
    }
    Ok(())
}

/// Keeps what remains and logs the tombstone.
fn bury(registry: &Registry, id: &StatementId, reason: &str) -> Result<Stored, EraseError> {
    let public = registry.store.statement(id)?;
    let sealed = public.is_none();
    let stored = match public {
        Some(stored) => stored,
        None => registry.store.sealed_statement(id)?.ok_or(EraseError::Unknown(*id))?,
    };
    let kind = stored.registered.statement.kind();
    if !kind.can_be_erased() {
        return Err(EraseError::Kind(*id, kind));
    }
    if sealed {
        check_ends_nothing(registry, &stored)?;
    }
    // Of what is sealed nothing is told in public: it permits, and nothing remains of it.
    let remains = if sealed { None } else { Remains::of(stored.commitment, &stored.registered) };
    let bytes = remains.map(|remains| remains.to_bytes()).transpose();
    let bytes = bytes.map_err(|error| EraseError::Remains(*id, error.to_string()))?;
    let mut exhibits = Vec::new();
    if let Some(bytes) = &bytes {
        let blob = BlobId::of(bytes);
        registry.store.put_blob(&blob, bytes)?;
        exhibits.push(Exhibit { blob, media_type: MEDIA_TYPE.to_owned(), url: None });
    }
    let body = Body::Erasure {
        commitment: stored.commitment,
        statement: (!sealed).then_some(*id),
        reason: reason.to_owned(),
        remains: exhibits.first().map(|exhibit| exhibit.blob),
    };
    let candidate = binding::statement(registry.operator(), body, exhibits, now())?;
    let mut answers = registry.sequencer().commit(std::slice::from_ref(&candidate));
    let lost = || Refusal::Unavailable("no answer".to_owned());
    Ok(answers.pop().ok_or_else(lost)??.stored)
}

/// The leaf with this commitment.
fn index_of(registry: &Registry, commitment: &Commitment) -> Result<Option<u64>, EraseError> {
    let mut from = 0;
    loop {
        let leaves = registry.store.leaves(from..from + 1024)?;
        if leaves.is_empty() {
            return Ok(None);
        }
        for (leaf, index) in leaves.iter().zip(from..) {
            let leaf = cleartitle_schema::leaf::Leaf::parse(leaf);
            let leaf = leaf.map_err(|error| StoreError::Damaged(format!("leaf {index}: {error}")))?;
            if leaf.commitment == *commitment {
                return Ok(Some(index));
            }
        }
        from += leaves.len() as u64;
    }
}
