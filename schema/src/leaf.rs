//! The log's leaves: salted commitments to envelopes, and the blobs that open the public ones.
//!
//! A leaf is small and holds nothing personal. A public statement is a commitment whose salt and envelope are published
//! as a blob beside the log; a sealed one is not. When an envelope must be erased by law its blob goes and the leaf
//! stays, so a missing blob of a public leaf is a state to expect (a tombstone), not a damaged log. The salt keeps
//! anybody from confirming a guess at an erased or sealed envelope.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canon::{self, CanonError};
use crate::id::Commitment;
use crate::signed::{Envelope, MAX_ENVELOPE, SignedError};
use crate::time::Timestamp;

/// The longest leaf. Leaves have a few hundred bytes; a log entry could have 65,535.
pub const MAX_LEAF: usize = 1024;

/// The longest published blob: an envelope and its salt.
pub const MAX_PUBLISHED: usize = MAX_ENVELOPE + 256;

/// The version of leaf that is written.
pub const LEAF_VERSION: u64 = 1;

const COMMITMENT_CONTEXT: &str = "cleartitle 2026-11 commitment";

/// Why a leaf or a published blob was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// Not the one canonical form.
    #[error(transparent)]
    Canon(#[from] CanonError),
    /// A version of leaf that this reader does not know.
    #[error("leaf version {0} is not known")]
    UnknownVersion(u64),
    /// A kind of leaf that this reader does not know.
    #[error("leaf kind `{0}` is not known")]
    UnknownKind(String),
    /// A member is missing, unknown or of the wrong form.
    #[error("malformed leaf: {0}")]
    Malformed(String),
    /// A salt that is not 64 lower-case hex digits.
    #[error("a salt is 64 lower-case hex digits")]
    Salt,
    /// The published blob's envelope was refused.
    #[error(transparent)]
    Envelope(#[from] SignedError),
}

/// What kind of leaf it is, and with that whether a blob is published for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeafKind {
    /// The salt and the envelope are published, unless they had to be erased.
    Public,
    /// The parties hold the salt and the envelope.
    Sealed,
}

/// The 32 random bytes that are hashed before an envelope.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 32]);

impl Salt {
    /// The lower-case hex form.
    #[must_use]
    pub fn to_hex(&self) -> String {
        HEXLOWER.encode(&self.0)
    }

    /// Reads the lower-case hex form.
    ///
    /// # Errors
    ///
    /// [`LeafError::Salt`].
    pub fn from_hex(text: &str) -> Result<Self, LeafError> {
        let bytes = (text.len() == 64).then(|| HEXLOWER.decode(text.as_bytes()).ok()).flatten();
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Salt).ok_or(LeafError::Salt)
    }

    /// The commitment to an envelope's canonical bytes: BLAKE3 (derive-key) of salt and envelope.
    #[must_use]
    pub fn commit(&self, envelope: &[u8]) -> Commitment {
        let mut hasher = blake3::Hasher::new_derive_key(COMMITMENT_CONTEXT);
        hasher.update(&self.0).update(envelope);
        Commitment(*hasher.finalize().as_bytes())
    }
}

impl std::fmt::Debug for Salt {
    // A sealed statement's salt is as secret as the statement.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Salt(..)")
    }
}

/// One entry of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// Whether its envelope is published.
    pub kind: LeafKind,
    /// The salted commitment to the envelope.
    pub commitment: Commitment,
    /// When the registry took it; never earlier than the leaf before it.
    pub registered_at: Timestamp,
    /// The commitment of the older leaf whose statement this one supersedes, withdraws or completes.
    pub amends: Option<Commitment>,
}

/// The leaf as its JSON has it, in the order of the canonical form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LeafText {
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    amends: Option<Commitment>,
    commitment: Commitment,
    kind: LeafKind,
    registered_at: Timestamp,
    v: u64,
}

/// A member left out is the one way to say that there is none: `null` is refused.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Commitment>, D::Error> {
    Commitment::deserialize(deserializer).map(Some)
}

