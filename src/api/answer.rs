//! Answers: how a body gets its type, and what every answer carries.

use serde_json::Value;
use warp::Reply as _;
use warp::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
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

/// A page that may do what the policy says.
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

/// An answer in JSON.
pub(super) fn json(status: StatusCode, body: &Value) -> Answer {
    text(status, "application/json", body.to_string())
}
