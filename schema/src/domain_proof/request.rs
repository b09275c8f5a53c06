//! A request to bind a key: signed by that key, and, to go on where another left off, by one that speaks for the domain now.

use crate::canon::{self, CanonError};
use crate::id::KeyId;
use crate::issuer::Domain;
use crate::signed::{Envelope, SignedError, key_id, open, parse_public_key};
use crate::statement::Proof;
use crate::time::Timestamp;
use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};

/// The version of the format.
pub const VERSION: u32 = 1;

/// DSSE payload type of a request.
pub const PAYLOAD_TYPE: &str = "application/vnd.cleartitle.key-request+json";

/// A request to bind a key to a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// [`VERSION`].
    pub version: u32,
    /// Origin of the log that the key is to speak in; it can't be replayed to another.
    pub log: String,
    /// The domain that it is to speak for.
    pub domain: Domain,
    /// The key, in its file form without the newline.
    pub key: String,
    /// Where the domain publishes it.
    pub proof: Proof,
    /// When the request was made; an old one is refused, since its key may have been revoked meanwhile.
    pub issued_at: Timestamp,
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The envelope, its type or a signature.
    #[error(transparent)]
    Signed(#[from] SignedError),
    /// Not the one canonical form.
    #[error(transparent)]
    Canon(#[from] CanonError),
    /// Another shape or version.
    #[error("the request does not have the shape of version {VERSION}: {0}")]
    Shape(String),
    /// The key that is to be bound did not sign.
    #[error("the request is not signed by the key that it asks to bind")]
    KeyUnsigned,
}

/// A request whose signatures hold.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The request.
    pub request: KeyRequest,
    /// The key that is to be bound, which signed.
    pub key: VerifyingKey,
    /// Other keys that signed.
    pub beside: Vec<KeyId>,
}

impl KeyRequest {
    /// The canonical payload.
    ///
    /// # Errors
    /// [`RequestError::Canon`].
    pub fn to_payload(&self) -> Result<Vec<u8>, RequestError> {
        Ok(canon::to_canonical(self)?)
    }

    /// Opens an envelope strictly: the request's own key signed, and so did everybody else who stands on it, each of them known
    /// by `known`.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn open(envelope: &Envelope, known: impl Fn(&KeyId) -> Option<VerifyingKey>) -> Result<Opened, RequestError> {
        if envelope.payload_type() != PAYLOAD_TYPE {
            let (expected, found) = (PAYLOAD_TYPE.to_owned(), envelope.payload_type().to_owned());
            return Err(SignedError::OtherPayloadType { expected, found }.into());
        }
        let value = canon::check_canonical(envelope.payload())?;
        let request: Self =
            serde_json::from_value(value).map_err(|error| RequestError::Shape(canon::complaint(&error)))?;
        if request.version != VERSION {
            return Err(RequestError::Shape(format!("it has version {}", request.version)));
        }
        let key = parse_public_key(&request.key)?;
        let own = key_id(&key);
        let verified = open(envelope, |id| if *id == own { Some(key) } else { known(id) })?;
        if !verified.signers().contains(&own) {
            return Err(RequestError::KeyUnsigned);
        }
        let beside = verified.signers().iter().filter(|id| **id != own).copied().collect();
        Ok(Opened { request, key, beside })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signed::{print_public_key, sign};
    use ed25519_dalek::SigningKey;

    fn key(byte: u8) -> SigningKey {
        SigningKey::from_bytes(&[byte; 32])
    }

    fn request() -> KeyRequest {
        KeyRequest {
            version: VERSION,
            log: "log.example".to_owned(),
            domain: "press.example".parse().unwrap(),
            key: print_public_key(&key(1).verifying_key()).trim_end().to_owned(),
            proof: Proof::DnsTxt,
            issued_at: Timestamp(1_795_000_000),
        }
    }

    #[test]
    fn the_key_itself_signs_and_others_may() {
        let payload = request().to_payload().unwrap();
        let known = |id: &KeyId| (*id == key_id(&key(2).verifying_key())).then(|| key(2).verifying_key());
        let open = |keys: &[&SigningKey]| KeyRequest::open(&sign(PAYLOAD_TYPE, &payload, keys).unwrap(), known);
        let alone = open(&[&key(1)]).unwrap();
        assert_eq!((alone.request, alone.key, alone.beside), (request(), key(1).verifying_key(), vec![]));
        assert_eq!(open(&[&key(1), &key(2)]).unwrap().beside, [key_id(&key(2).verifying_key())]);
        assert_eq!(open(&[&key(2)]).unwrap_err(), RequestError::KeyUnsigned);
        assert!(matches!(open(&[&key(1), &key(3)]), Err(RequestError::Signed(SignedError::UnknownKey(_)))));
    }

    #[test]
    fn no_other_payload_is_a_request() {
        let envelope = |payload: &[u8], kind: &str| sign(kind, payload, &[&key(1)]).unwrap();
        let payload = request().to_payload().unwrap();
        let as_statement = envelope(&payload, crate::signed::STATEMENT_TYPE);
        assert!(matches!(KeyRequest::open(&as_statement, |_| None), Err(RequestError::Signed(_))));
        let text = String::from_utf8(payload).unwrap();
        for (from, to) in [("\"version\":1", "\"version\":2"), ("{", "{\"a\":1,"), ("{", "{ "), ("dns-txt", "fax")] {
            let changed = text.replacen(from, to, 1);
            assert!(KeyRequest::open(&envelope(changed.as_bytes(), PAYLOAD_TYPE), |_| None).is_err(), "{changed}");
        }
    }
}
