//! What the registry keeps of usage reports: the envelope, the salt of its commitment, and who may read it.

use std::collections::BTreeSet;

use cleartitle_schema::id::UsageId;
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::leaf::Salt;

use super::StoreError;

/// A report that comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReport {
    /// Its id.
    pub id: UsageId,
    /// Who reports.
    pub licensee: Domain,
    /// The salt of its commitment, should it be new.
    pub salt: Salt,
    /// The envelope's canonical bytes.
    pub envelope: Vec<u8>,
    /// Who may read it.
    pub readers: BTreeSet<Domain>,
}

/// A report that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptReport {
    /// Its place among the reports.
    pub number: u64,
    /// Its id.
    pub id: UsageId,
    /// The salt of its commitment.
    pub salt: Salt,
    /// The envelope's canonical bytes.
    pub envelope: Vec<u8>,
}

/// What the registry keeps of usage reports. The contract of [`super::Store`] holds here too: durable when it returns, each call
/// whole or not at all, any number of threads.
pub trait UsageReports: Send + Sync {
    /// Keeps a report, and gives it as it is kept: the first of its id stands. `None`, and nothing is kept, where the reporter's
    /// registrable domain has `most_each` or there are `most` in all.
    ///
    /// # Errors
    /// [`StoreError`], as for every method.
    fn put_usage(&self, report: &NewReport, most_each: usize, most: usize) -> Result<Option<KeptReport>, StoreError>;

    /// The reports that a domain may read behind this number, at most `limit`, as they came.
    ///
    /// # Errors
    /// [`StoreError`].
    fn usage_of(&self, reader: &Domain, after: u64, limit: usize) -> Result<Vec<KeptReport>, StoreError>;

    /// All reports behind this number, at most `limit`, as they came: for the audit.
    ///
    /// # Errors
    /// [`StoreError`].
    fn usage_from(&self, after: u64, limit: usize) -> Result<Vec<KeptReport>, StoreError>;
}
