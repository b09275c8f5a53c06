//! Publishers and labs of the tests: a key, a domain under `.example`, and statements as JSON that they sign.

use std::path::{Path, PathBuf};

use cleartitle_schema::canon;
use cleartitle_schema::signed::{Envelope, STATEMENT_TYPE, print_private_key, print_public_key, sign};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

/// Somebody who signs.
#[derive(Debug, Clone)]
pub struct Publisher {
    /// The domain.
    pub domain: String,
    /// The key.
    pub key: SigningKey,
    /// The origin of the log that statements are for.
    pub origin: String,
}

impl Publisher {
    /// A publisher with a key made of its domain, for this log.
    #[must_use]
    pub fn new(domain: &str, origin: &str) -> Self {
        let secret = blake3::derive_key("cleartitle tests key", domain.as_bytes());
        Self { domain: domain.to_owned(), key: SigningKey::from_bytes(&secret), origin: origin.to_owned() }
    }

    /// Writes both key files and returns the path of the private one; the public one has `.pub` in place of `.pem`.
    ///
    /// # Panics
    /// When the files can't be written.
    pub fn write_keys(&self, folder: &Path) -> PathBuf {
        let private = folder.join(format!("{}.pem", self.domain));
        std::fs::write(&private, print_private_key(&self.key).expect("a key").as_bytes()).expect("a key file");
        std::fs::write(private.with_extension("pub"), print_public_key(&self.key.verifying_key())).expect("a key file");
        private
    }

    /// A statement around this body, with the members that every statement has.
    #[must_use]
    pub fn statement(&self, body: Value) -> Value {
        json!({
            "version": 1,
            "log": self.origin,
            "issuer": { "domain": self.domain },
            "issued_at": "2026-01-02T03:04:05Z",
            "body": body,
        })
    }

    /// An envelope around the canonical bytes of this payload.
    ///
    /// # Panics
    /// When the payload has no canonical form.
    #[must_use]
    pub fn sign(&self, payload: &Value) -> Envelope {
        self.sign_bytes(&canon::to_canonical(payload).expect("a canonical form"))
    }

    /// An envelope around these very bytes.
    ///
    /// # Panics
    /// When they are too long.
    #[must_use]
    pub fn sign_bytes(&self, payload: &[u8]) -> Envelope {
        sign(STATEMENT_TYPE, payload, &[&self.key]).expect("an envelope")
    }

    /// A reservation of training for everything on a host.
    #[must_use]
    pub fn reservation(&self, host: &str) -> Value {
        self.statement(json!({
            "kind": "reservation", "basis": "owner", "scope": host_scope(host),
            "terms": terms("disallowed", "train-ai"),
        }))
    }

    /// A grant of training, without duties, for everything on a host.
    #[must_use]
    pub fn grant(&self, host: &str) -> Value {
        self.statement(json!({
            "kind": "grant", "basis": "owner", "scope": host_scope(host),
            "terms": terms("allowed", "train-ai"),
        }))
    }
}

/// Everything on one host.
#[must_use]
pub fn host_scope(host: &str) -> Value {
    json!({ "include": [{ "target": "host", "host": host }] })
}

/// Paths of one host.
#[must_use]
pub fn path_scope(host: &str, path: &str) -> Value {
    json!({ "include": [{ "target": "url", "host": host, "path": path }] })
}

/// One rule: a preference for a use.
#[must_use]
pub fn terms(preference: &str, category: &str) -> Value {
    json!({ "clauses": [{ "rules": [{ "preference": preference, "uses": [category] }] }] })
}
