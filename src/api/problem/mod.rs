//! Makes all errors that clients see: `application/problem+json` (RFC 9457).
//!
//! `kind` lists the kinds of problems. The constructors are grouped by subject, and add the details of each problem.

mod kind;
mod node;
mod request;
mod timer;

use serde_json::{Value, json};
use warp::http::{HeaderName, HeaderValue, StatusCode};

use super::answer::{self, Answer};
pub(super) use kind::Kind;

/// How long a client is told to wait before it tries again if NATS accepts no writes, in seconds: a short change of leader takes as long.
const RETRY_AFTER_SECONDS: u64 = 2;

/// How long a client is told to wait before it tries again if there is no room for new timers, in seconds. Room comes with timers that
/// leave.
const NO_ROOM_RETRY_SECONDS: u64 = 30;

/// The most bad fields that an answer names. A request with more of them is garbage, and so would be the answer.
pub(super) const MAX_ERRORS: usize = 100;

const CONTENT_TYPE: &str = "application/problem+json";

/// The prefix of each problem's `type`.
const TYPE: &str = "urn:jettimer:problem:";

/// One bad field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FieldError {
    /// A JSON pointer (RFC 6901).
    pub(super) pointer: String,
    /// A sentence about the allowed values.
    pub(super) detail: String,
}

/// An error answer (RFC 9457).
#[derive(Clone, Debug)]
pub(super) struct Problem {
    kind: Kind,
    detail: String,
    errors: Vec<FieldError>,
    extra: Extra,
}

/// What some problems contain in addition to their text.
#[derive(Clone, Debug)]
enum Extra {
    Nothing,
    /// A header that belongs to the status.
    Header(Box<(HeaderName, HeaderValue)>),
    /// The timer as it is now.
    Timer(Box<Value>),
}

impl Problem {
    fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: vec![], extra: Extra::Nothing }
    }

    fn with_errors(self, errors: Vec<FieldError>) -> Self {
        Self { errors: errors.into_iter().take(MAX_ERRORS).collect(), ..self }
    }

    fn with_timer(self, timer: Value) -> Self {
        Self { extra: Extra::Timer(Box::new(timer)), ..self }
    }

    fn with_header(self, name: HeaderName, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => Self { extra: Extra::Header(Box::new((name, value))), ..self },
            Err(_) => self,
        }
    }

    /// The problem as the body of an answer, or as the outcome of one item of a bulk request.
    pub(super) fn to_json(&self) -> Value {
        let mut body = json!({
            "type": format!("{TYPE}{}", self.kind.name()),
            "title": self.kind.title(),
            "status": self.status().as_u16(),
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

    /// The same problem in short, for an answer that lists many problems already.
    pub(super) fn in_short(self) -> Self {
        const MOST_CHARS: usize = 200;
        let short: String = self.detail.chars().take(MOST_CHARS).collect();
        let detail =
            format!("{short}; details are left out, since many timers are invalid: send this one by itself");
        Self { detail, errors: vec![], ..self }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.kind.status()
    }

    /// The answer to the request with this id.
    pub(super) fn answer(self, request_id: &str) -> Answer {
        let mut answer = answer::text(self.status(), CONTENT_TYPE, self.body(request_id));
        if let Extra::Header(header) = self.extra {
            let (name, value) = *header;
            answer.headers_mut().insert(name, value);
        }
        answer
    }

    /// The answer to the request with this id as text of HTTP/1.1, after which the connection is closed.
    pub(super) fn last_words(&self, request_id: &str, date: &str) -> String {
        let (status, body) = (self.status(), self.body(request_id));
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: {CONTENT_TYPE}\r\ncache-control: no-store\r\n\
             x-request-id: {request_id}\r\nconnection: close\r\ncontent-length: {length}\r\ndate: {date}\r\n\r\n{body}"
        )
    }

    fn body(&self, request_id: &str) -> String {
        let mut body = self.to_json();
        body["request_id"] = request_id.into();
        body.to_string()
    }
}
