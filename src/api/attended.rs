//! A request on a connection, from its head until it no longer counts: then the connection rests.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use hyper::Response;

use super::connections::{Answering, Requests};
use super::lasting::Lasting;

/// The other end of a connection.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) address: IpAddr,
    pub(super) let_in: LetIn,
}

/// Whether the client of the present request on a connection was let in to an operation that is not open to everyone. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct LetIn(Arc<AtomicU8>);

impl LetIn {
    const NOT: u8 = 0;
    const OPEN: u8 = 1;
    const BY_TOKEN: u8 = 2;

    /// Notes that the client was let in: by its token, or because this node is open.
    pub(super) fn note(&self, by_token: bool) {
        self.0.store(if by_token { Self::BY_TOKEN } else { Self::OPEN }, Ordering::Relaxed);
    }

    /// Reads the note and removes it, for the next request.
    fn take(&self) -> u8 {
        self.0.swap(Self::NOT, Ordering::Relaxed)
    }
}

/// Awaits the answer to a request. An answer to a client that was let in counts until its body has ended, since it may be a feed. An answer
/// that is open to everyone counts until its head is made, since a client that reads it slowly would hold a place.
pub(super) async fn attended<B, E>(
    requests: Requests,
    let_in: LetIn,
    answer: impl Future<Output = Result<Response<B>, E>>,
) -> Result<Response<Lasting<B, Option<Answering>>>, E> {
    let Some(answering) = requests.begin() else {
        // The connection is about to be closed, and nothing of this request was done.
        return std::future::pending().await;
    };
    let answer = answer.await?;
    let let_in = let_in.take();
    if let_in == LetIn::BY_TOKEN {
        answering.is_known();
    }
    let lasts = (let_in != LetIn::NOT).then_some(answering);
    Ok(answer.map(|body| Lasting::new(body, lasts)))
}
