//! Opening: what a cosigned receipt carries along in its `extra` line, so that it and the envelope need nothing more.
//!
//! Nobody signs an `extra` line. Nothing here needs to be believed: the leaf's hash is proven by the receipt, and the salt and
//! the envelope together give the commitment that the leaf carries, or don't.

use crate::canon;
use serde::{Deserialize, Serialize};

/// The longest opening: a leaf and a salt.
pub const MAX_OPENING: usize = 2048;

/// The leaf that a receipt is about, and the salt of its commitment where the envelope is public.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// The canonical leaf, as the log hashes it.
    pub leaf: String,
    /// 64 hex digits; left out where the envelope is sealed or erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
}

impl Opening {
    /// The bytes of the `extra` line; `None` for a leaf that is too long to be one.
    #[must_use]
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        canon::to_canonical_within(self, MAX_OPENING).ok()
    }

    /// Reads the bytes of an `extra` line; `None` for anything else.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let opening: Self = (bytes.len() <= MAX_OPENING).then(|| serde_json::from_slice(bytes).ok()).flatten()?;
        // One form alone, as everywhere: two receipts that say the same are the same.
        (opening.to_bytes()? == bytes).then_some(opening)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openings_have_one_form() {
        let opening = Opening { leaf: "{\"v\":1}".to_owned(), salt: Some("07".repeat(32)) };
        let bytes = opening.to_bytes().unwrap();
        assert_eq!(Opening::parse(&bytes), Some(opening.clone()));
        let sealed = Opening { salt: None, ..opening };
        assert_eq!(Opening::parse(&sealed.to_bytes().unwrap()), Some(sealed));
        for bad in [&b""[..], b"{}", b"{\"leaf\":1}", b"{\"leaf\":\"\",\"more\":1}", b"{ \"leaf\":\"\"}", b"\xff"] {
            assert_eq!(Opening::parse(bad), None);
        }
        assert_eq!(Opening { leaf: "x".repeat(MAX_OPENING), salt: None }.to_bytes(), None);
    }
}
