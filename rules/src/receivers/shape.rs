//! All paths of a receiver that look alike, such as those with an identifier in them. One path never speaks for all of them. Many
//! different paths that fail in a row do, if none goes well meanwhile. Time comes in as an argument.

use std::time::{Duration, Instant};

use super::Postponed;
use super::candidate::Candidate;
use super::path::Path;
use super::ramp::Ramp;
use super::returns::Returns;
use crate::domain::machine::LEAD;

/// How often a path that was not called before is tried while its shape is left alone, and how often one that has failed. If the
/// shape is mixed, a candidate that has waited for long is tried as well.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// A path that fails while its shape is left alone is not tried again for this time.
const PATH_PAUSE: Duration = Duration::from_secs(60);

/// How long a shape counts as mixed after a path went well while the shape was left alone: some of its paths are well and others are
/// not. In that time no timer waits for long. Without such a path the receiver may be down, and timers wait until it is back, since the
/// first call of an `at_most_once` timer is its only one.
const MIXED_FOR: Duration = Duration::from_secs(600);

/// The space between two timers that come back, of a mixed shape and of others. In a mixed shape, most timers of a long backlog come
/// back once they have waited for long; the wider space keeps their cost to the broker small.
const MIXED_SPACE: Duration = Duration::from_millis(20);
const RETURN_SPACE: Duration = Duration::from_millis(4);

#[derive(Debug)]
pub struct Shape {
    /// How many different paths have failed since one last went well.
    failed: u32,
    /// The number of this run of failures.
    run: u64,
    open: Option<Open>,
    /// When a path last went well while the shape was left alone.
    mixed_at: Option<Instant>,
    pub returns: Returns,
    /// The ramp of paths of which nothing is remembered.
    pub ramp: Ramp,
    pub postponed: u64,
    pub last: Instant,
}

#[derive(Debug)]
struct Open {
    /// When a path that was not called before is tried next.
    next_new: Instant,
    /// When a path that has failed is tried next.
    next_again: Instant,
}

impl Shape {
    pub fn new(now: Instant) -> Self {
        Self {
            failed: 0,
            run: 0,
            open: None,
            mixed_at: None,
            returns: Returns::default(),
            ramp: Ramp::default(),
            postponed: 0,
            last: now,
        }
    }

    /// Notes that a path has failed. `threshold` different paths in a row open the shape's breaker (0: none do). Says whether this one did.
    pub fn failed(&mut self, path: &mut Path, threshold: u32, now: Instant) -> bool {
        self.last = now;
        if self.open.is_some() {
            path.again_at = Some(now + PATH_PAUSE);
        }
        if path.counted_in.replace(self.run) == Some(self.run) {
            return false;
        }
        self.failed = self.failed.saturating_add(1);
        let opens = self.open.is_none() && threshold > 0 && self.failed >= threshold;
        if opens {
            self.open = Some(Open { next_new: now + TRY_EVERY, next_again: now + TRY_EVERY });
        }
        opens
    }

    /// Notes that a path went well. Says whether that has closed the shape's breaker.
    pub fn succeeded(&mut self, now: Instant) -> bool {
        self.run = self.run.wrapping_add(1);
        self.failed = 0;
        self.postponed = 0;
        let opens = self.open.take().is_some();
        if opens {
            self.mixed_at = Some(now);
            self.ramp.begin(now);
        }
        opens
    }

    fn is_mixed(&self, now: Instant) -> bool {
        self.mixed_at.is_some_and(|at| now.saturating_duration_since(at) < MIXED_FOR)
    }

    /// Until when a candidate waits for its shape, if the shape is mixed and that time is not over.
    pub fn waits_until(&self, candidate: &Candidate, now: Instant) -> Option<Instant> {
        candidate.waits_until(now).filter(|_| self.is_mixed(now))
    }

    /// The instant until which a call would not be made, if there is one. `failed` is the entry of a path that has failed or waited.
    pub fn refuses(&self, candidate: &Candidate, failed: Option<&Path>, now: Instant) -> Option<Instant> {
        let open = self.open.as_ref()?;
        let again_at = failed.and_then(|path| path.again_at);
        let next = if again_at.is_some() || candidate.again { open.next_again } else { open.next_new };
        // However many timers wait, none waits for the tries of the others for longer than this.
        let next = if candidate.has_waited() && self.is_mixed(now) { now } else { next };
        let until = again_at.map_or(next, |again_at| next.max(again_at));
        (now < until).then_some(until)
    }

    /// Notes a call. Says whether it is a try, which it is if the shape is left alone.
    pub fn tries(&mut self, candidate: &Candidate, failed: Option<&Path>, now: Instant) -> bool {
        let Some(open) = &mut self.open else { return false };
        if candidate.again || failed.is_some_and(|path| path.again_at.is_some()) {
            open.next_again = now + TRY_EVERY;
        } else {
            open.next_new = now + TRY_EVERY;
        }
        true
    }

    /// When a timer that is not called before `until` comes back, which is no later than `latest`.
    pub fn come_back(&mut self, until: Instant, latest: Option<Instant>, now: Instant) -> Duration {
        self.postponed += 1;
        self.last = now;
        let space = if self.is_mixed(now) { MIXED_SPACE } else { RETURN_SPACE };
        self.returns.next_by(latest.map(|latest| latest + LEAD), until + LEAD, space, now)
    }

    /// Whether it is left alone.
    pub fn is_left_alone(&self) -> bool {
        self.open.is_some()
    }

    /// Whether there is nothing to remember.
    pub fn is_idle(&self, now: Instant) -> bool {
        let is_quiet = !self.ramp.is_on(now) && self.returns.until(now).is_none();
        self.failed == 0 && self.open.is_none() && is_quiet && !self.is_mixed(now)
    }

    /// The reason why timers of its paths wait, and until when.
    pub fn waits(&self, now: Instant) -> Option<(Postponed, Instant)> {
        self.open.as_ref().map(|open| (Postponed::Breaker, open.next_new.max(now)))
    }
}
