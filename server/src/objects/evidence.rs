//! Evidence among the objects: the bytes that anybody brings lie in the bucket, and the database notes that they do.
//!
//! The note is an empty row under the blob's name, whose digest tells that it is none: the empty blob alone has no bytes. What the
//! registry itself saw (key bindings, proofs, what remains of the erased) stays in the database, since those acts must not hang on a bucket,
//! and is published with its leaf. Who would attack: whoever brings the bytes that an erasure will leave, so that they lie where a rebuild
//! does not look: bytes in the database take the note's place (`Store::put_blob`).

use cleartitle_schema::id::BlobId;

use super::{ObjectError, Objects, layout};

/// The longest blob: eight times what RFC 9309 asks a crawler to read of a robots.txt.
pub const MAX_BLOB: usize = 4 << 20;

/// What the database keeps of evidence that lies among the objects.
pub const NOTE: &[u8] = b"";

/// Whether what the database keeps under this name is the note that it lies elsewhere.
#[must_use]
pub fn lies_elsewhere(blob: &BlobId, kept: &[u8]) -> bool {
    kept == NOTE && *blob != BlobId::of(NOTE)
}

impl Objects {
    /// The bytes of evidence; `None` where they are not there.
    ///
    /// # Errors
    /// [`ObjectError::Differs`] for bytes with another digest, and failures.
    pub async fn evidence(&self, blob: &BlobId) -> Result<Option<Vec<u8>>, ObjectError> {
        let key = layout::blob(blob);
        let held = self.read(&key, MAX_BLOB as u64).await?;
        match held {
            Some(held) if BlobId::of(&held.bytes) == *blob => Ok(Some(held.bytes.into())),
            Some(_) => Err(ObjectError::Differs(key)),
            None => Ok(None),
        }
    }
}
