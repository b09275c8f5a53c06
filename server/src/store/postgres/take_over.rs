//! Taking a registry over from SQLite: what it can't make again is copied as it is, what is derived is made from that, here.
//!
//! In two parts. While the old server runs, tables that only grow are copied page by page, each page with the note of how far it goes, so
//! that a run that stops is taken up. When it has stopped, the rest and all that changes in place follow in one transaction. Until that is
//! through the database holds no log that a server would open.

use rusqlite::types::ValueRef;
use tokio_postgres::types::Type;

use super::session::{CopyRow, Session, WORKING};
use super::{PostgresStore, read, uploads, write};
use crate::store::sqlite::SqliteStore;
use crate::store::{Head, Store as _, StoreError};

/// A table that is copied: its name, its columns, and what they are here.
pub(super) type Table = (&'static str, &'static str, &'static [Type]);

/// Tables to which rows are added, and in which none changes.
pub(super) const GROWING: [Table; 7] = [
    ("leaves", "idx, leaf, registered_at", &[Type::INT8, Type::BYTEA, Type::INT8]),
    ("published", "commitment, blob", &[Type::BYTEA, Type::BYTEA]),
    ("lists", "list, bytes", &[Type::BYTEA, Type::BYTEA]),
    ("checkpoints", "size, root, note", &[Type::INT8, Type::BYTEA, Type::TEXT]),
    ("evidence", "blob, bytes", &[Type::BYTEA, Type::BYTEA]),
    ("sealed", "commitment, blob", &[Type::BYTEA, Type::BYTEA]),
    (
        "usage_reports",
        "number, id, authority, salt, envelope",
        &[Type::INT8, Type::BYTEA, Type::TEXT, Type::BYTEA, Type::BYTEA],
    ),
];

/// Tables that are copied whole at the end. Nonces are not among them: a signed request is not sent to two servers within its minutes by
/// the migration of one.
pub(super) const CHANGING: [Table; 7] = [
    ("registry", "name, value", &[Type::TEXT, Type::TEXT]),
    (
        "cosignatures",
        "size, witness, operator, time, line",
        &[Type::INT8, Type::TEXT, Type::TEXT, Type::INT8, Type::TEXT],
    ),
    ("witnessed", "one, size", &[Type::INT2, Type::INT8]),
    ("sealed_erased", "id, commitment", &[Type::BYTEA, Type::BYTEA]),
    ("usage_readers", "domain, number", &[Type::TEXT, Type::INT8]),
    (
        "proof_checks",
        "binding, at, missing_since, unreachable_since",
        &[Type::BYTEA, Type::INT8, Type::INT8, Type::INT8],
    ),
    (
        "webhooks",
        "id, domain, authority, url, filter, made_at, next, due_at, failures, failing_since, failure, given_up",
        &[
            Type::TEXT,
            Type::TEXT,
            Type::TEXT,
            Type::TEXT,
            Type::TEXT,
            Type::INT8,
            Type::INT8,
            Type::INT8,
            Type::INT8,
            Type::INT8,
            Type::TEXT,
            Type::BOOL,
        ],
    ),
];

/// The same columns in SQLite: a word that PostgreSQL keeps for itself has another name there.
pub(super) fn their_columns(columns: &str) -> String {
    columns.replace("one, ", "only, ")
}

/// How much is copied in one transaction.
const PAGE_ROWS: usize = 4096;
const PAGE_BYTES: usize = 16 << 20;

/// The setting of a registry in SQLite that was moved elsewhere: it is not served any more.
pub const MOVED: &str = "moved to";

/// The setting that stands while a database holds half a registry.
pub const UNFINISHED: &str = "taking over";

impl PostgresStore {
    /// Copies what the old registry has so far. It may be served meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where the database holds another log, or a whole one.
    pub fn follow(&self, from: &SqliteStore) -> Result<u64, StoreError> {
        self.apart(WORKING, |session| {
            begin(session, from)?;
            GROWING.iter().try_for_each(|table| copy_growing(session, from, table))?;
            uploads::take_over(session, from)?;
            Ok(session
                .value::<i64>("SELECT coalesce(max(size), 0) FROM checkpoints", &[])?
                .unwrap_or(0)
                .cast_unsigned())
        })
    }

    /// Copies the rest of a registry that nobody serves any more, and makes all that is derived: the log is here when this returns.
    ///
    /// # Errors
    /// As [`PostgresStore::follow`].
    pub fn take_over(&self, from: &SqliteStore) -> Result<Head, StoreError> {
        self.follow(from)?;
        let head = from.head()?.ok_or_else(|| StoreError::Damaged("the old registry has no log".to_owned()))?;
        self.apart(WORKING, |session| {
            session.whole("BEGIN ISOLATION LEVEL READ COMMITTED", |session| {
                for (table, columns, types) in CHANGING {
                    session.run(&format!("DELETE FROM {table}"))?;
                    let mut rows = Vec::new();
                    let theirs = their_columns(columns);
                    from.each_row(&format!("SELECT {theirs} FROM {table}"), None, &mut |row| {
                        rows.push(copied(row, 0, types)?.0);
                        if rows.len() >= PAGE_ROWS {
                            session.copy(&format!("{table} ({columns})"), types, &std::mem::take(&mut rows))?;
                        }
                        Ok(())
                    })?;
                    session.copy(&format!("{table} ({columns})"), types, &rows)?;
                }
                session.execute("DELETE FROM registry WHERE name = $1", &[&MOVED])?;
                session.execute(
                    "INSERT INTO log_head (one, size, root, registered_at) VALUES (1, $1, $2, $3)",
                    &[&read::column(head.size), &head.root.0.as_slice(), &head.registered_at.0],
                )?;
                let leaves = write::project_all(session)?;
                session.run("DROP TABLE take_over_progress")?;
                if leaves == head.size {
                    return Ok(head);
                }
                Err(StoreError::Damaged(format!("{leaves} of {} leaves were copied", head.size)))
            })
        })
    }
}

/// Begins, or takes up what was begun with this log and no other.
fn begin(session: &Session<'_>, from: &SqliteStore) -> Result<(), StoreError> {
    if read::head(session, false)?.is_some() {
        return Err(StoreError::Damaged("the database holds a log already; one that is empty is filled".to_owned()));
    }
    session.run("CREATE TABLE IF NOT EXISTS take_over_progress (name TEXT PRIMARY KEY, behind BIGINT NOT NULL)")?;
    let sql = "INSERT INTO registry (name, value) VALUES ($1, 'begun') ON CONFLICT DO NOTHING";
    session.execute(sql, &[&UNFINISHED])?;
    let Some(newest) = read::latest_checkpoint(session)? else { return Ok(()) };
    match from.checkpoint_from(newest.size)? {
        Some(same) if same == newest => Ok(()),
        _ => Err(StoreError::Damaged("the database holds the beginning of another log".to_owned())),
    }
}

/// Copies the rows that are new since the last time. A number that SQLite gives every row tells how far that was.
fn copy_growing(session: &Session<'_>, from: &SqliteStore, table: &Table) -> Result<(), StoreError> {
    let (name, columns, types) = *table;
    let known = "SELECT behind FROM take_over_progress WHERE name = $1";
    let behind = session.value::<i64>(known, &[&name])?.unwrap_or(-1);
    let (mut rows, mut bytes, mut last) = (Vec::new(), 0, behind);
    let put = |rows: &mut Vec<CopyRow>, last: i64| {
        session.whole("BEGIN ISOLATION LEVEL READ COMMITTED", |session| {
            session.copy(&format!("{name} ({columns})"), types, &std::mem::take(rows))?;
            let note = "INSERT INTO take_over_progress (name, behind) VALUES ($1, $2)
                 ON CONFLICT (name) DO UPDATE SET behind = excluded.behind";
            session.execute(note, &[&name, &last]).map(|_| ())
        })
    };
    let sql = format!("SELECT rowid, {columns} FROM {name} WHERE rowid > ?1 ORDER BY rowid");
    from.each_row(&sql, Some(behind), &mut |row| {
        last = row.get(0).map_err(|error| StoreError::Backend(error.to_string()))?;
        let (values, length) = copied(row, 1, types)?;
        rows.push(values);
        bytes += length;
        if rows.len() >= PAGE_ROWS || bytes >= PAGE_BYTES {
            bytes = 0;
            put(&mut rows, last)?;
        }
        Ok(())
    })?;
    put(&mut rows, last)
}

/// One row as it is written here, and about how many bytes it has.
fn copied(row: &rusqlite::Row<'_>, first: usize, types: &[Type]) -> Result<(CopyRow, usize), StoreError> {
    let (mut values, mut bytes): (CopyRow, usize) = (Vec::with_capacity(types.len()), 0);
    for (place, kind) in types.iter().enumerate() {
        let value = row.get_ref(first + place).map_err(|error| StoreError::Backend(error.to_string()))?;
        values.push(match (value, kind) {
            (ValueRef::Null, &Type::INT8) => Box::new(None::<i64>),
            (ValueRef::Null, &Type::TEXT) => Box::new(None::<String>),
            (ValueRef::Integer(number), &Type::INT8) => Box::new(number),
            (ValueRef::Integer(number), &Type::BOOL) => Box::new(number != 0),
            (ValueRef::Integer(number), &Type::INT2) => {
                Box::new(i16::try_from(number).map_err(|_| read::damaged("a small number")())?)
            }
            (ValueRef::Text(text), &Type::TEXT) => {
                bytes += text.len();
                Box::new(String::from_utf8(text.to_vec()).map_err(|_| read::damaged("a text")())?)
            }
            (ValueRef::Blob(blob), &Type::BYTEA) => {
                bytes += blob.len();
                Box::new(blob.to_vec())
            }
            _ => return Err(read::damaged("a column of the old registry")()),
        });
    }
    Ok((values, bytes + 16))
}
