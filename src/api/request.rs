//! Takes a request apart, and reads its body within a time: its type, its size and its JSON, in that order.

use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use warp::filters::BoxedFilter;
use warp::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use warp::http::{HeaderMap, HeaderValue, Method};
use warp::path::FullPath;
use warp::{Filter as _, Rejection};

use super::attended::{LetIn, Peer};
use super::json::Json;
use super::memory::{Budget, FREE_BYTES, Holder, Part};
use super::problem::Problem;
use crate::foundation::text_file;

/// How much of a refused body is read and thrown away, in bytes, and for how long.
const LINGER_BYTES: usize = 1_048_576;
const LINGER: Duration = Duration::from_millis(500);

/// The most bytes of a body that says nothing, blanks aside.
const NOTHING_BYTES: usize = 4;

/// A request's body as it comes in.
type Body = Pin<Box<dyn Stream<Item = Result<Bytes, warp::Error>> + Send>>;

pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    /// The client whose memory the body takes.
    pub(super) holder: Holder,
    /// Where the gate notes that the client was let in.
    pub(super) let_in: LetIn,
    /// Never shared, so never locked: the lock makes the request `Sync`, which handlers that borrow it must be.
    body: Mutex<Body>,
}

/// Any request, with its parts. An unknown address of the client counts as 0.0.0.0.
pub(super) fn any() -> BoxedFilter<(Request,)> {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::method()
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<Peer>())
        .and(warp::body::stream())
        .and_then(|method, path: FullPath, query, headers, peer: Option<Peer>, body| {
            let nowhere = || Peer { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), let_in: LetIn::default() };
            let Peer { address, let_in } = peer.unwrap_or_else(nowhere);
            std::future::ready(Ok::<_, Rejection>(Request {
                method,
                path: path.as_str().to_owned(),
                query,
                headers,
                holder: Holder::at(address),
                let_in,
                body: Mutex::new(bytes_of(body)),
            }))
        })
        .boxed()
}

fn bytes_of<B: bytes::Buf>(body: impl Stream<Item = Result<B, warp::Error>> + Send + 'static) -> Body {
    Box::pin(body.map(|chunk| chunk.map(|mut chunk| chunk.copy_to_bytes(chunk.remaining()))))
}

impl Request {
    /// The media type that the body claims to have, in lower case, without parameters; empty if none.
    pub(super) fn media_type(&self) -> String {
        let value = self.headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
        value.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// Reads a JSON body of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes). In addition, another media type, and a body that is not JSON.
    pub(super) async fn json(
        &mut self,
        limit: usize,
        patience: Duration,
        memory: &Budget,
    ) -> Result<Json, Problem> {
        if !is_json(&self.media_type()) {
            return Err(Problem::unsupported_media_type("JSON: send it with Content-Type: application/json"));
        }
        let bytes = without_mark(&self.bytes(limit, patience, memory).await?);
        Json::read(bytes).map_err(|bad| bad.problem("the body"))
    }

    /// Reads the body, of at most `limit` bytes, within `patience`. Its memory goes back once the last reference to its bytes is dropped.
    ///
    /// # Errors
    ///
    /// A content coding, a body that is too large, broken or too slow, or no memory for it. Then the rest of the body was read
    /// for a moment, so that the client gets to read the answer.
    pub(super) async fn bytes(
        &mut self,
        limit: usize,
        patience: Duration,
        memory: &Budget,
    ) -> Result<Bytes, Problem> {
        let announced = self.headers.get(CONTENT_LENGTH);
        let announced = announced.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        let announced = announced.unwrap_or_default();
        if self
            .headers
            .get(CONTENT_ENCODING)
            .is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
        {
            return Err(Problem::unsupported_media_type("sent as it is, without Content-Encoding"));
        }
        // A client that asks before it sends a body gets the answer before: reading any of the body would ask for it.
        let asks = |expect: &HeaderValue| expect.as_bytes().eq_ignore_ascii_case(b"100-continue");
        if announced > limit && self.headers.get(EXPECT).is_some_and(asks) {
            return Err(Problem::too_large(limit));
        }
        let body = self.body.get_mut().unwrap_or_else(PoisonError::into_inner);
        let part = memory.part(self.holder.clone());
        let read = async {
            if announced > limit {
                return Err(Problem::too_large(limit));
            }
            collect(body, limit, announced, part).await
        };
        let read = tokio::time::timeout(patience, read).await.unwrap_or_else(|_| Err(Problem::too_slow()));
        if read.is_err() && tokio::time::timeout(LINGER, discard(body)).await.is_err() {
            tracing::debug!("a client keeps sending a body that was refused");
        }
        read
    }
}

impl Request {
    /// Whether the body says more than the nothing that some clients send with every request (`{}`, `null`). A body that does not end
    /// within `patience` says something.
    pub(super) async fn says_something(&mut self, patience: Duration) -> bool {
        let body = self.body.get_mut().unwrap_or_else(PoisonError::into_inner);
        let read = async {
            let mut said = vec![];
            while let Some(chunk) = body.next().await {
                let Ok(chunk) = chunk else { return true };
                said.extend(chunk.iter().filter(|byte| !byte.is_ascii_whitespace()));
                if said.len() > NOTHING_BYTES {
                    return true;
                }
            }
            !matches!(said.as_slice(), b"" | b"{}" | b"null")
        };
        let says = tokio::time::timeout(patience, read).await.unwrap_or(true);
        if says && tokio::time::timeout(LINGER, discard(body)).await.is_err() {
            tracing::debug!("a client keeps sending a body that was refused");
        }
        says
    }
}

/// The body without a byte order mark, which a JSON parser may ignore (RFC 8259, 8.1).
pub(super) fn without_mark(bytes: &Bytes) -> Bytes {
    bytes.slice_ref(text_file::without_mark(bytes))
}

/// Reads the body. Memory is taken as its bytes come, not as they are announced.
async fn collect(
    body: &mut Body,
    limit: usize,
    announced: usize,
    mut memory: Part,
) -> Result<Bytes, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| Problem::unreadable_body())?;
        let length = bytes.len() + chunk.len();
        if length > limit {
            return Err(Problem::too_large(limit));
        }
        if length > bytes.capacity() {
            // The buffer doubles each time, up to the announced length of the body, or up to the limit if that is exceeded or missing.
            let most = if announced < length { limit } else { announced };
            let capacity = (2 * bytes.capacity()).clamp(length, most);
            memory.grow_to(capacity.saturating_sub(FREE_BYTES)).map_err(|_| Problem::memory_full())?;
            bytes.reserve_exact(capacity - bytes.len());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(memory.keep(bytes))
}

/// Reads the rest of a refused body from the client: a client that is still writing when its connection is closed does not get to read the
/// answer.
async fn discard(body: &mut Body) {
    let mut left = LINGER_BYTES;
    while let Some(Ok(chunk)) = body.next().await {
        match left.checked_sub(chunk.len()) {
            Some(less) => left = less,
            None => return,
        }
    }
}

/// Whether the body claims to be JSON, or claims nothing.
fn is_json(media_type: &str) -> bool {
    matches!(media_type, "" | "application/json")
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}
