//! The forms in which an IPv6 address stands for an IPv4 one, apart from the mapped form, which is the IPv4
//! address itself.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::Ipv6Net;

use super::special::v6;

/// RFC 6052, 2.1.
pub(super) const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
/// RFC 4380, 2.6.
pub(super) const TEREDO: Ipv6Net = v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32);
/// RFC 3056, 2.
const SIX_TO_FOUR: Ipv6Net = v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16);

/// The IPv4 addresses inside an IPv6 address.
pub(super) fn ipv4_inside(address: Ipv6Addr) -> impl Iterator<Item = Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let last = join(g, h);
    // RFC 6052, 2.2.
    let nat64 = NAT64.contains(&address).then_some(last);
    // RFC 3056, 2.
    let six_to_four = SIX_TO_FOUR.contains(&address).then(|| join(b, c));
    // The Teredo server, and the client with every bit inverted (RFC 4380, 4).
    let teredo = TEREDO.contains(&address);
    let server = teredo.then(|| join(c, d));
    let client = teredo.then(|| join(!g, !h));
    // Any prefix may contain it; the bit for "unique in the world" varies (RFC 5214, 6.1).
    let isatap = (matches!(e, 0 | 0x200) && f == 0x5efe).then_some(last);
    // Every address of ::/96 is refused anyway; a deny rule still finds it by the IPv4 address inside.
    let compatible = ([a, b, c, d, e, f] == [0; 6]).then_some(last);
    [nat64, six_to_four, server, client, isatap, compatible].into_iter().flatten()
}

fn join(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}
