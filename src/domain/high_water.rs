//! The high-water mark: up to which instant the timers of a bucket are known to have fired, and which of them are not.
//!
//! A broker can bring an older version of a record back: a single nats-server that is killed and rebuilds its store, a
//! backup, a snapshot of its machine. Such a record reads as if its timer still waited, long overdue. The mark tells it
//! from a timer that is overdue because everything was down: a sweep has looked at every record, so a record that is at
//! most as new as that sweep, was due by then, and was not among the records that the sweep saw, was not there.
//!
//! Pure: `crate::sweep` makes the mark, `crate::guard` keeps it.
//!
//! **Invariant (a mark stays true):** a mark speaks of one bucket and of the records that were there at its sweep. Every
//! later write has a higher sequence, so no mark ever becomes wrong by time passing.

use std::collections::BinaryHeap;
use std::time::Duration;

use crate::domain::time::Timestamp;
use crate::domain::timer::State;

/// The most records that a mark lists as still open. At 16,384 a mark takes at most some 60 KB; a sweep that sees more
/// lowers [`HighWater::upto`] instead.
pub const MAX_OPEN: usize = 16_384;

/// For so many sweep intervals a record stays at least after its timer is over: sweeps may be cut off or late.
const LEAST_SWEEPS: u32 = 10;

/// What one complete sweep knew about a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HighWater {
    /// When the bucket was created, which tells it from another of its name: nanoseconds since the epoch.
    pub bucket_born: i128,
    /// Every attempt that was due up to this instant is over, except those of [`open`](Self::open).
    pub upto: Timestamp,
    /// The sweep saw every record up to this sequence that was there. It is not that of the newest record alone: a record that has
    /// left may have had a higher one, and its older versions too.
    pub seq: u64,
    /// The revisions of the records that were due up to [`upto`](Self::upto) and not over: ascending, at most
    /// [`MAX_OPEN`].
    pub open: Vec<u64>,
}

impl HighWater {
    /// Whether a record of this state and revision cannot have been in the bucket when the mark was made, and so must
    /// have been brought back. A record whose timer is over is never judged.
    pub fn is_restored(&self, state: &State, revision: u64) -> bool {
        let Some(since) = open_since(state) else { return false };
        revision <= self.seq && since <= self.upto && self.open.binary_search(&revision).is_err()
    }

    /// Whether this mark speaks of every record that the other one speaks of. Both stay true.
    pub fn reaches(&self, other: &Self) -> bool {
        self.upto >= other.upto && self.seq >= other.seq
    }
}

/// How long the last version of a record has to stay after its timer is over, so that a mark covers it. `mark_age` is how long ago the
/// sweep of the newest mark began, or the node if there is none, and `interval` is the pause between two sweeps.
///
/// A sweep that takes `t` may have passed the record when the timer ends, so the mark of the next one covers it, `2t + interval` later
/// at most. The newest mark is `t` old at least; sweeps that fail or last ever longer make it older, and the time longer.
pub fn covered_after(mark_age: Duration, interval: Duration) -> Duration {
    (interval * LEAST_SWEEPS).max(mark_age * 3 + interval * 2)
}

/// Since when something should have happened to a timer that is not over: its due instant, or its claim. `None` once it
/// is over.
fn open_since(state: &State) -> Option<Timestamp> {
    match state {
        State::Scheduled { at, .. } => Some(*at),
        State::Firing { claim, .. } => Some(claim.since),
        State::Delivered { .. } | State::Failed { .. } | State::Cancelled { .. } | State::Unknown { .. } => {
            None
        }
    }
}

/// A mark in the making: one sweep counts every record into it.
#[derive(Debug)]
pub struct Soundings {
    upto: Timestamp,
    seq: u64,
    /// The records that are open, the one that opened last on top.
    open: BinaryHeap<(Timestamp, u64)>,
}

impl Soundings {
    /// A mark for the instant `upto`, at which the sweep begins.
    pub fn new(upto: Timestamp) -> Self {
        Self { upto, seq: 0, open: BinaryHeap::new() }
    }

    /// Counts a record that the sweep saw, in any order. A record that an earlier mark says was brought back must not be
    /// counted.
    pub fn count(&mut self, state: &State, revision: u64) {
        self.seq = self.seq.max(revision);
        if let Some(since) = open_since(state).filter(|since| *since <= self.upto) {
            self.count_open(since, revision);
        }
    }

    fn count_open(&mut self, since: Timestamp, revision: u64) {
        self.seq = self.seq.max(revision);
        self.open.push((since, revision));
        if self.open.len() > MAX_OPEN
            && let Some((latest, _)) = self.open.pop()
        {
            self.upto = latest.saturating_sub(Duration::from_micros(1));
            while self.open.peek().is_some_and(|(since, _)| *since > self.upto) {
                self.open.pop();
            }
        }
    }

    /// Counts a record that the sweep saw and could not read: it is taken for the one that is open the longest.
    pub fn count_unreadable(&mut self, revision: u64) {
        self.count_open(Timestamp::from_micros(0), revision);
    }

    /// Notes that every record up to this sequence was counted, whether the bucket has one of that sequence or not.
    pub fn reach(&mut self, seq: u64) {
        self.seq = self.seq.max(seq);
    }

    /// The mark, once every record of this bucket was counted.
    pub fn finish(self, bucket_born: i128) -> HighWater {
        let mut open: Vec<u64> = self.open.into_iter().map(|(_, revision)| revision).collect();
        open.sort_unstable();
        HighWater { bucket_born, upto: self.upto, seq: self.seq, open }
    }
}

#[cfg(test)]
mod tests;
