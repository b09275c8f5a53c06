//! `Content-Digest` (RFC 9530, February 2024): what binds a body to a signature.

use super::SignatureError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sfv::{BareItem, Dictionary, Item, ListEntry, Parser};
use sha2::Digest as _;

/// The field for a body: its SHA-256, as the specification fixes it.
#[must_use]
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(sha2::Sha256::digest(body)))
}

/// Checks a body against a field. Digests by other algorithms beside the SHA-256 are not looked at.
///
/// # Errors
/// [`SignatureError::Malformed`], [`SignatureError::Digest`].
pub fn check_content_digest(field: &str, body: &[u8]) -> Result<(), SignatureError> {
    let malformed = || SignatureError::Malformed("content-digest");
    if field.len() > super::MAX_FIELD {
        return Err(malformed());
    }
    let digests: Dictionary = Parser::new(field).parse().map_err(|_| malformed())?;
    match digests.iter().find(|(name, _)| name.as_str() == "sha-256") {
        Some((_, ListEntry::Item(Item { bare_item: BareItem::ByteSequence(bytes), .. }))) => {
            let found = sha2::Sha256::digest(body);
            if bytes.as_slice() == found.as_slice() { Ok(()) } else { Err(SignatureError::Digest) }
        }
        _ => Err(malformed()),
    }
}
