//! Uploads of provenance tables: begun by a signed statement, brought in pieces, asked after.

use super::{MAX_ANSWER, Registry, RegistryError, parse, read_bounded};
use cleartitle_schema::api::UploadView;
use cleartitle_schema::id::StatementId;
use reqwest::header::CONTENT_TYPE;

impl Registry {
    /// Begins an upload, or asks how the one that was begun by the same envelope stands.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Refused`] says which check failed.
    pub fn begin_upload(&self, envelope: &[u8]) -> Result<UploadView, RegistryError> {
        let url = self.url("v1/uploads")?;
        let request = self.http.post(url.clone()).header(CONTENT_TYPE, "application/json").body(envelope.to_vec());
        parse(&read_bounded(self.send(request, &url)?, &url, MAX_ANSWER)?, &url)
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
        let mut url = self.url(&format!("v1/uploads/{statement}"))?;
        url.query_pairs_mut().append_pair("offset", &offset.to_string());
        let request = self.http.put(url.clone()).header(CONTENT_TYPE, "application/octet-stream").body(piece);
        parse(&read_bounded(self.send(request, &url)?, &url, MAX_ANSWER)?, &url)
    }

    /// How an upload stands.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn upload(&self, statement: &StatementId) -> Result<UploadView, RegistryError> {
        self.json(&format!("v1/uploads/{statement}"))
    }
}
