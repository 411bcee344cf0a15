//! Errors as clients see them: `application/problem+json` (RFC 9457), made in one place.

use serde_json::{Value, json};
use warp::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use warp::http::{HeaderValue, Response, StatusCode};

use crate::nats::NatsError;

/// Every answer of the API.
pub(super) type Answer = Response<String>;

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
    /// The `Allow` header.
    Allow(&'static str),
    /// The `Retry-After` header, in seconds.
    RetryAfter(u64),
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

    pub(super) fn method_not_allowed(allowed: &'static str) -> Self {
        let detail = format!("this path takes {allowed}");
        let problem =
            Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail);
        Self { extra: Extra::Allow(allowed), ..problem }
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

    pub(super) fn unsupported_media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "Unsupported media type",
            "the body must be JSON: send it with Content-Type: application/json",
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
        Self { extra: Extra::RetryAfter(RETRY_AFTER_SECONDS), ..problem }
    }

    pub(super) fn unreadable_record(error: &NatsError) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "unreadable-record",
            "Unreadable record",
            error.to_string(),
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

    pub(super) fn answer(self) -> Answer {
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
        let header = match self.extra {
            Extra::Nothing => None,
            Extra::Allow(methods) => Some((ALLOW, HeaderValue::from_static(methods))),
            Extra::RetryAfter(seconds) => Some((RETRY_AFTER, HeaderValue::from(seconds))),
            Extra::Timer(timer) => {
                body["timer"] = *timer;
                None
            }
        };
        let mut answer = Response::new(body.to_string());
        *answer.status_mut() = self.status;
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(header);
        answer
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
