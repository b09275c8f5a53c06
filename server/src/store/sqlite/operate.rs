//! What the operator's commands need of the file.

use std::path::Path;

use cleartitle_schema::id::{BlobId, Commitment};

use super::SqliteStore;
use crate::store::database::{Database, Duty};
use crate::store::{Rebuilt, SignedHead, StoreError};

impl Database for SqliteStore {
    fn setting(&self, name: &str, value: &str) -> Result<String, StoreError> {
        Self::setting(self, name, value)
    }

    fn present_setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        Self::present_setting(self, name)
    }

    fn checkpoints(&self, after: Option<u64>) -> Result<Vec<SignedHead>, StoreError> {
        Self::checkpoints(self, after)
    }

    fn blobs(&self, after: Option<&BlobId>) -> Result<Vec<BlobId>, StoreError> {
        Self::blobs(self, after)
    }

    fn check_sound(&self) -> Result<(), StoreError> {
        self.check_file()
    }

    fn compare_with_rebuilt(&self) -> Result<Rebuilt, StoreError> {
        Self::compare_with_rebuilt(self)
    }

    fn erase(&self, commitment: &Commitment) -> Result<(), StoreError> {
        Self::erase(self, commitment)
    }

    fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        Self::copy_to(self, path)
    }

    /// The folder's lock lets one server in, whose all duties are.
    fn on_duty(&self, _duty: Duty) -> Result<bool, StoreError> {
        Ok(true)
    }
}