impl Leaf {
    /// The canonical bytes: what the log hashes and serves.
    ///
    /// # Panics
    ///
    /// Never: every leaf has a canonical form of fewer than 300 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Leaf { kind, commitment, registered_at, amends } = *self;
        let text = LeafText { amends, commitment, kind, registered_at, v: LEAF_VERSION };
        match canon::to_canonical_within(&text, MAX_LEAF) {
            Ok(bytes) => bytes,
            Err(error) => unreachable!("a leaf has a canonical form: {error}"),
        }
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    ///
    /// Every variant of [`LeafError`] that speaks of leaves. A version and a kind are judged before the members are, so
    /// that a reader can say of a newer leaf that it is newer.
    pub fn parse(bytes: &[u8]) -> Result<Self, LeafError> {
        let value = canon::check_canonical_within(bytes, MAX_LEAF)?;
        match value.get("v").and_then(Value::as_u64) {
            Some(LEAF_VERSION) => {}
            Some(other) => return Err(LeafError::UnknownVersion(other)),
            None => return Err(LeafError::Malformed("`v` is not a version".to_owned())),
        }
        let malformed = |error: serde_json::Error| LeafError::Malformed(error.to_string());
        if let Some(kind @ Value::String(name)) = value.get("kind") {
            LeafKind::deserialize(kind).map_err(|_| LeafError::UnknownKind(name.chars().take(80).collect()))?;
        }
        let LeafText { amends, commitment, kind, registered_at, .. } =
            serde_json::from_value(value).map_err(malformed)?;
        Ok(Leaf { kind, commitment, registered_at, amends })
    }
}

/// What is published beside the log for a public leaf: the envelope and the salt that open the commitment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The salt.
    pub salt: Salt,
    /// The envelope.
    pub envelope: Envelope,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublishedText {
    envelope: Value,
    salt: String,
}

impl Published {
    /// The commitment that the blob opens.
    #[must_use]
    pub fn commitment(&self) -> Commitment {
        self.salt.commit(&self.envelope.to_bytes())
    }

    /// Whether this blob is the one of the leaf: a public leaf with this commitment.
    #[must_use]
    pub fn matches(&self, leaf: &Leaf) -> bool {
        leaf.kind == LeafKind::Public && leaf.commitment == self.commitment()
    }

    /// The canonical bytes.
    ///
    /// # Panics
    ///
    /// Never: every envelope and salt have a canonical form within [`MAX_PUBLISHED`].
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let blob = serde_json::json!({ "envelope": self.envelope, "salt": self.salt.to_hex() });
        match canon::to_canonical_within(&blob, MAX_PUBLISHED) {
            Ok(bytes) => bytes,
            Err(error) => unreachable!("a published envelope has a canonical form: {error}"),
        }
    }

    /// Reads canonical bytes. Whether they belong to a leaf is [`Published::matches`]'s question, and who signed is
    /// [`open`](crate::signed::open)'s.
    ///
    /// # Errors
    ///
    /// [`LeafError::Canon`], [`LeafError::Malformed`], [`LeafError::Salt`] and [`LeafError::Envelope`].
    pub fn parse(bytes: &[u8]) -> Result<Self, LeafError> {
        let value = canon::check_canonical_within(bytes, MAX_PUBLISHED)?;
        let PublishedText { envelope, salt } =
            serde_json::from_value(value).map_err(|error| LeafError::Malformed(error.to_string()))?;
        let salt = Salt::from_hex(&salt)?;
        let published = Published { salt, envelope: Envelope::parse(envelope.to_string().as_bytes())? };
        // Signatures out of order are canonical JSON but not this envelope's one form.
        let canonical = published.to_bytes();
        if canonical == bytes {
            return Ok(published);
        }
        let offset = canonical.iter().zip(bytes).take_while(|(wanted, found)| wanted == found).count();
        Err(CanonError::NotCanonical { offset }.into())
    }
}
