//! What the operator's commands need of the database.

use std::path::Path;

use cleartitle_schema::id::{BlobId, Commitment};

use super::session::{Session, WORKING};
use super::{PostgresStore, dump, erasure, lock, read, seen, write};
use crate::store::database::{Database, Duty};
use crate::store::{Head, Rebuilt, SignedHead, StoreError};

impl Database for PostgresStore {
    fn setting(&self, name: &str, value: &str) -> Result<String, StoreError> {
        self.transaction(|session| {
            let sql = "INSERT INTO registry (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
            session.execute(sql, &[&name, &value])?;
            Ok(write::setting(session, name)?.unwrap_or_default())
        })
    }

    fn present_setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.read(|session| write::setting(session, name))
    }

    fn checkpoints(&self, after: Option<u64>) -> Result<Vec<SignedHead>, StoreError> {
        self.read(|session| read::checkpoints_after(session, after))
    }

    fn blobs(&self, after: Option<&BlobId>) -> Result<Vec<BlobId>, StoreError> {
        self.read(|session| read::blobs_after(session, after))
    }

    fn check_sound(&self) -> Result<(), StoreError> {
        self.read(|session| {
            let head = read::head(session, false)?;
            let newest = read::latest_checkpoint(session)?;
            let ends = |head: Head| (head.size, head.root);
            if head.map(ends) == newest.map(|newest| (newest.size, newest.root)) {
                return Ok(());
            }
            Err(StoreError::Damaged("the head is not where the newest checkpoint is".to_owned()))
        })
    }

    fn compare_with_rebuilt(&self) -> Result<Rebuilt, StoreError> {
        let frozen = self.frozen.as_ref().map(|frozen| -> Result<_, StoreError> {
            let client = lock(frozen);
            let session = Session::working(self.driver.handle()?, &client);
            session.value::<String>("SELECT pg_export_snapshot()", &[])
        });
        let seen = frozen.transpose()?.flatten();
        // A connection of its own: what is made anew stands in temporary tables, which hide those of the same name for all that is
        // asked on it, and are gone with it.
        self.apart(WORKING, |session| {
            session.run("BEGIN ISOLATION LEVEL REPEATABLE READ")?;
            if let Some(snapshot) = seen {
                session.run(&format!("SET TRANSACTION SNAPSHOT '{snapshot}'"))?;
            }
            let schema: Option<String> = session.value("SELECT quote_ident(current_schema()::text)::text", &[])?;
            let schema = schema.ok_or_else(|| StoreError::Backend("the database has no schema".to_owned()))?;
            for (table, _) in write::DERIVED {
                session.run(&format!("CREATE TEMPORARY TABLE {table} (LIKE {schema}.{table} INCLUDING ALL)"))?;
            }
            let leaves = write::project_all(session)?;
            let mut differing = Vec::new();
            for (table, order) in write::DERIVED {
                if dump::digest(session, &schema, table, order)? != dump::digest(session, "pg_temp", table, order)? {
                    differing.push(table.to_owned());
                }
            }
            Ok(Rebuilt { leaves, differing })
        })
    }

    fn erase(&self, commitment: &Commitment) -> Result<(), StoreError> {
        self.apart(WORKING, |session| {
            session.whole("BEGIN ISOLATION LEVEL READ COMMITTED", |session| {
                read::head(session, true)?;
                seen::rewritten(session)?;
                erasure::erase(session, commitment)
            })?;
            erasure::write_anew(session)
        })
    }

    fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        self.hand_over(path)
    }

    fn on_duty(&self, duty: Duty) -> Result<bool, StoreError> {
        self.has_duty(duty)
    }
}
