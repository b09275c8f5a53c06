//! Erasure in SQLite: bytes that must go leave the tables, the free pages and the write-ahead log; and the tombstones of what went.

use std::ops::Range;

use cleartitle_schema::id::{BlobId, Commitment, ListId, StatementId};
use cleartitle_schema::leaf::Published;
use cleartitle_schema::statement::{Body, Kind, Statement};
use rusqlite::{Connection, TransactionBehavior};

use super::{SqliteStore, failed, lock, read, uploads, write};
use crate::store::tombstones::Primary;
pub(super) use crate::store::tombstones::{Tombstones, tombstones};
use crate::store::{Page, StoreError, evidence_of};

impl Primary for Connection {
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
            uploads::erase(&transaction, &StatementId::of(published.envelope.payload()))?;
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
