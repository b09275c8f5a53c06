//! A primary with its replicas, as one store: what is asked for by readers goes to a replica where one can answer as well.
//!
//! To the primary alone go commits and everything that a registration is judged by: heads, keys and their bindings, nonces, looks at domains,
//! sealed statements and whose they are. What a replica does not have is asked of the primary before anybody is told that it is not there.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cleartitle_schema::bindings::Binding;
use cleartitle_schema::id::{BlobId, Commitment, ContentName, KeyId, ListId, StatementId};
use cleartitle_schema::issuer::{Authority, Domain};
use cleartitle_schema::statement::Kind;
use cleartitle_schema::time::Timestamp;

use super::replica::Replica;
use super::seen::standing;
use super::session::Session;
use super::{Address, PostgresStore, read, sealed};
use crate::store::{
    Batch, CommitError, Head, Page, ProofCheck, Rebuilt, Record, Relation, SignedHead, Store, StoreError, Stored,
};

/// The most replicas of one server: each has connections of its own.
pub const MOST_REPLICAS: usize = 16;

/// A primary and its replicas.
pub struct Replicated {
    primary: Arc<PostgresStore>,
    replicas: Vec<Replica>,
    next: AtomicUsize,
}

impl Replicated {
    /// Over a primary that is open. Each replica is tried once, so that a wrong address is told at the start; none is waited for after that.
    ///
    /// # Errors
    /// [`StoreError`] where connections can't be prepared.
    pub fn new(primary: Arc<PostgresStore>, replicas: &[Address]) -> Result<Self, StoreError> {
        let replicas: Vec<Replica> =
            (1..).zip(replicas).map(|(place, it)| Replica::new(place, it)).collect::<Result<_, _>>()?;
        for replica in &replicas {
            let _ = replica.ask(&primary, &|session| read::latest_checkpoint(session));
        }
        Ok(Self { primary, replicas, next: AtomicUsize::new(0) })
    }

