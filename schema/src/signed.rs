//! Signed envelopes (DSSE v1) around exact bytes, the Ed25519 keys that sign them, and the one door to verified bytes.
//!
//! `github.com/secure-systems-lab/dsse`, protocol and envelope version 1.0. A signature covers the payload's type and
//! bytes, so nothing is parsed before somebody is known to have signed it.

use std::ops::Deref;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes, spki::der::pem::LineEnding};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::canon::{self, MAX_PAYLOAD};
use crate::id::KeyId;

/// The payload type of a statement.
pub const STATEMENT_TYPE: &str = "application/vnd.cleartitle.statement+json";

/// The most signatures of one envelope.
pub const MAX_SIGNATURES: usize = 4;

/// The longest envelope, in bytes of JSON.
pub const MAX_ENVELOPE: usize = 64 * 1024;

/// The longest payload type.
pub const MAX_PAYLOAD_TYPE: usize = 128;

const PUBLIC_KEY_PREFIX: &str = "cleartitle-key+ed25519:";

/// Why an envelope or a key was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignedError {
    /// Longer than [`MAX_ENVELOPE`].
    #[error("an envelope of {0} bytes is longer than {MAX_ENVELOPE}")]
    EnvelopeTooLong(usize),
    /// Longer than [`MAX_PAYLOAD`].
    #[error("a payload of {0} bytes is longer than {MAX_PAYLOAD}")]
    PayloadTooLong(usize),
    /// Not JSON, or JSON of another shape than an envelope's.
    #[error("malformed envelope: {0}")]
    Malformed(String),
    /// A payload type that is empty, too long or not visible ASCII.
    #[error("the payload type is malformed")]
    PayloadType,
    /// A payload of another type than the reader takes.
    #[error("the payload type is `{found}`, not `{expected}`")]
    OtherPayloadType {
        /// What the reader takes.
        expected: String,
        /// What the envelope says.
        found: String,
    },
    /// A payload that is not padded standard base64.
    #[error("the payload is not padded standard base64")]
    PayloadBase64,
    /// An envelope that nobody signed.
    #[error("an envelope needs a signature")]
    NoSignature,
    /// More than [`MAX_SIGNATURES`].
    #[error("an envelope has at most {MAX_SIGNATURES} signatures, this one has {0}")]
    TooManySignatures(usize),
    /// A key id that is not `key:` and 64 lower-case hex digits.
    #[error("a signature's key id is malformed")]
    KeyId,
    /// Two signatures by one key.
    #[error("`{0}` signed twice")]
    SignedTwice(KeyId),
    /// A signature that is not padded standard base64 of 64 bytes.
    #[error("the signature of `{0}` is not the base64 of 64 bytes")]
    SignatureForm(KeyId),
    /// A signature by a key that the reader does not know.
    #[error("`{0}` is not a known key")]
    UnknownKey(KeyId),
    /// A signature that its key did not make over this payload and type.
    #[error("the signature of `{0}` is wrong")]
    BadSignature(KeyId),
    /// A public key text that is not one `cleartitle-key+ed25519:` line with a sound key.
    #[error("a public key is one line `{PUBLIC_KEY_PREFIX}` and the base64 of 32 bytes")]
    PublicKey,
    /// A private key text that is not PKCS#8 PEM of an Ed25519 key.
    #[error("a private key is an Ed25519 key in PKCS#8 PEM")]
    PrivateKey,
}

/// One signature of an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnvelopeSignature {
    key_id: KeyId,
    signature: [u8; 64],
}

impl EnvelopeSignature {
    /// The id of the key that is said to have signed.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The Ed25519 signature, unchecked.
    #[must_use]
    pub fn signature(&self) -> &[u8; 64] {
        &self.signature
    }
}

/// A well-formed DSSE envelope whose signatures nobody has checked yet; [`open`] does.
///
/// One to four signatures, by different keys, held and written in the order of their key ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<EnvelopeSignature>,
}

/// The envelope as its JSON has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvelopeText {
    #[serde(rename = "payloadType")]
    payload_type: String,
    payload: String,
    signatures: Vec<SignatureText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureText {
    keyid: String,
    sig: String,
}

/// A payload that every one of its signers signed. Only [`open`] and [`open_statement`] make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<'e> {
    payload_type: &'e str,
    payload: &'e [u8],
    signers: Vec<KeyId>,
}

