//! Binding: a key and a domain that both want each other become a logged statement of the operator, with the evidence.
//!
//! Who attacks: a stranger with somebody else's public key (so the key itself signs the request), a thief whose key was revoked
//! (never bound again), whoever buys a domain (a key that no older one vouches for opens a new tenure, in which nothing that
//! was stated before is loosened).

use cleartitle_schema::bindings::{Binding, in_force};
use cleartitle_schema::domain_proof::request::{Opened, RequestError};
use cleartitle_schema::domain_proof::{KeyRequest, Published};
use cleartitle_schema::id::{BlobId, KeyId, StatementId};
use cleartitle_schema::issuer::{Authority, Domain, Party};
use cleartitle_schema::signed::{Envelope, key_id, parse_public_key, print_public_key, sign};
use cleartitle_schema::statement::{self, Body, Cause, Exhibit, Proof, Statement};
use cleartitle_schema::time::Timestamp;
use ed25519_dalek::{SigningKey, VerifyingKey};

use super::Sight;
use super::look_alike::NameError;
use crate::log::Candidate;
use crate::registration::CLOCK_SKEW;
use crate::store::{Store, StoreError};

/// The longest time for which a request holds, in seconds: a key that was revoked since must not come back by it.
const REQUEST_LIFE: i64 = 15 * 60;

/// Why a key is not bound.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BindError {
    /// The request itself.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The request was made for another log.
    #[error("the request is for the log `{found}`, this is `{expected}`")]
    OtherLog {
        /// This log's origin.
        expected: String,
        /// The origin in the request.
        found: String,
    },
    /// The request is too old, or from the future.
    #[error("the request was made at {0}, and holds for fifteen minutes")]
    Stale(Timestamp),
    /// Nobody speaks for a public suffix.
    #[error("`{0}` is a public suffix, for which nobody speaks")]
    PublicSuffix(Domain),
    /// A name that needs a person's look.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The key already speaks for another authority; a signature must not count for two houses.
    #[error("the key is bound to `{0}` already, which is another authority")]
    KeyOfAnother(Domain),
    /// The key was revoked as compromised.
    #[error("the key was revoked as compromised, and is never bound again")]
    Compromised,
    /// The domain does not publish the key.
    #[error("`{place}` does not publish the key{}", complaints(.published))]
    NotPublished {
        /// Where was looked.
        place: String,
        /// What was there.
        published: Published,
    },
    /// The operator's word is the operator's to give.
    #[error("`operator` is no proof that can be asked for")]
    OperatorsWord,
    /// The statement could not be made.
    #[error("{0}")]
    Statement(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn complaints(published: &Published) -> String {
    published.complaints.first().map(|first| format!(": {first}")).unwrap_or_default()
}

/// Who makes key bindings: the operator's domain and key, in the log of this origin.
#[derive(Clone, Copy)]
pub struct Operator<'o> {
    /// The log's origin.
    pub origin: &'o str,
    /// The operator's domain.
    pub domain: &'o Domain,
    /// The operator's key.
    pub key: &'o SigningKey,
}

/// Opens a request and checks all that can be known before the domain is asked.
///
/// # Errors
/// [`BindError`].
pub fn admit(store: &dyn Store, origin: &str, envelope: &Envelope, now: Timestamp) -> Result<Opened, BindError> {
    let speaking = |id: &KeyId| -> Option<VerifyingKey> {
        let bound = store.bindings_by(id).ok()?;
        bound.iter().find_map(|binding| parse_public_key(&binding.key).ok())
    };
    let opened = KeyRequest::open(envelope, speaking)?;
    let request = &opened.request;
    if request.log != origin {
        return Err(BindError::OtherLog { expected: origin.to_owned(), found: request.log.clone() });
    }
    let (oldest, newest) = (now.plus_seconds(-REQUEST_LIFE), now.plus_seconds(CLOCK_SKEW));
    if request.issued_at < oldest || request.issued_at > newest {
        return Err(BindError::Stale(request.issued_at));
    }
    if request.proof == Proof::Operator {
        return Err(BindError::OperatorsWord);
    }
    check_key(store, &request.domain, &opened.key)?;
    Ok(opened)
}

/// What holds of every binding, whoever vouches.
fn check_key(store: &dyn Store, domain: &Domain, key: &VerifyingKey) -> Result<(), BindError> {
    if Authority::is_public_suffix(domain.as_str()) {
        return Err(BindError::PublicSuffix(domain.clone()));
    }
    for binding in store.bindings_by(&key_id(key))? {
        if binding.ended.is_some_and(|ended| ended.cause == Cause::Compromised) {
            return Err(BindError::Compromised);
        }
        if binding.ended.is_none() && binding.domain.authority() != domain.authority() {
            return Err(BindError::KeyOfAnother(binding.domain));
        }
    }
    Ok(())
}

