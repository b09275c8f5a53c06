//! Which addresses anybody on the internet may be expected behind; what fetches for strangers connects to no other.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Blocks of IPv4 that are not public, by IANA's special-purpose registry (2026-11), with their prefix lengths.
const FORBIDDEN_V4: [([u8; 4], u32); 16] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([233, 252, 0, 0], 24),
    ([240, 0, 0, 0], 4),
];

/// Blocks inside IPv6's global unicast space (2000::/3) that are not public all the same. Everything outside that space is
/// refused as a whole: loopback, link-local, unique local, multicast, mapped and translated IPv4 (::ffff:0:0/96,
/// 64:ff9b::/96, 64:ff9b:1::/48), discard, dummy and segment routing among it.
const FORBIDDEN_V6: [([u16; 8], u32); 5] = [
    // Teredo, ORCHID, benchmarking and other protocol assignments: some of them embed an IPv4 address.
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    // Documentation.
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    // 6to4, which embeds an IPv4 address.
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    // Documentation (RFC 9637, 2024-08).
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
    // The 6bone's, given back.
    ([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16),
];

/// Whether anybody on the internet may be expected behind an address.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    !FORBIDDEN_V4.iter().any(|(block, length)| (bits ^ u32::from_be_bytes(*block)) >> (32 - length) == 0)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    let within = |block: &[u16; 8], length: u32| (bits ^ Ipv6Addr::from(*block).to_bits()) >> (128 - length) == 0;
    // ISATAP interface ids embed an IPv4 address below any prefix.
    let interface = (bits >> 32) & 0xffff_ffff;
    let isatap = matches!(interface, 0x0000_5efe | 0x0200_5efe);
    within(&[0x2000, 0, 0, 0, 0, 0, 0, 0], 3)
        && !isatap
        && !FORBIDDEN_V6.iter().any(|(block, length)| within(block, *length))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORBIDDEN: &[&str] = &[
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.0.170",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.255.255",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "233.252.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "100:0:0:1::1",
        "2001::1",
        "2001:0:4136:e378::1",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:808:808::1",
        "3ffe::1",
        "3fff::1",
        "3fff:fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "2606:4700::5efe:7f00:1",
        "2606:4700::200:5efe:a00:1",
    ];

    const PUBLIC: &[&str] = &[
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.1",
        "169.253.255.255",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.1",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2003::1",
        "2606:4700:4700::1111",
        "2a00:1450:4001::1",
        "3ffd::1",
    ];

    #[test]
    fn addresses_that_nobody_outside_may_reach_are_refused() {
        for text in FORBIDDEN {
            assert!(!is_public(text.parse().expect(text)), "{text}");
        }
        for text in PUBLIC {
            assert!(is_public(text.parse().expect(text)), "{text}");
        }
    }
}
