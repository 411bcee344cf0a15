//! A request on a connection, from its head until it does not count any more: then the connection rests.

use hyper::Response;

use super::connections::{Answering, Requests};
use super::lasting::Lasting;

/// On an answer: whoever has asked was let in by what is not for everybody.
#[derive(Clone, Copy, Debug)]
pub(super) struct LetIn {
    /// With a token, and not since this node is open.
    pub(super) by_token: bool,
}

/// Awaits the answer to a request. An answer to somebody who was let in lasts until its body has ended, as one that is a feed; what
/// everybody may ask for is over with its head, or reading it slowly would hold a place.
pub(super) async fn attended<B, E>(
    requests: Requests,
    answer: impl Future<Output = Result<Response<B>, E>>,
) -> Result<Response<Lasting<B, Option<Answering>>>, E> {
    let Some(answering) = requests.begin() else {
        // The connection is about to be closed: nothing of this request was done.
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
