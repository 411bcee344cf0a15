//! Addresses that do not belong to a server on the internet: each range with its source.
//!
//! A table only. [`super::Policy`] decides which of them may be called nevertheless.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use super::embedded::{NAT64, TEREDO, ipv4_inside};

/// IPv4 ranges. The first one that contains an address names it, so single addresses come before their range.
/// "IANA" is the IPv4 Special-Purpose Address Registry (RFC 6890).
const V4: [(Ipv4Net, &str); 22] = [
    (v4([169, 254, 169, 254], 32), "a cloud's metadata service"),
    // AWS: credentials of containers.
    (v4([169, 254, 170, 2], 32), "a cloud's metadata service"),
    // Alibaba Cloud.
    (v4([100, 100, 100, 200], 32), "a cloud's metadata service"),
    // Oracle Cloud.
    (v4([192, 0, 0, 192], 32), "a cloud's metadata service"),
    // Azure's WireServer, which is in no special range.
    (v4([168, 63, 129, 16], 32), "a cloud's metadata service"),
    (v4([0, 0, 0, 0], 32), "the unspecified address (RFC 1122, 3.2.1.3)"),
    (v4([0, 0, 0, 0], 8), "\"this network\" (RFC 791, 3.2; IANA)"),
    (v4([10, 0, 0, 0], 8), "private (RFC 1918; IANA)"),
    (v4([100, 64, 0, 0], 10), "shared with a carrier's customers (RFC 6598; IANA)"),
    (v4([127, 0, 0, 0], 8), "loopback (RFC 1122, 3.2.1.3; IANA)"),
    (v4([169, 254, 0, 0], 16), "link-local (RFC 3927; IANA)"),
    (v4([172, 16, 0, 0], 12), "private (RFC 1918; IANA)"),
    (v4([192, 0, 0, 0], 24), "for protocols of the IETF (RFC 6890, 2.1; IANA)"),
    (v4([192, 0, 2, 0], 24), "for documentation (RFC 5737; IANA)"),
    (v4([192, 88, 99, 0], 24), "for relays of 6to4 (RFC 7526; IANA)"),
    (v4([192, 168, 0, 0], 16), "private (RFC 1918; IANA)"),
    (v4([198, 18, 0, 0], 15), "for benchmarks (RFC 2544; IANA)"),
    (v4([198, 51, 100, 0], 24), "for documentation (RFC 5737; IANA)"),
    (v4([203, 0, 113, 0], 24), "for documentation (RFC 5737; IANA)"),
    (v4([224, 0, 0, 0], 4), "multicast (RFC 5771)"),
    (v4([255, 255, 255, 255], 32), "broadcast (RFC 919, 7; IANA)"),
    (v4([240, 0, 0, 0], 4), "reserved (RFC 1112, 4; IANA)"),
];

/// IPv6 ranges, in the same kind of order. Addresses outside of [`GLOBAL`], except those of NAT64, are refused even
/// without an entry; the entry gives their use. "IANA" is the IPv6 Special-Purpose Address Registry.
const V6: [(Ipv6Net, &str); 19] = [
    // AWS, Google Cloud and Oracle Cloud.
    (v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128), "a cloud's metadata service"),
    (v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128), "a cloud's metadata service"),
    (v6([0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe], 128), "a cloud's metadata service"),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), "the unspecified address (RFC 4291, 2.5.2; IANA)"),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "loopback (RFC 4291, 2.5.3; IANA)"),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 96), "an IPv4-compatible address (RFC 4291, 2.5.5.1)"),
    // The position of the IPv4 address in these depends on the network, so it cannot be judged.
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), "for a network's own NAT64 (RFC 8215; IANA)"),
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), "for discarding (RFC 6666; IANA)"),
    (v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64), "a dummy prefix (RFC 9780; IANA)"),
    (v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48), "for benchmarks (RFC 5180; IANA)"),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), "for documentation (RFC 3849; IANA)"),
    (v6([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28), "for the first ORCHID (RFC 4843; IANA)"),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "for documentation (RFC 9637; IANA)"),
    (v6([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16), "of the former 6bone (RFC 3701)"),
    (v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16), "for segment routing (RFC 9602; IANA)"),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), "private (RFC 4193; IANA)"),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "link-local (RFC 4291, 2.5.6; IANA)"),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "site-local (RFC 3879)"),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "multicast (RFC 4291, 2.7)"),
];

/// The only part of IPv6 from which servers get addresses (RFC 4291, 2.4; IANA IPv6 Address Space).
const GLOBAL: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// For protocols of the IETF (RFC 2928; IANA). Teredo, which is in it, is judged by the addresses it embeds.
const IETF: Ipv6Net = v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23);

const fn v4([a, b, c, d]: [u8; 4], length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

pub(super) const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), length)
}

