//! The offset of another clock from this node's.
//!
//! Samples are kept against the monotonic clock. So a step of this node's own clock shows at once, and not only when the last
//! sample from before it has left.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Moment;
use crate::domain::time::Timestamp;

/// Another clock's time minus this node's, in microseconds: positive if the other is ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offset(i64);

impl Offset {
    pub const ZERO: Self = Self(0);

    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// How far apart the two clocks are.
    pub const fn distance(self) -> Duration {
        Duration::from_micros(self.0.unsigned_abs())
    }

    /// The time that the other clock shows when this node's shows `ours`.
    pub const fn shown(self, ours: Timestamp) -> Timestamp {
        Timestamp::from_micros(ours.as_micros().saturating_add_signed(self.0))
    }

    fn between(theirs: Timestamp, ours: Timestamp) -> Self {
        let micros = i128::from(theirs.as_micros()) - i128::from(ours.as_micros());
        Self(i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX }))
    }
}

/// The offset in the middle; of two in the middle, the one nearer to zero. So a minority that is off does not show, and neither
/// does one of two clocks that disagree.
pub(super) fn middle(mut offsets: Vec<Offset>) -> Option<Offset> {
    offsets.sort_unstable();
    let low = offsets.get(offsets.len().checked_sub(1)? / 2)?;
    let high = offsets.get(offsets.len() / 2)?;
    Some(if low.distance() <= high.distance() { *low } else { *high })
}

/// How many samples of NATS' clock are kept: with one every 5 s, the quickest of 40 s counts.
const SERVER_SAMPLES: usize = 8;

/// How long a sample of NATS' clock is good for: two clocks drift apart by some 100 µs a second at worst.
const SERVER_SAMPLE_GOOD_FOR: Duration = Duration::from_secs(60);

/// The longest round trip of an answer that counts. A longer one says too little: it may be wrong by half a second.
const LONGEST_ROUND_TRIP: Duration = Duration::from_secs(1);

/// How far two samples may contradict each other beyond their errors, since clocks drift meanwhile.
const DRIFT: Duration = Duration::from_millis(10);

/// An answer of NATS that contains the server's time.
#[derive(Clone, Copy, Debug)]
pub struct ServerSample {
    /// When this node sent the request.
    pub asked: Instant,
    pub answered: Instant,
    /// The server's time, at some moment in between.
    pub server: Timestamp,
}

impl ServerSample {
    fn round_trip(&self) -> Duration {
        self.answered.saturating_duration_since(self.asked)
    }

    /// The time that the server's clock shows at `steady`: it showed `server` in the middle, give or take half the round trip.
    fn server_at(&self, steady: Instant) -> Timestamp {
        let since = steady.saturating_duration_since(self.asked);
        let half = self.round_trip() / 2;
        // A span is rounded up on both ways, so the result is off by a microsecond at most.
        match since.checked_sub(half) {
            Some(since) => self.server.saturating_add(since),
            None => self.server.saturating_sub(half - since),
        }
    }

    /// Whether both samples can be right. If not, one of the clocks was set meanwhile, or this machine slept.
    fn agrees_with(&self, newer: &Self) -> bool {
        let offset = Offset::between(self.server_at(newer.answered), newer.server_at(newer.answered));
        offset.distance() <= (self.round_trip() + newer.round_trip()) / 2 + DRIFT
    }
}

/// The samples of NATS' clock.
#[derive(Debug, Default)]
pub struct ServerClock {
    samples: VecDeque<ServerSample>,
}

impl ServerClock {
    /// Notes an answer, unless it took longer than [`LONGEST_ROUND_TRIP`]. Older samples that contradict it are forgotten.
    pub fn note(&mut self, sample: ServerSample) {
        if sample.round_trip() > LONGEST_ROUND_TRIP {
            return;
        }
        self.samples.retain(|older| older.agrees_with(&sample));
        self.samples.truncate(SERVER_SAMPLES - 1);
        self.samples.push_front(sample);
    }

    /// The offset of NATS' clock from this node's, wrong by at most half the round trip of the quickest answer.
    pub fn offset(&self, now: Moment) -> Option<Offset> {
        let fresh = |sample: &&ServerSample| {
            now.steady.saturating_duration_since(sample.answered) < SERVER_SAMPLE_GOOD_FOR
        };
        let best = self.samples.iter().filter(fresh).min_by_key(|sample| sample.round_trip())?;
        Some(Offset::between(best.server_at(now.steady), now.clock))
    }
}

/// How many of a node's beats are kept for its clock: those of 10 s.
const PEER_SAMPLES: usize = 10;

/// The longest time that a beat is on its way. A beat that takes longer makes the clock look behind until the next one.
const LONGEST_WAY: Duration = Duration::from_secs(1);

/// The samples of another node's clock.
#[derive(Debug, Default)]
pub(super) struct PeerClock {
    samples: VecDeque<(Timestamp, Instant)>,
}

impl PeerClock {
    /// Notes the time that the clock showed when the beat was sent, and when this node heard it. Samples from before the other clock
    /// was set back no longer count.
    pub(super) fn note(&mut self, clock: Timestamp, heard: Instant) {
        let latest = clock.saturating_add(LONGEST_WAY);
        self.samples
            .retain(|(before, at)| before.saturating_add(heard.saturating_duration_since(*at)) <= latest);
        self.samples.truncate(PEER_SAMPLES - 1);
        self.samples.push_front((clock, heard));
    }

    /// The offset of the other clock from this node's. The transit of a beat only makes a clock look behind, so the largest sample
    /// is the closest; it is too small by the shortest transit of the last 10 s.
    pub(super) fn offset(&self, now: Moment) -> Option<Offset> {
        let shown = |(clock, heard): &(Timestamp, Instant)| {
            clock.saturating_add(now.steady.saturating_duration_since(*heard))
        };
        self.samples.iter().map(shown).max().map(|theirs| Offset::between(theirs, now.clock))
    }
}

#[cfg(test)]
mod tests;
