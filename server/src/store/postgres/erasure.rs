//! Erasure in PostgreSQL: bytes that must go leave the tables and the files of the tables; and the tombstones of what went.
//!
//! What this can't reach is the operator's: the write-ahead log until it is recycled, its archive, replicas until they have replayed it,
//! and base backups. `erase --help` says so.

use std::collections::HashMap;

use cleartitle_schema::erasure::Remains;
use cleartitle_schema::id::{BlobId, Commitment, ListId};
use cleartitle_schema::leaf::{Leaf, LeafKind, Published};
use cleartitle_schema::statement::{Body, Kind, Statement};

use super::session::Session;
use super::{read, write};
use crate::store::{Page, StoreError, evidence_of};

/// What remains of each erased leaf, where anything does.
pub(super) type Tombstones = HashMap<Commitment, Option<Remains>>;

/// Every erasure that the log holds, with what remains of what it names.
pub(super) fn tombstones(session: &Session<'_>) -> Result<Tombstones, StoreError> {
    let (mut found, mut from) = (Tombstones::new(), 0);
    loop {
        let leaves = read::leaves(session, from..from + 1024)?;
        if leaves.is_empty() {
            return Ok(found);
        }
        from += leaves.len() as u64;
        for leaf in leaves {
            let leaf = Leaf::parse(&leaf).map_err(write::damaged)?;
            // An erasure of a public leaf amends it in clear, so that few blobs are opened.
            if leaf.kind != LeafKind::Public || leaf.amends.is_none() {
                continue;
            }
            let Some(blob) = read::published(session, &leaf.commitment)? else { continue };
            let published = Published::parse(&blob).map_err(write::damaged)?;
            let statement = Statement::parse(published.envelope.payload()).map_err(write::damaged)?;
            let Body::Erasure { commitment, remains, .. } = statement.body else { continue };
            let remains = remains.map(|blob| remains_in(session, &blob, &commitment)).transpose()?;
            found.insert(commitment, remains);
        }
    }
}

fn remains_in(session: &Session<'_>, blob: &BlobId, commitment: &Commitment) -> Result<Remains, StoreError> {
    let missing = || StoreError::Damaged(format!("what remains of `{commitment}`, `{blob}`, is not there"));
    let bytes = read::blob(session, blob)?.filter(|bytes| BlobId::of(bytes) == *blob).ok_or_else(missing)?;
    Remains::parse(&bytes).ok().filter(|remains| remains.commitment == *commitment).ok_or_else(missing)
}

/// Deletes the envelope and salt of a leaf, evidence and lists that nothing else names, and makes every derived thing again from what is
/// left. One transaction, which the caller has begun, with the head locked.
pub(super) fn erase(session: &Session<'_>, commitment: &Commitment) -> Result<(), StoreError> {
    let bytes = commitment.0.as_slice();
    if let Some(blob) = read::published(session, commitment)? {
        let published = Published::parse(&blob).map_err(write::damaged)?;
        let statement = Statement::parse(published.envelope.payload()).map_err(write::damaged)?;
        session.execute("DELETE FROM published WHERE commitment = $1", &[&bytes])?;
        write::project_all(session)?;
        for blob in evidence_of(&statement) {
            if !read::names_blob(session, &blob)? {
                session.execute("DELETE FROM evidence WHERE blob = $1", &[&blob.0.as_slice()])?;
            }
        }
        if let Body::Manifest { list, .. } = &statement.body
            && !lists(session, list)?
        {
            session.execute("DELETE FROM lists WHERE list = $1", &[&list.0.as_slice()])?;
        }
    }
    let kept = "INSERT INTO sealed_erased (id, commitment)
        SELECT id, commitment FROM sealed_statements WHERE commitment = $1 ON CONFLICT DO NOTHING";
    session.execute(kept, &[&bytes])?;
    if session.execute("DELETE FROM sealed WHERE commitment = $1", &[&bytes])? > 0 {
        write::project_all(session)?;
    }
    Ok(())
}

/// Writes the tables anew that held the bytes: what is deleted stays in their files otherwise.
pub(super) fn write_anew(session: &Session<'_>) -> Result<(), StoreError> {
    let primary = ["published", "sealed", "lists", "evidence"];
    let derived = write::DERIVED.iter().map(|(table, _)| *table).filter(|table| *table != "tiles");
    primary.into_iter().chain(derived).try_for_each(|table| session.run(&format!("VACUUM FULL {table}")))
}

/// Whether a manifest that is still there names this list.
fn lists(session: &Session<'_>, list: &ListId) -> Result<bool, StoreError> {
    let mut from = 0;
    loop {
        let page = Page { kind: Some(Kind::Manifest), from, limit: 256, ..Page::default() };
        let found = read::statements(session, &page)?;
        let Some(last) = found.last() else { return Ok(false) };
        from = last.registered.index + 1;
        let names = |body: &Body| matches!(body, Body::Manifest { list: named, .. } if named == list);
        if found.iter().any(|stored| names(&stored.registered.statement.body)) {
            return Ok(true);
        }
    }
}
