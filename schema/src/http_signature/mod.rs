//! HTTP message signatures (RFC 9421, February 2024) by Ed25519, for requests: who asks for what is sealed, and who tells of changes.
//!
//! A part of the specification, taken strictly: derived components of requests and plain fields, no component parameters, no
//! multiple algorithms. What is not understood is refused, since a reader that skipped it would believe less than was said.

mod agent;
mod base;
mod digest;

pub use agent::{SIGNATURE_AGENT, agent_domain, signature_agent};
pub use digest::{check_content_digest, content_digest};

use crate::time::Timestamp;
use base::signature_base;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sfv::{BareItem, Dictionary, InnerList, Item, Key, ListEntry, Parameters, Parser, StringRef};
use sha2::Digest as _;

/// The longest `Signature-Input` or `Signature` field that is read.
pub const MAX_FIELD: usize = 8 * 1024;

/// The most components of one signature.
pub const MAX_COMPONENTS: usize = 32;

/// The longest nonce.
pub const MAX_NONCE: usize = 128;

/// How far a signer's clock may run ahead, in seconds.
pub const CLOCK_SKEW: i64 = 60;

/// A request, as far as signatures cover it.
#[derive(Debug, Clone)]
pub struct Message<'m> {
    /// The method, upper case.
    pub method: &'m str,
    /// `https` or `http`.
    pub scheme: &'m str,
    /// The host in lower case, and the port where it is not the scheme's own.
    pub authority: &'m str,
    /// The path, as sent; `/` at least.
    pub path: &'m str,
    /// The query without its `?`.
    pub query: Option<&'m str>,
    /// Field names in lower case and values, in the order in which they were sent.
    pub fields: &'m [(String, String)],
}

/// What a signer says of its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Which key.
    pub key_id: String,
    /// When.
    pub created: Timestamp,
    /// Until when it holds.
    pub expires: Timestamp,
    /// Used once.
    pub nonce: String,
    /// For which purpose.
    pub tag: String,
}

/// What a reader asks for.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'r> {
    /// Components that must be covered.
    pub covered: &'r [&'r str],
    /// The purpose.
    pub tag: &'r str,
    /// The reader's clock.
    pub now: Timestamp,
    /// The longest time, in seconds, for which a signature may hold.
    pub longest: i64,
}

/// Why a signature was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No signature for this purpose.
    #[error("the request has no signature with the tag `{0}`")]
    Missing(String),
    /// A field that can't be read.
    #[error("`{0}` can't be read")]
    Malformed(&'static str),
    /// A parameter that must be there is not, or has another form.
    #[error("the signature's parameter `{0}` is missing or malformed")]
    Parameter(&'static str),
    /// A component that is not covered.
    #[error("the signature does not cover `{0}`")]
    NotCovered(String),
    /// A component that the request lacks, twice the same, or one of a form that is not read.
    #[error("the covered component `{0}` is not in the request, or not read here")]
    Component(String),
    /// Made in the future, expired, or holding for too long.
    #[error("the signature does not hold now: made at {created}, until {expires}")]
    Stale {
        /// When it was made.
        created: Timestamp,
        /// Until when it holds.
        expires: Timestamp,
    },
    /// The key is not known.
    #[error("the key `{0}` is not known")]
    UnknownKey(String),
    /// The key did not make the signature.
    #[error("the signature of the key `{0}` is wrong")]
    Wrong(String),
    /// The body is not what `Content-Digest` says.
    #[error("the body is not the one that `content-digest` names")]
    Digest,
}

/// The two fields of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    /// `Signature-Input`.
    pub input: String,
    /// `Signature`.
    pub signature: String,
}

/// Signs these components of a request.
///
/// # Errors
/// [`SignatureError::Component`] for one that the request lacks, [`SignatureError::Parameter`] for a claim that has no form.
pub fn sign(
    message: &Message<'_>,
    components: &[&str],
    claims: &Claims,
    key: &SigningKey,
) -> Result<Fields, SignatureError> {
    let text = |text: &str, what| {
        StringRef::from_str(text).map(|it| BareItem::from(it.to_owned())).map_err(|_| SignatureError::Parameter(what))
    };
    let number = |time: Timestamp, what| {
        sfv::Integer::try_from(time.0).map(BareItem::from).map_err(|_| SignatureError::Parameter(what))
    };
    let parameters = [
        ("created", number(claims.created, "created")?),
        ("expires", number(claims.expires, "expires")?),
        ("nonce", text(&claims.nonce, "nonce")?),
        ("keyid", text(&claims.key_id, "keyid")?),
        ("tag", text(&claims.tag, "tag")?),
    ];
    let named = |(name, value): (&str, BareItem)| Key::from_string(name.to_owned()).ok().map(|name| (name, value));
    let parameters: Parameters = parameters.into_iter().filter_map(named).collect();
    let items: Result<Vec<Item>, _> = components.iter().map(|name| text(name, "component").map(Item::new)).collect();
    let list = InnerList::with_params(items?, parameters);
    let (base, params) = signature_base(message, &list)?;
    let signature = base64::engine::general_purpose::STANDARD.encode(key.sign(base.as_bytes()).to_bytes());
    Ok(Fields { input: format!("sig1={params}"), signature: format!("sig1=:{signature}:") })
}

