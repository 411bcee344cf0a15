//! Errors as clients see them: `application/problem+json` (RFC 9457), made in one place.

use serde_json::{Value, json};
use warp::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use warp::http::{HeaderName, HeaderValue, StatusCode};

use super::answer::{self, Answer};
use crate::access::{Denied, Scope};
use crate::nats::NatsError;

/// Seconds after which a client is told to try again when NATS does not take writes: the length of
/// a short change of leader.
const RETRY_AFTER_SECONDS: u64 = 2;

/// How many bad fields are named; a request with more of them is garbage, and so would be the answer.
const MAX_ERRORS: usize = 100;

/// One bad field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FieldError {
    /// A JSON pointer (RFC 6901).
    pub(super) pointer: String,
    /// A sentence that says what is allowed.
    pub(super) detail: String,
}

/// An error answer. The constructors are the list of all there are.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    extra: Extra,
}

/// What some problems say beside their text.
#[derive(Clone, Debug)]
enum Extra {
    Nothing,
    /// A header that goes with the status.
    Header(Box<(HeaderName, HeaderValue)>),
    /// The timer as it is now.
    Timer(Box<Value>),
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, title, detail: detail.into(), errors: vec![], extra: Extra::Nothing }
    }

    pub(super) fn invalid_timer(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] if only.pointer.is_empty() => only.detail.clone(),
            [only] => format!("{}: {}", only.pointer, only.detail),
            many => format!("{} fields are not as they must be", many.len()),
        };
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-timer", "Invalid timer", detail);
        let errors = errors.into_iter().take(MAX_ERRORS).collect();
        Self { errors, ..problem }
    }

    pub(super) fn key_reused() -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency-key-reused",
            "Idempotency key reused",
            "this Idempotency-Key was used before with a different request; use a new key for a new timer",
        )
    }

    pub(super) fn bad_key(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-idempotency-key", "Invalid idempotency key", detail)
    }

    pub(super) fn not_json(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed-json", "Malformed JSON", detail)
    }

    pub(super) fn unreadable_body() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "incomplete-body",
            "Incomplete body",
            "the request's body ended before its end, or is not framed as HTTP says",
        )
    }

    pub(super) fn not_an_id(text: &str) -> Self {
        let detail = format!("{:?} is not a timer id; an id is a UUID", shortened(text));
        Self::new(StatusCode::BAD_REQUEST, "invalid-id", "Invalid timer id", detail)
    }

    pub(super) fn no_such_timer(id: uuid::Uuid) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "timer-not-found",
            "Timer not found",
            format!("there is no timer {id}, or it finished longer ago than finished timers are kept"),
        )
    }

    pub(super) fn no_such_path(path: &str) -> Self {
        let detail = format!("there is nothing at {}", shortened(path));
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    pub(super) fn method_not_allowed(allowed: &str) -> Self {
        let detail = format!("this path takes {allowed}");
        let problem =
            Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail);
        problem.with_header(ALLOW, allowed)
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let detail = format!("the body is over the limit of {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "Body too large", detail)
    }

    pub(super) fn record_too_large(error: &NatsError) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "Body too large", error.to_string())
    }

    pub(super) fn too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "request-timeout",
            "Request timeout",
            "the body of the request did not come in time",
        )
    }

    /// `allowed` goes on after "the body must be".
    pub(super) fn unsupported_media_type(allowed: &str) -> Self {
        let detail = format!("the body must be {allowed}");
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "Unsupported media type",
            detail,
        )
    }

    /// A wish that came too late; `state` is the timer as it is now.
    pub(super) fn too_late(detail: impl Into<String>, state: Value) -> Self {
        let problem = Self::new(StatusCode::CONFLICT, "too-late", "Too late", detail);
        Self { extra: Extra::Timer(Box::new(state)), ..problem }
    }

    pub(super) fn unavailable(error: &NatsError) -> Self {
        let problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "NATS is not available",
            format!(
                "{error}. Whether the request was done is not certain; it is safe to send it again, a creation \
                 with the same Idempotency-Key"
            ),
        );
        problem.with_header(RETRY_AFTER, &RETRY_AFTER_SECONDS.to_string())
    }

    pub(super) fn unreadable_record(error: &NatsError) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "unreadable-record",
            "Unreadable record",
            error.to_string(),
        )
    }

    pub(super) fn bad_query(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => format!("{}: {}", only.pointer, only.detail),
            many => format!("{} parameters are not as they must be", many.len()),
        };
        let problem = Self::new(StatusCode::BAD_REQUEST, "invalid-query", "Invalid query", detail);
        Self { errors: errors.into_iter().take(MAX_ERRORS).collect(), ..problem }
    }

    pub(super) fn bad_cursor(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-cursor", "Invalid cursor", detail)
    }

    pub(super) fn bad_header(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-header", "Invalid header", detail)
    }

    pub(super) fn unauthorized(denied: &Denied) -> Self {
        let problem =
            Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized", format!("{denied}"));
        let challenge = match denied {
            Denied::Missing => "Bearer realm=\"jettimer\"",
            Denied::Malformed => "Bearer realm=\"jettimer\", error=\"invalid_request\"",
            Denied::Unknown => "Bearer realm=\"jettimer\", error=\"invalid_token\"",
        };
        problem.with_header(WWW_AUTHENTICATE, challenge)
    }

    pub(super) fn forbidden(name: &str, scope: Scope) -> Self {
        let detail = format!("the token {name} does not have the scope {scope}, which this needs");
        let challenge = format!("Bearer realm=\"jettimer\", error=\"insufficient_scope\", scope=\"{scope}\"");
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Forbidden", detail)
            .with_header(WWW_AUTHENTICATE, &challenge)
    }

    pub(super) fn too_many_requests(retry_after_seconds: u64) -> Self {
        let detail = format!("the rate limit is used up; there is room again in {retry_after_seconds} s");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests", detail)
            .with_header(RETRY_AFTER, &retry_after_seconds.to_string())
    }

    pub(super) fn uri_too_long(limit: usize) -> Self {
        let detail = format!("path and query are over the limit of {limit} bytes");
        Self::new(StatusCode::URI_TOO_LONG, "uri-too-long", "URI too long", detail)
    }

    pub(super) fn headers_too_large(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "headers-too-large",
            "Request header fields too large",
            detail,
        )
    }

    pub(super) fn too_many_timers(limit: usize) -> Self {
        let detail = format!("one request creates at most {limit} timers");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-many-timers", "Too many timers", detail)
    }

    pub(super) fn filter_required() -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "filter-required",
            "Filter required",
            "say which timers are to be cancelled, such as ?host=example.com; state=scheduled alone means all",
        )
    }

    /// What a timer of another revision than `If-Match` names has become.
    pub(super) fn precondition_failed(state: Value) -> Self {
        let problem = Self::new(
            StatusCode::PRECONDITION_FAILED,
            "precondition-failed",
            "Precondition failed",
            "the timer has changed since the ETag in If-Match; nothing was done",
        );
        Self { extra: Extra::Timer(Box::new(state)), ..problem }
    }

    pub(super) fn not_replayable(detail: impl Into<String>, state: Value) -> Self {
        let problem = Self::new(StatusCode::CONFLICT, "not-replayable", "Not replayable", detail);
        Self { extra: Extra::Timer(Box::new(state)), ..problem }
    }

    pub(super) fn index_off() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "index-off",
            "Lists are off",
            "this node keeps no index of timers (--index-limit 0), so it cannot list, count or cancel by filter",
        )
    }

    pub(super) fn index_not_ready() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "index-not-ready",
            "Index not ready",
            "this node is still reading the timers for its index",
        )
        .with_header(RETRY_AFTER, &RETRY_AFTER_SECONDS.to_string())
    }

    pub(super) fn feed_off() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "feed-off",
            "The feed is off",
            "this node keeps no events (--event-retention 0s)",
        )
    }

    pub(super) fn feed_full(limit: usize) -> Self {
        let detail =
            format!("{limit} readers follow the feed of this node already; ask another node, or later");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "feed-full", "Feed full", detail)
            .with_header(RETRY_AFTER, &RETRY_AFTER_SECONDS.to_string())
    }

    /// A fault of jettimer's own; what it was is in the log under the request's id.
    pub(super) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Internal error",
            "something that must not happen has happened; the log has it under the request_id of this answer",
        )
    }

    /// The answer for a request that NATS did not serve.
    pub(super) fn of_nats(error: &NatsError) -> Self {
        match error {
            NatsError::Unclear(_) | NatsError::NotDone(_) => Self::unavailable(error),
            NatsError::TooLarge { .. } => Self::record_too_large(error),
            NatsError::Unreadable(_) => {
                tracing::error!(%error, "a stored timer cannot be read");
                Self::unreadable_record(error)
            }
        }
    }

    /// The problem as the body of an answer, or as the outcome of one item of many.
    pub(super) fn to_json(&self) -> Value {
        let mut body = json!({
            "type": format!("urn:jettimer:problem:{}", self.kind),
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if !self.errors.is_empty() {
            body["errors"] = self
                .errors
                .iter()
                .map(|error| json!({ "pointer": error.pointer, "detail": error.detail }))
                .collect();
        }
        if let Extra::Timer(timer) = &self.extra {
            body["timer"] = Value::clone(timer);
        }
        body
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// The answer to the request of this id.
    pub(super) fn answer(self, request_id: &str) -> Answer {
        let mut body = self.to_json();
        body["request_id"] = request_id.into();
        let mut answer = answer::text(self.status, "application/problem+json", body.to_string());
        if let Extra::Header(header) = self.extra {
            let (name, value) = *header;
            answer.headers_mut().insert(name, value);
        }
        answer
    }

    fn with_header(self, name: HeaderName, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => Self { extra: Extra::Header(Box::new((name, value))), ..self },
            Err(_) => self,
        }
    }
}

/// What is repeated of a client's text in an error.
fn shortened(text: &str) -> String {
    const MOST: usize = 80;
    if text.chars().count() <= MOST {
        text.to_owned()
    } else {
        text.chars().take(MOST).chain("…".chars()).collect()
    }
}
