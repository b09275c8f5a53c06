//! Addresses that an observer may connect to: public ones, checked where the connection is made and not where a name is read.
//!
//! The list of sites comes from strangers, and so do redirects and DNS answers. Each could point this machine at its own
//! loopback, at a cloud's metadata service or into the operator's network, and have what is found there signed and
//! published as evidence. A name that is public when checked and private when connected to (DNS rebinding) is the same
//! attack; therefore the very list of addresses that passed is handed to the connector.

use cleartitle_schema::address::is_public;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Why nothing is connected to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Every address of the name is one that nobody outside may reach.
    #[error("`{host}` has no public address, only {found}")]
    NotPublic {
        /// The name, or the address that stands in its place.
        host: String,
        /// The addresses that were refused.
        found: String,
    },
    /// The name has no address.
    #[error("`{0}` has no address")]
    NoAddress(String),
}

/// Which addresses are connected to, and where names are looked up.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// Private addresses too: for tests, and for an operator who observes an intranet of their own.
    pub allow_private: bool,
    /// Single addresses that are connected to though they are not public.
    pub allowed: Vec<IpAddr>,
    /// Names whose addresses are given, as `--resolve` gives them. They are checked like any other.
    pub given: BTreeMap<String, Vec<IpAddr>>,
}

impl Guard {
    /// The addresses of a name that may be connected to. What is private among public ones is left out.
    ///
    /// # Errors
    /// [`AddressError`] when none is left.
    pub fn permitted(
        &self,
        host: &str,
        addresses: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, AddressError> {
        let all: Vec<SocketAddr> = addresses.into_iter().take(64).collect();
        let (good, bad): (Vec<SocketAddr>, Vec<SocketAddr>) = all
            .into_iter()
            .partition(|address| self.allow_private || self.allowed.contains(&address.ip()) || is_public(address.ip()));
        if !good.is_empty() {
            return Ok(good);
        }
        if bad.is_empty() {
            return Err(AddressError::NoAddress(host.to_owned()));
        }
        let mut found: Vec<String> = bad.iter().map(|address| address.ip().to_string()).collect();
        found.dedup();
        Err(AddressError::NotPublic { host: host.to_owned(), found: found.join(", ") })
    }

    /// Checks the host of a URL where it is an address itself: connectors ask no resolver for those.
    ///
    /// # Errors
    /// [`AddressError::NotPublic`].
    pub fn check_literal(&self, url: &url::Url) -> Result<(), AddressError> {
        let address = match url.host() {
            Some(url::Host::Ipv4(address)) => IpAddr::V4(address),
            Some(url::Host::Ipv6(address)) => IpAddr::V6(address),
            _ => return Ok(()),
        };
        self.permitted(&address.to_string(), [SocketAddr::new(address, 0)]).map(|_| ())
    }
}

/// The resolver that connections are made by: what it gives has been checked, and nothing else is connected to.
#[derive(Debug, Clone, Default)]
pub struct GuardedResolver {
    guard: Arc<Guard>,
}

impl GuardedResolver {
    /// A resolver behind this guard.
    #[must_use]
    pub fn new(guard: Arc<Guard>) -> Self {
        Self { guard }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.guard);
        let host = name.as_str().trim_end_matches('.').to_ascii_lowercase();
        Box::pin(async move {
            let found: Vec<SocketAddr> = match guard.given.get(&host) {
                Some(given) => given.iter().map(|address| SocketAddr::new(*address, 0)).collect(),
                None => tokio::net::lookup_host((host.as_str(), 0)).await?.collect(),
            };
            let permitted = guard.permitted(&host, found)?;
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sockets(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().expect(text), 0)).collect()
    }

    #[test]
    fn of_a_mixed_answer_only_the_public_addresses_are_left() {
        let guard = Guard::default();
        let mixed = sockets(&["127.0.0.1", "9.9.9.9", "fd00::1", "2606:4700::1"]);
        assert_eq!(guard.permitted("press.example", mixed), Ok(sockets(&["9.9.9.9", "2606:4700::1"])));
        let private = guard.permitted("press.example", sockets(&["10.0.0.1", "::1"]));
        assert_eq!(
            private.expect_err("private").to_string(),
            "`press.example` has no public address, only 10.0.0.1, ::1"
        );
        assert!(matches!(guard.permitted("press.example", []), Err(AddressError::NoAddress(_))));
        let open = Guard { allow_private: true, ..Guard::default() };
        assert_eq!(open.permitted("press.example", sockets(&["10.0.0.1"])).map(|it| it.len()), Ok(1));
    }

    /// However an address is spelled in a URL, the parser makes it the address that it is.
    #[test]
    fn addresses_in_urls_are_refused_in_every_spelling() {
        let guard = Guard::default();
        for url in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f.0.0.1/",
            "http://017700000001/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://0/",
            "http://169.254.169.254/latest/meta-data/",
        ] {
            let url = url::Url::parse(url).expect(url);
            assert!(guard.check_literal(&url).is_err(), "{url}");
        }
        assert!(guard.check_literal(&url::Url::parse("http://8.8.8.8/").unwrap()).is_ok());
        assert!(guard.check_literal(&url::Url::parse("http://press.example/").unwrap()).is_ok());
    }
}
