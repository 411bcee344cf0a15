//! The state of a receiver, for people.

use std::time::{Duration, Instant};

use super::receiver::Receiver;
use super::{BreakerState, Postponed};

/// One receiver, as this node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverStatus {
    /// Its host and port.
    pub receiver: String,
    /// Open claims of its timers: calls in progress, and calls whose outcome is being stored.
    pub in_flight: usize,
    /// The current limit of open claims.
    pub limit: usize,
    /// Due timers that wait for one of them to end.
    pub waiting: usize,
    /// How often timers were postponed since it, or their path, was last called with success.
    pub postponed: u64,
    /// Failures in a row: the highest count of the receiver and its paths.
    pub failures: u32,
    pub breaker: BreakerState,
    /// How much longer it is left alone; zero unless the breaker is open.
    pub open_for: Duration,
    /// How many of its paths and shapes are left alone.
    pub paths_left_alone: usize,
    /// How much longer it, or one of its paths, has asked to be left alone.
    pub asked_for: Duration,
}

pub fn of(name: &str, receiver: &Receiver, now: Instant) -> ReceiverStatus {
    let (in_flight, waiting) = receiver.lane.load();
    let (breaker, open_for) = breaker(receiver, now);
    let paths = || receiver.paths.paths().map(|(_, path)| path);
    let shapes = || receiver.paths.shapes().map(|(_, shape)| shape);
    let failures = paths().map(|path| path.breaker.failures()).fold(receiver.reach.failures(), u32::max);
    let of_paths =
        paths().map(|path| path.postponed).chain(shapes().map(|shape| shape.postponed)).sum::<u64>();
    let asked = |refused: Option<(Postponed, Instant)>| {
        refused.filter(|(why, _)| *why == Postponed::RetryAfter).map(|(_, until)| until - now)
    };
    let asked_for =
        paths().filter_map(|path| asked(path.refuses(now))).chain(asked(receiver.refuses_all(now))).max();
    ReceiverStatus {
        receiver: name.to_owned(),
        in_flight,
        limit: receiver.limit(),
        waiting,
        postponed: receiver.postponed + receiver.rest.postponed + of_paths,
        failures,
        breaker,
        open_for,
        paths_left_alone: left_alone(receiver, now),
        asked_for: asked_for.unwrap_or_default(),
    }
}

/// The state of its breakers, and for how long the receiver as a whole is left alone.
pub fn breaker(receiver: &Receiver, now: Instant) -> (BreakerState, Duration) {
    match receiver.reach.state(now) {
        (BreakerState::Closed, _) if left_alone(receiver, now) > 0 => (BreakerState::Partly, Duration::ZERO),
        whole => whole,
    }
}

fn left_alone(receiver: &Receiver, now: Instant) -> usize {
    let paths = receiver.paths.paths().filter(|(_, path)| path.is_left_alone(now)).count();
    paths + receiver.paths.shapes().filter(|(_, shape)| shape.is_left_alone()).count()
}

/// The rank of a receiver for people: open breakers first, then failures, then postponed timers, then open claims.
pub fn trouble(status: &ReceiverStatus) -> (bool, u32, u64, usize) {
    (status.breaker != BreakerState::Closed, status.failures, status.postponed, status.in_flight)
}
