//! Ports that are not called by default, since servers listen there that could take an HTTP request for their own protocol.

use std::ops::RangeInclusive;

/// The ports that browsers block (WHATWG Fetch, "port blocking"), in order, without 0, which no URL has here.
/// All other ports are open: receivers listen wherever they like, and a narrow list would only make them move.
const BLOCKED: [u16; 82] = [
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104,
    109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515,
    526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049,
    3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
];

/// Whether a port is called only if a rule names it.
pub(super) fn is_blocked(port: u16) -> bool {
    BLOCKED.binary_search(&port).is_ok()
}

/// The ports of a rule, `8080` or `8000-8999`.
pub(super) fn parse(text: &str) -> Result<RangeInclusive<u16>, String> {
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (port(first), port(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        _ => Err(format!("{text:?} is not a port from 1 to 65535, and not two of them joined by a dash")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_and_the_like_are_blocked_and_the_web_is_not() {
        assert!(BLOCKED.is_sorted());
        for port in [22, 25, 110, 465, 587, 6000, 6667, 10080] {
            assert!(is_blocked(port), "{port}");
        }
        for port in [80, 443, 3000, 8000, 8080, 8443, 9000, 49_152] {
            assert!(!is_blocked(port), "{port}");
        }
    }
}
