//! Erasure in SQLite: bytes that must go leave the tables, the free pages and the write-ahead log; and the tombstones of what went.

use std::collections::HashMap;

use cleartitle_schema::erasure::Remains;
use cleartitle_schema::id::{BlobId, Commitment, ListId};
use cleartitle_schema::leaf::{Leaf, LeafKind, Published};
use cleartitle_schema::statement::{Body, Kind, Statement};
use rusqlite::{Connection, TransactionBehavior};

use super::{SqliteStore, failed, lock, read, write};
use crate::store::{Page, StoreError, evidence_of};

/// What remains of each erased leaf, where anything does.
pub(super) type Tombstones = HashMap<Commitment, Option<Remains>>;

/// Every erasure that the log holds, with what remains of what it names.
pub(super) fn tombstones(primary: &Connection) -> Result<Tombstones, StoreError> {
    let (mut found, mut from) = (Tombstones::new(), 0);
    loop {
        let leaves = read::leaves(primary, from..from + 1024)?;
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
            let Some(blob) = read::published(primary, &leaf.commitment)? else { continue };
            let published = Published::parse(&blob).map_err(write::damaged)?;
            let statement = Statement::parse(published.envelope.payload()).map_err(write::damaged)?;
            let Body::Erasure { commitment, remains, .. } = statement.body else { continue };
            let remains = remains.map(|blob| remains_in(primary, &blob, &commitment)).transpose()?;
            found.insert(commitment, remains);
        }
    }
}

fn remains_in(primary: &Connection, blob: &BlobId, commitment: &Commitment) -> Result<Remains, StoreError> {
    let missing = || StoreError::Damaged(format!("what remains of `{commitment}`, `{blob}`, is not there"));
    let bytes = read::blob(primary, blob)?.filter(|bytes| BlobId::of(bytes) == *blob).ok_or_else(missing)?;
    Remains::parse(&bytes).ok().filter(|remains| remains.commitment == *commitment).ok_or_else(missing)
}

impl SqliteStore {
    /// Deletes the envelope and salt of a leaf, evidence and lists that nothing else names, and makes every derived thing again from
    /// what is left. When it returns, the bytes are in no file of the database. No other process may use it meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]; erasing again ends what was begun.
    pub fn erase(&self, commitment: &Commitment) -> Result<(), StoreError> {
        let mut writer = lock(&self.writer);
        writer.execute_batch("PRAGMA secure_delete = ON;").map_err(failed)?;
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        if let Some(blob) = read::published(&transaction, commitment)? {
            let published = Published::parse(&blob).map_err(write::damaged)?;
            let statement = Statement::parse(published.envelope.payload()).map_err(write::damaged)?;
            transaction.execute("DELETE FROM published WHERE commitment = ?1", [commitment.0]).map_err(failed)?;
            write::project_all(&transaction, &transaction)?;
            for blob in evidence_of(&statement) {
                if !read::names_blob(&transaction, &blob)? {
                    transaction.execute("DELETE FROM evidence WHERE blob = ?1", [blob.0]).map_err(failed)?;
                }
            }
            if let Body::Manifest { list, .. } = &statement.body
                && !lists(&transaction, list)?
            {
                transaction.execute("DELETE FROM lists WHERE list = ?1", [list.0]).map_err(failed)?;
            }
        }
        let kept = "INSERT OR IGNORE INTO sealed_erased (id, commitment)
                    SELECT id, commitment FROM sealed_statements WHERE commitment = ?1";
        transaction.execute(kept, [commitment.0]).map_err(failed)?;
        let held = transaction.execute("DELETE FROM sealed WHERE commitment = ?1", [commitment.0]).map_err(failed)?;
        if held > 0 {
            write::project_all(&transaction, &transaction)?;
        }
        transaction.commit().map_err(failed)?;
        // The file is written anew without what is free in it, and the log of writes is emptied.
        writer.execute_batch("VACUUM;").map_err(failed)?;
        let busy: i64 = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map_err(failed)?;
        if busy == 0 { Ok(()) } else { Err(StoreError::Backend("another process reads the database".to_owned())) }
    }
}

/// Whether a manifest that is still there names this list.
fn lists(connection: &Connection, list: &ListId) -> Result<bool, StoreError> {
    let mut from = 0;
    loop {
        let page = Page { kind: Some(Kind::Manifest), from, limit: 256, ..Page::default() };
        let found = read::statements(connection, &page)?;
        let Some(last) = found.last() else { return Ok(false) };
        from = last.registered.index + 1;
        let names = |body: &Body| matches!(body, Body::Manifest { list: named, .. } if named == list);
        if found.iter().any(|stored| names(&stored.registered.statement.body)) {
            return Ok(true);
        }
    }
}
