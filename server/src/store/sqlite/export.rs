//! Rows of the file for a database that takes the registry over.

use rusqlite::Row;

use super::{SqliteStore, failed};
use crate::store::StoreError;

impl SqliteStore {
    /// Reads the rows of one question, row after row.
    ///
    /// # Errors
    /// [`StoreError`], and what `each` gives.
    pub(in crate::store) fn each_row(
        &self,
        sql: &str,
        after: Option<i64>,
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.read(|connection| {
            let mut query = connection.prepare(sql).map_err(failed)?;
            let found = match after {
                Some(after) => query.query([after]),
                None => query.query([]),
            };
            let mut rows = found.map_err(failed)?;
            while let Some(row) = rows.next().map_err(failed)? {
                each(row)?;
            }
            Ok(())
        })
    }
}
