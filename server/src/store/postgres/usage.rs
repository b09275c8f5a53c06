//! Usage reports in PostgreSQL.

use cleartitle_schema::id::UsageId;
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::leaf::Salt;
use tokio_postgres::Row;

use super::PostgresStore;
use super::read::{array, column, limited};
use super::session::{Session, Value, get};
use crate::store::StoreError;
use crate::store::usage::{KeptReport, NewReport, UsageReports};

fn kept(row: &Row) -> Result<KeptReport, StoreError> {
    Ok(KeptReport {
        number: get::<i64>(row, 0)?.cast_unsigned(),
        id: UsageId(array(row, 1, "id")?),
        salt: Salt(array(row, 2, "salt")?),
        envelope: get(row, 3)?,
    })
}

fn by_id(session: &Session<'_>, id: &UsageId) -> Result<Option<KeptReport>, StoreError> {
    let sql = "SELECT number, id, salt, envelope FROM usage_reports WHERE id = $1";
    Ok(session.rows(sql, &[&id.0.as_slice()], kept)?.pop())
}

/// How many rows there are.
pub(super) fn count(session: &Session<'_>, sql: &str, values: &[Value<'_>]) -> Result<usize, StoreError> {
    Ok(usize::try_from(session.value::<i64>(sql, values)?.unwrap_or(0)).unwrap_or(usize::MAX))
}

impl UsageReports for PostgresStore {
    fn put_usage(&self, report: &NewReport, most_each: usize, most: usize) -> Result<Option<KeptReport>, StoreError> {
        let NewReport { id, licensee, salt, envelope, readers } = report;
        let authority = licensee.authority();
        let authority = authority.as_str();
        self.transaction(|session| {
            // One at a time: numbers become visible in their order, so that no reader's cursor passes one that is not there yet.
            session.run("LOCK TABLE usage_reports IN SHARE ROW EXCLUSIVE MODE")?;
            if let Some(first) = by_id(session, id)? {
                return Ok(Some(first));
            }
            let each = count(session, "SELECT count(*) FROM usage_reports WHERE authority = $1", &[&authority])?;
            if each >= most_each || count(session, "SELECT count(*) FROM usage_reports", &[])? >= most {
                return Ok(None);
            }
            let sql = "INSERT INTO usage_reports (number, id, authority, salt, envelope)
                SELECT coalesce(max(number), 0) + 1, $1, $2, $3, $4 FROM usage_reports RETURNING number";
            let number: Option<i64> =
                session.value(sql, &[&id.0.as_slice(), &authority, &salt.0.as_slice(), envelope])?;
            let readers: Vec<&str> = readers.iter().map(Domain::as_str).collect();
            let sql = "INSERT INTO usage_readers (domain, number) SELECT reader, $2 FROM unnest($1::text[]) AS reader";
            session.execute(sql, &[&readers, &number])?;
            by_id(session, id)
        })
    }

    fn usage_of(&self, reader: &Domain, after: u64, limit: usize) -> Result<Vec<KeptReport>, StoreError> {
        let sql = "SELECT number, id, salt, envelope FROM usage_readers JOIN usage_reports USING (number)
             WHERE domain = $1 AND number > $2 ORDER BY number LIMIT $3";
        self.read(|session| session.rows(sql, &[&reader.as_str(), &column(after), &limited(limit)], kept))
    }
    fn usage_from(&self, after: u64, limit: usize) -> Result<Vec<KeptReport>, StoreError> {
        let sql = "SELECT number, id, salt, envelope FROM usage_reports WHERE number > $1 ORDER BY number LIMIT $2";
        self.read(|session| session.rows(sql, &[&column(after), &limited(limit)], kept))
    }
}
