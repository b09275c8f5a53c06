//! Migrations of the PostgreSQL database: numbered, forward only, embedded; the version stands in a table of one row.
//!
//! Several servers of two releases run beside each other while an operator replaces them, so that a step only expands: it adds tables,
//! columns with defaults and indexes that the older program does not mind. What nobody uses any more is dropped a release later, in a
//! step of its own. A program refuses a database that is newer than itself at its start, and goes on where it had begun.

use super::session::Session;
use super::{seen, write};
use crate::store::StoreError;

/// Every migration, the first making version 1.
const MIGRATIONS: [&str; 3] = [
    include_str!("../../../migrations/postgres/0001_first.sql"),
    include_str!("../../../migrations/postgres/0002_tables.sql"),
    include_str!("../../../migrations/postgres/0003_loading.sql"),
];

/// The version of the database that this program writes.
const VERSION: u32 = MIGRATIONS.len() as u32;

/// Brings a database to [`VERSION`] in one transaction. What is derived is made again from the log at the end, as in SQLite.
pub(super) fn migrate(session: &Session<'_>) -> Result<(), StoreError> {
    session.whole("BEGIN", |session| {
        // Of servers that start together one waits for the other's steps.
        session.run("SELECT pg_advisory_xact_lock(hashtext('cleartitle migration'))")?;
        session.run("CREATE TABLE IF NOT EXISTS database_version (one SMALLINT PRIMARY KEY CHECK (one = 1), version BIGINT NOT NULL)")?;
        let found = session.value::<i64>("SELECT version FROM database_version", &[])?.unwrap_or(0);
        let found = u32::try_from(found).map_err(|_| StoreError::Damaged("the database's version".to_owned()))?;
        if found > VERSION {
            return Err(StoreError::Newer { found, known: VERSION });
        }
        let steps = MIGRATIONS.get(found as usize..).unwrap_or_default();
        if steps.is_empty() {
            return Ok(());
        }
        steps.iter().try_for_each(|step| session.run(step))?;
        if found > 0 {
            write::project_all(session)?;
            seen::rewritten(session)?;
        }
        let sql = "INSERT INTO database_version (one, version) VALUES (1, $1)
             ON CONFLICT (one) DO UPDATE SET version = excluded.version";
        session.execute(sql, &[&i64::from(VERSION)]).map(|_| ())
    })
}
