//! The embedded store: one SQLite file in WAL mode, one writing connection, a few reading ones.
//!
//! Deliberately absent: what the tables mean (`store`), and any other database's SQL.

mod copy;
mod erasure;
mod export;
mod fill;
mod migrate;
mod nonces;
mod operate;
mod read;
mod readers;
mod sealed;
mod uploads;
mod usage;
mod webhooks;
mod witnessed;
mod write;

use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cleartitle_schema::bindings::Binding;
use cleartitle_schema::id::{BlobId, Commitment, ContentName, KeyId, ListId, StatementId};
use cleartitle_schema::issuer::{Authority, Domain};
use cleartitle_schema::statement::Kind;
use cleartitle_schema::time::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::tables::reading;
use super::{
    Batch, CommitError, Head, Page, ProofCheck, Rebuilt, Record, Relation, SignedHead, Store, StoreError, Stored,
};
use readers::Readers;

/// How long a connection waits for another process's transaction.
const BUSY: Duration = Duration::from_secs(20);

/// The store in one SQLite file.
pub struct SqliteStore {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Readers,
    frozen: bool,
}

fn failed(error: rusqlite::Error) -> StoreError {
    let full = error.sqlite_error_code() == Some(ErrorCode::DiskFull);
    if full { StoreError::Full(error.to_string()) } else { StoreError::Backend(error.to_string()) }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves a connection usable: its transaction was rolled back when it was dropped.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    // FULL: in WAL mode NORMAL would lose acknowledged commits with the power.
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;").map_err(failed)?;
    Ok(connection)
}

impl SqliteStore {
    /// Opens the file, makes it if there is none, and brings it to this program's version.
    ///
    /// # Errors
    /// [`StoreError::Newer`] for a newer program's database, [`StoreError::Backend`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut writer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        writer.execute_batch("PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = 67108864;").map_err(failed)?;
        migrate::migrate(&mut writer)?;
        Ok(Self { path: path.to_owned(), writer: Mutex::new(writer), readers: Readers::default(), frozen: false })
    }

    /// Opens an existing file for reading one committed state: what others commit meanwhile is not seen.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn open_frozen(path: &Path) -> Result<Self, StoreError> {
        let mut writer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        migrate::migrate(&mut writer)?;
        writer.execute_batch("BEGIN; SELECT count(*) FROM checkpoints;").map_err(failed)?;
        Ok(Self { path: path.to_owned(), writer: Mutex::new(writer), readers: Readers::default(), frozen: true })
    }

    /// A setting of the registry: `value` the first time, and then what stands for ever.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn setting(&self, name: &str, value: &str) -> Result<String, StoreError> {
        let writer = lock(&self.writer);
        writer
            .execute("INSERT OR IGNORE INTO registry (name, value) VALUES (?1, ?2)", [name, value])
            .map_err(failed)?;
        Ok(write::setting(&writer, name)?.unwrap_or_default())
    }

    /// A setting, where it was made.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn present_setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.read(|connection| write::setting(connection, name))
    }

    /// Checkpoints over more than `after` leaves, the smallest first, at most 1,024; `None` begins.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn checkpoints(&self, after: Option<u64>) -> Result<Vec<SignedHead>, StoreError> {
        self.read(|connection| read::checkpoints_after(connection, after.map_or(-1, u64::cast_signed)))
    }

    /// Names of the evidence that is kept, in order, behind `after`, at most 1,024; `None` begins.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn blobs(&self, after: Option<&BlobId>) -> Result<Vec<BlobId>, StoreError> {
        self.read(|connection| read::blobs_after(connection, after))
    }

    /// Asks SQLite whether the file is sound.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with what it says.
    pub fn check_file(&self) -> Result<(), StoreError> {
        let said: String = self
            .read(|connection| connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed))?;
        if said == "ok" { Ok(()) } else { Err(StoreError::Damaged(said)) }
    }

    /// Makes the projections anew beside the present ones, and names the derived tables that differ.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn compare_with_rebuilt(&self) -> Result<Rebuilt, StoreError> {
        // Without a name: a file of its own in the temporary folder, gone when it is closed. Memory would grow with the log.
        let mut anew = Connection::open("").map_err(failed)?;
        anew.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;").map_err(failed)?;
        migrate::migrate(&mut anew)?;
        self.read(|connection| {
            let whole = anew.unchecked_transaction().map_err(failed)?;
            let leaves = write::project_all(&anew, connection)?;
            whole.commit().map_err(failed)?;
            let mut differing = Vec::new();
            for (table, order) in write::DERIVED {
                if digest(connection, table, order)? != digest(&anew, table, order)? {
                    differing.push(table.to_owned());
                }
            }
            Ok(Rebuilt { leaves, differing })
        })
    }

    fn read<T>(&self, ask: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if self.frozen {
            return ask(&lock(&self.writer));
        }
        self.readers.ask(|| connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY), ask)
    }
}

