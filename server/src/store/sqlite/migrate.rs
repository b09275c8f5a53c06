//! Migrations of the SQLite database: numbered, forward only, embedded; the version stands in `user_version`.

use rusqlite::{Connection, TransactionBehavior};

use super::{failed, write};
use crate::store::StoreError;

/// Fills a projection that a migration brings from what is stored already.
type Fill = fn(&Connection) -> Result<(), StoreError>;

/// Every migration, the first making version 1: its text, and what it projects anew.
const MIGRATIONS: [(&str, Option<Fill>); 3] = [
    (include_str!("../../../migrations/sqlite/0001_first.sql"), None),
    (include_str!("../../../migrations/sqlite/0002_evidence.sql"), Some(write::project_exhibits_of_all)),
    (include_str!("../../../migrations/sqlite/0003_witness.sql"), None),
];

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
        let Some((step, fill)) = MIGRATIONS.get(found as usize) else { return Ok(()) };
        transaction.execute_batch(step).map_err(failed)?;
        if let Some(fill) = fill {
            fill(&transaction)?;
        }
        transaction.pragma_update(None, "user_version", found + 1).map_err(failed)?;
        transaction.commit().map_err(failed)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_version_1_learns_which_evidence_its_statements_name() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(MIGRATIONS[0].0).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        let blob = cleartitle_schema::id::BlobId::of(b"robots");
        let statement = serde_json::json!({"version": 1, "log": "log.example", "issuer": {"domain": "press.example"},
            "issued_at": "2026-01-01T00:00:00Z", "evidence": [{"blob": blob, "media_type": "text/plain"}],
            "body": {"kind": "withdrawal", "statement": cleartitle_schema::id::StatementId::of(b"x")}});
        let payload = cleartitle_schema::canon::to_canonical(&statement).unwrap();
        let sql = "INSERT INTO statements VALUES (7, x'00', x'00', 'a', 'a', 'withdrawal', 0, '[]', NULL, 0, ?1)";
        connection.execute(sql, [payload]).unwrap();
        migrate(&mut connection).unwrap();
        let row: (Vec<u8>, i64) =
            connection.query_row("SELECT blob, idx FROM exhibits", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(row, (blob.0.to_vec(), 7));
    }

    #[test]
    fn a_newer_database_is_refused_by_its_version() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
        assert_eq!(migrate(&mut connection), Err(StoreError::Newer { found: VERSION + 1, known: VERSION }));
    }
}
