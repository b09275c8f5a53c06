//! A session: one connection, asked by threads that may block; transactions that never outlive their caller; rows by binary COPY.
//!
//! The library is asynchronous. Its tasks run on a runtime of the store's own, and whoever asks waits for the answer on its own thread:
//! the callers of a store stand on blocking threads already, so that no worker of the server's runtime waits here.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use futures_util::TryStreamExt as _;
use tokio::runtime::Handle;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{Error, Row};

use crate::store::StoreError;

/// How long one answer is waited for. Longer than what the database itself allows a statement, so that its own word comes first.
pub(super) const PATIENCE: Duration = Duration::from_secs(45);

/// What every connection that serves is set to: nothing waits for ever, and a commit is on the disk before it is acknowledged. `remote_apply`
/// asks for more than `on`, and stays.
pub(super) const SERVING: &str = "SET statement_timeout = '30s'; SET lock_timeout = '20s';
    SET idle_in_transaction_session_timeout = '120s'; SET client_min_messages = 'warning';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')";

/// The same for the operator's long work.
pub(super) const WORKING: &str = "SET statement_timeout = 0; SET lock_timeout = '60s'; SET client_min_messages = 'warning';
    SET idle_in_transaction_session_timeout = 0;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')";

/// What a parameter is.
pub(super) type Value<'v> = &'v (dyn ToSql + Sync);

/// One row of a COPY.
pub(super) type CopyRow = Vec<Box<dyn ToSql + Sync + Send>>;

/// What went wrong, with the database's own words where it spoke.
pub(super) fn failed(error: &Error) -> StoreError {
    // Class 53: insufficient resources.
    if let Some(said) = error.as_db_error().filter(|said| said.code().code().starts_with("53")) {
        return StoreError::Full(format!("the database said: {} ({})", said.message(), said.code().code()));
    }
    StoreError::Backend(match error.as_db_error() {
        Some(said) => format!("the database said: {} ({})", said.message(), said.code().code()),
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    })
}

/// One column of a row.
pub(super) fn get<'r, T: FromSql<'r>>(row: &'r Row, place: usize) -> Result<T, StoreError> {
    row.try_get(place).map_err(|error| StoreError::Damaged(error.to_string()))
}

/// One connection.
pub(super) struct Session<'c> {
    handle: &'c Handle,
    client: &'c ClientWrapper,
    patience: Duration,
    /// An answer was not waited for to its end, so that nobody may ask again here.
    lost: Cell<bool>,
}

impl<'c> Session<'c> {
    /// A session that serves: no answer is waited for longer than the server's patience.
    pub(super) fn serving(handle: &'c Handle, client: &'c ClientWrapper) -> Self {
        Self::patient(handle, client, PATIENCE)
    }

    /// The same with a patience of its own.
    pub(super) fn patient(handle: &'c Handle, client: &'c ClientWrapper, patience: Duration) -> Self {
        Self { handle, client, patience, lost: Cell::new(false) }
    }

    /// A session of the operator's, whose work takes as long as the log is.
    pub(super) fn working(handle: &'c Handle, client: &'c ClientWrapper) -> Self {
        Self { handle, client, patience: Duration::from_secs(24 * 3600), lost: Cell::new(false) }
    }

    /// Whether the connection must not be used again.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.get() || self.client.is_closed()
    }

    fn wait<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, StoreError> {
        let bounded = async { tokio::time::timeout(self.patience, answer).await };
        match self.handle.block_on(bounded) {
            Ok(answer) => answer.map_err(|error| failed(&error)),
            Err(_) => {
                self.lost.set(true);
                let seconds = self.patience.as_secs();
                Err(StoreError::Backend(format!("the database gave no answer within {seconds} seconds")))
            }
        }
    }

    /// Runs statements without values.
    pub(super) fn run(&self, sql: &str) -> Result<(), StoreError> {
        self.wait(self.client.batch_execute(sql))
    }

    /// Runs one statement; how many rows it changed.
    pub(super) fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        self.wait(async {
            let statement = self.client.prepare_cached(sql).await?;
            self.client.execute(&statement, values).await
        })
    }

    /// Asks one question and reads every row.
    pub(super) fn rows<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        read: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let found = self.wait(async {
            let statement = self.client.prepare_cached(sql).await?;
            self.client.query(&statement, values).await
        })?;
        found.iter().map(read).collect()
    }

    /// The first column of the first row.
    pub(super) fn value<T: for<'r> FromSql<'r>>(
        &self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Option<T>, StoreError> {
        Ok(self.rows(sql, values, |row| get(row, 0))?.into_iter().next())
    }

    /// Reads row after row, however many there are, with no more than a few in memory.
    pub(super) fn each(
        &self,
        sql: &str,
        mut read: impl FnMut(&Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let rows = self.wait(async {
            let statement = self.client.prepare_cached(sql).await?;
            self.client.query_raw(&statement, std::iter::empty::<Value<'_>>()).await
        })?;
        let mut rows = pin!(rows);
        while let Some(row) = self.wait(rows.try_next())? {
            read(&row)?;
        }
        Ok(())
    }

    /// Adds rows by binary COPY: all of them, or none and an error.
    pub(super) fn copy(&self, into: &str, types: &[Type], rows: &[CopyRow]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let written = self.wait(async {
            let statement = self.client.prepare_cached(&format!("COPY {into} FROM STDIN BINARY")).await?;
            let sink = self.client.copy_in(&statement).await?;
            let mut writer = pin!(BinaryCopyInWriter::new(sink, types));
            for row in rows {
                let values: Vec<Value<'_>> = row.iter().map(|value| &**value as Value<'_>).collect();
                writer.as_mut().write(&values).await?;
            }
            writer.finish().await
        })?;
        if written == rows.len() as u64 {
            return Ok(());
        }
        Err(StoreError::Backend(format!("{written} of {} rows were copied into `{into}`", rows.len())))
    }

    /// Reads one committed state, whatever is replayed meanwhile.
    pub(super) fn glance<T>(&self, work: impl FnOnce(&Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let open = Open(self);
        let found = work(self)?;
        self.run("COMMIT")?;
        std::mem::forget(open);
        Ok(found)
    }

    /// Works in one transaction: all of it is there when this returns `Ok`, and nothing after any other end, save that a commit without
    /// an answer may have happened.
    pub(super) fn whole<T, E: From<StoreError>>(
        &self,
        begin: &str,
        work: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.run(begin)?;
        let open = Open(self);
        let done = work(self)?;
        // A timeout while a commit waits for the standby would end the waiting and report success: of a commit that the standby
        // never saw. Whoever does not want to wait that long hangs up instead, and has no answer.
        self.run("SET LOCAL statement_timeout = 0")?;
        self.run("COMMIT")?;
        std::mem::forget(open);
        Ok(done)
    }
}

/// A transaction that is open, and undone when it is left: also by a panic.
struct Open<'s, 'c>(&'s Session<'c>);

impl Drop for Open<'_, '_> {
    fn drop(&mut self) {
        if self.0.is_lost() || self.0.run("ROLLBACK").is_err() {
            self.0.lost.set(true);
        }
    }
}
