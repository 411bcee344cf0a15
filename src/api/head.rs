//! The head of a request: its id and its limits. Refuses heads that this node can read, but that two programs on the way may understand in
//! two ways.

use uuid::Uuid;
use warp::http::header::{HOST, TRANSFER_ENCODING};
use warp::http::{HeaderMap, HeaderName};

use super::problem::Problem;
use super::request::Request;

/// The most bytes of path and query: many times what the filters of a list need.
const MAX_URI_BYTES: usize = 8_192;
/// The most header fields of a request.
const MAX_HEADERS: usize = 100;
/// The most bytes of all header names and values together: as many as common servers take.
const MAX_HEADER_BYTES: usize = 16_384;
/// The longest request id that is taken over from a client, in bytes.
pub(super) const MAX_REQUEST_ID_BYTES: usize = 128;

/// Every answer of ours has this header, which tells it from hyper's own answers.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The fields that are read here and have a hyphen in their names. Many programs take an underscore for a hyphen, and others drop such a
/// field, so a client that sends underscores cannot know what becomes of the field.
const HYPHENATED: [&str; 13] = [
    "access-control-request-headers",
    "access-control-request-method",
    "content-encoding",
    "content-length",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
    "sec-fetch-site",
    "transfer-encoding",
    "webhook-id",
    "x-request-id",
];

/// Refuses a head that is ambiguous, or asks for something that this server does not know.
pub(super) fn check(headers: &HeaderMap) -> Result<(), Problem> {
    // RFC 9112, 3.2.
    if headers.get_all(HOST).iter().count() > 1 {
        return Err(Problem::ambiguous_head("the request has more than one Host field"));
    }
    // RFC 9112, 6.1: a coding before `chunked` would have to be undone.
    let codings = headers
        .get_all(TRANSFER_ENCODING)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let mut codings = codings.map(<[u8]>::trim_ascii).filter(|coding| !coding.is_empty());
    if codings.next().is_some_and(|first| !first.eq_ignore_ascii_case(b"chunked")) || codings.next().is_some()
    {
        return Err(Problem::ambiguous_head(
            "the only supported transfer coding is chunked, given once: send the body without compression",
        ));
    }
    let meant = |name: &str| name.contains('_').then(|| name.replace('_', "-"));
    let known = |name: &&str| meant(name).is_some_and(|meant| HYPHENATED.contains(&meant.as_str()));
    if let Some(name) = headers.keys().map(|name| name.as_str()).find(known) {
        let hyphenated = name.replace('_', "-");
        return Err(Problem::ambiguous_head(format!(
            "the header field {name} must be written with hyphens: {hyphenated}"
        )));
    }
    Ok(())
}

/// Refuses a head that is too large.
pub(super) fn within_limits(request: &Request) -> Result<(), Problem> {
    if request.path.len() + request.query.len() > MAX_URI_BYTES {
        return Err(uri_too_long());
    }
    let bytes: usize = request.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if request.headers.len() > MAX_HEADERS || bytes > MAX_HEADER_BYTES {
        return Err(headers_too_large());
    }
    Ok(())
}

pub(super) fn uri_too_long() -> Problem {
    Problem::uri_too_long(MAX_URI_BYTES)
}

pub(super) fn headers_too_large() -> Problem {
    Problem::headers_too_large(format!(
        "a request may have at most {MAX_HEADERS} header fields, with {MAX_HEADER_BYTES} bytes in total"
    ))
}

/// The client's request id if it is fit for a log line, or a new one.
pub(super) fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let given = given.filter(|id| (1..=MAX_REQUEST_ID_BYTES).contains(&id.len()));
    match given.filter(|id| id.bytes().all(|byte| byte.is_ascii_graphic())) {
        Some(id) => id.to_owned(),
        None => Uuid::now_v7().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use warp::http::HeaderValue;

    use super::*;

    fn refused(fields: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        check(&headers).is_err()
    }

    #[test]
    fn what_can_be_understood_in_two_ways_is_refused() {
        for fields in [
            &[("host", "a"), ("host", "a")][..],
            &[("transfer-encoding", "gzip, chunked")],
            &[("transfer-encoding", "gzip"), ("transfer-encoding", "chunked")],
            &[("transfer-encoding", "chunked, chunked")],
            &[("idempotency_key", "a")],
            &[("content_length", "1")],
            &[("x_request-id", "1")],
        ] {
            assert!(refused(fields), "{fields:?}");
        }
        for fields in [
            &[("host", "a")][..],
            &[("transfer-encoding", "Chunked")],
            &[("transfer-encoding", "chunked,")],
            &[("x_forwarded_for", "1"), ("idempotency-key", "a"), ("authorization", "b")],
        ] {
            assert!(!refused(fields), "{fields:?}");
        }
    }

    #[test]
    fn each_name_has_a_hyphen() {
        assert!(HYPHENATED.is_sorted() && HYPHENATED.iter().all(|name| name.contains('-')));
    }
}
