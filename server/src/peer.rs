//! Peers: whose address a request is counted under, behind proxies or not.
//!
//! A header that names an address is anybody's to write. It is believed only where the connection itself comes from a proxy
//! that the operator named, and only the part that such a proxy added: read from the right, up to the first address that is
//! no proxy's. One kind of header is read and never the other, since a proxy that writes one hands on the other as a
//! stranger sent it.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, HeaderName, header};

/// The most addresses of a header that are looked at.
const MAX_HOPS: usize = 16;

/// The address at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// A block of addresses, or one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    length: u8,
}

impl std::str::FromStr for Network {
    type Err = String;

    /// Reads `192.0.2.1`, `10.0.0.0/8`, `2001:db8::/32`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no address and no network, such as 10.0.0.0/8");
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => most,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().map_err(|_| wrong())?,
            Some(_) => return Err(wrong()),
        };
        let network = Self { address, length };
        // Bits behind the prefix are a slip of whoever wrote it: which network was meant can't be told.
        if length > most || first_bits(address, length) != bits(address) {
            return Err(wrong());
        }
        Ok(network)
    }
}

/// An address as 128 bits, IPv4 at the upper end.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn first_bits(address: IpAddr, length: u8) -> u128 {
    bits(address) & u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or_default()
}

impl Network {
    fn holds(&self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4() && first_bits(address, self.length) == bits(self.address)
    }
}

/// Which header the named proxies write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ProxyHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The proxies that the operator named.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// Their addresses.
    pub trusted: Vec<Network>,
    /// What they write.
    pub header: ProxyHeader,
}

impl Proxies {
    /// Whether an address is a named proxy's.
    #[must_use]
    pub fn are_at(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.holds(address))
    }

    /// The client's address: the peer's own unless the peer is a named proxy that says on whose behalf it asks.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.are_at(peer) {
            return peer;
        }
        let (name, read): (HeaderName, fn(&str) -> Option<IpAddr>) = match self.header {
            ProxyHeader::XForwardedFor => (HeaderName::from_static("x-forwarded-for"), address),
            ProxyHeader::Forwarded => (header::FORWARDED, forwarded),
        };
        let values: Vec<&str> = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default()).collect();
        let hops = values.iter().rev().flat_map(|value| value.rsplit(',')).take(MAX_HOPS);
        let mut client = peer;
        for hop in hops {
            // What can't be read was not written by a proxy that knows how: whoever handed it on is counted.
            let Some(named) = read(hop.trim()) else { return client };
            client = named.to_canonical();
            if !self.are_at(client) {
                return client;
            }
        }
        client
    }
}

/// `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]:443`.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split_once(']').and_then(|(address, _)| address.parse::<Ipv6Addr>().ok()).map(IpAddr::V6);
    }
    text.parse().ok().map(|socket: std::net::SocketAddr| socket.ip())
}

/// The `for` of one element of `Forwarded`.
fn forwarded(element: &str) -> Option<IpAddr> {
    let value = element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value.trim())
    })?;
    address(value.trim_matches('"'))
}

