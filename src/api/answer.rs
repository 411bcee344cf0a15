//! Answers: how a body gets its type, and what every answer carries.

use serde_json::Value;
use warp::Reply as _;
use warp::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use warp::http::{HeaderValue, StatusCode};

/// Every answer of the API.
pub(super) type Answer = warp::reply::Response;

/// An answer with this text as its body. What it says is true at this moment only, so it is not kept.
pub(super) fn text(status: StatusCode, content_type: &'static str, body: impl Into<String>) -> Answer {
    let mut answer = body.into().into_response();
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// An answer in JSON.
pub(super) fn json(status: StatusCode, body: &Value) -> Answer {
    text(status, "application/json", body.to_string())
}
