//! Proof of domain control: where a domain publishes the keys that speak for it, and how a key asks to be bound.
//!
//! Two halves make a binding. The domain publishes the key, in one of three places ([`Proof`]), which shows that whoever runs
//! the domain wants it; and the key signs a [`KeyRequest`], which shows that whoever has the key wants the domain. Without the
//! second half a stranger could publish somebody else's key below a name of its own, and have it speak for two houses.

pub mod dns_txt;
pub mod key_directory;
pub mod request;
pub mod well_known;

use crate::issuer::Domain;
use crate::statement::Proof;
use ed25519_dalek::VerifyingKey;

pub use request::KeyRequest;

/// The longest publication that is read, in bytes.
pub const MAX_PUBLICATION: usize = 64 * 1024;

/// Most keys of one publication.
pub const MAX_KEYS: usize = 64;

/// The keys that a domain publishes, as far as they could be read, and what could not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// The keys that hold now, for the log that was asked about.
    pub keys: Vec<VerifyingKey>,
    /// What was there and is no key, each in a sentence for people. Never a reason to believe anything.
    pub complaints: Vec<String>,
}

impl Published {
    /// Whether the domain publishes this key.
    #[must_use]
    pub fn names(&self, key: &VerifyingKey) -> bool {
        self.keys.contains(key)
    }

    fn complain(&mut self, what: impl Into<String>) {
        if self.complaints.len() < MAX_KEYS {
            self.complaints.push(what.into());
        }
    }

    fn add(&mut self, key: VerifyingKey) {
        if self.keys.len() < MAX_KEYS && !self.keys.contains(&key) {
            self.keys.push(key);
        }
    }
}

/// Where a domain publishes keys for this way of proof: a DNS name, or an https URL. `None` for the operator's word.
#[must_use]
pub fn place(domain: &Domain, proof: Proof) -> Option<String> {
    match proof {
        Proof::Operator => None,
        Proof::DnsTxt => Some(format!("{}.{domain}", dns_txt::LABEL)),
        Proof::WellKnown => Some(format!("https://{domain}{}", well_known::PATH)),
        Proof::KeyDirectory => Some(format!("https://{domain}{}", key_directory::PATH)),
    }
}
