//! Served: the evidence behind a claim's proof: what one URL answered, when, and the names of the bytes that it sent.
//!
//! The whole body is too long to keep; its head is kept, which is all of it where it is short. So a proof over a short text can be
//! made again from the evidence, and one over a long file shows at least what file it was.

use crate::canon::{self, CanonError};
use crate::id::{ContentId, ContentName, Sha256Alias};
use crate::time::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Media type of this evidence.
pub const MEDIA_TYPE: &str = "application/vnd.cleartitle.served+json";

/// The longest body that is looked at.
pub const MAX_BODY: u64 = 64 << 20;

/// How many bytes of a body are kept.
pub const MAX_HEAD: usize = 64 << 10;

/// The longest evidence: a head in base64, and as much again as a URL may take.
const MAX_EVIDENCE: usize = 2 * MAX_HEAD;

/// What one URL served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Served {
    /// The URL that answered, after redirects.
    pub url: String,
    /// Its status.
    pub status: u16,
    /// Its media type, as stated.
    pub media_type: String,
    /// How many bytes it sent.
    pub length: u64,
    /// The names of these bytes, sorted.
    pub content: Vec<ContentName>,
    /// When.
    pub seen_at: Timestamp,
    /// The first [`MAX_HEAD`] bytes, in base64.
    pub head: String,
}

/// Why evidence is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServedError {
    /// Not canonical JSON.
    #[error(transparent)]
    Canon(#[from] CanonError),
    /// Another shape.
    #[error("it is no evidence of what was served: {0}")]
    Shape(String),
    /// The head is not the beginning of the bytes that are named.
    #[error("its head is not of the bytes that it names")]
    OtherBytes,
}

impl Served {
    /// The head as it is kept.
    #[must_use]
    pub fn head_of(body: &[u8]) -> String {
        STANDARD.encode(&body[..body.len().min(MAX_HEAD)])
    }

    /// The canonical bytes.
    ///
    /// # Errors
    /// [`CanonError`] for a URL or media type beyond all measure.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CanonError> {
        canon::to_canonical_within(self, MAX_EVIDENCE)
    }

    /// Reads evidence, and recomputes of it what can be: a body that was kept whole has just the names that are stated.
    ///
    /// # Errors
    /// [`ServedError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ServedError> {
        let value = canon::check_canonical_within(bytes, MAX_EVIDENCE)?;
        let served: Self = serde_json::from_value(value).map_err(|error| ServedError::Shape(error.to_string()))?;
        let head = STANDARD.decode(&served.head).map_err(|error| ServedError::Shape(error.to_string()))?;
        let whole = usize::try_from(served.length).is_ok_and(|length| length <= MAX_HEAD);
        let expected = if whole { served.length } else { MAX_HEAD as u64 };
        let same = |name: &ContentName| match name {
            ContentName::Blake3(id) => *id == ContentId::of(&head),
            ContentName::Sha256(id) => *id == Sha256Alias(Sha256::digest(&head).into()),
            // A foreign digest that clears nothing.
            ContentName::WarcSha1(_) => true,
        };
        if head.len() as u64 != expected || whole && !served.content.iter().all(same) {
            return Err(ServedError::OtherBytes);
        }
        Ok(served)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_of_a_short_text_is_checked_against_its_names() {
        let served = |body: &[u8], content: &[u8]| Served {
            url: "https://press.example/a".to_owned(),
            status: 200,
            media_type: "text/plain".to_owned(),
            length: body.len() as u64,
            content: vec![ContentName::Blake3(ContentId::of(content))],
            seen_at: Timestamp(1_790_000_000),
            head: Served::head_of(body),
        };
        let told = served(b"a text", b"a text");
        assert_eq!(Served::parse(&told.to_bytes().unwrap()), Ok(told.clone()));
        let forged = served(b"a text", b"another");
        assert_eq!(Served::parse(&forged.to_bytes().unwrap()), Err(ServedError::OtherBytes));
        let shorter = Served { length: 5, ..told };
        assert_eq!(Served::parse(&shorter.to_bytes().unwrap()), Err(ServedError::OtherBytes));
        let long = vec![b'x'; MAX_HEAD + 1];
        assert!(Served::parse(&served(&long, &long).to_bytes().unwrap()).is_ok());
    }
}