    /// The first answer of a replica, each read beginning with another one.
    fn replica<T>(&self, ask: &dyn Fn(&Session<'_>) -> Result<T, StoreError>) -> Option<T> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let places = (0..self.replicas.len()).map(|place| (first.wrapping_add(place)) % self.replicas.len());
        places.filter_map(|place| self.replicas.get(place)).find_map(|replica| replica.ask(&self.primary, ask))
    }

    /// The primary's answer. Where it stands is noted behind it, so that no later answer of a replica is older than this one.
    fn primary<T>(&self, ask: &dyn Fn(&Session<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let (found, stands) = self.primary.read(|session| Ok((ask(session)?, standing(session)?)))?;
        if let Some(stands) = stands {
            self.primary.seen.note(stands);
        }
        Ok(found)
    }

    /// Asks for all that there is of something.
    fn all<T>(&self, ask: impl Fn(&Session<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.replica(&ask).map_or_else(|| self.primary(&ask), Ok)
    }

    /// Asks for one thing.
    fn one<T>(&self, ask: impl Fn(&Session<'_>) -> Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError> {
        match self.replica(&ask).flatten() {
            Some(found) => Ok(Some(found)),
            None => self.primary(&ask),
        }
    }
}

impl Store for Replicated {
    fn head(&self) -> Result<Option<Head>, StoreError> {
        // With where the primary stands: an erasure elsewhere moves no head, and no replica may show what it erased for longer than
        // heads are not asked for.
        self.primary(&|session| read::head(session, false))
    }

    fn commit(&self, from: &Head, batch: &Batch) -> Result<Head, CommitError> {
        self.primary.commit(from, batch)
    }

    fn checkpoint_from(&self, size: u64) -> Result<Option<SignedHead>, StoreError> {
        self.one(|session| read::checkpoint_from(session, size))
    }

    fn latest_checkpoint(&self) -> Result<Option<SignedHead>, StoreError> {
        self.primary.latest_checkpoint()
    }

    fn size_at(&self, time: Timestamp) -> Result<u64, StoreError> {
        self.all(|session| read::size_at(session, time))
    }

    fn leaves(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, StoreError> {
        self.all(|session| read::leaves(session, range.clone()))
    }

    fn tile(&self, level: u8, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.one(|session| read::tile(session, level, index))
    }

    fn published(&self, commitment: &Commitment) -> Result<Option<Vec<u8>>, StoreError> {
        self.one(|session| read::published(session, commitment))
    }

    fn list(&self, list: &ListId) -> Result<Option<Vec<u8>>, StoreError> {
        self.one(|session| read::list(session, list))
    }

    fn names_blob(&self, blob: &BlobId) -> Result<bool, StoreError> {
        self.all(|session| read::names_blob(session, blob))
    }

    fn put_blob(&self, blob: &BlobId, bytes: &[u8]) -> Result<bool, StoreError> {
        self.primary.put_blob(blob, bytes)
    }

    fn blob(&self, blob: &BlobId) -> Result<Option<Vec<u8>>, StoreError> {
        self.one(|session| read::blob(session, blob))
    }

    fn statement(&self, id: &StatementId) -> Result<Option<Stored>, StoreError> {
        self.one(|session| read::statement(session, id))
    }

    fn statements(&self, page: &Page) -> Result<Vec<Stored>, StoreError> {
        self.all(|session| read::statements(session, page))
    }

    fn naming(&self, id: &StatementId) -> Result<Vec<(Relation, Stored)>, StoreError> {
        self.all(|session| read::naming(session, id))
    }

    fn bindings_of(&self, domain: &Domain) -> Result<Vec<Binding>, StoreError> {
        self.primary(&|session| read::bindings_of(session, domain))
    }

    fn bindings_by(&self, key: &KeyId) -> Result<Vec<Binding>, StoreError> {
        self.primary(&|session| read::bindings_by(session, key))
    }

    fn bindings_from(&self, index: u64, limit: usize) -> Result<Vec<Binding>, StoreError> {
        self.primary(&|session| read::bindings_from(session, index, limit))
    }

    fn proof_check(&self, binding: &StatementId) -> Result<Option<ProofCheck>, StoreError> {
        self.primary.proof_check(binding)
    }

    fn note_proof_check(&self, binding: &StatementId, check: &ProofCheck) -> Result<(), StoreError> {
        self.primary.note_proof_check(binding, check)
    }

    fn take_nonce(&self, key: &KeyId, nonce: &str, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        self.primary.take_nonce(key, nonce, until, now)
    }

    fn counts(&self, domain: &Domain) -> Result<Vec<(Kind, u64)>, StoreError> {
        self.all(|session| read::counts(session, domain))
    }

    fn records(&self, name: &ContentName, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.all(|session| read::records(session, name, limit))
    }

    fn claims(&self, name: &ContentName, limit: usize) -> Result<Vec<Stored>, StoreError> {
        self.all(|session| read::claims(session, name, limit))
    }

    fn sealed_leaf(&self, commitment: &Commitment) -> Result<Option<u64>, StoreError> {
        self.primary(&|session| sealed::leaf(session, commitment))
    }

    fn sealed_blob(&self, commitment: &Commitment) -> Result<Option<Vec<u8>>, StoreError> {
        self.primary(&|session| sealed::blob(session, commitment))
    }

    fn sealed_statement(&self, id: &StatementId) -> Result<Option<Stored>, StoreError> {
        self.primary(&|session| sealed::statement_of(session, id))
    }

    fn sealed_erased(&self, id: &StatementId) -> Result<Option<Commitment>, StoreError> {
        self.primary(&|session| sealed::erased(session, id))
    }

    fn sealed_of(&self, party: &Domain, from: u64, limit: usize) -> Result<Vec<Stored>, StoreError> {
        self.primary(&|session| sealed::of_party(session, party, from, limit))
    }

    fn is_party(&self, party: &Domain, index: u64) -> Result<bool, StoreError> {
        self.primary(&|session| sealed::is_party(session, party, index))
    }

    fn showings(&self, name: &ContentName, limit: usize) -> Result<Vec<Authority>, StoreError> {
        self.all(|session| read::showings(session, name, limit))
    }

    fn rebuild(&self) -> Result<Rebuilt, StoreError> {
        self.primary.rebuild()
    }

    fn dump(&self, out: &mut dyn Write) -> Result<(), StoreError> {
        self.primary.dump(out)
    }
}
