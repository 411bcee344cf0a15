//! The sequences of its bucket that a node has heard of, and its own last writes.

use std::collections::VecDeque;
use std::time::Duration;

use rules::domain::seen::{Back, Seen};
use rules::domain::time::Timestamp;
use rules::domain::timer::TimerId;

/// How many of this node's last writes are remembered. They tell which timers a broker that lacks its last writes is wrong about.
const RECENT: usize = 4_096;

#[derive(Default)]
pub(super) struct Heard {
    pub(super) seen: Seen,
    recent: VecDeque<(TimerId, u64)>,
    /// When the earlier process on this file was last in contact, by the wall clock.
    pub(super) contact_before: Option<Timestamp>,
}

/// A node's knowledge up to a moment. A bucket whose last sequence is requested then has at least that much; writes between the
/// request and the answer may be in it or not.
pub(super) struct UntilNow {
    seen: Seen,
    /// The first write of this node that is still remembered, if earlier ones are forgotten.
    first_known: Option<u64>,
}

impl UntilNow {
    /// Judges the bucket's last sequence.
    pub(super) fn judge(&self, last: u64) -> Back {
        match self.seen.judge(last) {
            // The timers of those writes are no longer known.
            Back::Tail if self.first_known.is_some_and(|first| first > last) => Back::Restored,
            back @ (Back::No | Back::Tail | Back::Restored) => back,
        }
    }
}

impl Heard {
    /// The knowledge in the file of an earlier process: a settled sequence, and when that process was last in contact.
    pub(super) fn remembered(settled: u64, contact: Option<Timestamp>) -> Self {
        let seen = contact.map_or_else(Seen::default, |_| Seen::remembered(settled));
        Self { seen, recent: VecDeque::new(), contact_before: contact }
    }

    /// Notes that this node changed the timer, with this revision and at this time.
    pub(super) fn wrote(&mut self, timer: TimerId, revision: u64, at: Duration) {
        self.seen.note(revision, at);
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((timer, revision));
    }

    /// The knowledge up to now.
    pub(super) fn until_now(&self) -> UntilNow {
        let first = self.recent.front().filter(|_| self.recent.len() >= RECENT);
        UntilNow { seen: self.seen.clone(), first_known: first.map(|(_, revision)| *revision) }
    }

    /// The timers that this node wrote after this sequence.
    pub(super) fn lost_after(&self, last: u64) -> Vec<TimerId> {
        self.recent.iter().filter(|(_, revision)| *revision > last).map(|(timer, _)| *timer).collect()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_is_written_while_the_bucket_is_asked_says_nothing_about_its_answer() {
        let mut heard = Heard::default();
        let write = |heard: &mut Heard, revision: u64, at: u64| {
            heard.wrote(Uuid::from_u128(1), revision, Duration::from_millis(at));
        };
        write(&mut heard, 10, 0);
        let asked = heard.until_now();
        // The answer takes 5 s, as from a busy server, and is of the moment of the request.
        for n in 1..=50 {
            write(&mut heard, 10 + n, n * 100);
        }
        assert_eq!(asked.judge(10), Back::No);
        assert_ne!(asked.judge(9), Back::No);
        assert_eq!(heard.until_now().judge(10), Back::Restored);
    }

    #[test]
    fn a_bucket_lacks_unknown_timers_if_it_lacks_more_writes_than_are_remembered() {
        let mut heard = Heard::default();
        for n in 1..=RECENT as u64 + 1 {
            heard.wrote(Uuid::from_u128(1), n, Duration::ZERO);
        }
        assert_eq!(heard.until_now().judge(2), Back::Tail);
        assert_eq!(heard.until_now().judge(1), Back::Restored);
    }
}
