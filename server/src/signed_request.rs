//! Signed requests: who asks, shown by an HTTP message signature (RFC 9421) of a key that is bound to the asker's domain.
//!
//! No accounts and no tokens: the key that a domain published is the credential, of a statement or of a request. Who would
//! attack: a listener who sends again what was sent (each nonce is taken once, and an index of them outlives the process);
//! another registry to which the same request was once sent (`@authority` is covered, and what a request names, an id or the
//! log, is this log's own); a house's former owner, or a key that was revoked (only bindings in force count); whoever changes
//! a query or a body on the way (both are covered where they are there).

use axum::http::{HeaderMap, Method, Uri, header};
use cleartitle_schema::bindings::{Binding, in_force};
use cleartitle_schema::http_signature::{
    Message, Rules, SIGNATURE_AGENT, SignatureError, agent_domain, check_content_digest, thumbprint, verify,
};
use cleartitle_schema::id::{KeyId, StatementId};
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::signed::parse_public_key;
use cleartitle_schema::statement::Proof;
use cleartitle_schema::time::Timestamp;
use ed25519_dalek::VerifyingKey;

use crate::log::now;
use crate::routes::problem::{Code, Failure};
use crate::routes::{Shared, blocking};

/// The longest time for which a signature may hold, in seconds.
pub const LONGEST: i64 = 300;

/// The most header fields, and bytes of them, that are read of a signed request.
const MAX_FIELDS: usize = 64;
const MAX_BYTES: usize = 32 << 10;

/// Who signed a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// In whose name.
    pub domain: Domain,
    /// With which key.
    pub key: KeyId,
    /// The statement that bound it.
    pub binding: StatementId,
    /// How control of the domain was proven. A crawler's key directory is enough to ask, and never to state.
    pub proof: Proof,
}

/// Who signed this request for this purpose, now, for the first time. The body is the whole of it, empty where there is none.
///
/// # Errors
/// [`Code::UnsignedRequest`], [`Code::UnknownSigner`], [`Code::BadSignature`], [`Code::ReplayedRequest`],
/// [`Code::TooManyRegistrations`] for a domain that asks faster than it may, and failures.
pub async fn signer(
    app: &Shared,
    method: &Method,
    headers: &HeaderMap,
    uri: &Uri,
    body: &[u8],
    tag: &'static str,
) -> Result<Signer, Failure> {
    let request = Received::read(method, headers, uri, body)?;
    let domain = request.agent()?;
    let about = domain.clone();
    let bindings = blocking(app, move |app| Ok(in_force(&*app.store, &about)?)).await?;
    let at = now();
    let (signer, nonce, until) = request.signer(&domain, &bindings, tag, at)?;
    // Before the nonce is kept: a house that signs without end must not fill the store.
    app.limits.registration(&signer.domain)?;
    let key = signer.key;
    let first = blocking(app, move |app| Ok(app.store.take_nonce(&key, &nonce, until, at)?)).await?;
    if first { Ok(signer) } else { Err(Failure::new(Code::ReplayedRequest, "the nonce was used before")) }
}

/// What of a request signatures cover.
struct Received {
    method: String,
    authority: String,
    path: String,
    query: Option<String>,
    fields: Vec<(String, String)>,
    has_body: bool,
}

impl Received {
    fn read(method: &Method, headers: &HeaderMap, uri: &Uri, body: &[u8]) -> Result<Self, Failure> {
        let unsigned = |why: &str| Failure::new(Code::UnsignedRequest, why);
        let length: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if headers.len() > MAX_FIELDS || length > MAX_BYTES {
            return Err(unsigned("a signed request has at most 64 header fields and 32 KiB of them"));
        }
        let field = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        let fields: Vec<_> = headers.iter().filter_map(field).collect();
        let mut hosts = fields.iter().filter(|(name, _)| name == "host").map(|(_, host)| host.to_ascii_lowercase());
        // HTTP/2 names the authority beside the path, HTTP/1.1 in a field.
        let named = uri.authority().map(|authority| authority.as_str().to_ascii_lowercase());
        let authority = named.or_else(|| hosts.next()).ok_or_else(|| unsigned("the request names no host"))?;
        if hosts.any(|host| host != authority) {
            return Err(unsigned("the request names two hosts"));
        }
        if !body.is_empty() {
            let digest = fields.iter().filter(|(name, _)| name == "content-digest").collect::<Vec<_>>();
            let [(_, digest)] = digest.as_slice() else {
                return Err(unsigned("a signed request with a body has one `content-digest`"));
            };
            check_content_digest(digest, body).map_err(refused)?;
        }
        Ok(Self {
            method: method.as_str().to_owned(),
            authority,
            path: uri.path().to_owned(),
            query: uri.query().map(str::to_owned),
            fields,
            has_body: !body.is_empty(),
        })
    }

    fn agent(&self) -> Result<Domain, Failure> {
        let mut named = self.fields.iter().filter(|(name, _)| name == SIGNATURE_AGENT);
        match (named.next(), named.next()) {
            (Some((_, field)), None) => agent_domain(field).map_err(refused),
            _ => Err(Failure::new(Code::UnsignedRequest, "`signature-agent` names once who asks")),
        }
    }

