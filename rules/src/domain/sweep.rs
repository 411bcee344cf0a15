//! The judgement of a sweep about a timer: whether a wake is on its way, as the invariants of [`machine`] demand, and which wake
//! has to be armed if not.
//!
//! Pure, and about one timer: the caller passes the record and every wake that the broker holds for it. `node::sweep` decides
//! how and in which order these are read, and confirms a finding before it believes it.
//!
//! **Invariant (a sweep only adds):** the repair of every finding is to arm a wake. A wake is a hint, and the record decides. So
//! a repair that was not needed, is done twice, or comes too late changes nothing and calls no receiver.
//!
//! **Invariant (no false alarm):** as long as the broker loses nothing, no timer is found, whatever its history and whichever
//! node dies.
//!
//! [`machine`]: crate::domain::machine

use std::time::Duration;

use crate::domain::machine::{ARM_FRESH, LEAD, MAX_POSTPONEMENT};
use crate::domain::time::{Now, Timestamp};
use crate::domain::timer::{State, Timer};

/// How long a wake without a record may belong to a creation in flight, counted from when the wake was last stored. It is four
/// times the time that a creation has between its wake and its record, since clocks differ by seconds and requests take some.
pub const ORPHAN_AGE: Duration = ARM_FRESH.saturating_mul(4);

/// How long ago a timer may have ended whose callback is asked for again after the wakes were lost: the node that ended it may
/// have died before it asked. Asking twice is harmless. A longer time would be work for nothing.
pub const UNTOLD_FOR: Duration = Duration::from_secs(3_600);

/// A wake that the broker holds for a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Armed {
    /// It waits until [`LEAD`] before this instant at the latest.
    Waiting {
        /// The instant that it was armed for.
        at: Timestamp,
        /// Since when it is known to wait: the instant at which the broker stored it, or a later one.
        since: Timestamp,
    },
    /// It is in the workers' queue, or a worker holds it.
    Due,
}

/// The kinds of damage to a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It should have been woken, and no wake comes.
    Overdue,
    /// It waits for an instant that is still to come, and no wake comes in time.
    Unarmed,
    /// It is claimed, and no wake watches the claim in case the claimant is dead.
    Unwatched,
    /// It ended shortly before all wakes were lost, and it is not known whether its callback was made.
    Untold,
}

/// A finding, and the wake that repairs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    pub finding: Finding,
    /// The instant that the wake is to be armed for.
    pub arm: Timestamp,
}

/// The circumstances in which a timer is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look<N> {
    /// The present. The broker and the workers take their time in the world.
    pub now: N,
    /// How late the broker, workers and clocks may be before the delay is taken for damage.
    pub grace: Duration,
    /// Whether wakes are known to have been lost since the last sweep, such as with their whole stream.
    pub after_loss: bool,
}

/// Returns the damage to a timer for which the broker holds these wakes, if there is any.
pub fn judge(timer: &Timer, wakes: &[Armed], look: Look<impl Now>) -> Option<Damage> {
    match &timer.state {
        State::Scheduled { at, .. } => {
            if wakes.iter().any(|wake| look.wakes_in_time(*wake, *at)) {
                return None;
            }
            let late = at.saturating_add(look.world(look.grace)) < look.now.at();
            Some(Damage { finding: if late { Finding::Overdue } else { Finding::Unarmed }, arm: *at })
        }
        State::Firing { claim, .. } => {
            let postponed = look.world(MAX_POSTPONEMENT + look.grace);
            let latest = claim.lease_until.max(look.now.at()).saturating_add(postponed);
            let watched = wakes.iter().any(|wake| look.comes_by(*wake, latest));
            (!watched).then_some(Damage { finding: Finding::Unwatched, arm: claim.lease_until })
        }
        State::Delivered { at }
        | State::Failed { at, .. }
        | State::Cancelled { at }
        | State::Unknown { at, .. } => {
            let lately = look.after_loss && look.now.at().since(*at) <= look.world(UNTOLD_FOR);
            let untold = lately && wakes.is_empty() && timer.callback().is_some();
            untold.then_some(Damage { finding: Finding::Untold, arm: look.now.at() })
        }
    }
}

/// Whether a wake that was stored at this instant, and whose timer has no record, is too old to belong to a creation in flight.
/// Such a wake only takes room. Both instants are of the world.
pub fn is_orphan(stored_at: Timestamp, now: Timestamp) -> bool {
    now.since(stored_at) > ORPHAN_AGE
}

impl<N: Now> Look<N> {
    /// Whether this wake is good enough for a timer that waits for `at`: it comes by then, or the timer is due and was
    /// postponed.
    fn wakes_in_time(&self, wake: Armed, at: Timestamp) -> bool {
        let is_due = at <= self.now.after(self.grace);
        let postponed = self.now.after(MAX_POSTPONEMENT + self.grace);
        self.comes_by(wake, if is_due { at.max(postponed) } else { at })
    }

    /// Whether this wake comes, and by `latest`. A wake that should have been moved to the queue long ago does not come:
    /// nats-server has forgotten it. A wake that was stored late, because the request took long, is moved when nats-server next
    /// looks at its schedules.
    fn comes_by(&self, wake: Armed, latest: Timestamp) -> bool {
        match wake {
            Armed::Due => true,
            Armed::Waiting { at, since } => at <= latest && !self.is_stuck(at, since),
        }
    }

    fn is_stuck(&self, at: Timestamp, since: Timestamp) -> bool {
        let comes_at = at.saturating_sub(self.world(LEAD)).max(since);
        comes_at.saturating_add(self.world(self.grace)) < self.now.at()
    }

    /// Converts a span of the world into a span by the clock.
    fn world(&self, span: Duration) -> Duration {
        self.now.by_the_clock(span)
    }
}

#[cfg(test)]
mod tests;
