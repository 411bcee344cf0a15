//! A request on a connection, from its head until it no longer counts: then the connection rests.

use hyper::Response;

use super::connections::{Answering, Requests};
use super::lasting::Lasting;

/// Marks an answer to a client that was let in to an operation that is not open to everyone.
#[derive(Clone, Copy, Debug)]
pub(super) struct LetIn {
    /// Whether the client was let in by its token, and not because this node is open.
    pub(super) by_token: bool,
}

/// Awaits the answer to a request. An answer to a client that was let in counts until its body has ended, since it may be a feed. An answer
/// that is open to everyone counts until its head is made, since a client that reads it slowly would hold a place.
pub(super) async fn attended<B, E>(
    requests: Requests,
    answer: impl Future<Output = Result<Response<B>, E>>,
) -> Result<Response<Lasting<B, Option<Answering>>>, E> {
    let Some(answering) = requests.begin() else {
        // The connection is about to be closed, and nothing of this request was done.
        return std::future::pending().await;
    };
    let answer = answer.await?;
    let let_in = answer.extensions().get::<LetIn>().copied();
    if let_in.is_some_and(|let_in| let_in.by_token) {
        answering.is_known();
    }
    let lasts = let_in.map(|_| answering);
    Ok(answer.map(|body| Lasting::new(body, lasts)))
}
