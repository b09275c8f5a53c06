//! Handing a registry over to a file of SQLite: the other way of `take_over`, for backups. What is derived is made again there.

use std::path::Path;

use rusqlite::types::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::session::{Session, get};
use super::take_over::{CHANGING, GROWING, Table, their_columns};
use super::{PostgresStore, lock, read};
use crate::store::StoreError;
use crate::store::sqlite::SqliteStore;

/// The files of provenance tables.
const TABLE_PARTS: Table = ("table_parts", "statement, part, bytes", &[Type::BYTEA, Type::INT8, Type::BYTEA]);

/// Those of tables that are in the log. What is still on its way is sent again.
const PARTS_OF_THE_LOG: &str =
    "SELECT p.statement, p.part, p.bytes FROM table_parts p JOIN record_tables t ON t.statement = p.statement";

impl PostgresStore {
    /// Writes the state that a frozen store sees into a new file, and has it on the disk: row after row, whatever the log's length.
    pub(super) fn hand_over(&self, path: &Path) -> Result<(), StoreError> {
        let frozen = self.frozen.as_ref();
        let frozen = frozen.ok_or_else(|| StoreError::Backend("a copy is made of one state alone".to_owned()))?;
        let client = lock(frozen);
        let session = Session::working(self.driver.handle()?, &client);
        SqliteStore::fill(path, |file| {
            let all =
                |(table, columns, types): Table| (table, columns, types, format!("SELECT {columns} FROM {table}"));
            let (table, columns, types) = TABLE_PARTS;
            let parts = (table, columns, types, PARTS_OF_THE_LOG.to_owned());
            for (table, columns, types, rows) in GROWING.into_iter().chain(CHANGING).map(all).chain([parts]) {
                let theirs = their_columns(columns);
                let mut values = Vec::with_capacity(types.len());
                session.each(&rows, |row| {
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
