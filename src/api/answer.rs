//! Makes answers: their body, its type, and the headers that every answer has.

use std::borrow::Cow;

use futures_util::Stream;
use serde_json::Value;
use warp::Reply as _;
use warp::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use warp::http::{HeaderValue, StatusCode};

/// Every answer of the API.
pub(super) type Answer = warp::reply::Response;

/// An answer with this text as its body. It is true at this moment only, so no cache keeps it.
pub(super) fn text(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Cow<'static, str>>,
) -> Answer {
    let answer = match body.into() {
        // Not copied, however many clients read it at once.
        Cow::Borrowed(text) => text.into_response(),
        Cow::Owned(text) => text.into_response(),
    };
    of(status, content_type, answer)
}

/// An answer in JSON whose body is made while the client reads it. If the stream fails, the body is cut off.
pub(super) fn json_stream<S, E>(stream: S) -> Answer
where
    S: Stream<Item = Result<String, E>> + Send + Sync + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    of(StatusCode::OK, "application/json", warp::reply::stream(stream).into_response())
}

fn of(status: StatusCode, content_type: &'static str, mut answer: Answer) -> Answer {
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// A page with the rights that the policy gives it.
pub(super) fn page(html: &'static str, policy: &str) -> Answer {
    let mut answer = text(StatusCode::OK, "text/html; charset=utf-8", html);
    let headers = answer.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    answer
}

pub(super) fn json(status: StatusCode, body: &Value) -> Answer {
    text(status, "application/json", body.to_string())
}
