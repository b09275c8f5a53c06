//! Handing a registry over to a file of SQLite: the other way of `take_over`, for backups. What is derived is made again there.

use std::path::Path;

use rusqlite::types::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::session::{Session, get};
use super::take_over::{CHANGING, GROWING, their_columns};
use super::{PostgresStore, lock, read};
use crate::store::StoreError;
use crate::store::sqlite::SqliteStore;

impl PostgresStore {
    /// Writes the state that a frozen store sees into a new file, and has it on the disk: row after row, whatever the log's length.
    pub(super) fn hand_over(&self, path: &Path) -> Result<(), StoreError> {
        let frozen = self.frozen.as_ref();
        let frozen = frozen.ok_or_else(|| StoreError::Backend("a copy is made of one state alone".to_owned()))?;
        let client = lock(frozen);
        let session = Session::working(self.driver.handle()?, &client);
        SqliteStore::fill(path, |file| {
            for (table, columns, types) in GROWING.into_iter().chain(CHANGING) {
                let theirs = their_columns(columns);
                let mut values = Vec::with_capacity(types.len());
                session.each(&format!("SELECT {columns} FROM {table}"), |row| {
                    values.clear();
                    for (place, kind) in types.iter().enumerate() {
                        values.push(value(row, place, kind)?);
                    }
                    file.add(table, &theirs, &values)
                })?;
            }
            Ok(())
        })
    }
}

/// One column as SQLite has it.
fn value(row: &Row, place: usize, kind: &Type) -> Result<Value, StoreError> {
    let number = |number: Option<i64>| number.map_or(Value::Null, Value::Integer);
    Ok(match *kind {
        Type::INT8 => number(get(row, place)?),
        Type::INT2 => number(get::<Option<i16>>(row, place)?.map(i64::from)),
        Type::BOOL => number(get::<Option<bool>>(row, place)?.map(i64::from)),
        Type::TEXT => get::<Option<String>>(row, place)?.map_or(Value::Null, Value::Text),
        Type::BYTEA => get::<Option<Vec<u8>>>(row, place)?.map_or(Value::Null, Value::Blob),
        _ => return Err(read::damaged("a column")()),
    })
}
