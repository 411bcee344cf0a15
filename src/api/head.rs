//! Refuses heads that this node can read, but that two programs on the way may understand in two ways.

use warp::http::HeaderMap;
use warp::http::header::{HOST, TRANSFER_ENCODING};

use super::problem::Problem;

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

#[cfg(test)]
mod tests {
    use warp::http::{HeaderName, HeaderValue};

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
