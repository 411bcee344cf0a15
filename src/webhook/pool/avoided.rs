//! Addresses of a receiver that came to no connection when another address of it did. Calls try them last, so that not every call waits for
//! them. Time comes in as an argument.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// For this long an address is tried last after another one had to be tried in its place, which takes up to a second and a quarter.
const AVOIDED: Duration = Duration::from_secs(60);

/// The most addresses of a receiver that are remembered for it.
const MOST_AVOIDED: usize = 16;

/// The addresses that are avoided.
#[derive(Clone, Debug, Default)]
pub(super) struct Avoided {
    addresses: Vec<SocketAddr>,
    /// When the last one was noted.
    noted: Option<Instant>,
}

impl Avoided {
    /// The addresses that are tried last.
    pub(super) fn addresses(&self, now: Instant) -> Vec<SocketAddr> {
        if self.is_over(now) { vec![] } else { self.addresses.clone() }
    }

    /// Notes that another address came to a connection before these did, or that these came to no connection.
    pub(super) fn note(&mut self, addresses: &[SocketAddr], now: Instant) {
        if self.is_over(now) {
            self.addresses.clear();
        }
        for address in addresses {
            if self.addresses.len() < MOST_AVOIDED && !self.addresses.contains(address) {
                self.addresses.push(*address);
                self.noted = Some(now);
            }
        }
    }

    fn is_over(&self, now: Instant) -> bool {
        self.noted.is_none_or(|noted| now.saturating_duration_since(noted) >= AVOIDED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_addresses_are_avoided_for_a_minute() {
        let of = |n: u16| SocketAddr::from(([127, 0, 0, 1], n));
        let (start, mut avoided) = (Instant::now(), Avoided::default());
        avoided.note(&[of(1), of(2), of(1)], start);
        let last = start + AVOIDED - Duration::from_millis(1);
        assert_eq!(avoided.addresses(last), [of(1), of(2)]);
        assert!(avoided.addresses(start + AVOIDED).is_empty());
        // An address that is known already does not extend the time.
        avoided.note(&[of(2)], last);
        assert!(avoided.addresses(start + AVOIDED).is_empty());
        avoided.note(&(0..1_000).map(of).collect::<Vec<_>>(), start + AVOIDED);
        assert_eq!(avoided.addresses(start + AVOIDED).len(), MOST_AVOIDED);
    }
}
