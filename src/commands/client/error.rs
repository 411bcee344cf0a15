//! The errors of a request that a caller tells apart, and problems as nodes write them.

use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;
use serde_json::Value;

/// The most characters of a body that are repeated if it is not a problem document: enough for a proxy's sentence.
const MOST_CHARS: usize = 200;

/// Why a request has no answer, or has one that is of no use.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection: nothing was sent.
    #[error("cannot reach {server}: {why}")]
    Unreachable {
        server: String,
        /// The error that the system reports.
        why: String,
    },
    /// The request was sent, perhaps in part, and it is unknown whether it was done.
    #[error("no answer from {server}: {why}")]
    NoAnswer { server: String, why: String },
    /// The server reports an error.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// The request could not be made, or the answer makes no sense.
    #[error("{0}")]
    Unusable(String),
}

/// An error as a node reports it (`application/problem+json`), or as a proxy in between does.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Problem {
    pub status: u16,
    #[serde(rename = "type")]
    kind: String,
    /// For people, the same for every problem of a kind.
    pub title: String,
    /// The explanation of this case.
    pub detail: String,
    /// The bad fields, if these are the problem.
    pub errors: Vec<FieldError>,
    /// The timer as it is now, if that is the reason.
    pub timer: Option<Value>,
    /// The request's id, as in the node's log.
    pub request_id: Option<String>,
    /// After how many seconds it is worth asking again.
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

/// A bad field or parameter.
#[derive(Debug, Deserialize)]
pub struct FieldError {
    /// A JSON pointer, or `?` and the name of a parameter.
    pub pointer: String,
    /// The rule that the value breaks.
    pub detail: String,
}

impl Problem {
    /// Reads an answer whose status is not a success.
    pub(super) fn read(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let mut problem = serde_json::from_slice::<Self>(body).unwrap_or_default();
        if problem.title.is_empty() {
            problem.title = format!("status {status}");
            problem.detail = String::from_utf8_lossy(body).trim().chars().take(MOST_CHARS).collect();
        }
        problem.status = status;
        let asked = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        problem.retry_after = asked;
        problem
    }

    /// The problem's kind, such as `too-late`; empty if a proxy has answered.
    pub fn kind(&self) -> &str {
        self.kind.strip_prefix("urn:jettimer:problem:").unwrap_or_default()
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.detail.is_empty() {
            f.write_str(&self.title)
        } else {
            write!(f, "{}: {}", self.title, self.detail)
        }
    }
}

/// An error and its causes, without repetitions.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut parts: Vec<String> = vec![];
    let mut next = Some(error);
    while let Some(error) = next {
        let part = error.to_string();
        if !parts.iter().any(|said| said.contains(&part)) {
            parts.push(part);
        }
        next = error.source();
    }
    // The client's own words add nothing to the rest.
    const EMPTY: [&str; 2] = ["error sending request", "client error"];
    while parts.len() > 1 && EMPTY.iter().any(|empty| parts[0].starts_with(empty)) {
        parts.remove(0);
    }
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_read_with_what_goes_with_it() {
        let body = br#"{"type":"urn:jettimer:problem:too-many-requests","title":"Too many requests","status":429,"detail":"wait","request_id":"r"}"#;
        let headers = [(RETRY_AFTER, "3".parse().unwrap())].into_iter().collect();
        let problem = Problem::read(429, &headers, body);
        assert_eq!((problem.kind(), problem.retry_after), ("too-many-requests", Some(3)));
        assert_eq!(problem.to_string(), "Too many requests: wait");
    }

    #[test]
    fn what_is_no_problem_document_is_repeated_in_short() {
        let problem = Problem::read(502, &HeaderMap::new(), "x".repeat(1_000).as_bytes());
        assert_eq!((problem.status, problem.kind(), problem.detail.len()), (502, "", MOST_CHARS));
        assert_eq!(Problem::read(404, &HeaderMap::new(), b"").to_string(), "status 404");
    }
}
