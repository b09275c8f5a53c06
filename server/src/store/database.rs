//! Database: a back end whole, with what the operator's commands need of it besides serving.

use std::path::Path;

use cleartitle_schema::id::{BlobId, Commitment};

use super::uploads::Uploads;
use super::usage::UsageReports;
use super::webhooks::Webhooks;
use super::witnessed::Witnessed;
use super::{Rebuilt, SignedHead, Store, StoreError};

/// What one server of several does at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Duty {
    /// Looks again at what domains publish.
    Recheck,
    /// Delivers changes to subscribers.
    Webhooks,
    /// Sends checkpoints to witnesses.
    Witnesses,
    /// Checks and loads provenance tables.
    Tables,
}

impl Duty {
    /// Its number among the locks.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::Recheck => 1,
            Self::Webhooks => 2,
            Self::Witnesses => 3,
            Self::Tables => 4,
        }
    }
}

/// A back end whole.
pub trait Database: Store + Uploads + UsageReports + Webhooks + Witnessed {
    /// A setting of the registry: `value` the first time, and then what stands for ever.
    ///
    /// # Errors
    /// [`StoreError`], as for every method.
    fn setting(&self, name: &str, value: &str) -> Result<String, StoreError>;

    /// A setting, where it was made.
    ///
    /// # Errors
    /// [`StoreError`].
    fn present_setting(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Checkpoints over more than `after` leaves, the smallest first, at most 1,024; `None` begins.
    ///
    /// # Errors
    /// [`StoreError`].
    fn checkpoints(&self, after: Option<u64>) -> Result<Vec<SignedHead>, StoreError>;

    /// Names of the evidence that is kept, in order, behind `after`, at most 1,024; `None` begins.
    ///
    /// # Errors
    /// [`StoreError`].
    fn blobs(&self, after: Option<&BlobId>) -> Result<Vec<BlobId>, StoreError>;

    /// Asks the back end itself whether it is sound.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with what it says.
    fn check_sound(&self) -> Result<(), StoreError>;

    /// Makes the projections anew beside the present ones, and names the derived tables that differ.
    ///
    /// # Errors
    /// [`StoreError`].
    fn compare_with_rebuilt(&self) -> Result<Rebuilt, StoreError>;

    /// Deletes the envelope and salt of a leaf, evidence and lists that nothing else names, and makes every derived thing again from
    /// what is left. When it returns, the bytes are in no table. No server may use it meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]; erasing again ends what was begun.
    fn erase(&self, commitment: &Commitment) -> Result<(), StoreError>;

    /// Copies the state that a frozen store sees into a new file of SQLite, and has it on the disk.
    ///
    /// # Errors
    /// [`StoreError`]; what is in the file is then worth nothing.
    fn copy_to(&self, path: &Path) -> Result<(), StoreError>;

    /// Whether this server does a duty that one of several does, taking it up where nobody else has it. Asked again each time.
    ///
    /// # Errors
    /// [`StoreError`]; then it does not.
    fn on_duty(&self, duty: Duty) -> Result<bool, StoreError>;
}
