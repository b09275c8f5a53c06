//! Migrations of the SQLite database: numbered, forward only, embedded; the version stands in `user_version`.

use rusqlite::{Connection, TransactionBehavior};

use super::failed;
use crate::store::StoreError;

/// Every migration, the first making version 1.
const MIGRATIONS: [&str; 1] = [include_str!("../../../migrations/sqlite/0001_first.sql")];

/// The version of the database that this program writes.
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

/// Brings a database to [`VERSION`], each step a transaction.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    loop {
        // Immediate: of two processes that start together one waits for the other's step.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let found: u32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
        if found > VERSION {
            return Err(StoreError::Newer { found, known: VERSION });
        }
        let Some(step) = MIGRATIONS.get(found as usize) else { return Ok(()) };
        transaction.execute_batch(step).map_err(failed)?;
        transaction.pragma_update(None, "user_version", found + 1).map_err(failed)?;
        transaction.commit().map_err(failed)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_database_is_refused_by_its_version() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
        assert_eq!(migrate(&mut connection), Err(StoreError::Newer { found: VERSION + 1, known: VERSION }));
    }
}