impl<'e> Verified<'e> {
    /// The type of the payload, which the signatures cover.
    #[must_use]
    pub fn payload_type(&self) -> &'e str {
        self.payload_type
    }

    /// The bytes that were signed.
    #[must_use]
    pub fn payload(&self) -> &'e [u8] {
        self.payload
    }

    /// The ids of all keys that signed, sorted.
    #[must_use]
    pub fn signers(&self) -> &[KeyId] {
        &self.signers
    }
}

/// DSSE's pre-authentication encoding: the bytes that are signed for a payload of a type.
#[must_use]
pub fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// Signs a payload with one to four different keys.
///
/// # Errors
///
/// [`SignedError::PayloadTooLong`], [`SignedError::PayloadType`], [`SignedError::NoSignature`],
/// [`SignedError::TooManySignatures`] and [`SignedError::SignedTwice`].
pub fn sign(payload_type: &str, payload: &[u8], keys: &[&SigningKey]) -> Result<Envelope, SignedError> {
    let message = pre_authentication_encoding(payload_type, payload);
    let signatures = keys.iter().map(|key| signature_by(key, &message)).collect();
    Envelope::new(payload_type.to_owned(), payload.to_vec(), signatures)
}

fn signature_by(key: &SigningKey, message: &[u8]) -> EnvelopeSignature {
    EnvelopeSignature { key_id: key_id(&key.verifying_key()), signature: key.sign(message).to_bytes() }
}

impl Envelope {
    fn new(
        payload_type: String,
        payload: Vec<u8>,
        mut signatures: Vec<EnvelopeSignature>,
    ) -> Result<Self, SignedError> {
        if payload_type.is_empty()
            || payload_type.len() > MAX_PAYLOAD_TYPE
            || !payload_type.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(SignedError::PayloadType);
        }
        if payload.len() > MAX_PAYLOAD {
            return Err(SignedError::PayloadTooLong(payload.len()));
        }
        if signatures.is_empty() {
            return Err(SignedError::NoSignature);
        }
        if signatures.len() > MAX_SIGNATURES {
            return Err(SignedError::TooManySignatures(signatures.len()));
        }
        signatures.sort_by_key(|one| one.key_id);
        if let Some(twice) = signatures.windows(2).find(|pair| pair[0].key_id == pair[1].key_id) {
            return Err(SignedError::SignedTwice(twice[0].key_id));
        }
        Ok(Envelope { payload_type, payload, signatures })
    }

    /// Adds one more signature over the same payload: how the second party signs an agreement.
    ///
    /// # Errors
    ///
    /// [`SignedError::TooManySignatures`] and [`SignedError::SignedTwice`].
    pub fn countersign(&self, key: &SigningKey) -> Result<Self, SignedError> {
        let mut signatures = self.signatures.clone();
        signatures.push(signature_by(key, &pre_authentication_encoding(&self.payload_type, &self.payload)));
        Envelope::new(self.payload_type.clone(), self.payload.clone(), signatures)
    }

    /// Reads an envelope in any JSON form that has its shape, as other DSSE tools write it.
    ///
    /// # Errors
    ///
    /// Every variant that speaks of an envelope's form. No signature is checked here.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignedError> {
        if bytes.len() > MAX_ENVELOPE {
            return Err(SignedError::EnvelopeTooLong(bytes.len()));
        }
        // The shape is fixed and unknown members are refused, so nothing nests; a member given twice is refused too.
        let text: EnvelopeText =
            serde_json::from_slice(bytes).map_err(|error| SignedError::Malformed(canon::complaint(&error)))?;
        Envelope::from_text(text)
    }

    fn from_text(text: EnvelopeText) -> Result<Self, SignedError> {
        if text.signatures.len() > MAX_SIGNATURES {
            return Err(SignedError::TooManySignatures(text.signatures.len()));
        }
        let payload = STANDARD.decode(&text.payload).map_err(|_| SignedError::PayloadBase64)?;
        let mut signatures = Vec::new();
        for SignatureText { keyid, sig } in text.signatures {
            let key_id = keyid.parse().map_err(|_| SignedError::KeyId)?;
            let signature = STANDARD.decode(&sig).ok().and_then(|bytes| bytes.try_into().ok());
            let signature = signature.ok_or(SignedError::SignatureForm(key_id))?;
            signatures.push(EnvelopeSignature { key_id, signature });
        }
        Envelope::new(text.payload_type, payload, signatures)
    }

    fn to_text(&self) -> EnvelopeText {
        let signature = |one: &EnvelopeSignature| SignatureText {
            keyid: one.key_id.to_string(),
            sig: STANDARD.encode(one.signature),
        };
        EnvelopeText {
            payload_type: self.payload_type.clone(),
            payload: STANDARD.encode(&self.payload),
            signatures: self.signatures.iter().map(signature).collect(),
        }
    }

    /// The canonical bytes (RFC 8785) of the envelope: what is committed to, stored and served.
    ///
    /// # Panics
    ///
    /// Never: every envelope within its bounds fits [`MAX_ENVELOPE`], and strings have a canonical form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match canon::to_canonical_within(&self.to_text(), MAX_ENVELOPE) {
            Ok(bytes) => bytes,
            Err(error) => unreachable!("an envelope has a canonical form: {error}"),
        }
    }

    /// The type of the payload, unverified.
    #[must_use]
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// The payload, unverified: good for finding out whose keys to look up, and for nothing else.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The signatures, unverified, sorted by key id.
    #[must_use]
    pub fn signatures(&self) -> &[EnvelopeSignature] {
        &self.signatures
    }
}

