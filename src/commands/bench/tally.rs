//! Matches webhooks with the timers that were created, and counts those that do not match.
//!
//! It is told instants and reads no clock, does no I/O, and passes no judgement: the report decides which counts make a run fail.

use std::collections::HashMap;
use std::time::Duration;

use super::clock::micros;
use super::spread::Spread;

/// The state of one timer id.
enum Fate {
    /// A webhook came for an id that no answer has named yet: the answer may be under way.
    Unclaimed {
        arrived_us: u64,
        again: bool,
    },
    Awaited {
        due_us: u64,
    },
    Delivered {
        again: bool,
    },
}

pub(super) struct Tally {
    fates: HashMap<u128, Fate>,
    created: u64,
    delivered: u64,
    duplicate: u64,
    early: u64,
    unclaimed: u64,
    without_id: u64,
    latest_due_us: u64,
    latest_arrival_us: u64,
    pub(super) lateness: Spread,
}

/// The counts of one run. `delivered + missing + pending` is the number of 201 answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) delivered: u64,
    /// No webhook came, although the bench waited long enough.
    pub(super) missing: u64,
    /// No webhook came, and it was too early to give it up: only in a run that was interrupted.
    pub(super) pending: u64,
    /// Ids seen more than once; each counts once.
    pub(super) duplicate: u64,
    pub(super) early: u64,
    /// Ids that no 201 named, and webhooks without a readable id.
    pub(super) unexpected: u64,
}

impl Tally {
    /// Reserves the room for all timers at once: a map that grows during the run stops the load while it moves.
    pub(super) fn new(timers: usize) -> anyhow::Result<Self> {
        Ok(Self {
            fates: HashMap::with_capacity(timers),
            created: 0,
            delivered: 0,
            duplicate: 0,
            early: 0,
            unclaimed: 0,
            without_id: 0,
            latest_due_us: 0,
            latest_arrival_us: 0,
            lateness: Spread::new()?,
        })
    }

    /// Notes that a 201 named this id. A second 201 with the same id shows as a missing timer, because one webhook cannot serve two.
    pub(super) fn created(&mut self, id: u128, due_us: u64) {
        self.created += 1;
        self.latest_due_us = self.latest_due_us.max(due_us);
        match self.fates.get_mut(&id) {
            None => {
                self.fates.insert(id, Fate::Awaited { due_us });
            }
            Some(fate) => {
                if let Fate::Unclaimed { arrived_us, again } = *fate {
                    *fate = Fate::Delivered { again };
                    self.unclaimed -= 1;
                    self.duplicate += u64::from(again);
                    self.deliver(due_us, arrived_us);
                }
            }
        }
    }

    /// Notes that a webhook with this id came in.
    pub(super) fn arrived(&mut self, id: u128, arrived_us: u64) {
        match self.fates.get_mut(&id) {
            None => {
                self.fates.insert(id, Fate::Unclaimed { arrived_us, again: false });
                self.unclaimed += 1;
            }
            Some(Fate::Unclaimed { again, .. }) => *again = true,
            Some(Fate::Delivered { again }) => {
                self.duplicate += u64::from(!*again);
                *again = true;
            }
            Some(fate @ Fate::Awaited { .. }) => {
                if let Fate::Awaited { due_us } = std::mem::replace(fate, Fate::Delivered { again: false }) {
                    self.deliver(due_us, arrived_us);
                }
            }
        }
    }

    /// Notes that a webhook came in that names no timer.
    pub(super) fn arrived_without_id(&mut self) {
        self.without_id += 1;
    }

    fn deliver(&mut self, due_us: u64, arrived_us: u64) {
        self.delivered += 1;
        self.early += u64::from(arrived_us < due_us);
        self.latest_arrival_us = self.latest_arrival_us.max(arrived_us);
        self.lateness.record(signed_difference(arrived_us, due_us));
    }

    pub(super) fn delivered(&self) -> u64 {
        self.delivered
    }

    pub(super) fn everything_came(&self) -> bool {
        self.delivered == self.created
    }

    pub(super) fn latest_due_us(&self) -> u64 {
        self.latest_due_us
    }

    /// When the last timer was delivered for the first time; later duplicates do not move it.
    pub(super) fn latest_arrival_us(&self) -> Option<u64> {
        (self.delivered > 0).then_some(self.latest_arrival_us)
    }

