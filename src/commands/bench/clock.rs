//! Time as the bench measures it.
//!
//! Wall time is for instants that are compared with the service's own (lateness); monotonic time is for every length (latency, rate).

use std::time::{Duration, Instant};

use crate::foundation::clock::Clock;

/// Microseconds since the Unix epoch: the resolution in which the service writes `due_at`.
pub(super) fn wall_now() -> u64 {
    Clock::OF_THE_WORLD.now().as_micros()
}

pub(super) fn now() -> Instant {
    Instant::now()
}

/// A length in whole microseconds, capped at the end of `u64` (half a million years).
pub(super) fn micros(length: Duration) -> u64 {
    u64::try_from(length.as_micros()).unwrap_or(u64::MAX)
}
