//! How large a record may be, so that its timer can come to its end: a record that outgrew a message could no longer be changed.

use bytes::Bytes;

use super::record::{self, Later};
use super::store::Stored;
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::sizes::{ATTEMPT_BYTES, HEADERS_BYTES, STATE_BYTES};
use rules::domain::state_kind::StateKind;
use rules::domain::timer::{MAX_ATTEMPTS_KEPT, Timer};

/// The stored form of a timer that replaces the record `over`. It leaves room for the timer's remaining attempts and its end.
///
/// # Errors
///
/// [`NatsError::TooLarge`].
pub(super) fn json(timer: &Timer, over: Option<&Stored>, link: &Link) -> Result<Bytes, NatsError> {
    let room = if timer.state.kind() == StateKind::Scheduled {
        STATE_BYTES + ATTEMPT_BYTES * (MAX_ATTEMPTS_KEPT - timer.attempts.len().min(MAX_ATTEMPTS_KEPT))
    } else {
        0
    };
    let json = match over {
        Some(over) => record::to_json(timer, &over.later),
        None => record::to_json(timer, &Later::default()),
    };
    let limit = link.client().max_payload().saturating_sub(HEADERS_BYTES + room);
    if json.len() > limit {
        return Err(NatsError::TooLarge { bytes: json.len(), limit });
    }
    Ok(Bytes::from(json))
}
