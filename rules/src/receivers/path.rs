//! A path of a receiver that is not well, or whose timers wait: its breaker, the receiver's requests to leave it alone, and how
//! its timers come back. Time comes in as an argument.

use std::time::{Duration, Instant};

use super::Postponed;
use super::breaker::{Breaker, Pass};
use super::ramp::Ramp;
use super::returns::Returns;
use crate::domain::machine::{LEAD, MAX_POSTPONEMENT};

/// The space between two timers of a path that come back: wide enough that a long backlog costs the broker little.
const RETURN_SPACE: Duration = Duration::from_millis(4);

/// How much sooner the other paths of a receiver that has asked to be left alone are called than the path that received the request.
/// Whether they go well shows whether the receiver spoke for all of them.
pub(super) const OTHERS_FIRST: Duration = Duration::from_secs(3);

/// For how long a path is known to speak for itself alone.
const SPEAKS_FOR_ITSELF: Duration = Duration::from_secs(3_600);

/// A path of which the node remembers more than that its last call went well.
#[derive(Debug)]
pub struct Path {
    pub breaker: Breaker,
    pub ramp: Ramp,
    pub returns: Returns,
    /// How many of its timers were postponed since it was last called with success.
    pub postponed: u64,
    /// While its whole shape is left alone, the path is not tried again before this instant.
    pub again_at: Option<Instant>,
    /// The run of failures of its shape in which it was counted.
    pub counted_in: Option<u64>,
    hold: Option<Hold>,
    alone_until: Option<Instant>,
    /// When it last failed, or a timer of it was last postponed.
    pub last: Instant,
}

/// A request of the receiver to be left alone.
#[derive(Clone, Copy, Debug)]
struct Hold {
    asked_at: Instant,
    until: Instant,
}

impl Path {
    pub fn new(now: Instant) -> Self {
        Self {
            breaker: Breaker::default(),
            ramp: Ramp::default(),
            returns: Returns::default(),
            postponed: 0,
            again_at: None,
            counted_in: None,
            hold: None,
            alone_until: None,
            last: now,
        }
    }

    /// The reason why a call would not be made now, and until when.
    pub fn refuses(&self, now: Instant) -> Option<(Postponed, Instant)> {
        let held = self.hold.map(|hold| hold.until).filter(|until| now < *until);
        held.map(|until| (Postponed::RetryAfter, until))
            .or_else(|| self.breaker.refuses(now).map(|until| (Postponed::Breaker, until)))
    }

    /// Asks for permission to call.
    pub fn ask(&mut self, now: Instant) -> Pass {
        self.breaker.ask(now)
    }

    /// Notes that the receiver has asked to be left alone for `wait`; `others` says that it has other paths. Says whether it may have
    /// spoken for these too, and until when this path is left alone.
    pub fn asked(&mut self, wait: Duration, others: bool, now: Instant) -> (bool, Instant) {
        let after = if others { OTHERS_FIRST } else { Duration::ZERO };
        let until = now + wait.min(MAX_POSTPONEMENT) + after;
        self.hold = Some(Hold { asked_at: now, until });
        self.ramp.begin(until);
        (self.alone_until.is_none_or(|until| until <= now), until)
    }

    /// Notes that a call of another path that began at `began` went well. So an earlier request to this path was about this path alone.
    pub fn another_went_well(&mut self, began: Instant, now: Instant) {
        if self.hold.is_some_and(|hold| hold.asked_at < began && now < hold.until) {
            self.alone_until = Some(now + SPEAKS_FOR_ITSELF);
        }
    }

    /// Whether a receiver's request about it is still in force.
    pub fn is_held(&self, now: Instant) -> bool {
        self.hold.is_some_and(|hold| now < hold.until)
    }

    /// Whether it must not be forgotten.
    pub fn is_left_alone(&self, now: Instant) -> bool {
        !self.breaker.is_closed() || self.is_held(now)
    }

    /// Whether there is nothing to remember.
    pub fn is_idle(&self, now: Instant) -> bool {
        let alone = self.alone_until.is_some_and(|until| now < until);
        !self.is_left_alone(now)
            && self.breaker.failures() == 0
            && !alone
            && !self.ramp.is_on(now)
            && self.returns.until(now).is_none()
    }

    /// When a timer of this path comes back that is not called before `until`. A wake comes before its timer is due, and must not come
    /// before `until`. If paths that look like this one are left alone, the timer comes no later than `latest`.
    pub fn come_back(&mut self, until: Instant, latest: Option<Instant>, now: Instant) -> Duration {
        self.postponed += 1;
        self.last = now;
        self.returns.next_by(latest.map(|latest| latest + LEAD), until + LEAD, RETURN_SPACE, now)
    }

    /// The reason why its own timers wait, and until when. A breaker that is half open is such a reason, too.
    pub fn waits(&self, now: Instant) -> Option<(Postponed, Instant)> {
        let probed = (!self.breaker.is_closed()).then_some((Postponed::Breaker, now));
        self.refuses(now).or(probed)
    }
}
