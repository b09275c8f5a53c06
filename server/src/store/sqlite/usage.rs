//! Usage reports in SQLite.

use cleartitle_schema::id::UsageId;
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::leaf::Salt;
use rusqlite::{Connection, Row, TransactionBehavior, params};

use super::read::{column, rows};
use super::{SqliteStore, failed, lock};
use crate::store::StoreError;
use crate::store::usage::{KeptReport, NewReport, UsageReports};

fn kept(row: &Row<'_>) -> Result<KeptReport, StoreError> {
    Ok(KeptReport {
        number: row.get::<_, i64>(0).map_err(failed)?.cast_unsigned(),
        id: UsageId(row.get(1).map_err(failed)?),
        salt: Salt(row.get(2).map_err(failed)?),
        envelope: row.get(3).map_err(failed)?,
    })
}

fn by_id(connection: &Connection, id: &UsageId) -> Result<Option<KeptReport>, StoreError> {
    let sql = "SELECT number, id, salt, envelope FROM usage_reports WHERE id = ?1";
    Ok(rows(connection, sql, [id.0], kept)?.pop())
}

impl UsageReports for SqliteStore {
    fn put_usage(&self, report: &NewReport, most_each: usize, most: usize) -> Result<Option<KeptReport>, StoreError> {
        let mut writer = lock(&self.writer);
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        if let Some(first) = by_id(&transaction, &report.id)? {
            return Ok(Some(first));
        }
        let NewReport { id, licensee, salt, envelope, readers } = report;
        let authority = licensee.authority();
        let count = |sql: &str, values: &[&dyn rusqlite::ToSql]| -> Result<usize, StoreError> {
            let count: i64 = transaction.query_row(sql, values, |row| row.get(0)).map_err(failed)?;
            Ok(usize::try_from(count).unwrap_or(usize::MAX))
        };
        let each = count("SELECT count(*) FROM usage_reports WHERE authority = ?1", &[&authority.as_str()])?;
        if each >= most_each || count("SELECT count(*) FROM usage_reports", &[])? >= most {
            return Ok(None);
        }
        transaction
            .execute(
                "INSERT INTO usage_reports (id, authority, salt, envelope) VALUES (?1, ?2, ?3, ?4)",
                params![id.0, authority.as_str(), salt.0, envelope],
            )
            .map_err(failed)?;
        let number = transaction.last_insert_rowid();
        for reader in readers {
            transaction
                .execute("INSERT INTO usage_readers (domain, number) VALUES (?1, ?2)", params![reader.as_str(), number])
                .map_err(failed)?;
        }
        let found = by_id(&transaction, id)?;
        transaction.commit().map_err(failed)?;
        Ok(found)
    }

    fn usage_of(&self, reader: &Domain, after: u64, limit: usize) -> Result<Vec<KeptReport>, StoreError> {
        let sql = "SELECT number, id, salt, envelope FROM usage_readers JOIN usage_reports USING (number)
             WHERE domain = ?1 AND number > ?2 ORDER BY number LIMIT ?3";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|connection| rows(connection, sql, params![reader.as_str(), column(after), limit], kept))
    }

    fn usage_from(&self, after: u64, limit: usize) -> Result<Vec<KeptReport>, StoreError> {
        let sql = "SELECT number, id, salt, envelope FROM usage_reports WHERE number > ?1 ORDER BY number LIMIT ?2";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|connection| rows(connection, sql, params![column(after), limit], kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(id: u8, salt: u8, readers: &[&str]) -> NewReport {
        let readers = readers.iter().map(|reader| reader.parse().unwrap()).collect();
        let licensee = "lab.example".parse().unwrap();
        NewReport { id: UsageId([id; 32]), licensee, salt: Salt([salt; 32]), envelope: vec![id], readers }
    }

    #[test]
    fn a_report_is_kept_once_and_read_by_its_readers() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("registry.sqlite")).unwrap();
        let first = store.put_usage(&report(1, 1, &["lab.example", "press.example"]), 2, 9).unwrap().unwrap();
        let again = store.put_usage(&report(1, 2, &["other.example"]), 2, 9).unwrap().unwrap();
        assert_eq!(first, again, "the first salt stands");
        let second = store.put_usage(&report(2, 2, &["lab.example"]), 2, 9).unwrap().unwrap();
        assert_eq!(store.put_usage(&report(3, 3, &["lab.example"]), 2, 9).unwrap(), None, "a house has so many");
        assert_eq!(store.put_usage(&report(3, 3, &["lab.example"]), 9, 2).unwrap(), None, "and so have all");
        assert_eq!(store.put_usage(&report(2, 3, &[]), 2, 2).unwrap(), Some(second.clone()), "known ones always");
        let of = |reader: &str, after| store.usage_of(&reader.parse().unwrap(), after, 9).unwrap();
        assert_eq!(of("lab.example", 0), [first.clone(), second.clone()]);
        assert_eq!(of("lab.example", first.number), [second]);
        assert_eq!(of("press.example", 0), std::slice::from_ref(&first));
        assert_eq!(of("other.example", 0), []);
        assert_eq!(store.usage_from(0, 1).unwrap(), of("press.example", 0));
        assert_eq!(store.usage_from(first.number, 9).unwrap().len(), 1);
    }
}
