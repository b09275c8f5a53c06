//! The store of several servers: one PostgreSQL database, asked over a pool of connections; of two commits from one head one wins.
//!
//! **What the operator sets.** `fsync` and `full_page_writes` stay on. Every session asks for `synchronous_commit = on`, so that with
//! `synchronous_standby_names` on the primary a commit is acknowledged when a standby has it on its disk too: then the promotion of that
//! standby loses nothing that was acknowledged. Without a synchronous standby a failover may lose what was acknowledged last, and a log that
//! is promoted so has forked. The addresses of all hosts stand in one URL; the server writes to the one that takes writes.
//!
//! A primary that restarts while a commit waits for its standby shows that commit before the standby has it. Let none be promoted then that
//! lags behind the old primary.
//!
//! Deliberately absent: what the tables mean (`store`), and any other database's SQL.

mod address;
mod dump;
mod duties;
mod erasure;
mod hand_over;
mod migrate;
mod operate;
mod read;
mod replica;
mod replicated;
mod rows;
mod sealed;
mod seen;
mod session;
mod take_over;
mod tls;
mod uploads;
mod usage;
mod webhooks;
mod witnessed;
mod write;

use std::collections::HashMap;
use std::io::Write;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cleartitle_schema::bindings::Binding;
use cleartitle_schema::id::{BlobId, Commitment, ContentName, KeyId, ListId, StatementId};
use cleartitle_schema::issuer::{Authority, Domain};
use cleartitle_schema::statement::Kind;
use cleartitle_schema::time::Timestamp;
use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime,
};
use tokio::runtime::{self, Handle};

pub use self::address::{Address, AddressError};
pub use self::replicated::{MOST_REPLICAS, Replicated};
use self::seen::{Seen, Standing};
use self::session::{SERVING, Session, WORKING};
pub use self::take_over::{MOVED, UNFINISHED};
use self::tls::Tls;
use super::database::Duty;
use super::{
    Batch, CommitError, Head, Page, ProofCheck, Rebuilt, Record, Relation, SignedHead, Store, StoreError, Stored,
};

/// How many connections one server holds at most. More than the database's cores can use at once helps nobody.
const CONNECTIONS: usize = 16;

/// How long a question waits for a connection, and for a new one to be made.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a database is asked.
struct Manner {
    /// How long a connection is waited for.
    patience: Duration,
    /// How long an answer is waited for.
    answer: Duration,
    /// What each connection is set to.
    settings: &'static str,
}

/// How the database is asked that the log is written to.
const FIRM: Manner = Manner { patience: PATIENCE, answer: session::PATIENCE, settings: SERVING };

/// The store in one PostgreSQL database.
pub struct PostgresStore {
    pool: Pool,
    manner: &'static Manner,
    seen: Seen,
    duties: Mutex<HashMap<Duty, ClientWrapper>>,
    /// One connection that sees one committed state, whatever others commit meanwhile.
    frozen: Option<Mutex<ClientWrapper>>,
    address: Address,
    // Last, so that it outlives every connection.
    driver: Driver,
}

/// The runtime that the connections' tasks live on.
struct Driver(Option<runtime::Runtime>);

impl Driver {
    fn handle(&self) -> Result<&Handle, StoreError> {
        let stopped = || StoreError::Backend("the store is being closed".to_owned());
        self.0.as_ref().map(runtime::Runtime::handle).ok_or_else(stopped)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Without waiting: the last holder of a store may be a task of another runtime, which must not block.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves nothing behind here: its transaction was undone when it was dropped.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection of the pool; one that was lost is not given back.
struct Lent(Option<Object>);

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(lost) = self.0.take() {
            drop(Object::take(lost));
        }
    }
}

impl PostgresStore {
    /// Opens the database and brings it to this program's version.
    ///
    /// # Errors
    /// [`StoreError::Newer`] for a newer program's database, [`StoreError::Backend`] where it can't be reached.
    pub fn open(address: &Address) -> Result<Self, StoreError> {
        let store = Self::connect(address, &FIRM)?;
        store.apart(WORKING, migrate::migrate)?;
        store.warn_of_settings()?;
        Ok(store)
    }

