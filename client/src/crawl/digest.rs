//! The names of a document's bytes, and the digests that a crawl's own records declare.
use data_encoding::{BASE32, BASE32_NOPAD, HEXLOWER_PERMISSIVE};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Both digests that may name a document when it is to be cleared, recomputed over its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentDigests {
    /// BLAKE3, 32 bytes, unkeyed: what `b3sum` prints.
    pub blake3: [u8; 32],
    /// SHA-256 (FIPS 180-4, August 2015), 32 bytes.
    pub sha256: [u8; 32],
}

/// Hashes a document's bytes.
pub fn content_digests(payload: &[u8]) -> ContentDigests {
    ContentDigests { blake3: *blake3::hash(payload).as_bytes(), sha256: Sha256::digest(payload).into() }
}

/// SHA-1 of stored bytes, as WARC records declare it. Names nothing that may be cleared: collisions can be made.
pub(super) fn sha1(bytes: &[u8]) -> [u8; 20] {
    Sha1::digest(bytes).into()
}

/// A digest as a record's header declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredDigest {
    /// What stands before the colon, in lower case; empty if there is no colon.
    pub algorithm: String,
    /// What stands after it, as written.
    pub value: String,
    /// The twenty bytes, when the algorithm is SHA-1 and the value is base32 or hex.
    pub sha1: Option<[u8; 20]>,
}

impl DeclaredDigest {
    /// Reads `sha1:<base32 or hex>` and others of the kind. Never fails: what is not understood has no bytes.
    pub fn parse(text: &str) -> Self {
        let (algorithm, value) = text.trim().split_once(':').unwrap_or(("", text.trim()));
        let (algorithm, value) = (algorithm.trim().to_ascii_lowercase(), value.trim());
        let sha1 = matches!(algorithm.as_str(), "sha1" | "sha-1").then(|| decode(value)).flatten();
        Self { algorithm, value: value.to_owned(), sha1 }
    }
}

/// Twenty bytes in base32 or hex.
pub(super) fn decode(value: &str) -> Option<[u8; 20]> {
    let bytes = match value.len() {
        40 => HEXLOWER_PERMISSIVE.decode(value.as_bytes()).ok()?,
        32 => {
            let upper = value.to_ascii_uppercase();
            BASE32.decode(upper.as_bytes()).or_else(|_| BASE32_NOPAD.decode(upper.as_bytes())).ok()?
        }
        _ => return None,
    };
    bytes.try_into().ok()
}

/// How the declared payload digest compares with the payload's bytes as stored in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestCheck {
    /// It agrees with the body as stored, still chunked or compressed.
    Agrees,
    /// It agrees with the body after the chunks are joined, as the standard has it and few writers do.
    AgreesUnchunked,
    /// It agrees with neither. Real crawls have such records (cut at capture); it is told, and is no damage.
    Differs,
    /// None is declared, or it is not SHA-1.
    NotChecked,
}
