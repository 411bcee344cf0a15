//! Problems with a request itself, whatever its subject: its line, its header, its body, and its sender.

use warp::http::header::{ALLOW, CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};

use super::{FieldError, Kind, Problem};
use crate::api::access::{Denied, Scope};

impl Problem {
    /// A head that is not valid HTTP/1.1. hyper does not tell what is wrong with it.
    pub(in crate::api) fn unreadable_head() -> Self {
        Self::new(
            Kind::MalformedRequest,
            "the head of the request is not valid HTTP/1.1: its first line, the name or value of a header field, or the length of \
             its body",
        )
    }

    /// A head that this node can read, but that others may read differently. So the end of its body is uncertain, and nothing is read after
    /// it.
    pub(in crate::api) fn ambiguous_head(detail: impl Into<String>) -> Self {
        Self::new(Kind::MalformedRequest, detail).with_header(CONNECTION, "close")
    }

    pub(in crate::api) fn no_such_path(path: &str) -> Self {
        Self::new(Kind::NotFound, format!("there is nothing at {}", shortened(path)))
    }

    pub(in crate::api) fn method_not_allowed(allowed: &str) -> Self {
        Self::new(Kind::MethodNotAllowed, format!("this path takes {allowed}")).with_header(ALLOW, allowed)
    }

    pub(in crate::api) fn uri_too_long(limit: usize) -> Self {
        Self::new(Kind::UriTooLong, format!("path and query are over the limit of {limit} bytes"))
            .with_header(CONNECTION, "close")
    }

    pub(in crate::api) fn headers_too_large(detail: impl Into<String>) -> Self {
        // The buffer of the connection has grown to the size of the head, and would stay that large.
        Self::new(Kind::HeadersTooLarge, detail).with_header(CONNECTION, "close")
    }

    pub(in crate::api) fn unauthorized(denied: &Denied) -> Self {
        let challenge = match denied {
            Denied::Missing => "Bearer realm=\"jettimer\"",
            Denied::Malformed => "Bearer realm=\"jettimer\", error=\"invalid_request\"",
            Denied::Unknown => "Bearer realm=\"jettimer\", error=\"invalid_token\"",
        };
        Self::new(Kind::Unauthorized, denied.to_string()).with_header(WWW_AUTHENTICATE, challenge)
    }

    pub(in crate::api) fn forbidden(name: &str, scope: Scope) -> Self {
        let detail = format!("the token {name} lacks the scope {scope}, which this request needs");
        let challenge = format!("Bearer realm=\"jettimer\", error=\"insufficient_scope\", scope=\"{scope}\"");
        Self::new(Kind::Forbidden, detail).with_header(WWW_AUTHENTICATE, &challenge)
    }

    pub(in crate::api) fn foreign_origin() -> Self {
        Self::new(
            Kind::ForeignOrigin,
            "the request comes from a page of another origin, which --cors-origins does not list; nothing was done",
        )
    }

    pub(in crate::api) fn foreign_host(host: &str) -> Self {
        let host = shortened(host);
        Self::new(
            Kind::ForeignOrigin,
            format!(
                "the request is for the host {host:?}, which is not a name of this node, so a web page may have pointed that name \
                 at this machine; nothing was done. Use the node's address or localhost, or start the node with --hosts"
            ),
        )
    }

    pub(in crate::api) fn too_many_requests(retry_after_seconds: u64) -> Self {
        let detail = format!("the rate limit is used up; try again in {retry_after_seconds} s");
        Self::new(Kind::TooManyRequests, detail).with_header(RETRY_AFTER, &retry_after_seconds.to_string())
    }

    pub(in crate::api) fn bad_query(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => format!("{}: {}", only.pointer, only.detail),
            many => format!("{} parameters are invalid", many.len()),
        };
        Self::new(Kind::InvalidQuery, detail).with_errors(errors)
    }

    pub(in crate::api) fn bad_cursor(detail: impl Into<String>) -> Self {
        Self::new(Kind::InvalidCursor, detail)
    }

    pub(in crate::api) fn bad_header(detail: impl Into<String>) -> Self {
        Self::new(Kind::InvalidHeader, detail)
    }

    pub(in crate::api) fn bad_key(detail: &str) -> Self {
        Self::new(Kind::InvalidIdempotencyKey, detail)
    }

    /// `allowed` continues the sentence "the body must be".
    pub(in crate::api) fn unsupported_media_type(allowed: &str) -> Self {
        Self::new(Kind::UnsupportedMediaType, format!("the body must be {allowed}"))
    }

    pub(in crate::api) fn too_large(limit: usize) -> Self {
        Self::new(Kind::BodyTooLarge, format!("the body is over the limit of {limit} bytes"))
    }

    pub(in crate::api) fn too_slow() -> Self {
        Self::new(Kind::RequestTimeout, "the body of the request did not arrive in time")
    }

    pub(in crate::api) fn unreadable_body() -> Self {
        Self::new(
            Kind::IncompleteBody,
            "the request's body was cut short, or its length or chunks are not valid HTTP",
        )
    }

    pub(in crate::api) fn not_json(detail: impl Into<String>) -> Self {
        Self::new(Kind::MalformedJson, detail)
    }
}

/// The part of a client's text that an error repeats.
pub(super) fn shortened(text: &str) -> String {
    const MOST: usize = 80;
    if text.chars().count() <= MOST {
        text.to_owned()
    } else {
        text.chars().take(MOST).chain("…".chars()).collect()
    }
}
