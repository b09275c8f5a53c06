//! Parties and authorities: a domain speaks, and one registrable domain is one authority.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A DNS host name in lower-case ASCII (IDN as A-labels), without trailing dot, at most 253 bytes; never an IP address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(String);

/// The text is not a host name in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a host name in lower-case ASCII such as `press.example`")]
pub struct DomainError(pub String);

impl Domain {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The authority that this domain belongs to.
    #[must_use]
    pub fn authority(&self) -> Authority {
        Authority::of_host(&self.0)
    }
}

impl FromStr for Domain {
    type Err = DomainError;
    fn from_str(text: &str) -> Result<Self, DomainError> {
        let label_fits = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        };
        let last = text.rsplit('.').next().unwrap_or_default();
        let numeric_end = last.bytes().all(|b| b.is_ascii_digit());
        if text.len() <= 253 && text.contains('.') && text.split('.').all(label_fits) && !numeric_end {
            Ok(Self(text.to_owned()))
        } else {
            Err(DomainError(text.chars().take(80).collect()))
        }
    }
}

impl TryFrom<String> for Domain {
    type Error = DomainError;
    fn try_from(text: String) -> Result<Self, DomainError> {
        text.parse()
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> Self {
        domain.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One registrable domain by the public suffix list, private part included: who answers for everything below it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Authority(String);

impl Authority {
    /// The authority over a host. A host that is itself a public suffix is an authority of its own and of nothing below.
    #[must_use]
    pub fn of_host(host: &str) -> Self {
        Self(psl::domain_str(host).unwrap_or(host).to_owned())
    }

    /// The registrable domain.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a name is a public suffix, for which nobody speaks.
    #[must_use]
    pub fn is_public_suffix(host: &str) -> bool {
        psl::suffix_str(host) == Some(host)
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A person in law: the domain that it speaks from, and who belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Its domain.
    pub domain: Domain,
    /// Its name in law.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_name: Option<String>,
    /// Domains of companies that belong to it, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affiliates: Vec<Domain>,
    /// Domains of those who took its place, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub successors: Vec<Domain>,
}

impl Party {
    /// A party known by its domain alone.
    #[must_use]
    pub const fn new(domain: Domain) -> Self {
        Self { domain, legal_name: None, affiliates: Vec::new(), successors: Vec::new() }
    }

    /// Whether this party, as a statement names it, is the one that speaks from `domain`. Only what the statement itself
    /// lists counts: an asker can't make itself an affiliate.
    #[must_use]
    pub fn includes(&self, domain: &Domain) -> bool {
        self.domain == *domain || self.affiliates.contains(domain) || self.successors.contains(domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_of_a_host() {
        for good in ["press.example", "a-b.co.uk", "xn--bcher-kva.example", "_cleartitle.press.example"] {
            assert!(good.parse::<Domain>().is_ok(), "{good}");
        }
        for bad in
            ["Press.example", "press.example.", "localhost", "127.0.0.1", "a..b", "-a.example", "bücher.example", ""]
        {
            assert!(bad.parse::<Domain>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_authority_never_crosses_a_public_suffix() {
        assert_eq!(Authority::of_host("news.press.example").as_str(), "press.example");
        assert_eq!(Authority::of_host("a.b.co.uk").as_str(), "b.co.uk");
        assert_ne!(Authority::of_host("ann.github.io"), Authority::of_host("bob.github.io"));
        assert!(Authority::is_public_suffix("github.io"));
        assert!(Authority::is_public_suffix("co.uk"));
        assert!(!Authority::is_public_suffix("press.example"));
    }
}