/// What is counted of an address: of IPv6 the first 64 bits, since whoever has one has them all.
#[must_use]
pub fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn proxies(header: ProxyHeader) -> Proxies {
        let trusted = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"].map(|text| text.parse().unwrap()).to_vec();
        Proxies { trusted, header }
    }

    fn client(proxies: &Proxies, peer: &str, lines: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        proxies.client(ip(peer), &headers).to_string()
    }

    #[test]
    fn networks_are_read_strictly() {
        let holds = |network: &str, address: &str| network.parse::<Network>().unwrap().holds(ip(address));
        assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.0"));
        assert!(holds("192.0.2.7", "192.0.2.7") && !holds("192.0.2.7", "192.0.2.8"));
        assert!(holds("2001:db8::/32", "2001:db8:1::1") && !holds("2001:db8::/32", "2001:db9::1"));
        assert!(holds("0.0.0.0/0", "1.2.3.4") && !holds("0.0.0.0/0", "::1") && holds("::/0", "::1"));
        for wrong in
            ["", "10.0.0.0/33", "10.0.0.1/8", "::1/129", "press.example", "10.0.0.0/", "10.0.0.0/+8", "10.0.0/8"]
        {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_stranger_names_nobody_else() {
        let proxies = proxies(ProxyHeader::XForwardedFor);
        for line in [("x-forwarded-for", "198.51.100.1"), ("forwarded", "for=198.51.100.1")] {
            assert_eq!(client(&proxies, "203.0.113.9", &[line]), "203.0.113.9");
        }
        assert_eq!(client(&Proxies::default(), "127.0.0.1", &[("x-forwarded-for", "198.51.100.1")]), "127.0.0.1");
    }

    #[test]
    fn behind_a_named_proxy_what_it_added_counts_and_what_the_client_wrote_does_not() {
        let by = proxies(ProxyHeader::XForwardedFor);
        let name = "x-forwarded-for";
        assert_eq!(client(&by, "10.0.0.1", &[(name, "198.51.100.1")]), "198.51.100.1");
        assert_eq!(client(&by, "::ffff:10.0.0.1", &[(name, "::ffff:198.51.100.1")]), "198.51.100.1");
        // The client's own lies stand to the left.
        assert_eq!(client(&by, "10.0.0.1", &[(name, "1.1.1.1, 10.9.9.9, 198.51.100.1")]), "198.51.100.1");
        assert_eq!(client(&by, "10.0.0.1", &[(name, "1.1.1.1"), (name, "198.51.100.1, 192.0.2.7")]), "198.51.100.1");
        assert_eq!(client(&by, "10.0.0.1", &[(name, "[2600::1]:443")]), "2600::1");
        assert_eq!(client(&by, "10.0.0.1", &[(name, "198.51.100.1:5000")]), "198.51.100.1");
        // The other header is the client's, whatever it says.
        assert_eq!(client(&by, "10.0.0.1", &[("forwarded", "for=1.1.1.1")]), "10.0.0.1");
        // What can't be read, or is missing, is the proxy's.
        for odd in ["unknown", "", "198.51.100.1, garbage", "198.51.100.1,", "_hidden"] {
            assert_eq!(client(&by, "10.0.0.1", &[(name, odd)]), "10.0.0.1", "{odd}");
        }
        let long = vec!["10.0.0.2"; 100_000].join(",");
        assert_eq!(client(&by, "10.0.0.1", &[(name, &long)]), "10.0.0.2");
    }

    #[test]
    fn the_standard_header_is_read_where_it_is_named() {
        let by = proxies(ProxyHeader::Forwarded);
        let name = "forwarded";
        assert_eq!(client(&by, "10.0.0.1", &[(name, "for=198.51.100.1;proto=https")]), "198.51.100.1");
        assert_eq!(client(&by, "10.0.0.1", &[(name, "for=1.1.1.1, By=x;For=\"[2600::1]:4711\"")]), "2600::1");
        for odd in ["for=unknown", "proto=https", "for=_secret", "for=\"1.1.1.1"] {
            let found = client(&by, "10.0.0.1", &[(name, odd)]);
            assert!(found == "10.0.0.1" || found == "1.1.1.1", "{odd}: {found}");
        }
        assert_eq!(client(&by, "10.0.0.1", &[("x-forwarded-for", "1.1.1.1")]), "10.0.0.1");
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        assert_eq!(counted(ip("2600:1:2:3:4:5:6:7")), counted(ip("2600:1:2:3::1")));
        assert_ne!(counted(ip("2600:1:2:3::1")), counted(ip("2600:1:2:4::1")));
        assert_eq!(counted(ip("::ffff:198.51.100.1")), ip("198.51.100.1"));
    }
}