/// The special use of an address, or of one inside it; `None` for a server's address.
pub(super) fn what(address: IpAddr) -> Option<&'static str> {
    match address.to_canonical() {
        IpAddr::V4(address) => what_v4(address),
        IpAddr::V6(address) => {
            let named = V6.iter().find(|(range, _)| range.contains(&address)).map(|(_, what)| *what);
            named.or_else(|| ipv4_inside(address).find_map(what_v4)).or_else(|| {
                if NAT64.contains(&address) || TEREDO.contains(&address) {
                    None
                } else if IETF.contains(&address) {
                    Some("for protocols of the IETF (RFC 2928; IANA)")
                } else if GLOBAL.contains(&address) {
                    None
                } else {
                    Some("not a global unicast address (RFC 4291, 2.4)")
                }
            })
        }
    }
}

fn what_v4(address: Ipv4Addr) -> Option<&'static str> {
    V4.iter().find(|(range, _)| range.contains(&address)).map(|(_, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<&'static str> {
        what(text.parse().unwrap())
    }

    #[test]
    fn each_special_range_is_known_at_both_of_its_ends_and_no_further() {
        for (first, last, before, after) in [
            ("0.0.0.0", "0.255.255.255", None, Some("1.0.0.0")),
            ("10.0.0.0", "10.255.255.255", Some("9.255.255.255"), Some("11.0.0.0")),
            ("100.64.0.0", "100.127.255.255", Some("100.63.255.255"), Some("100.128.0.0")),
            ("127.0.0.0", "127.255.255.255", Some("126.255.255.255"), Some("128.0.0.0")),
            ("169.254.0.0", "169.254.255.255", Some("169.253.255.255"), Some("169.255.0.0")),
            ("172.16.0.0", "172.31.255.255", Some("172.15.255.255"), Some("172.32.0.0")),
            ("192.0.0.0", "192.0.0.255", Some("191.255.255.255"), Some("192.0.1.0")),
            ("192.0.2.0", "192.0.2.255", Some("192.0.1.255"), Some("192.0.3.0")),
            ("192.88.99.0", "192.88.99.255", Some("192.88.98.255"), Some("192.88.100.0")),
            ("192.168.0.0", "192.168.255.255", Some("192.167.255.255"), Some("192.169.0.0")),
            ("198.18.0.0", "198.19.255.255", Some("198.17.255.255"), Some("198.20.0.0")),
            ("198.51.100.0", "198.51.100.255", Some("198.51.99.255"), Some("198.51.101.0")),
            ("203.0.113.0", "203.0.113.255", Some("203.0.112.255"), Some("203.0.114.0")),
            ("224.0.0.0", "255.255.255.255", Some("223.255.255.255"), None),
            ("168.63.129.16", "168.63.129.16", Some("168.63.129.15"), Some("168.63.129.17")),
            ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Some("2001:db7::"), Some("2001:db9::")),
            ("2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", None, Some("2001:200::")),
            ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", Some("3ffd::"), Some("3fff:1000::")),
            ("4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None, None),
            ("fc00::", "fdff::", None, None),
            ("fe80::1", "febf::1", None, None),
            ("fec0::1", "feff::1", None, None),
            ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", None, None),
            ("100::", "100::ffff:ffff:ffff:ffff", None, None),
            ("::", "::1", None, None),
        ] {
            assert!(of(first).is_some() && of(last).is_some(), "{first} to {last}");
            for open in [before, after].into_iter().flatten() {
                assert_eq!(of(open), None, "{open}");
            }
        }
    }

    #[test]
    fn an_ipv6_address_is_judged_by_the_ipv4_address_inside() {
        for (wrapped, special) in [
            ("::ffff:127.0.0.1", true),
            ("::ffff:8.8.8.8", false),
            ("::127.0.0.1", true),
            ("::8.8.8.8", true),
            ("64:ff9b::169.254.169.254", true),
            ("64:ff9b::8.8.8.8", false),
            ("64:ff9b:1::8.8.8.8", true),
            ("2002:7f00:1::1", true),
            ("2002:808:808::1", false),
            // A server at 8.8.8.8 and a client at 10.0.0.1; both elsewhere; a server at 10.0.0.1.
            ("2001:0:808:808::f5ff:fffe", true),
            ("2001:0:808:808::f7f7:f7f7", false),
            ("2001:0:a00:1::f7f7:f7f7", true),
            ("2600:1::5efe:10.0.0.1", true),
            ("2600:1::200:5efe:10.0.0.1", true),
            ("2600:1::5efe:8.8.8.8", false),
            ("2600:1::1", false),
        ] {
            assert_eq!(of(wrapped).is_some(), special, "{wrapped}: {:?}", of(wrapped));
        }
    }

    #[test]
    fn the_metadata_services_are_called_by_their_name() {
        for address in [
            "169.254.169.254",
            "169.254.170.2",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
        ] {
            assert_eq!(of(address), Some("a cloud's metadata service"), "{address}");
        }
    }
}
