//! Limits: how much one address and one issuer may ask for, and how many connections stand open.
//!
//! Who would attack: a stranger with one machine, or with a network of them, who wants the registry busy for nobody else; a
//! publisher whose script runs wild. Requests are counted by address before anything is read of them; registrations by
//! issuer only after the signatures were checked, so that nobody uses up another's share by naming it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use cleartitle_schema::issuer::{Authority, Domain};

use crate::peer::{Network, Proxies, ProxyHeader, counted};
use crate::rate::{Buckets, Rate};

/// How many connections are open at once.
const MAX_CONNECTIONS: usize = 4096;

/// Flags of `serve` about limits.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Flags {
    /// Requests of one address (of IPv6 one /64): so many a second, and so many at once after a rest.
    #[arg(long, value_name = "RATE/BURST", default_value = "200/2000")]
    rate_address: Rate,
    /// Registrations with the keys of one registrable domain: so many a second, and so many at once after a rest.
    #[arg(long, value_name = "RATE/BURST", default_value = "50/1000")]
    rate_key: Rate,
    /// Connections of one address that may be open at once; a named proxy's are not counted.
    #[arg(long, value_name = "NUMBER", default_value = "512", value_parser = clap::value_parser!(u32).range(1..))]
    connections_per_address: u32,
    /// A proxy before this server, whose header names the client's address. Several times for several.
    #[arg(long, value_name = "ADDRESS[/LENGTH]")]
    trusted_proxy: Vec<Network>,
    /// The header that such a proxy writes; the other is not believed.
    #[arg(long, value_name = "HEADER", value_enum, default_value_t, requires = "trusted_proxy")]
    proxy_header: ProxyHeader,
}

/// Faster than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooFast {
    /// One address asks too often.
    #[error("this address asks faster than it may; try again in {} s", seconds(.0))]
    Requests(Duration),
    /// One registrable domain registers too often.
    #[error("the issuer registers faster than it may; try again in {} s", seconds(.0))]
    Registrations(Duration),
}

/// Whole seconds, never fewer than it takes.
fn seconds(wait: &Duration) -> u64 {
    wait.as_secs() + 1
}

impl TooFast {
    /// After how many seconds the same is allowed again, if nothing else comes in between.
    #[must_use]
    pub fn retry_after(&self) -> u64 {
        match self {
            Self::Requests(wait) | Self::Registrations(wait) => seconds(wait),
        }
    }
}

/// What is allowed, and what has been used of it.
pub struct Limits {
    addresses: Buckets<IpAddr>,
    issuers: Buckets<Authority>,
    proxies: Proxies,
    each_address: usize,
    open: Mutex<Open>,
}

/// The connections that are open.
#[derive(Default)]
struct Open {
    all: usize,
    by: HashMap<IpAddr, usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self::new(
            Rate { each_second: 200, burst: 2000 },
            Rate { each_second: 50, burst: 1000 },
            512,
            Proxies::default(),
        )
    }
}

impl From<Flags> for Limits {
    fn from(flags: Flags) -> Self {
        let proxies = Proxies { trusted: flags.trusted_proxy, header: flags.proxy_header };
        Self::new(flags.rate_address, flags.rate_key, flags.connections_per_address as usize, proxies)
    }
}

impl Limits {
    fn new(address: Rate, issuer: Rate, each_address: usize, proxies: Proxies) -> Self {
        let (addresses, issuers) = (Buckets::new(address), Buckets::new(issuer));
        Self { addresses, issuers, proxies, each_address, open: Mutex::default() }
    }

    /// Counts one registration of an issuer whose signatures have been checked. All keys and subdomains of a registrable
    /// domain share what it has: making more of them is free.
    ///
    /// # Errors
    /// [`TooFast::Registrations`].
    pub fn registration(&self, issuer: &Domain) -> Result<(), TooFast> {
        self.issuers.take(&issuer.authority()).map_err(TooFast::Registrations)
    }

    /// Counts one request by the address of its client.
    ///
    /// # Errors
    /// [`TooFast::Requests`].
    pub fn request(&self, peer: IpAddr, headers: &HeaderMap) -> Result<(), TooFast> {
        self.addresses.take(&counted(self.proxies.client(peer, headers))).map_err(TooFast::Requests)
    }

    /// A place for a connection, held while it lasts; `None` where its address or the server has too many.
    #[must_use]
    pub fn connection(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let address = counted(peer);
        let mut open = self.open();
        let those = open.by.get(&address).copied().unwrap_or_default();
        let through_proxy = self.proxies.are_at(peer.to_canonical());
        if open.all >= MAX_CONNECTIONS || (those >= self.each_address && !through_proxy) {
            return None;
        }
        open.all += 1;
        open.by.insert(address, those + 1);
        Some(Place { limits: Arc::clone(self), address })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the connections that may be open.
pub struct Place {
    limits: Arc<Limits>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.limits.open();
        open.all = open.all.saturating_sub(1);
        match open.by.get_mut(&self.address) {
            Some(those) if *those > 1 => *those -= 1,
            _ => _ = open.by.remove(&self.address),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn small() -> Arc<Limits> {
        let rate = Rate { each_second: 1, burst: 1 };
        let trusted = vec!["10.0.0.1".parse().unwrap()];
        Arc::new(Limits::new(rate, rate, 2, Proxies { trusted, header: ProxyHeader::default() }))
    }

    #[test]
    fn connections_of_one_address_are_bounded_and_given_back() {
        let limits = small();
        let [one, proxy] = ["2600::1", "10.0.0.1"].map(|text| text.parse::<IpAddr>().unwrap());
        let held = [limits.connection(one), limits.connection("2600::2".parse().unwrap())];
        assert!(held.iter().all(Option::is_some));
        assert!(limits.connection(one).is_none());
        assert!(limits.connection("2600:0:0:1::1".parse().unwrap()).is_some());
        let through: Vec<_> = (0..100).map(|_| limits.connection(proxy)).collect();
        assert!(through.iter().all(Option::is_some));
        drop((held, through));
        assert_eq!((limits.open().all, limits.open().by.len()), (0, 0));
    }

    #[test]
    fn all_connections_together_are_bounded() {
        let limits = small();
        let address = |number: u32| IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0000 + number));
        let most = u32::try_from(MAX_CONNECTIONS).unwrap();
        let held: Vec<_> = (0..most).filter_map(|number| limits.connection(address(number))).collect();
        assert_eq!(held.len(), MAX_CONNECTIONS);
        assert!(limits.connection(address(most)).is_none());
        assert_eq!(limits.open().by.len(), MAX_CONNECTIONS, "who was turned away leaves no entry");
    }

    #[test]
    fn subdomains_share_what_their_registrable_domain_has() {
        let limits = small();
        let domain = |text: &str| text.parse::<Domain>().unwrap();
        assert!(limits.registration(&domain("news.press.example")).is_ok());
        let refused = limits.registration(&domain("press.example")).unwrap_err();
        assert!(matches!(refused, TooFast::Registrations(_)) && refused.retry_after() == 1, "{refused}");
        assert!(limits.registration(&domain("other.example")).is_ok());
    }
}
