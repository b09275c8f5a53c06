//! Erasure in PostgreSQL: bytes that must go leave the tables and the files of the tables; and the tombstones of what went.
//!
//! What this can't reach is the operator's: the write-ahead log until it is recycled, its archive, replicas until they have replayed it,
//! and base backups. `erase --help` says so.

use std::ops::Range;

use cleartitle_schema::id::{BlobId, Commitment, ListId, StatementId};
use cleartitle_schema::leaf::Published;
use cleartitle_schema::statement::{Body, Kind, Statement};

use super::session::Session;
use super::{read, uploads, write};
use crate::store::tombstones::Primary;
pub(super) use crate::store::tombstones::{Tombstones, tombstones};
use crate::store::{Page, StoreError, evidence_of};

impl Primary for Session<'_> {
    fn leaves(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, StoreError> {
        read::leaves(self, range)
    }

    fn published(&self, commitment: &Commitment) -> Result<Option<Vec<u8>>, StoreError> {
        read::published(self, commitment)
    }

    fn blob(&self, blob: &BlobId) -> Result<Option<Vec<u8>>, StoreError> {
        read::blob(self, blob)
    }
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
        uploads::erase(session, &StatementId::of(published.envelope.payload()))?;
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
    let primary = ["published", "sealed", "lists", "evidence", "table_parts", "uploads"];
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