    /// The signer among these bindings, with the nonce and until when it must not come again.
    fn signer(
        &self,
        domain: &Domain,
        bindings: &[Binding],
        tag: &str,
        now: Timestamp,
    ) -> Result<(Signer, String, Timestamp), Failure> {
        let mut covered = vec!["@method", "@authority", "@path", SIGNATURE_AGENT];
        covered.extend(self.query.as_ref().map(|_| "@query"));
        covered.extend(self.has_body.then_some("content-digest"));
        let known: Vec<(&Binding, VerifyingKey)> =
            bindings.iter().filter_map(|it| Some((it, parse_public_key(&it.key).ok()?))).collect();
        let find = |id: &str| known.iter().find(|(it, key)| it.key_id.to_string() == id || thumbprint(key) == id);
        let rules = Rules { covered: &covered, tag, now, longest: LONGEST };
        let verified = |scheme| {
            let Self { method, authority, path, query, fields, .. } = self;
            let message = Message { method, scheme, authority, path, query: query.as_deref(), fields };
            verify(&message, rules, |id| find(id).map(|(_, key)| *key))
        };
        // Behind a proxy the scheme that the asker saw can't be known; it tells nothing that the authority does not.
        let claims = match verified("https") {
            Err(SignatureError::Wrong(_)) => verified("http"),
            other => other,
        };
        let claims = claims.map_err(refused)?;
        let (binding, _) = find(&claims.key_id).ok_or_else(Failure::internal)?;
        let signer = Signer { domain: domain.clone(), key: binding.key_id, binding: binding.id, proof: binding.proof };
        Ok((signer, claims.nonce, claims.expires))
    }
}

fn refused(error: SignatureError) -> Failure {
    let code = match &error {
        SignatureError::UnknownKey(_) => Code::UnknownSigner,
        SignatureError::Wrong(_) => Code::BadSignature,
        _ => Code::UnsignedRequest,
    };
    Failure::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};
    use cleartitle_schema::http_signature::{Claims, content_digest, sign, signature_agent};
    use cleartitle_schema::signed::{key_id, print_public_key};
    use ed25519_dalek::SigningKey;

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_000_000);
    const ALL: [&str; 6] = ["@method", "@authority", "@path", "@query", "content-digest", SIGNATURE_AGENT];

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[9; 32])
    }

    fn binding(key: &SigningKey) -> Binding {
        Binding {
            id: StatementId([1; 32]),
            domain: "lab.example".parse().unwrap(),
            key_id: key_id(&key.verifying_key()),
            key: print_public_key(&key.verifying_key()).trim_end().to_owned(),
            proof: Proof::KeyDirectory,
            index: 3,
            bound_at: Timestamp(1),
            new_tenure: false,
            ended: None,
        }
    }

    /// A request by the lab over these components, changed after signing.
    fn asked(
        components: &[&str],
        key_id: &str,
        tag: &str,
        change: impl Fn(&mut HeaderMap, &mut String),
    ) -> Result<Signer, Code> {
        let body = b"{}";
        let agent = signature_agent(&"lab.example".parse().unwrap());
        let mut fields = vec![("content-digest".to_owned(), content_digest(body)), (SIGNATURE_AGENT.to_owned(), agent)];
        let message = Message {
            method: "POST",
            scheme: "http",
            authority: "registry.example:8787",
            path: "/v1/webhooks",
            query: Some("a=b"),
            fields: &fields,
        };
        let claims = Claims {
            key_id: key_id.to_owned(),
            created: NOW,
            expires: NOW.plus_seconds(60),
            nonce: "n".to_owned(),
            tag: tag.to_owned(),
        };
        let signed = sign(&message, components, &claims, &key()).unwrap();
        fields.extend([
            ("signature-input".to_owned(), signed.input),
            ("signature".to_owned(), signed.signature),
            ("host".to_owned(), "Registry.example:8787".to_owned()),
        ]);
        let mut headers = HeaderMap::new();
        for (name, value) in &fields {
            headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let mut path = "/v1/webhooks?a=b".to_owned();
        change(&mut headers, &mut path);
        let received = Received::read(&Method::POST, &headers, &path.parse().unwrap(), body);
        let received = received.map_err(|failure| failure.code)?;
        let domain = received.agent().map_err(|failure| failure.code)?;
        let found = received.signer(&domain, &[binding(&key())], "test", NOW);
        found.map(|(signer, _, _)| signer).map_err(|failure| failure.code)
    }

    #[test]
    fn either_name_of_a_bound_key_is_known() {
        let key = key().verifying_key();
        for id in [key_id(&key).to_string(), thumbprint(&key)] {
            let signer = asked(&ALL, &id, "test", |_, _| {}).unwrap();
            assert_eq!((signer.key, signer.proof), (key_id(&key), Proof::KeyDirectory));
        }
        assert_eq!(asked(&ALL, "key:other", "test", |_, _| {}), Err(Code::UnknownSigner));
    }

    #[test]
    fn everything_that_a_request_says_is_covered() {
        let id = thumbprint(&key().verifying_key());
        for left_out in ALL {
            let fewer: Vec<&str> = ALL.into_iter().filter(|name| *name != left_out).collect();
            assert_eq!(asked(&fewer, &id, "test", |_, _| {}), Err(Code::UnsignedRequest), "{left_out}");
        }
        assert_eq!(asked(&ALL, &id, "other", |_, _| {}), Err(Code::UnsignedRequest));
        let set = |name: &'static str, value: &'static str| {
            asked(&ALL, &id, "test", move |headers, _| {
                headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            })
        };
        assert_eq!(set("host", "other.example"), Err(Code::BadSignature));
        assert_eq!(set("signature-agent", "\"https://other.example\""), Err(Code::BadSignature));
        assert_eq!(set("content-digest", "sha-256=:AAAA:"), Err(Code::UnsignedRequest));
        assert_eq!(set("signature", "sig1=:AAAA:"), Err(Code::UnsignedRequest));
        assert_eq!(asked(&ALL, &id, "test", |_, path| path.push('c')), Err(Code::BadSignature));
        let twice = asked(&ALL, &id, "test", |headers, _| {
            headers.append("signature-agent", HeaderValue::from_static("\"https://lab.example\""));
        });
        assert_eq!(twice, Err(Code::UnsignedRequest));
    }
}
