//! The names of a document's bytes, and the digests that a crawl's own records declare.
use data_encoding::HEXLOWER_PERMISSIVE;
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
    if let Ok(digits) = value.as_bytes().try_into() {
        return base32(digits);
    }
    let bytes = match value.len() {
        40 => HEXLOWER_PERMISSIVE.decode(value.as_bytes()).ok()?,
        _ => return None,
    };
    bytes.try_into().ok()
}

/// Thirty-two digits of base32 (RFC 4648 section 6, 2006-10), of either case, without making room for them: an index has one
/// in every row.
fn base32(digits: &[u8; 32]) -> Option<[u8; 20]> {
    let (mut bytes, mut sound) = ([0; 20], true);
    for (digits, bytes) in digits.chunks_exact(8).zip(bytes.chunks_exact_mut(5)) {
        let mut bits = 0_u64;
        for digit in digits {
            let value = DIGITS[usize::from(*digit)];
            sound &= value < 32;
            bits = bits << 5 | u64::from(value);
        }
        bytes.copy_from_slice(&bits.to_be_bytes()[3..]);
    }
    sound.then_some(bytes)
}

/// What each digit of base32 stands for; 255 for what is none.
const DIGITS: [u8; 256] = {
    let mut values = [255; 256];
    let mut value = 0;
    while value < 32 {
        let digit = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[value as usize];
        values[digit as usize] = value;
        values[digit.to_ascii_lowercase() as usize] = value;
        value += 1;
    }
    values
};

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn base32_is_what_others_read(bytes in any::<[u8; 20]>(), at in 0_usize..32, byte in any::<u8>()) {
            let written = data_encoding::BASE32.encode(&bytes);
            prop_assert_eq!(decode(&written), Some(bytes));
            prop_assert_eq!(decode(&written.to_ascii_lowercase()), Some(bytes));
            let mut digits: [u8; 32] = written.as_bytes().try_into().unwrap();
            digits[at] = byte;
            let known = data_encoding::BASE32.decode(&digits.to_ascii_uppercase()).ok();
            prop_assert_eq!(base32(&digits).map(Vec::from), known);
        }
    }
}