    /// The counts at an instant. A timer is given up `patience` after it was due.
    pub(super) fn counts(&self, now_us: u64, patience: Duration) -> Counts {
        let still_hoped_for = |fate: &&Fate| match fate {
            Fate::Awaited { due_us } => due_us.saturating_add(micros(patience)) > now_us,
            Fate::Unclaimed { .. } | Fate::Delivered { .. } => false,
        };
        let pending = self.fates.values().filter(still_hoped_for).count() as u64;
        Counts {
            delivered: self.delivered,
            missing: self.created - self.delivered - pending,
            pending,
            duplicate: self.duplicate,
            early: self.early,
            unexpected: self.unclaimed + self.without_id,
        }
    }
}

pub(super) fn signed_difference(later_us: u64, earlier_us: u64) -> i64 {
    i64::try_from(i128::from(later_us) - i128::from(earlier_us)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUE: u64 = 1_000_000;
    const PATIENCE: Duration = Duration::from_secs(1);
    const LONG_AFTER: u64 = 10_000_000;

    fn tally() -> Tally {
        Tally::new(8).unwrap()
    }

    fn at_the_end(tally: &Tally) -> Counts {
        tally.counts(LONG_AFTER, PATIENCE)
    }

    #[test]
    fn a_webhook_after_its_answer_is_delivered() {
        let mut tally = tally();
        tally.created(1, DUE);
        assert!(!tally.everything_came());
        tally.arrived(1, DUE + 2_000);
        assert!(tally.everything_came());
        assert_eq!(at_the_end(&tally), Counts { delivered: 1, ..Counts::default() });
        assert_eq!(tally.lateness.summary().unwrap().max_ms, 2.0);
        assert_eq!(tally.latest_arrival_us(), Some(DUE + 2_000));
    }

    #[test]
    fn a_webhook_before_its_answer_is_delivered_just_the_same() {
        let mut tally = tally();
        tally.arrived(1, DUE + 2_000);
        assert_eq!(at_the_end(&tally), Counts { unexpected: 1, ..Counts::default() });
        tally.created(1, DUE);
        assert_eq!(at_the_end(&tally), Counts { delivered: 1, ..Counts::default() });
        assert_eq!(tally.lateness.summary().unwrap().max_ms, 2.0);
    }

    #[test]
    fn a_webhook_that_never_comes_is_pending_until_patience_ends_and_missing_then() {
        let mut tally = tally();
        tally.created(1, DUE);
        assert_eq!(tally.counts(DUE + 999_999, PATIENCE), Counts { pending: 1, ..Counts::default() });
        assert_eq!(tally.counts(DUE + 1_000_000, PATIENCE), Counts { missing: 1, ..Counts::default() });
    }

    #[test]
    fn an_id_seen_three_times_is_one_duplicate_wherever_its_answer_falls() {
        for answer_comes_after in 0..=3 {
            let mut tally = tally();
            for webhook in 0..3 {
                if webhook == answer_comes_after {
                    tally.created(1, DUE);
                }
                tally.arrived(1, DUE + webhook);
            }
            if answer_comes_after == 3 {
                tally.created(1, DUE);
            }
            assert_eq!(at_the_end(&tally), Counts { delivered: 1, duplicate: 1, ..Counts::default() });
            assert_eq!(tally.lateness.summary().unwrap().max_ms, 0.0);
            assert_eq!(tally.latest_arrival_us(), Some(DUE));
        }
    }

    #[test]
    fn a_microsecond_before_due_is_early_and_the_due_instant_itself_is_not() {
        let mut tally = tally();
        tally.created(1, DUE);
        tally.created(2, DUE);
        tally.arrived(1, DUE - 1);
        tally.arrived(2, DUE);
        assert_eq!(at_the_end(&tally), Counts { delivered: 2, early: 1, ..Counts::default() });
        assert_eq!(tally.lateness.summary().unwrap().min_ms, -0.001);
    }

    #[test]
    fn webhooks_that_no_answer_named_are_unexpected_and_nothing_else() {
        let mut tally = tally();
        tally.arrived(7, DUE);
        tally.arrived(7, DUE);
        tally.arrived_without_id();
        assert_eq!(at_the_end(&tally), Counts { unexpected: 2, ..Counts::default() });
        assert_eq!(tally.latest_arrival_us(), None);
    }

    #[test]
    fn one_id_in_two_answers_leaves_one_timer_missing() {
        let mut tally = tally();
        tally.created(1, DUE);
        tally.created(1, DUE);
        tally.arrived(1, DUE);
        assert_eq!(at_the_end(&tally), Counts { delivered: 1, missing: 1, ..Counts::default() });
    }
}
