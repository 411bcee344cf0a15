//! The sizes of a record and of its parts, by which it fits into a message of NATS until its timer has come to its end. `headroom` keeps
//! to them.

use rules::domain::timer::MAX_ATTEMPTS_KEPT;

/// The most that an attempt adds to a record, in bytes: 4 KiB of an answer in Base64, a reason of 512 bytes, each of which may have
/// to be escaped, and its other fields.
pub(super) const ATTEMPT_BYTES: usize = 10 * 1_024;

/// The most that a record needs in addition, in bytes: the claim, and a final reason.
pub(super) const STATE_BYTES: usize = 8 * 1_024;

/// More bytes than the headers of a write ever have.
pub(super) const HEADERS_BYTES: usize = 1_024;

/// The room for a timer's own data with the smallest `max_payload`, in bytes of JSON.
const LEAST_TIMER_BYTES: usize = 16 * 1_024;

/// The smallest `max_payload` of NATS with which a node starts, in bytes. The room for attempts does not shrink with it: a timer
/// whose record outgrew a message would be called over and over.
pub(super) const MIN_PAYLOAD: usize =
    HEADERS_BYTES + STATE_BYTES + ATTEMPT_BYTES * MAX_ATTEMPTS_KEPT + LEAST_TIMER_BYTES;
