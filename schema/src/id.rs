//! Names made of hashes: every id is BLAKE3, kind-prefixed, lower-case hex; foreign digests are aliases.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Why a text is not the id that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text lacks the prefix of the kind that was asked for.
    #[error("`{text}` does not start with `{prefix}`")]
    Prefix {
        /// What was given, cut to 100 characters.
        text: String,
        /// What was expected, with its colon.
        prefix: &'static str,
    },
    /// The part behind the prefix is not the canonical spelling: lower-case hex of the right length.
    #[error("`{text}` is not {bytes} bytes in lower-case hex")]
    Hex {
        /// What was given, cut to 100 characters.
        text: String,
        /// How many bytes the id has.
        bytes: usize,
    },
}

fn excerpt(text: &str) -> String {
    text.chars().take(100).collect()
}

fn parse_hex<const N: usize>(text: &str, prefix: &'static str) -> Result<[u8; N], IdError> {
    let hex = text.strip_prefix(prefix).ok_or_else(|| IdError::Prefix { text: excerpt(text), prefix })?;
    let bad = || IdError::Hex { text: excerpt(text), bytes: N };
    let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).map_err(|_| bad())?;
    bytes.try_into().map_err(|_| bad())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $bytes]);

        impl $name {
            /// The prefix of this kind, with its colon.
            pub const PREFIX: &'static str = $prefix;
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, data_encoding::HEXLOWER.encode(&self.0))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_hex(text, $prefix).map(Self)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// A document: plain BLAKE3 of its bytes (the payload as a reader of the container gets it), as `b3sum` prints it.
    ContentId, "blake3:", 32);
id!(
    /// A statement: BLAKE3 (derive-key) of its canonical payload bytes, whoever signs them.
    StatementId, "statement:", 32);
id!(
    /// A public key: BLAKE3 (derive-key) of its 32 bytes.
    KeyId, "key:", 32);
id!(
    /// A bulk list (repertoire, collection, batch of provenance records): BLAKE3 (derive-key) of its bytes.
    ListId, "list:", 32);
id!(
    /// A salted commitment to an envelope, as a log leaf carries it.
    Commitment, "commitment:", 32);
id!(
    /// A blob of evidence: BLAKE3 (derive-key) of its bytes.
    BlobId, "blob:", 32);
id!(
    /// A usage report: BLAKE3 (derive-key) of its canonical payload bytes.
    UsageId, "usage:", 32);
id!(
    /// SHA-256 of the same bytes as [`ContentId`]; may clear when recomputed.
    Sha256Alias, "sha256:", 32);
id!(
    /// The digest that a crawl's own record or index carries. SHA-1 can be collided: it may restrict, never clear.
    WarcSha1Alias, "warc-sha1:", 20);

impl ContentId {
    /// The id of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl StatementId {
    /// The id of a statement with this canonical payload.
    #[must_use]
    pub fn of(payload: &[u8]) -> Self {
        Self(blake3::derive_key("cleartitle 2026-11 statement id", payload))
    }
}

impl KeyId {
    /// The id of this Ed25519 public key.
    #[must_use]
    pub fn of(public_key: &[u8; 32]) -> Self {
        Self(blake3::derive_key("cleartitle 2026-11 key id", public_key))
    }
}

/// What sets a list's id apart from every other.
const LIST_CONTEXT: &str = "cleartitle 2026-11 list id";

impl ListId {
    /// The id of these list bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::derive_key(LIST_CONTEXT, bytes))
    }
}

/// A list's id made piece by piece, for a list that is too long to be in memory.
pub struct ListHasher(blake3::Hasher);

impl Default for ListHasher {
    fn default() -> Self {
        Self(blake3::Hasher::new_derive_key(LIST_CONTEXT))
    }
}

impl ListHasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The id of all that was taken.
    #[must_use]
    pub fn id(&self) -> ListId {
        ListId(*self.0.finalize().as_bytes())
    }
}

impl BlobId {
    /// The id of these blob bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::derive_key("cleartitle 2026-11 blob id", bytes))
    }
}

impl UsageId {
    /// The id of a report with this canonical payload.
    #[must_use]
    pub fn of(payload: &[u8]) -> Self {
        Self(blake3::derive_key("cleartitle 2026-11 usage report id", payload))
    }
}

impl WarcSha1Alias {
    /// Reads the value of a `WARC-Payload-Digest: sha1:...` field: 32 base32 characters or 40 hex digits, any case.
    #[must_use]
    pub fn from_warc(value: &str) -> Option<Self> {
        let text = value.strip_prefix("sha1:").or_else(|| value.strip_prefix("SHA1:"))?;
        let bytes = match text.len() {
            32 => data_encoding::BASE32.decode(text.to_ascii_uppercase().as_bytes()).ok()?,
            40 => data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?,
            _ => return None,
        };
        bytes.try_into().ok().map(Self)
    }
}

/// Any of the names that one document's bytes may go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContentName {
    /// The document's own id.
    Blake3(ContentId),
    /// SHA-256 of the same bytes.
    Sha256(Sha256Alias),
    /// A crawl's own SHA-1, over the container's bytes.
    WarcSha1(WarcSha1Alias),
}

impl ContentName {
    /// Whether a match by this name, recomputed from the bytes, is strong enough to clear.
    #[must_use]
    pub const fn may_clear(self) -> bool {
        !matches!(self, Self::WarcSha1(_))
    }

    /// Kind byte and digest, for sorted tables.
    #[must_use]
    pub fn to_parts(self) -> (u8, Vec<u8>) {
        match self {
            Self::Blake3(id) => (1, id.0.to_vec()),
            Self::Sha256(id) => (2, id.0.to_vec()),
            Self::WarcSha1(id) => (3, id.0.to_vec()),
        }
    }
}

impl fmt::Display for ContentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blake3(id) => id.fmt(f),
            Self::Sha256(id) => id.fmt(f),
            Self::WarcSha1(id) => id.fmt(f),
        }
    }
}

impl FromStr for ContentName {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.starts_with(Sha256Alias::PREFIX) {
            text.parse().map(Self::Sha256)
        } else if text.starts_with(WarcSha1Alias::PREFIX) {
            text.parse().map(Self::WarcSha1)
        } else {
            text.parse().map(Self::Blake3)
        }
    }
}

impl Serialize for ContentName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_id_is_what_b3sum_prints() {
        let id = ContentId::of(b"");
        assert_eq!(id.to_string(), "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
        assert_eq!(id.to_string().parse::<ContentId>(), Ok(id));
    }

    #[test]
    fn a_list_has_one_id_however_it_is_cut() {
        let mut hasher = ListHasher::default();
        [b"one ".as_slice(), b"", b"list"].iter().for_each(|piece| hasher.update(piece));
        assert_eq!(hasher.id(), ListId::of(b"one list"));
    }

    #[test]
    fn only_the_canonical_spelling_is_read() {
        let id = ContentId::of(b"x").to_string();
        assert!(id.to_uppercase().parse::<ContentId>().is_err());
        assert!(id[..70].parse::<ContentId>().is_err());
        assert!(id.replace("blake3:", "key:").parse::<ContentId>().is_err());
    }

    #[test]
    fn a_crawl_digest_reads_in_base32_and_hex() {
        let base32 = WarcSha1Alias::from_warc("sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ");
        let hex = WarcSha1Alias::from_warc("sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert_eq!(base32, hex);
        assert_eq!(WarcSha1Alias::from_warc("md5:abc"), None);
    }
}
