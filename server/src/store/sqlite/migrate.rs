//! Migrations of the SQLite database: numbered, forward only, embedded; the version stands in `user_version`.

use rusqlite::{Connection, TransactionBehavior};

use super::{failed, write};
use crate::store::StoreError;

/// Every migration, the first making version 1.
const MIGRATIONS: [&str; 12] = [
    include_str!("../../../migrations/sqlite/0001_first.sql"),
    include_str!("../../../migrations/sqlite/0002_evidence.sql"),
    include_str!("../../../migrations/sqlite/0003_witness.sql"),
    include_str!("../../../migrations/sqlite/0004_bindings.sql"),
    include_str!("../../../migrations/sqlite/0005_nonces.sql"),
    include_str!("../../../migrations/sqlite/0006_sealed.sql"),
    include_str!("../../../migrations/sqlite/0007_webhooks.sql"),
    include_str!("../../../migrations/sqlite/0008_showings.sql"),
    include_str!("../../../migrations/sqlite/0009_sealed_erased.sql"),
    include_str!("../../../migrations/sqlite/0010_usage.sql"),
    include_str!("../../../migrations/sqlite/0011_tables.sql"),
    include_str!("../../../migrations/sqlite/0012_loading.sql"),
];

/// The version of the database that this program writes.
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

/// Brings a database to [`VERSION`] in one transaction. What is derived is made again from the log at the end, so that a step
/// changes tables and never fills them: an older program's idea of a projection must not outlive it.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    // Immediate: of two processes that start together one waits for the other's steps.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let found: u32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
    if found > VERSION {
        return Err(StoreError::Newer { found, known: VERSION });
    }
    let steps = MIGRATIONS.get(found as usize..).unwrap_or_default();
    if steps.is_empty() {
        return Ok(());
    }
    for step in steps {
        transaction.execute_batch(step).map_err(failed)?;
    }
    write::project_all(&transaction, &transaction)?;
    transaction.pragma_update(None, "user_version", VERSION).map_err(failed)?;
    transaction.commit().map_err(failed)
}

#[cfg(test)]
mod tests {
    use cleartitle_schema::id::{BlobId, StatementId};
    use cleartitle_schema::leaf::{Leaf, LeafKind, Published, Salt};
    use cleartitle_schema::signed::sign;
    use cleartitle_schema::statement::PAYLOAD_TYPE;
    use cleartitle_schema::time::Timestamp;
    use ed25519_dalek::SigningKey;
    use rusqlite::params;

    use super::*;

    #[test]
    fn a_database_of_version_1_learns_which_evidence_its_statements_name() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(MIGRATIONS[0]).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        let evidence = BlobId::of(b"robots");
        let statement = serde_json::json!({"version": 1, "log": "log.example", "issuer": {"domain": "press.example"},
            "issued_at": "2026-01-01T00:00:00Z", "evidence": [{"blob": evidence, "media_type": "text/plain"}],
            "body": {"kind": "withdrawal", "statement": StatementId::of(b"x")}});
        let payload = cleartitle_schema::canon::to_canonical(&statement).unwrap();
        let envelope = sign(PAYLOAD_TYPE, &payload, &[&SigningKey::from_bytes(&[7; 32])]).unwrap();
        let published = Published { salt: Salt([1; 32]), envelope };
        let (commitment, registered_at) = (published.commitment(), Timestamp(1_790_000_000));
        let leaf = Leaf { kind: LeafKind::Public, commitment, registered_at, amends: None };
        let row = params![leaf.to_bytes(), registered_at.0];
        connection.execute("INSERT INTO leaves VALUES (0, ?1, ?2)", row).unwrap();
        connection
            .execute("INSERT INTO published VALUES (?1, ?2)", params![commitment.0, published.to_bytes()])
            .unwrap();
        migrate(&mut connection).unwrap();
        let row: (Vec<u8>, i64) =
            connection.query_row("SELECT blob, idx FROM exhibits", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(row, (evidence.0.to_vec(), 0));
    }

    #[test]
    fn a_newer_database_is_refused_by_its_version() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
        assert_eq!(migrate(&mut connection), Err(StoreError::Newer { found: VERSION + 1, known: VERSION }));
    }
}
