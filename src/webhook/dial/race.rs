//! Tries several addresses, and takes the first one that comes to a connection (RFC 8305).
//!
//! An address that swallows every packet, or accepts connections and never shakes hands, would otherwise take the whole time of each
//! attempt, however well the next one works.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::webhook::wire::Wire;

/// After this time without an answer the next address is tried in addition to the earlier ones (RFC 8305, 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// An address that has accepted the connection gets this much more time for TLS, which takes one or two round trips, and computing.
const HANDSHAKE: Duration = Duration::from_secs(1);

/// The connection that was made first.
pub(super) struct Won<C> {
    pub(super) connection: C,
    /// How long the other side took to accept it.
    pub(super) took: Duration,
    /// Addresses that were tried before the winner, and had not connected when the next one was tried.
    pub(super) behind: Vec<SocketAddr>,
}

/// The error of the address that failed first.
#[derive(Default)]
pub(super) struct Failed(Mutex<Option<io::Error>>);

impl Failed {
    pub(super) fn take(&self) -> Option<io::Error> {
        self.first().take()
    }

    fn note(&self, error: io::Error) {
        self.first().get_or_insert(error);
    }

    fn clear(&self) {
        *self.first() = None;
    }

    fn first(&self) -> MutexGuard<'_, Option<io::Error>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connects to one of the addresses, which are tried in this order, and runs `then` on a connection that was accepted. `None` if no address
/// comes to a connection. Until one does, `failed` has the error of the address that failed first, which is the address that the name most
/// likely means.
pub(super) async fn connect<'a, C: Send>(
    addresses: &[SocketAddr],
    failed: &Failed,
    then: impl Fn(Wire) -> BoxFuture<'a, io::Result<C>> + Send + Sync,
) -> Option<Won<C>> {
    // An address has accepted, and the time for TLS is not added yet.
    let accepted = AtomicBool::new(false);
    let (then, has_accepted) = (&then, &accepted);
    let attempt = |at: usize, address: SocketAddr| {
        let tried = async move {
            let begun = Instant::now();
            let stream = TcpStream::connect(address).await?;
            has_accepted.store(true, Ordering::Relaxed);
            let took = begun.elapsed();
            Ok((then(Wire::new(stream)?).await?, took))
        };
        tried.map(move |tried| (at, tried)).boxed()
    };
    let mut trying = FuturesUnordered::new();
    let mut rest = addresses.iter().enumerate();
    loop {
        let next = rest.next();
        let is_last = next.is_none();
        trying.extend(next.map(|(at, address)| attempt(at, *address)));
        let start = tokio::time::sleep(HEAD_START);
        tokio::pin!(start);
        loop {
            tokio::select! {
                tried = trying.next() => match tried {
                    Some((at, Ok((connection, took)))) => {
                        failed.clear();
                        return Some(Won { connection, took, behind: addresses[..at].to_vec() });
                    }
                    Some((_, Err(error))) => {
                        failed.note(error);
                        accepted.store(false, Ordering::Relaxed);
                        if !is_last {
                            break;
                        }
                    }
                    None => return None,
                },
                () = &mut start, if !is_last => {
                    if !accepted.swap(false, Ordering::Relaxed) {
                        break;
                    }
                    start.as_mut().reset(Instant::now() + HANDSHAKE);
                }
            }
        }
    }
}

/// Alternates between the kinds of addresses, beginning with the first one's, and keeps the order within each (RFC 8305, 4).
pub(super) fn alternating(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut same, mut other) = (vec![], vec![]);
    for address in addresses {
        if address.is_ipv6() == first_is_v6 { same.push(address) } else { other.push(address) }
    }
    let (mut same, mut other) = (same.into_iter(), other.into_iter());
    let mut all = vec![];
    loop {
        let pair = [same.next(), other.next()];
        if pair == [None, None] {
            return all;
        }
        all.extend(pair.into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_addresses_alternate() {
        let order = |texts: &[&str]| {
            let addresses = texts.iter().map(|text| text.parse().unwrap()).collect();
            alternating(addresses).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            order(&["1.1.1.1:1", "1.1.1.2:1", "1.1.1.3:1", "[::1]:1"]),
            ["1.1.1.1:1", "[::1]:1", "1.1.1.2:1", "1.1.1.3:1"]
        );
        assert_eq!(order(&["[::1]:1", "1.1.1.1:1", "[::2]:1"]), ["[::1]:1", "1.1.1.1:1", "[::2]:1"]);
        assert_eq!(order(&[]), [""; 0]);
    }
}
