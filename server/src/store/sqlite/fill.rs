//! A new file, filled with the rows of a registry that is kept elsewhere.

use std::fs::File;
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};

use super::{SqliteStore, connect, failed, migrate, write};
use crate::store::StoreError;

/// A file that is being filled.
pub(in crate::store) struct Filling<'c>(&'c Connection);

impl Filling<'_> {
    /// Adds one row.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(in crate::store) fn add(&self, table: &str, columns: &str, values: &[Value]) -> Result<(), StoreError> {
        let places = vec!["?"; values.len()].join(", ");
        let sql = format!("INSERT INTO {table} ({columns}) VALUES ({places})");
        self.0.prepare_cached(&sql).and_then(|mut insert| insert.execute(params_from_iter(values))).map_err(failed)?;
        Ok(())
    }
}

impl SqliteStore {
    /// Makes a new file in one transaction: `fill` adds what a registry can't make again, the rest is made from that. The file is on the disk
    /// when this returns, and worth nothing when it fails.
    ///
    /// # Errors
    /// [`StoreError`], and what `fill` gives.
    pub(in crate::store) fn fill(
        path: &Path,
        fill: impl FnOnce(&Filling<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        // Nobody reads it before it is whole, so that it needs no journal.
        connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;").map_err(failed)?;
        migrate::migrate(&mut connection)?;
        let whole = connection.transaction().map_err(failed)?;
        fill(&Filling(&whole))?;
        write::project_all(&whole, &whole)?;
        whole.commit().map_err(failed)?;
        connection.close().map_err(|(_, error)| failed(error))?;
        File::open(path).and_then(|file| file.sync_all()).map_err(|error| StoreError::Backend(error.to_string()))
    }
}
