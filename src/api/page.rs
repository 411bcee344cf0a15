//! `GET /`, `GET /ui_timer` and `GET /ui/…`: the page to set and watch timers, and its files.
//!
//! The page is open to everyone: it contains no data, and asks the API for everything that it shows, with the user's token.

use warp::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use warp::http::{HeaderName, HeaderValue, StatusCode};

use super::answer::{self, Answer};
use super::call::Call;
use super::inbox;
use super::problem::Problem;
use crate::api::ui;

/// The rights of the page: it may run and style itself with its own files, ask this node, and make no markup of text (Trusted Types,
/// without a policy that could make any).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// The browser asks for the page each time, and is answered with `304` if it has this page already.
const ASK: &str = "no-cache";
/// The page's files have their version in their address, so they are good for a year.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";
/// Files of another version are asked for while nodes are replaced. This node's files are more likely to fit than no files at all.
const FOR_NOW: &str = "no-store";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

pub(super) fn show(call: &Call<'_>) -> Answer {
    let page = ui::page(call.api.inbox.as_ref().map(|_| inbox::PATH));
    let etag = format!("\"{}\"", page.tag);
    let known = call.request.headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let known = known.flat_map(|list| list.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
    let mut answer = if known.into_iter().any(|tag| tag == etag || tag == "*") {
        let mut unchanged = answer::text(StatusCode::NOT_MODIFIED, "text/html", "");
        unchanged.headers_mut().remove(CONTENT_TYPE);
        unchanged
    } else {
        answer::text(StatusCode::OK, "text/html; charset=utf-8", page.html)
    };
    let headers = answer.headers_mut();
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(ETAG, etag);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(ASK));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// The answer with one of the page's files: `version`, folder and name.
pub(super) fn file(call: &Call<'_>, path: &str) -> Result<Answer, Problem> {
    let (version, name) = path.split_once('/').unwrap_or_default();
    let file = ui::find(name).ok_or_else(|| Problem::no_such_path(&call.request.path))?;
    let mut answer = answer::text(StatusCode::OK, file.media_type(), file.text);
    let headers = answer.headers_mut();
    let keep = if version == *ui::VERSION { FOR_GOOD } else { FOR_NOW };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(answer)
}