/// The BLAKE3 of one derived table's canonical dump.
fn digest(connection: &Connection, table: &str, order: &str) -> Result<blake3::Hash, StoreError> {
    let mut hasher = blake3::Hasher::new();
    dump_table(connection, table, order, &mut hasher)?;
    Ok(hasher.finalize())
}

/// One line a row: the table, then each column as a number, as JSON text, or as `x` and hex.
fn dump_table(connection: &Connection, table: &str, order: &str, out: &mut dyn Write) -> Result<(), StoreError> {
    let unwritten = |error: std::io::Error| StoreError::Backend(error.to_string());
    let mut query = connection.prepare(&reading("", table, order)).map_err(failed)?;
    let columns = query.column_count();
    let mut rows = query.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let mut line = table.to_owned();
        for place in 0..columns {
            line.push('\t');
            match row.get_ref(place).map_err(failed)? {
                ValueRef::Null => line.push('-'),
                ValueRef::Integer(number) => line.push_str(&number.to_string()),
                ValueRef::Real(number) => line.push_str(&number.to_string()),
                ValueRef::Text(text) => line.push_str(&serde_json::json!(String::from_utf8_lossy(text)).to_string()),
                ValueRef::Blob(bytes) => {
                    line.push('x');
                    bytes.iter().for_each(|byte| line.push_str(&format!("{byte:02x}")));
                }
            }
        }
        line.push('\n');
        out.write_all(line.as_bytes()).map_err(unwritten)?;
    }
    Ok(())
}

impl Store for SqliteStore {
    fn head(&self) -> Result<Option<Head>, StoreError> {
        self.read(read::head)
    }

    fn commit(&self, from: &Head, batch: &Batch) -> Result<Head, CommitError> {
        let mut writer = lock(&self.writer);
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let present = read::head(&transaction)?;
        if present.unwrap_or_else(Head::empty) != *from
            || (present.is_some() && batch.entries.is_empty() && batch.sealed.is_empty())
        {
            return Err(CommitError::Moved(present.unwrap_or_else(Head::empty)));
        }
        write::append(&transaction, batch)?;
        let head = read::head(&transaction)?.unwrap_or_else(Head::empty);
        transaction.commit().map_err(failed)?;
        Ok(head)
    }

    fn checkpoint_from(&self, size: u64) -> Result<Option<SignedHead>, StoreError> {
        self.read(|connection| read::checkpoint_from(connection, size))
    }

    fn latest_checkpoint(&self) -> Result<Option<SignedHead>, StoreError> {
        self.read(read::latest_checkpoint)
    }

    fn size_at(&self, time: Timestamp) -> Result<u64, StoreError> {
        self.read(|connection| read::size_at(connection, time))
    }

    fn leaves(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, StoreError> {
        self.read(|connection| read::leaves(connection, range))
    }

    fn tile(&self, level: u8, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|connection| read::tile(connection, level, index))
    }

