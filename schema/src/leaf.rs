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
        let malformed = |error: serde_json::Error| LeafError::Malformed(canon::complaint(&error));
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
            serde_json::from_value(value).map_err(|error| LeafError::Malformed(canon::complaint(&error)))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signed::{STATEMENT_TYPE, sign};
    use ed25519_dalek::SigningKey;
    use proptest::prelude::*;

    fn published() -> Published {
        let key = SigningKey::from_bytes(&[1; 32]);
        let envelope = sign(STATEMENT_TYPE, br#"{"v":1}"#, &[&key, &SigningKey::from_bytes(&[2; 32])]).unwrap();
        Published { salt: Salt([7; 32]), envelope }
    }

    fn leaf() -> Leaf {
        let registered_at = Timestamp(1_795_471_200);
        Leaf { kind: LeafKind::Public, commitment: published().commitment(), registered_at, amends: None }
    }

    /// The log can't be mended: these bytes stay readable for ever.
    #[test]
    fn the_stored_forms_are_pinned() {
        let blob = include_bytes!("../../tests/vectors/canon/published.json");
        let entry = include_bytes!("../../tests/vectors/canon/leaf.json");
        assert_eq!(Published::parse(blob), Ok(published()));
        assert_eq!(published().to_bytes(), blob);
        assert_eq!(Leaf::parse(entry), Ok(leaf()));
        assert_eq!(leaf().to_bytes(), entry);
    }

    #[test]
    fn leaves_have_one_form() {
        let plain = leaf();
        let commitment = plain.commitment;
        let text = format!(
            "{{\"commitment\":\"{commitment}\",\"kind\":\"public\",\"registered_at\":\"2026-11-23T22:00:00Z\",\"v\":1}}"
        );
        assert_eq!(plain.to_bytes(), text.as_bytes());
        let older = Commitment([3; 32]);
        let amending = Leaf { kind: LeafKind::Sealed, amends: Some(older), ..plain };
        let longer = text.replacen('{', &format!("{{\"amends\":\"{older}\","), 1).replace("public", "sealed");
        assert_eq!(amending.to_bytes(), longer.as_bytes());
        for leaf in [plain, amending] {
            assert_eq!(Leaf::parse(&leaf.to_bytes()), Ok(leaf));
        }

        let refused = |from: &str, to: &str| {
            assert!(longer.contains(from), "nothing to replace: {from}");
            Leaf::parse(longer.replacen(from, to, 1).as_bytes()).expect_err(to)
        };
        assert_eq!(refused("\"v\":1", "\"v\":2"), LeafError::UnknownVersion(2));
        assert_eq!(refused("sealed", "erased"), LeafError::UnknownKind("erased".to_owned()));
        let newer = refused("\"kind\":\"sealed\"", "\"kind\":\"checkpoint\",\"of\":\"x\"");
        assert_eq!(newer, LeafError::UnknownKind("checkpoint".to_owned()));
        assert!(matches!(refused("{", "{ "), LeafError::Canon(CanonError::NotCanonical { offset: 1 })));
        for (from, to) in [
            (",\"v\":1", ""),
            ("\"v\":1", "\"v\":\"1\""),
            ("\"v\":1", "\"v\":1,\"w\":1"),
            ("\"kind\":\"sealed\",", ""),
            ("\"sealed\"", "null"),
            (&format!("\"{older}\""), "null"),
            (&older.to_string(), "commitment:03"),
            (&older.to_string(), &older.to_string().to_uppercase()),
            ("22:00:00Z", "22:00:00+00:00"),
            ("22:00:00Z", "22:00:60Z"),
            ("2026-11-23T", "2026-11-31T"),
        ] {
            assert!(matches!(refused(from, to), LeafError::Malformed(_)), "{to}");
        }
        for bad in ["", "[]", "1", "null", "{}"] {
            assert!(Leaf::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_blob_matches_its_own_public_leaf_alone() {
        let (blob, leaf) = (published(), leaf());
        assert!(blob.matches(&leaf));
        assert!(!blob.matches(&Leaf { kind: LeafKind::Sealed, ..leaf }));
        assert!(!blob.matches(&Leaf { commitment: Commitment([0; 32]), ..leaf }));
        assert!(!Published { salt: Salt([8; 32]), ..blob.clone() }.matches(&leaf));
        let other = sign(STATEMENT_TYPE, br#"{"v":2}"#, &[&SigningKey::from_bytes(&[1; 32])]).unwrap();
        assert!(!Published { envelope: other, ..blob.clone() }.matches(&leaf));
        let keyed = blake3::derive_key(
            "cleartitle 2026-11 commitment",
            &[[7; 32].as_slice(), &blob.envelope.to_bytes()].concat(),
        );
        assert_eq!(leaf.commitment, Commitment(keyed));
    }

    #[test]
    fn blobs_have_one_form() {
        let blob = published();
        let bytes = blob.to_bytes();
        assert_eq!(Published::parse(&bytes), Ok(blob.clone()));
        let text = String::from_utf8(bytes).unwrap();
        let refused = |changed: String| {
            assert_ne!(changed, text);
            Published::parse(changed.as_bytes()).expect_err(&changed)
        };
        let salt = blob.salt.to_hex();
        assert_eq!(refused(text.replace(&salt, &salt[2..])), LeafError::Salt);
        assert_eq!(refused(text.replace(&salt, &salt.replace("07", "AB"))), LeafError::Salt);
        assert!(matches!(refused(format!("{text}\n")), LeafError::Canon(_)));
        assert!(matches!(refused(text.replacen("\"salt\"", "\"salz\"", 1)), LeafError::Malformed(_)));
        assert!(matches!(refused(text.replacen("key:", "kez:", 1)), LeafError::Envelope(SignedError::KeyId)));
        // Both signatures, the other way round: canonical JSON, but not the canonical envelope.
        let (head, rest) = text.split_once("\"signatures\":[").unwrap();
        let (list, tail) = rest.split_once("]}").unwrap();
        let (first, second) = list.split_once("},{").unwrap();
        let swapped = format!("{head}\"signatures\":[{{{second},{first}}}]}}{tail}");
        assert!(matches!(refused(swapped), LeafError::Canon(CanonError::NotCanonical { .. })));
    }

    proptest! {
        #[test]
        fn arbitrary_and_changed_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), place: prop::sample::Index, byte: u8) {
            let _ = Leaf::parse(&bytes);
            let _ = Published::parse(&bytes);
            let mut changed = leaf().to_bytes();
            let place_in_leaf = place.index(changed.len());
            changed[place_in_leaf] = byte;
            if let Ok(other) = Leaf::parse(&changed) {
                prop_assert_eq!(other.to_bytes(), changed);
            }
            let mut changed = published().to_bytes();
            let place_in_blob = place.index(changed.len());
            changed[place_in_blob] = byte;
            if let Ok(other) = Published::parse(&changed) {
                prop_assert_eq!(other.to_bytes(), changed);
            }
        }
    }
}
