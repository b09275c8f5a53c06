//! Keys in a directory of request signers: `/.well-known/http-message-signatures-directory`, as Web Bot Auth has it
//! (draft-meunier-http-message-signatures-directory-05, read 2026-11): a JSON Web Key Set (RFC 7517) of Ed25519 keys
//! (RFC 8037).
//!
//! Such a key signs requests (RFC 9421), of a licensee that asks for what is sealed, and never statements: whoever runs a crawler
//! is not who licenses what a house publishes.

use super::{MAX_PUBLICATION, Published};
use crate::time::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::VerifyingKey;
use serde_json::Value;

/// The path.
pub const PATH: &str = "/.well-known/http-message-signatures-directory";

/// The media type that a directory is served with.
pub const MEDIA_TYPE: &str = "application/http-message-signatures-directory+json";

/// The directory for these keys.
#[must_use]
pub fn directory(keys: &[VerifyingKey]) -> String {
    let key = |key: &VerifyingKey| serde_json::json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(key.as_bytes())});
    let set = serde_json::json!({"keys": keys.iter().map(key).collect::<Vec<_>>()});
    format!("{set:#}\n")
}

/// Reads a directory: the Ed25519 keys that are valid at this time. Keys of other kinds, which a directory may hold for others,
/// are passed over. Never fails, never panics.
#[must_use]
pub fn read(bytes: &[u8], now: Timestamp) -> Published {
    let mut published = Published::default();
    if bytes.len() > MAX_PUBLICATION {
        published.complain("the directory is too long");
        return published;
    }
    let set: Value = match serde_json::from_slice(bytes) {
        Ok(set) => set,
        Err(error) => {
            published.complain(format!("the directory can't be read: {}", crate::canon::complaint(&error)));
            return published;
        }
    };
    let Some(keys) = set.get("keys").and_then(Value::as_array) else {
        published.complain("the directory has no `keys`");
        return published;
    };
    for key in keys.iter().take(super::MAX_KEYS) {
        let is = |member: &str, wanted: &str| key.get(member).and_then(Value::as_str) == Some(wanted);
        if !is("kty", "OKP") || !is("crv", "Ed25519") {
            continue;
        }
        let point = key.get("x").and_then(Value::as_str).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let point = point.and_then(|bytes| VerifyingKey::try_from(bytes.as_slice()).ok());
        match (point.filter(|key| !key.is_weak()), window(key)) {
            (Some(point), Ok((from, until))) if from <= now && now < until => published.add(point),
            (Some(_), Ok(_)) => published.complain("a key is not valid now"),
            _ => published.complain("an Ed25519 key can't be read"),
        }
    }
    published
}

/// `nbf` and `exp`, in seconds since 1970; a bound that can't be read makes the key unreadable.
fn window(key: &Value) -> Result<(Timestamp, Timestamp), ()> {
    let bound = |member: &str, missing: Timestamp| match key.get(member) {
        None => Ok(missing),
        Some(value) => value.as_i64().map(Timestamp).ok_or(()),
    };
    Ok((bound("nbf", Timestamp(i64::MIN))?, bound("exp", Timestamp(i64::MAX))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;
    use serde_json::json;

    #[test]
    fn keys_hold_within_their_time() {
        let now = Timestamp(1_795_000_000);
        let key = SigningKey::from_bytes(&[7; 32]).verifying_key();
        assert_eq!(read(directory(&[key]).as_bytes(), now).keys, [key]);
        let x = URL_SAFE_NO_PAD.encode(key.as_bytes());
        let read_one = |more: Value| {
            let mut one = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
            one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            read(json!({"keys": [{"kty": "RSA"}, one]}).to_string().as_bytes(), now).keys
        };
        assert_eq!(read_one(json!({"nbf": 1_794_000_000, "exp": 1_796_000_000, "kid": "any"})), [key]);
        for bad in [
            json!({"exp": 1_795_000_000}),
            json!({"nbf": 1_795_000_001}),
            json!({"nbf": "soon"}),
            json!({"crv": "X25519"}),
            json!({"x": "AQ"}),
            json!({"x": URL_SAFE_NO_PAD.encode([0; 32])}),
        ] {
            assert_eq!(read_one(bad.clone()), [], "{bad}");
        }
    }

    /// The key of RFC 8037 appendix A.1 and A.2.
    #[test]
    fn the_key_of_the_specification_is_read() {
        let set = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        let found = read(set, Timestamp(0));
        assert_eq!(found.keys.len(), 1);
        let secret = data_encoding::HEXLOWER
            .decode(b"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
            .unwrap();
        assert_eq!(found.keys[0], SigningKey::from_bytes(&secret.try_into().unwrap()).verifying_key());
    }
}
