//! Problems with the timers that a request is about: with their fields or filter, and with their state.

use serde_json::Value;

use super::request::shortened;
use super::{FieldError, Kind, Problem};

impl Problem {
    pub(in crate::api) fn invalid_timer(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] if only.pointer.is_empty() => only.detail.clone(),
            [only] => format!("{}: {}", only.pointer, only.detail),
            many => format!("{} fields are invalid", many.len()),
        };
        Self::new(Kind::InvalidTimer, detail).with_errors(errors)
    }

    pub(in crate::api) fn key_reused() -> Self {
        Self::new(
            Kind::IdempotencyKeyReused,
            "this Idempotency-Key was used before with a different request; use a new key for a new timer",
        )
    }

    pub(in crate::api) fn too_many_timers(limit: usize) -> Self {
        Self::new(Kind::TooManyTimers, format!("one request may create at most {limit} timers"))
    }

    /// `done` names the state that the client wants for the timers.
    pub(in crate::api) fn filter_required(done: &str) -> Self {
        let detail = format!(
            "a filter must select the timers to be {done}, such as ?host=example.com; a state alone selects all timers in it"
        );
        Self::new(Kind::FilterRequired, detail)
    }

    /// `done` names the state that the client wants for the timers.
    pub(in crate::api) fn filter_in_the_body(done: &str) -> Self {
        let detail = format!(
            "this request has a body, but the filter belongs in the query, such as ?host=example.com; \
             nothing was {done}"
        );
        Self::new(Kind::FilterRequired, detail)
    }

    pub(in crate::api) fn not_an_id(text: &str) -> Self {
        Self::new(Kind::InvalidId, format!("{:?} is not a timer id; an id is a UUID", shortened(text)))
    }

    pub(in crate::api) fn no_such_timer(id: uuid::Uuid) -> Self {
        Self::new(
            Kind::TimerNotFound,
            format!("there is no timer {id}, or it finished longer ago than finished timers are kept"),
        )
    }

    /// The client's wish came too late; `state` is the timer as it is now.
    pub(in crate::api) fn too_late(detail: impl Into<String>, state: Value) -> Self {
        Self::new(Kind::TooLate, detail).with_timer(state)
    }

    pub(in crate::api) fn not_replayable(detail: impl Into<String>, state: Value) -> Self {
        Self::new(Kind::NotReplayable, detail).with_timer(state)
    }

    /// The timer no longer has the revision that `If-Match` names; `state` is the timer as it is now.
    pub(in crate::api) fn precondition_failed(state: Value) -> Self {
        let detail = "the timer has changed since the ETag in If-Match; nothing was done";
        Self::new(Kind::PreconditionFailed, detail).with_timer(state)
    }
}
