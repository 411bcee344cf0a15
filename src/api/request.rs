//! Reading a request's body: its type, its size and its JSON, in that order, and within a time.

use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use serde_json::Value;
use warp::http::HeaderMap;
use warp::http::header::{CONTENT_LENGTH, CONTENT_TYPE};

use super::problem::Problem;

/// How long a client may take to send a body. A body that is slower holds a connection for nothing.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A request's body: as it was written, and as JSON.
pub(super) struct Json {
    pub(super) bytes: Vec<u8>,
    pub(super) value: Value,
}

/// Reads a JSON body of at most `limit` bytes.
///
/// # Errors
///
/// The problem with it.
pub(super) async fn json<S, B>(headers: &HeaderMap, body: S, limit: usize) -> Result<Json, Problem>
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: bytes::Buf,
{
    if !is_json(headers) {
        return Err(Problem::unsupported_media_type());
    }
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(Problem::too_large(limit));
    }
    let bytes = tokio::time::timeout(BODY_TIMEOUT, collect(body, limit))
        .await
        .unwrap_or_else(|_| Err(Problem::too_slow()))?;
    match serde_json::from_slice(&bytes) {
        Ok(value) => Ok(Json { bytes, value }),
        Err(error) => Err(Problem::not_json(format!("the body is not JSON: {error}"))),
    }
}

async fn collect<S, B>(body: S, limit: usize) -> Result<Vec<u8>, Problem>
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: bytes::Buf,
{
    let mut bytes = Vec::new();
    let mut body = std::pin::pin!(body);
    while let Some(chunk) = body.next().await {
        let mut chunk = chunk.map_err(|_| Problem::unreadable_body())?;
        if bytes.len() + chunk.remaining() > limit {
            return Err(Problem::too_large(limit));
        }
        while chunk.has_remaining() {
            let part = chunk.chunk();
            bytes.extend_from_slice(part);
            let length = part.len();
            chunk.advance(length);
        }
    }
    Ok(bytes)
}

/// Whether the body claims to be JSON, or claims nothing.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else { return true };
    let Ok(text) = value.to_str() else { return false };
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}
