//! The high-water mark: the instant up to which the timers of a bucket are known to have fired, and the timers that have not.
//!
//! A broker can bring an older version of a record back: a single nats-server that is killed and rebuilds its store, a backup, a
//! snapshot of its machine. Such a record reads as if its timer still waited, long overdue. The mark distinguishes it from a
//! timer that is overdue because everything was down. The sweep that made the mark has looked at every record. So a record was
//! not in the bucket then if it is at most as new as that sweep, was due by then, and was not among the records that the sweep
//! saw.
//!
//! Pure: `node::sweep` makes the mark, `node::guard` keeps it.
//!
//! **Invariant (a mark stays true):** a mark speaks of one bucket and of the records that were there at its sweep. Every later
//! write has a higher sequence, so no mark becomes wrong as time passes.

use std::collections::BinaryHeap;
use std::time::Duration;

use crate::domain::time::Timestamp;
use crate::domain::timer::State;

/// The most records that a mark lists as still open. With 16,384, a mark takes at most some 60 KB. A sweep that sees more lowers
/// [`HighWater::upto`] instead.
pub const MAX_OPEN: usize = 16_384;

/// A record stays for at least this many sweep intervals after its timer is over, since sweeps may be cut off or late.
const LEAST_SWEEPS: u32 = 10;

/// The findings of one complete sweep about a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HighWater {
    /// When the bucket was created, in nanoseconds since the epoch. It distinguishes the bucket from another of the same name.
    pub bucket_born: i128,
    /// Every attempt that was due up to this instant is over, except those of [`open`](Self::open).
    pub upto: Timestamp,
    /// The sweep saw every record up to this sequence that was there. It may be higher than the sequence of the newest record: a
    /// record that has left may have had a higher one, and so may its older versions.
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

/// How long the last version of a record has to stay after its timer is over, so that a mark covers it. `mark_age` is the time
/// since the sweep of the newest mark began, or since the node started if there is no mark. `interval` is the pause between two
/// sweeps.
///
/// A sweep that takes `t` may have passed the record when the timer ends, so the next sweep's mark covers it. That takes at most
/// `2t + interval`. The newest mark is at least `t` old. If sweeps fail or take longer and longer, it is older, and the record
/// stays longer.
pub fn covered_after(mark_age: Duration, interval: Duration) -> Duration {
    (interval * LEAST_SWEEPS).max(mark_age * 3 + interval * 2)
}

/// The instant since which something should have happened to a timer that is not over: its due instant, or its claim. `None` once
/// the timer is over.
fn open_since(state: &State) -> Option<Timestamp> {
    match state {
        State::Scheduled { at, .. } => Some(*at),
        State::Firing { claim, .. } => Some(claim.since),
        State::Delivered { .. } | State::Failed { .. } | State::Cancelled { .. } | State::Unknown { .. } => {
            None
        }
    }
}

/// A mark in the making, into which one sweep counts every record.
#[derive(Debug)]
pub struct Soundings {
    upto: Timestamp,
    seq: u64,
    /// The open records, with the one that opened last on top.
    open: BinaryHeap<(Timestamp, u64)>,
}

impl Soundings {
    /// A mark for the instant `upto`, at which the sweep begins.
    pub fn new(upto: Timestamp) -> Self {
        Self { upto, seq: 0, open: BinaryHeap::new() }
    }

    /// Counts a record that the sweep saw. The order does not matter. The caller must not count a record that, by an earlier
    /// mark, was brought back.
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

    /// Counts a record that the sweep saw and could not read. It is taken for the record that has been open the longest.
    pub fn count_unreadable(&mut self, revision: u64) {
        self.count_open(Timestamp::from_micros(0), revision);
    }

    /// Notes that every record up to this sequence was counted, whether or not the bucket has a record of that sequence.
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