impl Serialize for Envelope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_text().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Envelope::from_text(EnvelopeText::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Verifies every signature of an envelope and hands out its payload.
///
/// One unknown or wrong signature refuses the whole: a second party's missing consent must not look like consent.
///
/// # Errors
///
/// [`SignedError::UnknownKey`] and [`SignedError::BadSignature`], naming the key id.
pub fn open(envelope: &Envelope, lookup: impl Fn(&KeyId) -> Option<VerifyingKey>) -> Result<Verified<'_>, SignedError> {
    let message = pre_authentication_encoding(&envelope.payload_type, &envelope.payload);
    let mut signers = Vec::with_capacity(envelope.signatures.len());
    for EnvelopeSignature { key_id: id, signature } in &envelope.signatures {
        let key = lookup(id).ok_or(SignedError::UnknownKey(*id))?;
        // The id is not signed: a lookup that answers with another key must not lend that key's name to this one.
        if key_id(&key) != *id {
            return Err(SignedError::UnknownKey(*id));
        }
        key.verify_strict(&message, &Signature::from_bytes(signature)).map_err(|_| SignedError::BadSignature(*id))?;
        signers.push(*id);
    }
    Ok(Verified { payload_type: &envelope.payload_type, payload: &envelope.payload, signers })
}

/// As [`open`], for envelopes that must hold a statement.
///
/// # Errors
///
/// [`SignedError::OtherPayloadType`], and those of [`open`].
pub fn open_statement(
    envelope: &Envelope,
    lookup: impl Fn(&KeyId) -> Option<VerifyingKey>,
) -> Result<Verified<'_>, SignedError> {
    if envelope.payload_type != STATEMENT_TYPE {
        let (expected, found) = (STATEMENT_TYPE.to_owned(), envelope.payload_type.clone());
        return Err(SignedError::OtherPayloadType { expected, found });
    }
    open(envelope, lookup)
}

/// The id of a public key.
#[must_use]
pub fn key_id(key: &VerifyingKey) -> KeyId {
    KeyId::of(key.as_bytes())
}

/// The public key file: one line, with its newline.
#[must_use]
pub fn print_public_key(key: &VerifyingKey) -> String {
    format!("{PUBLIC_KEY_PREFIX}{}\n", STANDARD.encode(key.as_bytes()))
}

/// Reads a public key file; the newline at its end may be missing.
///
/// # Errors
///
/// [`SignedError::PublicKey`] for any other text, and for keys of small order, under which anybody can sign.
pub fn parse_public_key(text: &str) -> Result<VerifyingKey, SignedError> {
    let encoded = text.strip_suffix('\n').unwrap_or(text).strip_prefix(PUBLIC_KEY_PREFIX);
    let bytes = encoded.filter(|encoded| encoded.len() == 44).and_then(|encoded| STANDARD.decode(encoded).ok());
    let key = bytes.and_then(|bytes| VerifyingKey::try_from(bytes.as_slice()).ok());
    key.filter(|key| !key.is_weak()).ok_or(SignedError::PublicKey)
}

/// The private key file: PKCS#8 PEM. The text wipes itself from memory when dropped.
///
/// # Errors
///
/// [`SignedError::PrivateKey`] if the key can't be encoded, which no Ed25519 key is known to cause.
pub fn print_private_key(key: &SigningKey) -> Result<impl Deref<Target = String> + use<>, SignedError> {
    // Without the public half: OpenSSL 3.0 reads only the older form of PKCS#8, which has no place for it.
    let private = KeypairBytes { secret_key: key.to_bytes(), public_key: None };
    private.to_pkcs8_pem(LineEnding::LF).map_err(|_| SignedError::PrivateKey)
}

