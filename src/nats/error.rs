//! Errors of requests to JetStream, sorted by the caller's next step.

use async_nats::{RequestError, RequestErrorKind};

/// A request to JetStream that did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NatsError {
    /// No answer came, so the request may or may not have been done. The caller may send the same request again, and has to read to
    /// find out whether it was done.
    #[error("no clear answer from NATS: {0}")]
    Unclear(String),
    /// Nothing was stored: no connection, no leader, or JetStream answered with an error. The caller may send the request again.
    #[error("NATS did not take the request: {0}")]
    NotDone(String),
    /// Nothing was stored: JetStream's storage limit is reached, or the rest below it is kept for timers that are already promised.
    /// The caller may send the request again, but in vain until there is room.
    #[error("JetStream has no room: {0}")]
    NoRoom(String),
    /// The record is larger than the server takes; sending it again does not help.
    #[error("the timer's record would have {bytes} bytes, but NATS takes at most {limit}")]
    TooLarge {
        /// The size of the record's JSON.
        bytes: usize,
        /// The server's `max_payload`, less the room that the record needs to grow.
        limit: usize,
    },
    /// The broker holds data that this node cannot understand, or can never take the request; asking again does not help.
    #[error("{0}")]
    Unreadable(String),
}

impl NatsError {
    /// The meaning of a request that the client could not send, or that the server did not answer.
    pub(super) fn unanswered(error: &RequestError) -> Self {
        match error.kind() {
            RequestErrorKind::NoResponders => {
                Self::NotDone("no server responded: there is no leader, or no such stream".to_owned())
            }
            RequestErrorKind::MaxPayloadExceeded | RequestErrorKind::InvalidSubject => {
                Self::Unreadable(format!("NATS can never take this request: {error}"))
            }
            RequestErrorKind::TimedOut | RequestErrorKind::Other => Self::Unclear(error.to_string()),
        }
    }

    /// The error of a write that a leader with replicas refused while it had proposed another write of the record and not applied it.
    pub(crate) fn another_is_on_its_way() -> Self {
        Self::NotDone("NATS refused a write because of another one that is on its way".to_owned())
    }
}
