//! The sequences that a node has seen of a bucket, and the meaning of a lower one after a broker has come back.
//!
//! A broker that is killed may lack its last writes, which it had acknowledged a moment before. A broker whose data was restored
//! from a backup lacks writes that are older. The number of missing writes does not tell the two apart: in a bucket with ten
//! timers a day, yesterday's backup lacks fewer writes than a busy server loses when it is killed. Their age does.
//!
//! Times are those of a clock that only goes forward, from the start of the process: the wall clock may be set meanwhile.
//!
//! Pure: `node::guard` notes each sequence and asks for the judgement.

use std::collections::VecDeque;
use std::time::Duration;

/// A write that a broker acknowledged longer ago than this, before contact with it was lost, is not lost by killing the broker:
/// nats-server hands writes to the kernel within milliseconds. A power cut can lose more, up to `sync_interval`.
pub const TAIL: Duration = Duration::from_secs(2);

/// The least time between two samples. With [`TAIL`], a node keeps some twenty of them.
const APART: Duration = Duration::from_millis(100);

/// The sequences that a node has seen of one bucket.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    highest: u64,
    /// When the node was last in contact with the bucket; `None` if there was no contact since its start.
    contact: Option<Duration>,
    /// The highest sequence at some times: the last sample from before [`TAIL`], and those since.
    samples: VecDeque<(Duration, u64)>,
}

/// The meaning of a bucket's last sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Back {
    /// Nothing is missing.
    No,
    /// The last writes are missing, none of them older than [`TAIL`] when contact was lost.
    Tail,
    /// Writes are missing that were older than [`TAIL`] when contact was lost, as after a restore from a backup.
    Restored,
}

impl Seen {
    /// Begins with the sequence that an earlier process remembered as [`settled`](Self::settled).
    pub fn remembered(settled: u64) -> Self {
        Self { highest: settled, contact: None, samples: VecDeque::from([(Duration::ZERO, settled)]) }
    }

    /// Notes that the bucket had a sequence, which may be lower than others, at a time.
    pub fn note(&mut self, seq: u64, at: Duration) {
        self.highest = self.highest.max(seq);
        let contact = self.contact.unwrap_or_default().max(at);
        self.contact = Some(contact);
        match self.samples.back_mut() {
            Some((last, _)) if at.saturating_sub(*last) < APART => {}
            Some(_) | None => self.samples.push_back((at, self.highest)),
        }
        let old = contact.saturating_sub(TAIL);
        while self.samples.get(1).is_some_and(|(at, _)| *at <= old) {
            self.samples.pop_front();
        }
    }

    /// The highest sequence that was seen; 0 if none was.
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// The last time of contact since the start of the process.
    pub fn contact(&self) -> Option<Duration> {
        self.contact
    }

    /// The highest sequence that was seen longer than [`TAIL`] before the last contact.
    pub fn settled(&self) -> u64 {
        let old = self.contact.unwrap_or_default().saturating_sub(TAIL);
        self.samples.front().filter(|(at, _)| *at <= old).map_or(0, |(_, seq)| *seq)
    }

    /// Judges `last`, which is the bucket's last sequence now.
    pub fn judge(&self, last: u64) -> Back {
        if last >= self.highest {
            Back::No
        } else if last >= self.settled() {
            Back::Tail
        } else {
            Back::Restored
        }
    }

    /// Goes on with a bucket that lacks writes which the node has seen.
    pub fn go_back(&mut self, last: u64) {
        self.highest = last;
        self.samples.iter_mut().for_each(|(_, seq)| *seq = (*seq).min(last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// One write a second for 100 s, then `more` writes in the last 50 ms.
    fn seen(more: u64) -> Seen {
        let mut seen = Seen::default();
        (1..=100).for_each(|second| seen.note(second, at(second * 1_000)));
        (1..=more).for_each(|write| seen.note(100 + write, at(100_000 + write * 50 / more)));
        seen
    }

    #[test]
    fn missing_writes_are_judged_by_their_age_and_not_by_their_number() {
        for (more, last, back) in [
            (0, 100, Back::No),
            (0, 101, Back::No),
            (0, 99, Back::Tail),
            (0, 97, Back::Restored),
            (0, 1, Back::Restored),
            (10_000, 100, Back::Tail),
            (10_000, 10_099, Back::Tail),
            (10_000, 97, Back::Restored),
        ] {
            assert_eq!(seen(more).judge(last), back, "{more} more, and {last} is left");
        }
    }

    #[test]
    fn a_bucket_that_was_quiet_for_long_lacks_no_write_by_being_killed() {
        let mut seen = seen(0);
        seen.note(0, at(200_000));
        assert_eq!((seen.settled(), seen.judge(99)), (100, Back::Restored));
    }

    #[test]
    fn what_is_remembered_is_settled() {
        let seen = Seen::remembered(7);
        assert_eq!(seen.contact(), None);
        assert_eq!((seen.settled(), seen.judge(7), seen.judge(6)), (7, Back::No, Back::Restored));
        assert_eq!(Seen::default().judge(0), Back::No);
    }

    #[test]
    fn few_samples_are_kept_however_many_writes_there_are() {
        let mut seen = seen(10_000);
        (0..100_000).for_each(|write| seen.note(20_000 + write, at(101_000 + write)));
        assert!(seen.samples.len() <= 22, "{}", seen.samples.len());
        seen.go_back(5);
        assert_eq!((seen.highest(), seen.settled(), seen.judge(5)), (5, 5, Back::No));
    }
}
