//! Cosignatures in SQLite.

use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params};

use super::read::{column, rows, signed_head};
use super::{SqliteStore, failed, lock};
use crate::store::witnessed::{Cosigned, Witnessed};
use crate::store::{SignedHead, StoreError};

const COLUMNS: &str = "size, witness, operator, time, line";

fn cosigned(row: &Row<'_>) -> Result<Cosigned, StoreError> {
    let number = |place: usize| row.get(place).map(i64::cast_unsigned).map_err(failed);
    let text = |place: usize| row.get(place).map_err(failed);
    Ok(Cosigned { size: number(0)?, witness: text(1)?, operator: text(2)?, time: number(3)?, line: text(4)? })
}

fn operators(connection: &Connection, size: i64) -> Result<usize, StoreError> {
    let sql = "SELECT count(DISTINCT operator) FROM cosignatures WHERE size = ?1";
    let count: i64 = connection.query_row(sql, [size], |row| row.get(0)).map_err(failed)?;
    Ok(usize::try_from(count).unwrap_or(0))
}

impl Witnessed for SqliteStore {
    fn put_cosignature(&self, cosigned: &Cosigned, quorum: Option<usize>) -> Result<(), StoreError> {
        let size = column(cosigned.size);
        let mut writer = lock(&self.writer);
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let values = params![size, cosigned.witness, cosigned.operator, column(cosigned.time), cosigned.line];
        transaction
            .execute(&format!("INSERT OR REPLACE INTO cosignatures ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5)"), values)
            .map_err(failed)?;
        if let Some(quorum) = quorum
            && operators(&transaction, size)? >= quorum
        {
            let sql = "INSERT INTO witnessed (only, size) VALUES (1, ?1)
                 ON CONFLICT (only) DO UPDATE SET size = max(size, excluded.size)";
            transaction.execute(sql, [size]).map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }

    fn cosignatures(&self, size: u64) -> Result<Vec<Cosigned>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM cosignatures WHERE size = ?1 ORDER BY witness");
        self.read(|connection| rows(connection, &sql, [column(size)], cosigned))
    }

    fn last_cosigned(&self, witness: &str) -> Result<Option<Cosigned>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM cosignatures WHERE witness = ?1 ORDER BY size DESC LIMIT 1");
        self.read(|connection| Ok(rows(connection, &sql, [witness], cosigned)?.pop()))
    }

    fn witnessed_from(&self, size: u64, quorum: usize) -> Result<Option<SignedHead>, StoreError> {
        let sql = "SELECT size, root, note FROM checkpoints WHERE size = (
                 SELECT size FROM cosignatures WHERE size >= ?1 GROUP BY size
                 HAVING count(DISTINCT operator) >= ?2 ORDER BY size LIMIT 1)";
        let quorum = i64::try_from(quorum).unwrap_or(i64::MAX);
        self.read(|connection| Ok(rows(connection, sql, [column(size), quorum], signed_head)?.pop()))
    }

    fn witnessed(&self) -> Result<Option<SignedHead>, StoreError> {
        let sql = "SELECT size, root, note FROM checkpoints WHERE size = (SELECT size FROM witnessed)";
        self.read(|connection| Ok(rows(connection, sql, [], signed_head)?.pop()))
    }

    fn unmark(&self) -> Result<(), StoreError> {
        let writer = lock(&self.writer);
        let marked = writer.query_row("SELECT 1 FROM witnessed", [], |_| Ok(())).optional().map_err(failed)?;
        if marked.is_some() {
            writer.execute("DELETE FROM witnessed", []).map_err(failed)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quorum_counts_operators_and_its_mark_never_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("registry.sqlite")).unwrap();
        for size in 1..=9 {
            let sql = "INSERT INTO checkpoints (size, root, note) VALUES (?1, zeroblob(32), ?2)";
            lock(&store.writer).execute(sql, params![size, format!("note {size}\n")]).unwrap();
        }
        let put = |size: u64, witness: &str, operator: &str, quorum: Option<usize>| {
            let (witness, operator) = (witness.to_owned(), operator.to_owned());
            let line = format!("— {witness} {size}\n");
            store.put_cosignature(&Cosigned { size, witness, operator, time: size, line }, quorum).unwrap();
        };
        let marked = || store.witnessed().unwrap().map(|head| head.size);
        let from = |size, quorum| store.witnessed_from(size, quorum).unwrap().map(|head| head.size);
        put(5, "a", "one", Some(2));
        put(5, "b", "one", Some(2));
        assert_eq!((marked(), from(1, 1), from(1, 2)), (None, Some(5), None));
        put(5, "c", "two", Some(2));
        assert_eq!((marked(), from(5, 2), from(6, 1)), (Some(5), Some(5), None));
        put(3, "a", "one", Some(1));
        assert_eq!((marked(), from(1, 1), from(4, 1)), (Some(5), Some(3), Some(5)));
        put(8, "a", "one", None);
        assert_eq!(marked(), Some(5), "without a quorum nothing is marked");
        assert_eq!(store.last_cosigned("a").unwrap().map(|it| it.size), Some(8));
        assert_eq!(store.last_cosigned("d").unwrap(), None);
        let head = store.witnessed().unwrap().unwrap();
        let note = crate::store::witnessed::cosigned_note(&head, &store.cosignatures(5).unwrap());
        assert_eq!(note, "note 5\n— a 5\n— b 5\n— c 5\n");
        store.unmark().unwrap();
        assert_eq!(marked(), None);
    }
}
