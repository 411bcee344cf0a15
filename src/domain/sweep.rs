//! What a sweep makes of a timer: whether somebody is going to wake it, as the invariants of [`machine`] say, and what
//! has to be armed if not.
//!
//! Pure, and about one timer: it is given the record and every wake that the broker holds for it. How these are read,
//! in which order, and that a finding is confirmed before it is believed, is the business of `crate::sweep`.
//!
//! **Invariant (a sweep only adds):** the repair of every finding is to arm a wake. A wake is a hint, and the record
//! decides what comes of it, so a repair that was not needed, is done twice, or comes too late changes nothing and calls
//! nobody.
//!
//! **Invariant (no false alarm):** as long as the broker loses nothing, no timer of any history is found, whoever dies.
//!
//! [`machine`]: crate::domain::machine

use std::time::Duration;

use crate::domain::machine::{ARM_FRESH, LEAD, MAX_POSTPONEMENT};
use crate::domain::time::{Now, Timestamp};
use crate::domain::timer::{State, Timer};

/// How long after its last sign of life a wake without a record belongs to nobody: four times of what a creation that
/// is in flight has between its wake and its record, since clocks differ by seconds and requests take some.
pub const ORPHAN_AGE: Duration = ARM_FRESH.saturating_mul(4);

/// How long ago a timer may have ended that is told of again after the wakes were lost: whoever ended it may have died
/// before telling. Telling twice is harmless, and more than this would be work for nothing.
pub const UNTOLD_FOR: Duration = Duration::from_secs(3_600);

/// A wake that the broker holds for a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Armed {
    /// It waits for [`LEAD`] before this instant.
    Waiting {
        /// For when it was armed.
        at: Timestamp,
        /// Since when it is known to wait: when the broker stored it, or later.
        since: Timestamp,
    },
    /// It is on the queue of the workers, or in the hands of one.
    Due,
}

/// What is wrong with a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It should have been woken, and no wake comes.
    Overdue,
    /// It waits for an instant that is still to come, and no wake comes in time.
    Unarmed,
    /// It is claimed, and nobody looks after it if the claimant is dead.
    Unwatched,
    /// It ended shortly before all wakes were lost, and it is not known whether its callback was made.
    Untold,
}

/// A finding, and the wake that mends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What is wrong.
    pub finding: Finding,
    /// For when to arm a wake.
    pub arm: Timestamp,
}

/// What is known when a timer is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The time, and how fast it goes: broker and workers take theirs in the world.
    pub now: Now,
    /// How late the broker, workers and clocks may be until something is taken for damage.
    pub grace: Duration,
    /// Whether wakes are known to have been lost since the last sweep, such as with their whole stream.
    pub after_loss: bool,
}

/// What is wrong with a timer of which the broker holds these wakes.
pub fn judge(timer: &Timer, wakes: &[Armed], look: Look) -> Option<Damage> {
    match &timer.state {
        State::Scheduled { at, .. } => {
            if wakes.iter().any(|wake| look.wakes_in_time(*wake, *at)) {
                return None;
            }
            let late = at.saturating_add(look.world(look.grace)) < look.now.at;
            Some(Damage { finding: if late { Finding::Overdue } else { Finding::Unarmed }, arm: *at })
        }
        State::Firing { claim, .. } => {
            let postponed = look.world(MAX_POSTPONEMENT + look.grace);
            let latest = claim.lease_until.max(look.now.at).saturating_add(postponed);
            let watched = wakes.iter().any(|wake| look.comes_by(*wake, latest));
            (!watched).then_some(Damage { finding: Finding::Unwatched, arm: claim.lease_until })
        }
        State::Delivered { at }
        | State::Failed { at, .. }
        | State::Cancelled { at }
        | State::Unknown { at, .. } => {
            let lately = look.after_loss && look.now.at.since(*at) <= look.world(UNTOLD_FOR);
            let untold = lately && wakes.is_empty() && timer.callback().is_some();
            untold.then_some(Damage { finding: Finding::Untold, arm: look.now.at })
        }
    }
}

/// Whether a wake that was stored at this instant, and whose timer has no record, can belong to a creation in flight no
/// more. It wakes nobody; it only takes room. Both instants are of the world.
pub fn is_orphan(stored_at: Timestamp, now: Timestamp) -> bool {
    now.since(stored_at) > ORPHAN_AGE
}

impl Look {
    /// Whether this wake is good enough for a timer that waits for `at`: it comes by then, or the timer is due and was
    /// postponed.
    fn wakes_in_time(&self, wake: Armed, at: Timestamp) -> bool {
        let is_due = at <= self.now.after(self.grace);
        let postponed = self.now.after(MAX_POSTPONEMENT + self.grace);
        self.comes_by(wake, if is_due { at.max(postponed) } else { at })
    }

    /// Whether this wake comes, and by `latest`. One that should have been moved to the queue long ago does not: the
    /// server has forgotten it. One that was stored late, because the request took long, is moved at the server's next look
    /// at its schedules.
    fn comes_by(&self, wake: Armed, latest: Timestamp) -> bool {
        match wake {
            Armed::Due => true,
            Armed::Waiting { at, since } => at <= latest && !self.is_stuck(at, since),
        }
    }

    fn is_stuck(&self, at: Timestamp, since: Timestamp) -> bool {
        let comes_at = at.saturating_sub(self.world(LEAD)).max(since);
        comes_at.saturating_add(self.world(self.grace)) < self.now.at
    }

    /// How long a span of the world is by the clock.
    fn world(&self, span: Duration) -> Duration {
        self.now.pace.by_the_clock(span)
    }
}

#[cfg(test)]
mod tests;
