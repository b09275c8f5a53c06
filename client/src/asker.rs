//! Asker: whoever signs requests (RFC 9421) to be known as a domain, by a key that the domain published.

use cleartitle_schema::http_signature::{
    Claims, Message, SIGNATURE_AGENT, SignatureError, content_digest, sign, signature_agent,
};
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::signed::key_id;
use cleartitle_schema::time::Timestamp;
use ed25519_dalek::SigningKey;
use url::Url;

/// For how many seconds a signature holds.
const HOLDS: i64 = 60;

/// A domain and a key of it.
pub struct Asker {
    /// The domain.
    pub domain: Domain,
    key: SigningKey,
}

impl std::fmt::Debug for Asker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Asker({})", self.domain)
    }
}

impl Asker {
    /// Whoever has this key of this domain.
    #[must_use]
    pub const fn new(domain: Domain, key: SigningKey) -> Self {
        Self { domain, key }
    }

    /// The fields that make a request this asker's, for a purpose, now and once.
    ///
    /// # Errors
    /// [`SignatureError`] for a URL that has no form, or a machine without randomness.
    pub fn fields(
        &self,
        method: &str,
        url: &Url,
        body: &[u8],
        tag: &str,
        now: Timestamp,
    ) -> Result<Vec<(String, String)>, SignatureError> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|_| SignatureError::Parameter("nonce"))?;
        let host = url.host_str().ok_or(SignatureError::Malformed("@authority"))?;
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let mut fields = vec![(SIGNATURE_AGENT.to_owned(), signature_agent(&self.domain))];
        let mut covered = vec!["@method", "@authority", "@path", SIGNATURE_AGENT];
        if url.query().is_some() {
            covered.push("@query");
        }
        if !body.is_empty() {
            fields.push(("content-digest".to_owned(), content_digest(body)));
            covered.push("content-digest");
        }
        let message = Message {
            method,
            scheme: url.scheme(),
            authority: &authority,
            path: url.path(),
            query: url.query(),
            fields: &fields,
        };
        let claims = Claims {
            key_id: key_id(&self.key.verifying_key()).to_string(),
            created: now,
            expires: now.plus_seconds(HOLDS),
            nonce: data_encoding::BASE64URL_NOPAD.encode(&nonce),
            tag: tag.to_owned(),
        };
        let signed = sign(&message, &covered, &claims, &self.key)?;
        fields.extend([("signature-input".to_owned(), signed.input), ("signature".to_owned(), signed.signature)]);
        Ok(fields)
    }
}
