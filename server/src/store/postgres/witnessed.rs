//! Cosignatures in PostgreSQL.

use tokio_postgres::Row;

use super::PostgresStore;
use super::read::{column, signed_head};
use super::session::get;
use super::usage::count;
use crate::store::witnessed::{Cosigned, Witnessed};
use crate::store::{SignedHead, StoreError};

const COLUMNS: &str = "size, witness, operator, time, line";

fn cosigned(row: &Row) -> Result<Cosigned, StoreError> {
    let number = |place: usize| get(row, place).map(i64::cast_unsigned);
    Ok(Cosigned {
        size: number(0)?,
        witness: get(row, 1)?,
        operator: get(row, 2)?,
        time: number(3)?,
        line: get(row, 4)?,
    })
}

impl Witnessed for PostgresStore {
    fn put_cosignature(&self, cosigned: &Cosigned, quorum: Option<usize>) -> Result<(), StoreError> {
        let size = column(cosigned.size);
        self.transaction(|session| {
            // One at a time: of two that make up the quorum together neither would see the other's.
            session.run("LOCK TABLE cosignatures IN SHARE ROW EXCLUSIVE MODE")?;
            let sql = format!(
                "INSERT INTO cosignatures ({COLUMNS}) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (size, witness) DO UPDATE SET operator = excluded.operator, time = excluded.time, line = excluded.line"
            );
            let Cosigned { witness, operator, time, line, .. } = cosigned;
            session.execute(&sql, &[&size, witness, operator, &column(*time), line])?;
            let operators = "SELECT count(DISTINCT operator) FROM cosignatures WHERE size = $1";
            if let Some(quorum) = quorum
                && count(session, operators, &[&size])? >= quorum
            {
                let sql = "INSERT INTO witnessed AS marked (one, size) VALUES (1, $1)
                     ON CONFLICT (one) DO UPDATE SET size = greatest(marked.size, excluded.size)";
                session.execute(sql, &[&size])?;
            }
            Ok(())
        })
    }

    fn cosignatures(&self, size: u64) -> Result<Vec<Cosigned>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM cosignatures WHERE size = $1 ORDER BY witness");
        self.read(|session| session.rows(&sql, &[&column(size)], cosigned))
    }

    fn last_cosigned(&self, witness: &str) -> Result<Option<Cosigned>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM cosignatures WHERE witness = $1 ORDER BY size DESC LIMIT 1");
        self.read(|session| Ok(session.rows(&sql, &[&witness], cosigned)?.pop()))
    }

    fn witnessed_from(&self, size: u64, quorum: usize) -> Result<Option<SignedHead>, StoreError> {
        let sql = "SELECT size, root, note FROM checkpoints WHERE size = (
                 SELECT size FROM cosignatures WHERE size >= $1 GROUP BY size
                 HAVING count(DISTINCT operator) >= $2 ORDER BY size LIMIT 1)";
        let quorum = i64::try_from(quorum).unwrap_or(i64::MAX);
        let head = self.read(|session| Ok(session.rows(sql, &[&column(size), &quorum], signed_head)?.pop()))?;
        Ok(self.noting(head))
    }

    fn witnessed(&self) -> Result<Option<SignedHead>, StoreError> {
        let sql = "SELECT size, root, note FROM checkpoints WHERE size = (SELECT size FROM witnessed)";
        Ok(self.noting(self.read(|session| Ok(session.rows(sql, &[], signed_head)?.pop()))?))
    }

    fn unmark(&self) -> Result<(), StoreError> {
        self.transaction(|session| session.execute("DELETE FROM witnessed", &[])).map(|_| ())
    }
}
