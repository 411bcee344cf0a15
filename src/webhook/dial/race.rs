//! Connects to the first of several addresses that answers (RFC 8305).
//!
//! An address that swallows every packet would otherwise take the whole time of each attempt, however well the next one works.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::net::TcpStream;

/// After this time without an answer the next address is tried beside the ones before (RFC 8305, 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to one of the addresses, which are tried in this order.
///
/// # Errors
///
/// The error of the address that failed first, which is the one that the name is most likely to mean.
pub(super) async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let (mut trying, mut first) = (FuturesUnordered::new(), None);
    let mut rest = addresses.iter();
    loop {
        let next = rest.next();
        let is_last = next.is_none();
        trying.extend(next.map(|address| TcpStream::connect(*address)));
        let start = tokio::time::sleep(HEAD_START);
        tokio::pin!(start);
        loop {
            tokio::select! {
                tried = trying.next() => match tried {
                    Some(Ok(stream)) => return Ok(stream),
                    Some(Err(error)) => {
                        first.get_or_insert(error);
                        if !is_last {
                            break;
                        }
                    }
                    None => return Err(first.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into())),
                },
                () = &mut start, if !is_last => break,
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