/// Reads a private key file. The error says nothing of the text, which is secret.
///
/// # Errors
///
/// [`SignedError::PrivateKey`] for anything but one Ed25519 key in PKCS#8 PEM.
pub fn parse_private_key(text: &str) -> Result<SigningKey, SignedError> {
    if text.len() > 4096 {
        return Err(SignedError::PrivateKey);
    }
    SigningKey::from_pkcs8_pem(text).map_err(|_| SignedError::PrivateKey)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAYLOAD: &[u8] = br#"{"v":1}"#;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn known(keys: &[&SigningKey]) -> impl Fn(&KeyId) -> Option<VerifyingKey> {
        let keys: Vec<VerifyingKey> = keys.iter().map(|key| key.verifying_key()).collect();
        move |id| keys.iter().find(|key| key_id(key) == *id).copied()
    }

    #[test]
    fn the_encoding_is_that_of_dsse() {
        let bytes = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
        assert_eq!(bytes, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
        assert_eq!(pre_authentication_encoding("", b""), b"DSSEv1 0  0 ");
    }

    /// Stored envelopes can't be mended: these bytes stay readable for ever.
    #[test]
    fn the_stored_form_is_pinned() {
        let stored = include_bytes!("../../tests/vectors/canon/envelope.json");
        let envelope = Envelope::parse(stored).unwrap();
        assert_eq!(envelope.to_bytes(), stored);
        assert_eq!(envelope, sign(STATEMENT_TYPE, PAYLOAD, &[&key(1), &key(2)]).unwrap());
        assert_eq!(open_statement(&envelope, known(&[&key(1), &key(2)])).unwrap().payload(), PAYLOAD);
    }

    #[test]
    fn complaints_are_bounded() {
        let text = format!("{{\"{}\":1}}", "x".repeat(60_000));
        assert!(Envelope::parse(text.as_bytes()).unwrap_err().to_string().len() < 300);
    }

    #[test]
    fn every_signature_must_be_by_a_known_key_and_right() {
        let (one, two, stranger) = (key(1), key(2), key(3));
        let both = sign(STATEMENT_TYPE, PAYLOAD, &[&one, &two]).unwrap();
        let ids = |keys: &[&SigningKey]| {
            let mut ids: Vec<KeyId> = keys.iter().map(|key| key_id(&key.verifying_key())).collect();
            ids.sort();
            ids
        };
        let verified = open_statement(&both, known(&[&one, &two])).unwrap();
        assert_eq!((verified.payload(), verified.payload_type()), (PAYLOAD, STATEMENT_TYPE));
        assert_eq!(verified.signers(), ids(&[&one, &two]));
        let unknown = |key: &SigningKey| Err(SignedError::UnknownKey(key_id(&key.verifying_key())));
        assert_eq!(open(&both, known(&[&one])), unknown(&two));
        assert_eq!(open(&both, known(&[&two])), unknown(&one));
        assert!(open(&both, known(&[])).is_err());
        // A lookup that answers with whatever key it has does not open the envelope.
        let single = sign(STATEMENT_TYPE, PAYLOAD, &[&one]).unwrap();
        assert_eq!(open(&single, |_| Some(stranger.verifying_key())), unknown(&one));
    }

    #[test]
    fn a_signature_holds_for_its_payload_and_type_alone() {
        let (one, two) = (key(1), key(2));
        let sound = sign(STATEMENT_TYPE, PAYLOAD, &[&one, &two]).unwrap();
        let bad = |envelope: &Envelope| match open(envelope, known(&[&one, &two])) {
            Err(SignedError::BadSignature(id)) => Some(id),
            _ => None,
        };
        assert_eq!(bad(&sound), None);
        let first = sound.signatures[0].key_id;
        assert_eq!(bad(&Envelope { payload: br#"{"v":2}"#.to_vec(), ..sound.clone() }), Some(first));
        assert_eq!(bad(&Envelope { payload_type: "text/plain".to_owned(), ..sound.clone() }), Some(first));
        let mut swapped = sound.clone();
        swapped.signatures[1].signature = swapped.signatures[0].signature;
        assert_eq!(bad(&swapped), Some(sound.signatures[1].key_id));
        let other = sign("application/vnd.in-toto+json", PAYLOAD, &[&one]).unwrap();
        assert!(matches!(open_statement(&other, known(&[&one])), Err(SignedError::OtherPayloadType { .. })));
        assert!(open(&other, known(&[&one])).is_ok());
    }

    #[test]
    fn the_order_of_signing_leaves_no_trace() {
        let (one, two) = (key(1), key(2));
        let both = sign(STATEMENT_TYPE, PAYLOAD, &[&one, &two]).unwrap();
        assert_eq!(sign(STATEMENT_TYPE, PAYLOAD, &[&two, &one]).unwrap().to_bytes(), both.to_bytes());
        let later = sign(STATEMENT_TYPE, PAYLOAD, &[&two]).unwrap().countersign(&one).unwrap();
        assert_eq!(later, both);
        assert_eq!(both.countersign(&one), Err(SignedError::SignedTwice(key_id(&one.verifying_key()))));
        let keys: Vec<SigningKey> = (1..=5).map(key).collect();
        let all: Vec<&SigningKey> = keys.iter().collect();
        assert!(sign(STATEMENT_TYPE, PAYLOAD, &all[..4]).is_ok());
        assert_eq!(sign(STATEMENT_TYPE, PAYLOAD, &all), Err(SignedError::TooManySignatures(5)));
        assert_eq!(sign(STATEMENT_TYPE, PAYLOAD, &[]), Err(SignedError::NoSignature));
    }

    #[test]
    fn the_greatest_envelope_fits_its_bound() {
        let keys: Vec<SigningKey> = (1..=4).map(key).collect();
        let all: Vec<&SigningKey> = keys.iter().collect();
        let kind = "a".repeat(MAX_PAYLOAD_TYPE);
        let bytes = sign(&kind, &vec![b'x'; MAX_PAYLOAD], &all).unwrap().to_bytes();
        assert!(bytes.len() <= MAX_ENVELOPE, "{}", bytes.len());
        assert!(Envelope::parse(&bytes).is_ok());
        let long = sign(&kind, &vec![b'x'; MAX_PAYLOAD + 1], &all);
        assert_eq!(long, Err(SignedError::PayloadTooLong(MAX_PAYLOAD + 1)));
        let padded = [bytes, vec![b' '; MAX_ENVELOPE]].concat();
        assert_eq!(Envelope::parse(&padded), Err(SignedError::EnvelopeTooLong(padded.len())));
        for kind in ["", "a b", "caf\u{e9}", &"a".repeat(MAX_PAYLOAD_TYPE + 1)] {
            assert_eq!(sign(kind, PAYLOAD, &all), Err(SignedError::PayloadType), "{kind}");
        }
    }

    /// Other tools' JSON is read whatever its order and spaces; what is not an envelope is not.
    #[test]
    fn foreign_json_gives_the_canonical_bytes_or_a_reason() {
        let one = key(1);
        let envelope = sign(STATEMENT_TYPE, PAYLOAD, &[&one]).unwrap();
        let text = String::from_utf8(envelope.to_bytes()).unwrap();
        let id = key_id(&one.verifying_key());
        let (sig, payload) = (STANDARD.encode(envelope.signatures[0].signature), STANDARD.encode(PAYLOAD));
        let pretty = format!(
            "{{\n  \"signatures\": [ {{\"sig\": \"{sig}\", \"keyid\": \"{id}\"}} ],\n  \"payload\": \"{payload}\",\n  \
             \"payloadType\": \"application\\/vnd.cleartitle.statement+json\"\n}}\n"
        );
        assert_eq!(Envelope::parse(pretty.as_bytes()).unwrap().to_bytes(), text.as_bytes());

        let refused = |from: &str, to: &str| {
            assert!(text.contains(from), "nothing to replace: {from}");
            Envelope::parse(text.replacen(from, to, 1).as_bytes()).expect_err(to)
        };
        let malformed = |from: &str, to: &str| matches!(refused(from, to), SignedError::Malformed(_));
        assert!(malformed("{\"payload\"", "{\"note\":1,\"payload\""), "unknown member");
        assert!(malformed("{\"payload\"", "{\"payload\":\"\",\"payload\""), "member twice");
        assert!(malformed("{\"keyid\"", "{\"cert\":\"\",\"keyid\""), "unknown member of a signature");
        assert!(malformed(&format!("\"keyid\":\"{id}\","), ""), "no key id");
        assert!(malformed("\"payloadType\"", "\"PayloadType\""), "other case");
        assert!(malformed("[{", "[[{"), "other shape");
        assert!(malformed("}]", "}] x"), "text behind");
        assert_eq!(refused("\"payload\":\"eyJ2Ijox", "\"payload\":\"eyJ2Ijo-"), SignedError::PayloadBase64);
        assert_eq!(refused("eyJ2IjoxfQ==", "eyJ2IjoxfQ"), SignedError::PayloadBase64, "no padding");
        assert_eq!(refused("eyJ2IjoxfQ==", "eyJ2IjoxfR=="), SignedError::PayloadBase64, "stray bits");
        assert_eq!(refused("eyJ2IjoxfQ==", "eyJ2IjoxfQ==\\n"), SignedError::PayloadBase64, "newline");
        assert_eq!(refused("key:", "KEY:"), SignedError::KeyId);
        assert_eq!(refused(&id.to_string(), &id.to_string().to_uppercase()), SignedError::KeyId);
        assert_eq!(refused(&id.to_string(), ""), SignedError::KeyId);
        assert_eq!(refused(&sig, &sig[..84]), SignedError::SignatureForm(id));
        assert_eq!(refused(&sig, ""), SignedError::SignatureForm(id));
        let signature = format!("{{\"keyid\":\"{id}\",\"sig\":\"{sig}\"}}");
        assert_eq!(refused(&signature, ""), SignedError::NoSignature);
        assert_eq!(refused(&signature, &format!("{signature},{signature}")), SignedError::SignedTwice(id));
        assert_eq!(refused(&signature, &[signature.as_str(); 5].join(",")), SignedError::TooManySignatures(5));
    }

    #[test]
    fn key_files_have_one_form() {
        let signing = key(9);
        let public = print_public_key(&signing.verifying_key());
        assert_eq!(public, "cleartitle-key+ed25519:/RckOFqgx1tk+3jNYC+h2ZH96/drE8WO1wLqyDXp9hg=\n");
        assert_eq!(
            key_id(&signing.verifying_key()).to_string(),
            "key:057d18ea472e9fb5911f446b3613cd5c0650c11bff6f0319230f506276458abe"
        );
        assert_eq!(parse_public_key(&public), Ok(signing.verifying_key()));
        assert_eq!(parse_public_key(public.trim_end()), Ok(signing.verifying_key()));
        let weak = format!("cleartitle-key+ed25519:{}", STANDARD.encode([[1].as_slice(), &[0; 31]].concat()));
        let crlf = public.replace('\n', "\r\n");
        let twice = format!("{public}\n");
        for bad in ["", "cleartitle-key+ed25519:", &weak, &crlf, &twice, &public[1..], &public.replace('=', "")] {
            assert_eq!(parse_public_key(bad), Err(SignedError::PublicKey), "{bad:?}");
        }
        let private = print_private_key(&signing).unwrap();
        // As `openssl pkey` writes this key; the longer form that carries the public half is read too.
        let pem = |body: &str| format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
        assert_eq!(*private, pem("MC4CAQAwBQYDK2VwBCIEIAkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJ"));
        let longer = pem("MFECAQEwBQYDK2VwBCIEIAkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJ\n\
             gSEA/RckOFqgx1tk+3jNYC+h2ZH96/drE8WO1wLqyDXp9hg=");
        assert_eq!(parse_private_key(&longer).unwrap().to_bytes(), signing.to_bytes());
        assert_eq!(parse_private_key(&private).unwrap().to_bytes(), signing.to_bytes());
        for bad in ["", &public, &private[..60], &"x".repeat(5000)] {
            assert_eq!(parse_private_key(bad).err(), Some(SignedError::PrivateKey));
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text: String) {
            let _ = Envelope::parse(&bytes);
            let _ = parse_public_key(&text);
            let _ = parse_private_key(&text);
        }

        #[test]
        fn a_changed_byte_never_verifies_as_another_payload(place: prop::sample::Index, byte: u8) {
            let one = key(1);
            let mut bytes = sign(STATEMENT_TYPE, PAYLOAD, &[&one]).unwrap().to_bytes();
            let place = place.index(bytes.len());
            bytes[place] = byte;
            if let Ok(envelope) = Envelope::parse(&bytes)
                && let Ok(verified) = open(&envelope, known(&[&one]))
            {
                prop_assert_eq!((verified.payload(), verified.payload_type()), (PAYLOAD, STATEMENT_TYPE));
            }
        }
    }
}