    fn published(&self, commitment: &Commitment) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|connection| read::published(connection, commitment))
    }

    fn list(&self, list: &ListId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|connection| read::list(connection, list))
    }

    fn names_blob(&self, blob: &BlobId) -> Result<bool, StoreError> {
        self.read(|connection| read::names_blob(connection, blob))
    }

    fn put_blob(&self, blob: &BlobId, bytes: &[u8]) -> Result<bool, StoreError> {
        let mut writer = lock(&self.writer);
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let new = write::put_blob(&transaction, blob, bytes)?;
        transaction.commit().map_err(failed)?;
        Ok(new)
    }

    fn blob(&self, blob: &BlobId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|connection| read::blob(connection, blob))
    }

    fn statement(&self, id: &StatementId) -> Result<Option<Stored>, StoreError> {
        self.read(|connection| read::statement(connection, id))
    }

    fn statements(&self, page: &Page) -> Result<Vec<Stored>, StoreError> {
        self.read(|connection| read::statements(connection, page))
    }

    fn naming(&self, id: &StatementId) -> Result<Vec<(Relation, Stored)>, StoreError> {
        self.read(|connection| read::naming(connection, id))
    }

    fn bindings_of(&self, domain: &Domain) -> Result<Vec<Binding>, StoreError> {
        self.read(|connection| read::bindings_of(connection, domain))
    }

    fn bindings_by(&self, key: &KeyId) -> Result<Vec<Binding>, StoreError> {
        self.read(|connection| read::bindings_by(connection, key))
    }

    fn bindings_from(&self, index: u64, limit: usize) -> Result<Vec<Binding>, StoreError> {
        self.read(|connection| read::bindings_from(connection, index, limit))
    }

    fn proof_check(&self, binding: &StatementId) -> Result<Option<ProofCheck>, StoreError> {
        self.read(|connection| read::proof_check(connection, binding))
    }

    fn note_proof_check(&self, binding: &StatementId, check: &ProofCheck) -> Result<(), StoreError> {
        write::note_proof_check(&lock(&self.writer), binding, check)
    }

    fn take_nonce(&self, key: &KeyId, nonce: &str, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        nonces::take(&lock(&self.writer), key, nonce, until, now)
    }

    fn counts(&self, domain: &Domain) -> Result<Vec<(Kind, u64)>, StoreError> {
        self.read(|connection| read::counts(connection, domain))
    }

    fn records(&self, name: &ContentName, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.read(|connection| read::records(connection, name, limit))
    }

    fn claims(&self, name: &ContentName, limit: usize) -> Result<Vec<Stored>, StoreError> {
        self.read(|connection| read::claims(connection, name, limit))
    }

    fn sealed_leaf(&self, commitment: &Commitment) -> Result<Option<u64>, StoreError> {
        self.read(|connection| sealed::leaf(connection, commitment))
    }

    fn sealed_blob(&self, commitment: &Commitment) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|connection| sealed::blob(connection, commitment))
    }

    fn sealed_statement(&self, id: &StatementId) -> Result<Option<Stored>, StoreError> {
        self.read(|connection| sealed::statement_of(connection, id))
    }

    fn sealed_erased(&self, id: &StatementId) -> Result<Option<Commitment>, StoreError> {
        self.read(|connection| sealed::erased(connection, id))
    }

    fn sealed_of(&self, party: &Domain, from: u64, limit: usize) -> Result<Vec<Stored>, StoreError> {
        self.read(|connection| sealed::of_party(connection, party, from, limit))
    }

    fn is_party(&self, party: &Domain, index: u64) -> Result<bool, StoreError> {
        self.read(|connection| sealed::is_party(connection, party, index))
    }

    fn showings(&self, name: &ContentName, limit: usize) -> Result<Vec<Authority>, StoreError> {
        self.read(|connection| read::showings(connection, name, limit))
    }

    fn rebuild(&self) -> Result<Rebuilt, StoreError> {
        let mut writer = lock(&self.writer);
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let digests = |connection: &Connection| -> Result<Vec<blake3::Hash>, StoreError> {
            write::DERIVED.iter().map(|(table, order)| digest(connection, table, order)).collect()
        };
        let before = digests(&transaction)?;
        let leaves = write::project_all(&transaction, &transaction)?;
        let after = digests(&transaction)?;
        transaction.commit().map_err(failed)?;
        let changed = before.iter().zip(&after).zip(write::DERIVED).filter(|((old, new), _)| old != new);
        Ok(Rebuilt { leaves, differing: changed.map(|(_, (table, _))| table.to_owned()).collect() })
    }

    fn dump(&self, out: &mut dyn Write) -> Result<(), StoreError> {
        self.read(|connection| {
            // One read transaction, so that the tables belong together.
            let whole = connection.unchecked_transaction().ok();
            for (table, order) in write::DERIVED {
                dump_table(connection, table, order, out)?;
            }
            drop(whole);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn the_contract_is_kept() {
        let folders = Mutex::new(Vec::new());
        crate::store::conformance::check(&|| {
            let folder = tempfile::tempdir().unwrap();
            let store = SqliteStore::open(&folder.path().join("registry.sqlite")).unwrap();
            lock(&folders).push(folder);
            Arc::new(store)
        });
    }

    #[test]
    fn every_commit_is_synchronous() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("registry.sqlite")).unwrap();
        let writer = lock(&store.writer);
        let ask =
            |pragma: &str| writer.query_row(pragma, [], |row| row.get_ref(0).map(|it| format!("{it:?}"))).unwrap();
        assert_eq!(ask("PRAGMA synchronous"), "Integer(2)");
        assert!(ask("PRAGMA journal_mode").contains("119"), "journal mode is not wal");
    }

    #[test]
    fn a_frozen_store_does_not_see_later_commits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registry.sqlite");
        let store = SqliteStore::open(&path).unwrap();
        let frozen = SqliteStore::open_frozen(&path).unwrap();
        assert_eq!(store.setting("origin", "log.example").unwrap(), "log.example");
        assert_eq!(store.setting("origin", "other.example").unwrap(), "log.example");
        assert_eq!(frozen.present_setting("origin").unwrap(), None);
    }
}