/// Verifies the one signature of a request that was made for this purpose, strictly. That its nonce was not used before is for
/// whoever keeps nonces.
///
/// # Errors
/// [`SignatureError`].
pub fn verify(
    message: &Message<'_>,
    rules: Rules<'_>,
    known: impl Fn(&str) -> Option<VerifyingKey>,
) -> Result<Claims, SignatureError> {
    let inputs = dictionary(message, "signature-input")?;
    let signatures = dictionary(message, "signature")?;
    let ours = |list: &&InnerList| {
        parameter(list, "tag").and_then(|tag| tag.as_string()).is_some_and(|tag| tag.as_str() == rules.tag)
    };
    let mut found = inputs.iter().filter_map(|(label, entry)| match entry {
        ListEntry::InnerList(list) => Some((label, list)),
        ListEntry::Item(_) => None,
    });
    let missing = || SignatureError::Missing(rules.tag.to_owned());
    let (label, list) = found.find(|(_, list)| ours(list)).ok_or_else(missing)?;
    if found.any(|(_, list)| ours(&list)) {
        // Two for one purpose: which of them somebody else believes can't be known.
        return Err(SignatureError::Malformed("signature-input"));
    }
    let claims = claims(list)?;
    let covers =
        |name: &str| list.items.iter().any(|item| item.bare_item.as_string().is_some_and(|it| it.as_str() == name));
    if let Some(left_out) = rules.covered.iter().find(|name| !covers(name)) {
        return Err(SignatureError::NotCovered((*left_out).to_owned()));
    }
    let Claims { created, expires, .. } = claims;
    let holds = created <= rules.now.plus_seconds(CLOCK_SKEW)
        && rules.now < expires
        && created < expires
        && expires <= created.plus_seconds(rules.longest);
    if !holds {
        return Err(SignatureError::Stale { created, expires });
    }
    let (base, _) = signature_base(message, list)?;
    let bytes = match signatures.get(label) {
        Some(ListEntry::Item(Item { bare_item: BareItem::ByteSequence(bytes), .. })) => {
            bytes.as_slice().try_into().ok()
        }
        _ => None,
    };
    let bytes: [u8; 64] = bytes.ok_or(SignatureError::Malformed("signature"))?;
    let key = known(&claims.key_id).ok_or_else(|| SignatureError::UnknownKey(claims.key_id.clone()))?;
    let right = key.verify_strict(base.as_bytes(), &Signature::from_bytes(&bytes));
    right.map(|()| claims.clone()).map_err(|_| SignatureError::Wrong(claims.key_id))
}

fn dictionary(message: &Message<'_>, name: &'static str) -> Result<Dictionary, SignatureError> {
    let values: Vec<&str> =
        message.fields.iter().filter(|(known, _)| known == name).map(|(_, it)| it.as_str()).collect();
    let text = values.join(", ");
    if text.len() > MAX_FIELD {
        return Err(SignatureError::Malformed(name));
    }
    Parser::new(&text).parse::<Dictionary>().map_err(|_| SignatureError::Malformed(name))
}

fn parameter<'l>(list: &'l InnerList, name: &str) -> Option<&'l BareItem> {
    list.params.iter().find(|(known, _)| known.as_str() == name).map(|(_, value)| value)
}

fn claims(list: &InnerList) -> Result<Claims, SignatureError> {
    let text = |name: &'static str| {
        let found = parameter(list, name).and_then(|it| it.as_string()).map(|it| it.as_str().to_owned());
        found.filter(|it| !it.is_empty()).ok_or(SignatureError::Parameter(name))
    };
    let time = |name: &'static str| {
        let found = parameter(list, name).and_then(|it| it.as_integer());
        found.map(|it| Timestamp(i64::from(it))).ok_or(SignatureError::Parameter(name))
    };
    if parameter(list, "alg").is_some_and(|it| it.as_string().is_none_or(|it| it.as_str() != "ed25519")) {
        return Err(SignatureError::Parameter("alg"));
    }
    let nonce = text("nonce")?;
    if nonce.len() > MAX_NONCE {
        return Err(SignatureError::Parameter("nonce"));
    }
    Ok(Claims {
        key_id: text("keyid")?,
        created: time("created")?,
        expires: time("expires")?,
        nonce,
        tag: text("tag")?,
    })
}

/// The id of a key as Web Bot Auth writes it: its JSON Web Key thumbprint (RFC 7638, RFC 8037).
#[must_use]
pub fn thumbprint(key: &VerifyingKey) -> String {
    let point = URL_SAFE_NO_PAD.encode(key.as_bytes());
    let members = format!("{{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"{point}\"}}");
    URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(members.as_bytes()))
}

#[cfg(test)]
mod tests;
