//! A timer that is to be called, from the view of its receiver: which path it calls, how late it is, and for how long it waits
//! while paths that look like its own are left alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::owner::Owner;
use super::route::Route;
use crate::domain::flow::Flow;
use crate::domain::time::Timestamp;
use crate::domain::timer::{State, Timer};

/// While a mixed shape is left alone, a timer that was not called yet waits no longer than this and a part of [`SPREAD`]. The wake and
/// the place for the call add a second or two, which makes the 30 s of docs/webhooks.md.
const PATIENCE: Duration = Duration::from_secs(18);

/// The same for a timer that has had an attempt.
const PATIENCE_AGAIN: Duration = Duration::from_secs(48);

/// The span over which the calls of timers that are due at one instant are spread, once they have waited.
const SPREAD: Duration = Duration::from_secs(9);

/// The facts about a timer that are needed to let its call in, without its body, which may be too large to keep while it waits.
#[derive(Clone, Debug)]
pub struct CallRequest {
    /// Host and port of the receiver.
    pub receiver: Arc<str>,
    pub flow: Option<Flow>,
    /// The owner of the timer.
    pub owner: Owner,
    pub candidate: Candidate,
}

impl CallRequest {
    /// The call of this timer. Its lateness at `now` follows from its record.
    pub fn of(timer: &Timer, now: Timestamp) -> Self {
        let receiver = timer.target.url.authority().into();
        let owner = Owner::of(timer.created_by.as_deref());
        Self { receiver, flow: timer.flow.clone(), owner, candidate: Candidate::of(timer, now) }
    }

    /// The key of the timer's flow, if it has one.
    pub fn flow_key(&self) -> Option<&str> {
        self.flow.as_ref().map(|flow| flow.key.as_str())
    }
}

/// A timer that is to be called.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    pub route: Route,
    /// Whether an attempt was made before.
    pub again: bool,
    late: Duration,
    /// The part of [`SPREAD`] that it waits for, from 0 to 1.
    part: f64,
}

impl Candidate {
    /// The candidate of a timer at an instant. Its lateness counts from when its attempt was due, or from its creation if that
    /// was later. All of this comes from its record, so all nodes agree on it, also after a restart.
    pub fn of(timer: &Timer, now: Timestamp) -> Self {
        let (attempt, due) = match &timer.state {
            State::Scheduled { attempt, at } => (*attempt, *at),
            State::Firing { attempt, claim } => (*attempt, claim.due_at),
            State::Delivered { .. }
            | State::Failed { .. }
            | State::Cancelled { .. }
            | State::Unknown { .. } => (1, timer.due_at),
        };
        let route = Route::to(&timer.target.url);
        // The last bits of an id are random, or a hash.
        let part = f64::from(timer.id.as_u128() as u32) / f64::from(u32::MAX);
        Self::new(route, attempt > 1, now.since(due.max(timer.created_at)), part)
    }

    pub fn new(route: Route, again: bool, late: Duration, part: f64) -> Self {
        Self { route, again, late, part }
    }

    /// Whether it no longer waits for paths that look like its own.
    pub fn has_waited(&self) -> bool {
        self.late >= self.patience()
    }

    /// Until when it waits for them; absent if that time is over.
    pub fn waits_until(&self, now: Instant) -> Option<Instant> {
        self.patience().checked_sub(self.late).filter(|rest| !rest.is_zero()).map(|rest| now + rest)
    }

    fn patience(&self) -> Duration {
        let least = if self.again { PATIENCE_AGAIN } else { PATIENCE };
        least + SPREAD.mul_f64(self.part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attempt::Delivery;
    use crate::domain::sample::a_timer;

    #[test]
    fn a_timer_waits_from_when_its_attempt_was_due_and_not_from_before_it_was_created() {
        let at = |seconds: u64| Timestamp::from_micros((1_000_000 + seconds) * 1_000_000);
        let mut timer = a_timer(Delivery::AtMostOnce, 3);
        timer.created_at = at(0);
        timer.state = State::Scheduled { attempt: 1, at: at(100) };
        let has_waited = |timer: &Timer, seconds| Candidate::of(timer, at(seconds)).has_waited();
        assert!(!has_waited(&timer, 100 + 17) && has_waited(&timer, 100 + 28));
        timer.state = State::Scheduled { attempt: 2, at: at(100) };
        assert!(!has_waited(&timer, 100 + 47) && has_waited(&timer, 100 + 58));
        timer.state = State::Scheduled { attempt: 1, at: at(100) };
        timer.created_at = at(1_000);
        assert!(!has_waited(&timer, 1_000 + 17) && has_waited(&timer, 1_000 + 28));
    }
}
