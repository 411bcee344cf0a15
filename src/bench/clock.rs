//! The clock reads of the bench, kept in one place so that they can be exchanged.
//!
//! Wall time is for what is compared with the service's own instants (lateness); monotonic time is for
//! everything that is a length (latency, rate). Nothing else in the bench reads a clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Microseconds since the Unix epoch: the resolution in which the service writes `due_at`.
#[allow(clippy::disallowed_methods, reason = "the bench's one read of wall time")]
pub(super) fn wall_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, micros)
}

#[allow(clippy::disallowed_methods, reason = "the bench's one read of monotonic time")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// A length in whole microseconds, capped where `u64` ends (after half a million years).
pub(super) fn micros(length: Duration) -> u64 {
    u64::try_from(length.as_micros()).unwrap_or(u64::MAX)
}
