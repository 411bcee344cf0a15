//! How a receiver stands, for people.

use std::time::{Duration, Instant};

use super::{BreakerState, Receiver};

/// One receiver, as this node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverStatus {
    /// Its host and port.
    pub receiver: String,
    /// Claims of its timers that are open: calls in progress, and those whose outcome is being stored.
    pub in_flight: usize,
    /// The most of them now.
    pub limit: usize,
    /// Due timers that wait for one of them to end.
    pub waiting: usize,
    /// How often timers were postponed since it was last called with success.
    pub postponed: u64,
    /// Failures in a row.
    pub failures: u32,
    /// Its circuit breaker.
    pub breaker: BreakerState,
    /// How long it is left alone yet; zero unless the breaker is open.
    pub open_for: Duration,
}

pub(super) fn of(name: &str, receiver: &Receiver, now: Instant) -> ReceiverStatus {
    let (in_flight, waiting) = receiver.lane.load();
    let (breaker, open_for) = receiver.breaker.state(now);
    let failures = receiver.breaker.failures();
    let postponed = receiver.postponed;
    ReceiverStatus {
        receiver: name.to_owned(),
        in_flight,
        limit: receiver.limit(),
        waiting,
        postponed,
        failures,
        breaker,
        open_for,
    }
}

/// What is looked at first: open breakers, failures, then what waits.
pub(super) fn trouble(status: &ReceiverStatus) -> (bool, u32, u64, usize) {
    (status.breaker != BreakerState::Closed, status.failures, status.postponed, status.in_flight)
}