/// The binding in force that already says what is asked, if there is one.
///
/// # Errors
/// [`StoreError`].
pub fn present(store: &dyn Store, domain: &Domain, key: &KeyId, proof: Proof) -> Result<Option<Binding>, StoreError> {
    let bound = in_force(store, domain)?;
    Ok(bound.into_iter().find(|binding| binding.key_id == *key && binding.proof == proof))
}

/// The operator's statement that a domain was seen to publish a key that asked for it, as a candidate for the log. The evidence
/// that it names is to be kept before it is committed.
///
/// # Errors
/// [`BindError`].
pub fn proven(
    store: &dyn Store,
    operator: Operator<'_>,
    opened: &Opened,
    request: &Envelope,
    sight: &Sight,
    now: Timestamp,
) -> Result<Candidate, BindError> {
    let KeyRequest { domain, proof, .. } = &opened.request;
    if !sight.published.names(&opened.key) {
        return Err(BindError::NotPublished { place: sight.url.clone(), published: sight.published.clone() });
    }
    check_key(store, domain, &opened.key)?;
    let mut evidence = vec![
        Exhibit {
            blob: BlobId::of(&request.to_bytes()),
            media_type: "application/vnd.dsse+json".to_owned(),
            url: None,
        },
        Exhibit { blob: BlobId::of(&sight.bytes), media_type: sight.media_type.clone(), url: Some(sight.url.clone()) },
    ];
    evidence.sort();
    let new_tenure = opens_tenure(store, domain, opened)?;
    let body = key_binding(domain, &opened.key, *proof, new_tenure);
    statement(operator, body, evidence, now)
}

/// Whether nobody who spoke for the domain before vouches for the new key: not the key itself, bound before in this tenure, nor
/// one in force that signed the request too. That the domain still publishes an old key says nothing: public keys are public.
fn opens_tenure(store: &dyn Store, domain: &Domain, opened: &Opened) -> Result<bool, StoreError> {
    let before = store.bindings_of(domain)?;
    if before.is_empty() {
        return Ok(false);
    }
    let own = key_id(&opened.key);
    let begun = before.iter().filter(|binding| binding.new_tenure).map(|binding| binding.index).max().unwrap_or(0);
    let forgone = |binding: &Binding| binding.ended.is_some_and(|ended| ended.cause != Cause::Lapsed);
    let returns = before.iter().any(|it| it.key_id == own && it.index >= begun && !forgone(it));
    let vouched = in_force(store, domain)?
        .iter()
        .any(|binding| binding.proof.signs_deeds() && opened.beside.contains(&binding.key_id));
    Ok(!returns && !vouched)
}

/// The operator's statement that a key speaks for a domain, on the operator's own word, as a candidate for the log.
///
/// # Errors
/// [`BindError`].
pub fn vouched(
    store: &dyn Store,
    operator: Operator<'_>,
    domain: &Domain,
    key: &VerifyingKey,
    new_tenure: bool,
    now: Timestamp,
) -> Result<Candidate, BindError> {
    check_key(store, domain, key)?;
    statement(operator, key_binding(domain, key, Proof::Operator, new_tenure), Vec::new(), now)
}

/// The operator's statement that a domain no longer publishes a key, as a candidate for the log.
///
/// # Errors
/// [`BindError::Statement`].
pub fn lapsed(
    operator: Operator<'_>,
    binding: &Binding,
    sight: Option<&Sight>,
    now: Timestamp,
) -> Result<Candidate, BindError> {
    let exhibit = |sight: &Sight| Exhibit {
        blob: BlobId::of(&sight.bytes),
        media_type: sight.media_type.clone(),
        url: Some(sight.url.clone()),
    };
    let body = Body::Withdrawal { statement: binding.id, cause: Some(Cause::Lapsed), since: None };
    statement(operator, body, sight.map(exhibit).into_iter().collect(), now)
}

fn key_binding(domain: &Domain, key: &VerifyingKey, proof: Proof, new_tenure: bool) -> Body {
    let key = print_public_key(key).trim_end().to_owned();
    Body::KeyBinding { domain: domain.clone(), key, proof, new_tenure }
}

/// A statement of the operator's, signed.
///
/// # Errors
/// [`BindError::Statement`].
pub fn statement(
    operator: Operator<'_>,
    body: Body,
    evidence: Vec<Exhibit>,
    now: Timestamp,
) -> Result<Candidate, BindError> {
    let failed = |error: &dyn std::fmt::Display| BindError::Statement(error.to_string());
    let statement =
        Statement { evidence, ..Statement::new(operator.origin, Party::new(operator.domain.clone()), now, body) };
    let payload = statement.to_payload().map_err(|error| failed(&error))?;
    let envelope = sign(statement::PAYLOAD_TYPE, &payload, &[operator.key]).map_err(|error| failed(&error))?;
    Ok(Candidate { id: StatementId::of(&payload), envelope, statement, list: None, sealed: false })
}
