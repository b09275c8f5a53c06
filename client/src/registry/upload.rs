//! Uploads of provenance tables: begun by a signed statement, brought in pieces, asked after.

use super::{Registry, RegistryError};
use cleartitle_schema::api::UploadView;
use cleartitle_schema::id::StatementId;

impl Registry {
    /// Begins an upload, or asks how the one that was begun by the same envelope stands.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Refused`] says which check failed.
    pub fn begin_upload(&self, envelope: &[u8]) -> Result<UploadView, RegistryError> {
        Ok(self.web()?.post("v1/uploads", envelope)?.0)
    }

    /// Brings the piece that begins at this byte.
    ///
    /// # Errors
    /// [`RegistryError`]; whether the piece is there then, [`Registry::upload`] says.
    pub fn bring_piece(
        &self,
        statement: &StatementId,
        offset: u64,
        piece: Vec<u8>,
    ) -> Result<UploadView, RegistryError> {
        self.web()?.put_piece(&format!("v1/uploads/{statement}"), offset, piece)
    }

    /// How an upload stands.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn upload(&self, statement: &StatementId) -> Result<UploadView, RegistryError> {
        self.json(&format!("v1/uploads/{statement}"))
    }
}
