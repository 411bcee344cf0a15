//! Problems that are not the client's fault: NATS, this node's settings and load, and its own faults.

use warp::http::header::RETRY_AFTER;

use super::{Kind, NO_ROOM_RETRY_SECONDS, Problem, RETRY_AFTER_SECONDS};
use crate::nats::NatsError;

impl Problem {
    /// The problem of a request that NATS did not serve.
    pub(in crate::api) fn of_nats(error: &NatsError) -> Self {
        match error {
            NatsError::Unclear(_) | NatsError::NotDone(_) => Self::new(
                Kind::Unavailable,
                format!(
                    "{error}. The request may or may not have been carried out; it is safe to send it again, a creation with the \
                     same Idempotency-Key"
                ),
            )
            .retried_soon(),
            NatsError::NoRoom(why) => Self::new(
                Kind::StorageFull,
                format!(
                    "JetStream has no room beyond what is reserved for existing timers: {why}. It is safe to send the request \
                     again later; to make room, raise the storage limit or cancel timers"
                ),
            )
            .with_header(RETRY_AFTER, &NO_ROOM_RETRY_SECONDS.to_string()),
            NatsError::TooLarge { .. } => Self::new(Kind::BodyTooLarge, error.to_string()),
            NatsError::Unreadable(_) => {
                tracing::error!(%error, "a stored timer cannot be read");
                Self::new(Kind::UnreadableRecord, error.to_string())
            }
        }
    }

    pub(in crate::api) fn index_off() -> Self {
        Self::new(
            Kind::IndexOff,
            "this node keeps no index of timers (--index-limit 0), so it cannot list, count or cancel by filter",
        )
    }

    pub(in crate::api) fn index_not_ready() -> Self {
        Self::new(Kind::IndexNotReady, "this node is still reading the timers for its index").retried_soon()
    }

    pub(in crate::api) fn feed_full(limit: usize) -> Self {
        let detail =
            format!("{limit} readers already follow this node's feed; use another node, or try again later");
        Self::new(Kind::FeedFull, detail).retried_soon()
    }

    /// No memory is left for a body.
    pub(in crate::api) fn memory_full() -> Self {
        let detail = "requests and answers of this client, or of all clients, use all the memory they may; nothing was done. Send \
                      the request again later, send fewer at once, or split it; small requests are still served";
        Self::new(Kind::MemoryFull, detail).retried_soon()
    }

    /// No memory is left for an answer.
    pub(in crate::api) fn memory_full_for_answer(is_done: bool) -> Self {
        let detail = if is_done {
            "the request was carried out, but there is no memory for the answer: answers that clients are still reading use all \
             the memory they may. Read the timer to see the result"
        } else {
            "there is no memory for the answer: answers that clients are still reading use all the memory they may. Finish reading \
             them, ask for fewer at once or for smaller pages, or try again later"
        };
        Self::new(Kind::MemoryFull, detail).retried_soon()
    }

    /// A fault of jettimer itself. The log describes it under the request's id.
    pub(in crate::api) fn internal() -> Self {
        Self::new(
            Kind::Internal,
            "this is a fault of jettimer; the log describes it under the request_id of this answer",
        )
    }

    fn retried_soon(self) -> Self {
        self.with_header(RETRY_AFTER, &RETRY_AFTER_SECONDS.to_string())
    }
}
