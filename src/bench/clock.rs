//! Time as the bench measures it.
//!
//! Wall time is for what is compared with the service's own instants (lateness); monotonic time is for
//! everything that is a length (latency, rate).

use std::time::{Duration, Instant};

use crate::clock::Clock;

/// Microseconds since the Unix epoch: the resolution in which the service writes `due_at`.
pub(super) fn wall_now() -> u64 {
    Clock::OF_THE_WORLD.now().as_micros()
}

pub(super) fn now() -> Instant {
    Instant::now()
}

/// A length in whole microseconds, capped where `u64` ends (after half a million years).
pub(super) fn micros(length: Duration) -> u64 {
    u64::try_from(length.as_micros()).unwrap_or(u64::MAX)
}
