//! The events of timers in each minute of the last hour, for plots.
//!
//! Pure: callers feed and query it, and pass in the times. It knows no timer, so its memory does not grow with them: it has
//! sixty tallies, and each in which an attempt began has a histogram of 13 KB. `finder` feeds it from the records that the index reads
//! anyway. So every API node knows the events of all nodes, also those before its own start, without another message.
//!
//! **Invariant:** from [`Report::since`] on, every event that was reported is counted, and counted once.

mod seen;
mod tally;

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::time::Timestamp;

use tally::{Latenesses, Tally};

pub use seen::{Seen, happened};
pub use tally::{Counted, Lateness};

/// The number of minutes kept, including the current one.
pub const MINUTES: usize = 60;

const MICROS_PER_MINUTE: u64 = 60_000_000;

/// The events of a timer that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    Created,
    /// An attempt has begun, `late` after its instant.
    Fired {
        /// The time since the instant at which the attempt was due.
        late: Duration,
    },
    Delivered,
    /// It has failed, and will not be tried again.
    Failed,
    /// It is not known whether it was delivered.
    Unknown,
    Cancelled,
}

/// The events of the last [`MINUTES`] minutes.
#[derive(Debug)]
pub struct History {
    since: Timestamp,
    /// The minute of the last tally, since 1970.
    newest: u64,
    /// Tallies of consecutive minutes.
    tallies: VecDeque<Tally>,
}

/// A minute of the last hour.
#[derive(Clone, Debug, PartialEq)]
pub struct Minute {
    pub start: Timestamp,
    /// The number of events of each kind.
    pub counted: Counted,
    /// The lateness of attempts; `None` if none began.
    pub lateness: Option<Lateness>,
}

/// The history of the last hour.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// All events from this instant on are counted.
    pub since: Timestamp,
    /// The lateness over all minutes.
    pub lateness: Option<Lateness>,
    /// The minutes without a gap, the oldest first. The first may have begun before `since`.
    pub minutes: Vec<Minute>,
}

impl History {
    /// An empty history, which counts events from `since` on.
    pub fn new(since: Timestamp) -> Self {
        Self { since, newest: minute_of(since), tallies: [Tally::default()].into() }
    }

    /// Notes an event that is heard of now. Events may come in any order. An event older than an hour does not count, and one that
    /// a clock ahead of this one puts in the future counts as of now.
    pub fn note(&mut self, now: Timestamp, at: Timestamp, happened: Happened) {
        let minute = minute_of(at.min(now));
        // Otherwise, after a clock was set back by this much, no event would be counted until the clock is back where it was.
        if minute_of(now).saturating_add(MINUTES as u64) <= self.newest {
            *self = Self::new(now);
        }
        self.go_on_to(minute_of(now));
        let age = usize::try_from(self.newest.saturating_sub(minute)).unwrap_or(usize::MAX);
        let place = self.tallies.len().checked_sub(age.saturating_add(1));
        if let Some(tally) = place.and_then(|place| self.tallies.get_mut(place)) {
            tally.count(happened);
        }
    }

    /// The hour that ends with the minute of `now`, or with a later minute that already has an event.
    pub fn report(&self, now: Timestamp) -> Report {
        let last = minute_of(now).max(self.newest);
        let first = (last + 1).saturating_sub(MINUTES as u64);
        let since = self.since.max(Timestamp::from_micros(first * MICROS_PER_MINUTE));
        let mut all = Latenesses::default();
        let minutes = (minute_of(since)..=last).map(|minute| {
            let start = Timestamp::from_micros(minute * MICROS_PER_MINUTE);
            let Some(tally) = self.tally_of(minute) else {
                return Minute { start, counted: Counted::default(), lateness: None };
            };
            all.add(&tally.latenesses);
            Minute { start, counted: tally.counted, lateness: tally.latenesses.sum_up() }
        });
        let minutes = minutes.collect();
        Report { since, lateness: all.sum_up(), minutes }
    }

    /// Makes room for a minute that may be newer than all others.
    fn go_on_to(&mut self, minute: u64) {
        let more = minute.saturating_sub(self.newest).min(MINUTES as u64);
        for _ in 0..more {
            if self.tallies.len() >= MINUTES {
                self.tallies.pop_front();
            }
            self.tallies.push_back(Tally::default());
        }
        self.newest = self.newest.max(minute);
    }

    fn tally_of(&self, minute: u64) -> Option<&Tally> {
        let age = usize::try_from(self.newest.checked_sub(minute)?).ok()?;
        self.tallies.get(self.tallies.len().checked_sub(age.checked_add(1)?)?)
    }
}

fn minute_of(at: Timestamp) -> u64 {
    at.as_micros() / MICROS_PER_MINUTE
}

#[cfg(test)]
mod tests;