    /// Opens an existing database for reading one committed state: what others commit meanwhile is not seen.
    ///
    /// # Errors
    /// As [`PostgresStore::open`].
    pub fn open_frozen(address: &Address) -> Result<Self, StoreError> {
        let mut store = Self::open(address)?;
        let client = store.client(WORKING)?;
        let session = Session::working(store.driver.handle()?, &client);
        session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        session.value::<i64>("SELECT count(*) FROM log_head", &[])?;
        store.frozen = Some(Mutex::new(client));
        Ok(store)
    }

    /// A store whose connections are not made yet.
    fn connect(address: &Address, manner: &'static Manner) -> Result<Self, StoreError> {
        let unusable = |error: &dyn std::fmt::Display| StoreError::Backend(error.to_string());
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("postgres")
            .enable_all()
            .build()
            .map_err(|error| unusable(&error))?;
        let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(address.config().clone(), Tls::new(address.roots())?, config);
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(manner.patience))
            .create_timeout(Some(manner.patience))
            .recycle_timeout(Some(manner.patience))
            .post_create(Hook::async_fn(move |client, _| {
                Box::pin(async move { client.batch_execute(manner.settings).await.map_err(HookError::Backend) })
            }))
            .build()
            .map_err(|error| unusable(&error))?;
        let (duties, address, seen) = (Mutex::default(), address.clone(), Seen::default());
        Ok(Self { pool, manner, seen, duties, frozen: None, address, driver: Driver(Some(runtime)) })
    }

    /// A connection apart from the pool, which makes it and forgets it.
    fn client(&self, settings: &str) -> Result<ClientWrapper, StoreError> {
        let handle = self.driver.handle()?;
        let client = Object::take(self.lend(handle)?);
        Session::working(handle, &client).run(settings)?;
        Ok(client)
    }

    fn lend(&self, handle: &Handle) -> Result<Object, StoreError> {
        handle.block_on(self.pool.get()).map_err(|error| match error {
            deadpool_postgres::PoolError::Backend(error) => self.unreached(&error),
            other => StoreError::Backend(format!("`{}`: {other}", self.address)),
        })
    }

    fn unreached(&self, error: &tokio_postgres::Error) -> StoreError {
        if let Some(why) = tls::distrust(error) {
            return StoreError::Untrusted { database: self.address.to_string(), why };
        }
        match session::failed(error) {
            StoreError::Backend(said) => StoreError::Backend(format!("`{}`: {said}", self.address)),
            other => other,
        }
    }

    /// Works on a connection apart, for as long as it takes.
    fn apart<T>(
        &self,
        settings: &str,
        work: impl FnOnce(&Session<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let client = self.client(settings)?;
        work(&Session::working(self.driver.handle()?, &client))
    }

    /// Works on a connection of the pool.
    fn ask<T, E: From<StoreError>>(&self, work: impl FnOnce(&Session<'_>) -> Result<T, E>) -> Result<T, E> {
        let handle = self.driver.handle()?;
        let mut lent = Lent(Some(self.lend(handle)?));
        let Some(client) = lent.0.as_deref() else {
            return Err(StoreError::Backend("the connection is gone".to_owned()).into());
        };
        let session = Session::patient(handle, client, self.manner.answer);
        let done = work(&session);
        if !session.is_lost() {
            drop(lent.0.take());
        }
        done
    }

    /// Asks for what changes nothing. A connection that broke is no answer: another one is asked once, since the database may have moved
    /// to another host.
    fn read<T>(&self, ask: impl Fn(&Session<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if let Some(frozen) = &self.frozen {
            return ask(&Session::working(self.driver.handle()?, &lock(frozen)));
        }
        let mut lost = false;
        let first = self.ask(|session| {
            let found = ask(session);
            lost = session.is_lost();
            found
        });
        match first {
            Err(StoreError::Backend(_)) if lost => self.ask(|session| ask(session)),
            other => other,
        }
    }

    /// Asks where the log stands now, and notes it.
    fn look(&self) -> Result<Option<Standing>, StoreError> {
        let stands = self.read(seen::standing)?;
        stands.clone().into_iter().for_each(|stands| self.seen.note(stands));
        Ok(stands)
    }

    /// The same head, noted.
    fn noting(&self, head: Option<SignedHead>) -> Option<SignedHead> {
        head.inspect(|head| self.seen.head(head.size, head.root))
    }

    /// Changes something, whole or not at all.
    fn transaction<T, E: From<StoreError>>(&self, work: impl FnOnce(&Session<'_>) -> Result<T, E>) -> Result<T, E> {
        self.ask(|session| session.whole("BEGIN ISOLATION LEVEL READ COMMITTED", work))
    }

    /// Says where the database is set so that it may lose what it acknowledged.
    fn warn_of_settings(&self) -> Result<(), StoreError> {
        for name in ["fsync", "full_page_writes"] {
            let set: Option<String> = self.read(|session| session.value("SELECT current_setting($1)", &[&name]))?;
            if set.as_deref() != Some("on") {
                tracing::warn!(database = %self.address, "`{name}` is off: after a loss of power the log may be gone");
            }
        }
        Ok(())
    }
}

impl Store for PostgresStore {
    fn head(&self) -> Result<Option<Head>, StoreError> {
        let head = self.read(|session| read::head(session, false))?;
        Ok(head.inspect(|head| self.seen.head(head.size, head.root)))
    }

    fn commit(&self, from: &Head, batch: &Batch) -> Result<Head, CommitError> {
        let committed = self.transaction(|session| {
            let present = match read::head(session, true)? {
                None => {
                    // Nothing to lock yet: of two that begin the log at once the second waits here, and sees what the first wrote.
                    let Head { size, root, registered_at } = Head::empty();
                    let sql = "INSERT INTO log_head (one, size, root, registered_at) VALUES (1, $1, $2, $3) ON CONFLICT DO NOTHING";
                    let values: [session::Value<'_>; 3] = [&read::column(size), &root.0.as_slice(), &registered_at.0];
                    let first = session.execute(sql, &values)? == 1;
                    if first { None } else { read::head(session, true)? }
                }
                present => present,
            };
            if present.unwrap_or_else(Head::empty) != *from
                || (present.is_some() && batch.entries.is_empty() && batch.sealed.is_empty())
            {
                return Err(CommitError::Moved(present.unwrap_or_else(Head::empty)));
            }
            Ok(write::append(session, from, batch)?)
        });
        committed.inspect(|head| self.seen.head(head.size, head.root))
    }

    fn checkpoint_from(&self, size: u64) -> Result<Option<SignedHead>, StoreError> {
        Ok(self.noting(self.read(|session| read::checkpoint_from(session, size))?))
    }

    fn latest_checkpoint(&self) -> Result<Option<SignedHead>, StoreError> {
        Ok(self.noting(self.read(read::latest_checkpoint)?))
    }

    fn size_at(&self, time: Timestamp) -> Result<u64, StoreError> {
        self.read(|session| read::size_at(session, time))
    }

    fn leaves(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, StoreError> {
        self.read(|session| read::leaves(session, range.clone()))
    }

    fn tile(&self, level: u8, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|session| read::tile(session, level, index))
    }

    fn published(&self, commitment: &Commitment) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|session| read::published(session, commitment))
    }

    fn list(&self, list: &ListId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|session| read::list(session, list))
    }

    fn names_blob(&self, blob: &BlobId) -> Result<bool, StoreError> {
        self.read(|session| read::names_blob(session, blob))
    }

    fn put_blob(&self, blob: &BlobId, bytes: &[u8]) -> Result<bool, StoreError> {
        self.transaction(|session| write::put_blob(session, blob, bytes))
    }

    fn blob(&self, blob: &BlobId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|session| read::blob(session, blob))
    }

    fn statement(&self, id: &StatementId) -> Result<Option<Stored>, StoreError> {
        self.read(|session| read::statement(session, id))
    }

    fn statements(&self, page: &Page) -> Result<Vec<Stored>, StoreError> {
        self.read(|session| read::statements(session, page))
    }

    fn naming(&self, id: &StatementId) -> Result<Vec<(Relation, Stored)>, StoreError> {
        self.read(|session| read::naming(session, id))
    }

    fn bindings_of(&self, domain: &Domain) -> Result<Vec<Binding>, StoreError> {
        self.read(|session| read::bindings_of(session, domain))
    }

    fn bindings_by(&self, key: &KeyId) -> Result<Vec<Binding>, StoreError> {
        self.read(|session| read::bindings_by(session, key))
    }

    fn bindings_from(&self, index: u64, limit: usize) -> Result<Vec<Binding>, StoreError> {
        self.read(|session| read::bindings_from(session, index, limit))
    }

    fn proof_check(&self, binding: &StatementId) -> Result<Option<ProofCheck>, StoreError> {
        self.read(|session| read::proof_check(session, binding))
    }

    fn note_proof_check(&self, binding: &StatementId, check: &ProofCheck) -> Result<(), StoreError> {
        self.transaction(|session| write::note_proof_check(session, binding, check))
    }

    fn take_nonce(&self, key: &KeyId, nonce: &str, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        self.transaction(|session| {
            session.execute("DELETE FROM nonces WHERE until <= $1", &[&now.0])?;
            let sql = "INSERT INTO nonces (key_id, nonce, until) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
            Ok(session.execute(sql, &[&key.0.as_slice(), &nonce, &until.0])? == 1)
        })
    }

    fn counts(&self, domain: &Domain) -> Result<Vec<(Kind, u64)>, StoreError> {
        self.read(|session| read::counts(session, domain))
    }

    fn records(&self, name: &ContentName, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.read(|session| read::records(session, name, limit))
    }

    fn claims(&self, name: &ContentName, limit: usize) -> Result<Vec<Stored>, StoreError> {
        self.read(|session| read::claims(session, name, limit))
    }

    fn sealed_leaf(&self, commitment: &Commitment) -> Result<Option<u64>, StoreError> {
        self.read(|session| sealed::leaf(session, commitment))
    }

    fn sealed_blob(&self, commitment: &Commitment) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|session| sealed::blob(session, commitment))
    }

    fn sealed_statement(&self, id: &StatementId) -> Result<Option<Stored>, StoreError> {
        self.read(|session| sealed::statement_of(session, id))
    }

    fn sealed_erased(&self, id: &StatementId) -> Result<Option<Commitment>, StoreError> {
        self.read(|session| sealed::erased(session, id))
    }

    fn sealed_of(&self, party: &Domain, from: u64, limit: usize) -> Result<Vec<Stored>, StoreError> {
        self.read(|session| sealed::of_party(session, party, from, limit))
    }

    fn is_party(&self, party: &Domain, index: u64) -> Result<bool, StoreError> {
        self.read(|session| sealed::is_party(session, party, index))
    }

    fn showings(&self, name: &ContentName, limit: usize) -> Result<Vec<Authority>, StoreError> {
        self.read(|session| read::showings(session, name, limit))
    }

    fn rebuild(&self) -> Result<Rebuilt, StoreError> {
        self.apart(WORKING, |session| {
            session.whole("BEGIN ISOLATION LEVEL READ COMMITTED", |session| {
                // Other servers' commits wait meanwhile, and give up after twenty seconds: nothing is committed on half a projection.
                read::head(session, true)?;
                let before = dump::digests(session, "")?;
                let leaves = write::project_all(session)?;
                seen::rewritten(session)?;
                let after = dump::digests(session, "")?;
                let changed = before.iter().zip(&after).zip(write::DERIVED).filter(|((old, new), _)| old != new);
                Ok(Rebuilt { leaves, differing: changed.map(|(_, (table, _))| table.to_owned()).collect() })
            })
        })
    }

    fn dump(&self, out: &mut dyn Write) -> Result<(), StoreError> {
        let mut write = |session: &Session<'_>| {
            write::DERIVED.iter().try_for_each(|(table, order)| dump::dump_table(session, "", table, order, out))
        };
        if let Some(frozen) = &self.frozen {
            return write(&Session::working(self.driver.handle()?, &lock(frozen)));
        }
        // One read transaction, so that the tables belong together.
        self.apart(WORKING, |session| session.whole("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", write))
    }
}
