//! A copy of the database as one file, made while others read and write.

use std::fs::File;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::{SqliteStore, failed};
use crate::store::StoreError;

impl SqliteStore {
    /// Copies the state that a frozen store sees into a new file, and has it on the disk.
    ///
    /// All pages in one step: a copy in several begins again whenever another process commits, and under load would never
    /// end. In WAL mode nobody waits for it meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        let mut copy = Connection::open(path).map_err(failed)?;
        self.read(|connection| {
            let backup = Backup::new(connection, &mut copy).map_err(failed)?;
            match backup.step(-1).map_err(failed)? {
                StepResult::Done => Ok(()),
                other => Err(StoreError::Backend(format!("the copy ended early: {other:?}"))),
            }
        })?;
        copy.close().map_err(|(_, error)| failed(error))?;
        File::open(path).and_then(|file| file.sync_all()).map_err(|error| StoreError::Backend(error.to_string()))
    }
}
