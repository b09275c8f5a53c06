//! Limits: how much one address and one issuer may ask for, and how many connections stand open.
//!
//! Who would attack: a stranger with one machine, or with a network of them, who wants the registry busy for nobody else; a
//! publisher whose script runs wild. Requests are counted by address before anything is read of them; registrations by
//! issuer only after the signatures were checked, so that nobody uses up another's share by naming it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use cleartitle_schema::issuer::{Authority, Domain};

use crate::peer::{Network, Proxies, ProxyHeader, counted};
use crate::places::{Place, Places};
use crate::rate::{Buckets, Rate};
use crate::store::uploads::Room;

/// How many connections are open at once.
const MAX_CONNECTIONS: usize = 4096;

/// How many streams of questions are answered at once, and how many of them for one client.
const MAX_STREAMS: usize = 64;
const STREAMS_EACH: usize = 16;

/// How many questions wait for changes at once, and how many of them for one client.
const MAX_WAITERS: usize = 128;
const WAITERS_EACH: usize = 8;

/// How many provenance tables there may be: a look-up of a document asks each. How many of them may be one house's, and how many of one may
/// be on their way.
const MAX_TABLES: u64 = 1024;
const TABLES_EACH: u64 = 64;
const TABLES_COMING_EACH: u64 = 4;

/// How many of the few places for large bodies one client may have or await.
const LARGE_BODIES_EACH: usize = 4;

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
    /// GiB that the provenance tables of one registrable domain may have, in the log and on their way.
    #[arg(long, value_name = "GIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(..=1 << 20))]
    tables_each: u64,
    /// GiB that all provenance tables together may have.
    #[arg(long, value_name = "GIB", default_value_t = 256, value_parser = clap::value_parser!(u64).range(..=1 << 20))]
    tables_all: u64,
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

/// Whom a request is counted under: an address, of IPv6 its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client(IpAddr);

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
    connections: Arc<Places>,
    streams: Arc<Places>,
    waiters: Arc<Places>,
    large_bodies: Arc<Places>,
    tables: Room,
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
        let tables = room(flags.tables_each, flags.tables_all);
        Self {
            tables,
            ..Self::new(flags.rate_address, flags.rate_key, flags.connections_per_address as usize, proxies)
        }
    }
}

/// So many GiB of tables for one house, and for all.
fn room(each: u64, all: u64) -> Room {
    Room {
        each: each << 30,
        all: all << 30,
        files: MAX_TABLES,
        files_each: TABLES_EACH,
        uploads_each: TABLES_COMING_EACH,
    }
}

impl Limits {
    fn new(address: Rate, issuer: Rate, each_address: usize, proxies: Proxies) -> Self {
        let (addresses, issuers) = (Buckets::new(address), Buckets::new(issuer));
        let [connections, streams, waiters, large_bodies] =
            [MAX_CONNECTIONS, MAX_STREAMS, MAX_WAITERS, MAX_CONNECTIONS].map(Places::new);
        Self {
            addresses,
            issuers,
            proxies,
            each_address,
            connections,
            streams,
            waiters,
            large_bodies,
            tables: room(64, 256),
        }
    }

    /// How much provenance tables may take.
    #[must_use]
    pub fn tables(&self) -> Room {
        self.tables
    }

    /// Counts one registration of an issuer whose signatures have been checked. All keys and subdomains of a registrable
    /// domain share what it has: making more of them is free.
    ///
    /// # Errors
    /// [`TooFast::Registrations`].
    pub fn registration(&self, issuer: &Domain) -> Result<(), TooFast> {
        self.issuers.take(&issuer.authority()).map_err(TooFast::Registrations)
    }

    /// Whom a request is counted under.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        Client(counted(self.proxies.client(peer, headers)))
    }

    /// Counts one request.
    ///
    /// # Errors
    /// [`TooFast::Requests`].
    pub fn request(&self, client: Client) -> Result<(), TooFast> {
        self.addresses.take(&client.0).map_err(TooFast::Requests)
    }

    /// A place for a connection, held while it lasts; `None` where its address or the server has too many.
    #[must_use]
    pub fn connection(&self, peer: IpAddr) -> Option<Place> {
        let through_proxy = self.proxies.are_at(peer.to_canonical());
        self.connections.take(counted(peer), if through_proxy { MAX_CONNECTIONS } else { self.each_address })
    }

    /// A place for a stream of questions, held while it lasts; `None` where its client or the server has too many.
    #[must_use]
    pub fn stream(&self, client: Client) -> Option<Place> {
        self.streams.take(client.0, STREAMS_EACH)
    }

    /// A place to wait for changes, held while it lasts; `None` where its client or the server has too many.
    #[must_use]
    pub fn waiter(&self, client: Client) -> Option<Place> {
        self.waiters.take(client.0, WAITERS_EACH)
    }

    /// Leave to ask for one of the few places for large bodies; `None` where the client has as many as it may.
    #[must_use]
    pub fn large_body(&self, client: Client) -> Option<Place> {
        self.large_bodies.take(client.0, LARGE_BODIES_EACH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Arc<Limits> {
        let rate = Rate { each_second: 1, burst: 1 };
        let trusted = vec!["10.0.0.1".parse().unwrap()];
        Arc::new(Limits::new(rate, rate, 2, Proxies { trusted, header: ProxyHeader::default() }))
    }

    #[test]
    fn a_network_shares_its_connections_and_a_named_proxy_has_all() {
        let limits = small();
        let [one, twin, other, proxy] =
            ["2600::1", "2600::2", "2600:0:0:1::1", "10.0.0.1"].map(|text| text.parse::<IpAddr>().unwrap());
        let held = [limits.connection(one), limits.connection(twin)];
        assert!(held.iter().all(Option::is_some));
        assert!(limits.connection(one).is_none());
        assert!(limits.connection(other).is_some());
        let through: Vec<_> = (0..100).map(|_| limits.connection(proxy)).collect();
        assert!(through.iter().all(Option::is_some));
        drop(held);
        assert!(limits.connection(one).is_some());
    }

    #[test]
    fn one_client_has_a_part_of_the_streams_and_of_the_large_bodies() {
        let limits = small();
        let client = |text: &str| limits.client(text.parse().unwrap(), &HeaderMap::new());
        let [one, other] = [client("198.51.100.1"), client("198.51.100.2")];
        let streams: Vec<_> = (0..100).filter_map(|_| limits.stream(one)).collect();
        let bodies: Vec<_> = (0..100).filter_map(|_| limits.large_body(one)).collect();
        let waiters: Vec<_> = (0..100).filter_map(|_| limits.waiter(one)).collect();
        assert_eq!((streams.len(), waiters.len(), bodies.len()), (STREAMS_EACH, WAITERS_EACH, LARGE_BODIES_EACH));
        assert!(limits.stream(other).is_some() && limits.large_body(other).is_some());
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
