//! How large a record may be, so that its timer can come to its end: a record that outgrew a message could no longer be changed.

use bytes::Bytes;

use super::error::NatsError;
use super::link::Link;
use super::record::{self, Later};
use super::store::Stored;
use rules::domain::state_kind::StateKind;
use rules::domain::timer::{MAX_ATTEMPTS_KEPT, Timer};

/// The most that an attempt adds to a record, in bytes: 4 KiB of an answer in Base64, a reason of 512 bytes, each of which may have
/// to be escaped, and its other fields.
pub(super) const ATTEMPT_BYTES: usize = 10 * 1_024;

/// The most that a record needs in addition, in bytes: the claim, and a final reason.
const STATE_BYTES: usize = 8 * 1_024;

/// More bytes than the headers of a write ever have.
const HEADERS_BYTES: usize = 1_024;

/// The room for a timer's own data with the smallest `max_payload`, in bytes of JSON.
const LEAST_TIMER_BYTES: usize = 16 * 1_024;

/// The smallest `max_payload` of NATS with which a node starts, in bytes. The room for attempts does not shrink with it: a timer
/// whose record outgrew a message would be called over and over.
pub(super) const MIN_PAYLOAD: usize =
    HEADERS_BYTES + STATE_BYTES + ATTEMPT_BYTES * MAX_ATTEMPTS_KEPT + LEAST_TIMER_BYTES;

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
