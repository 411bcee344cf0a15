//! What a node has heard of the sequences of its bucket, and its own last writes.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::seen::{Back, Seen};
use crate::domain::time::Timestamp;
use crate::domain::timer::TimerId;

/// The last writes of this node that are remembered, to know which timers a broker that lacks its last writes is wrong about.
const RECENT: usize = 4_096;

#[derive(Default)]
pub(super) struct Heard {
    pub(super) seen: Seen,
    recent: VecDeque<(TimerId, u64)>,
    /// When a node that remembered in this file was last in contact, by the wall clock.
    pub(super) contact_before: Option<Timestamp>,
}

/// What was heard until a moment. A bucket that is asked for its last sequence then has that much: what is written until the answer comes
/// may be in it or not.
pub(super) struct UntilNow {
    seen: Seen,
    /// The first of the last writes of this node that are remembered, if there were others before.
    first_known: Option<u64>,
}

impl UntilNow {
    /// What it means if the bucket's last sequence is this one.
    pub(super) fn judge(&self, last: u64) -> Back {
        match self.seen.judge(last) {
            // It cannot be told any more which timers these were.
            Back::Tail if self.first_known.is_some_and(|first| first > last) => Back::Restored,
            back @ (Back::No | Back::Tail | Back::Restored) => back,
        }
    }
}

impl Heard {
    /// What a file says that an earlier process wrote: a sequence that had settled, and when it was last in contact.
    pub(super) fn remembered(settled: u64, contact: Option<Timestamp>) -> Self {
        let seen = contact.map_or_else(Seen::default, |_| Seen::remembered(settled));
        Self { seen, recent: VecDeque::new(), contact_before: contact }
    }

    /// This node changed the timer, under this revision and at this time.
    pub(super) fn wrote(&mut self, timer: TimerId, revision: u64, at: Duration) {
        self.seen.note(revision, at);
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((timer, revision));
    }

    /// What was heard until now.
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
        // The answer takes 5 s, as where a server is busy, and it is of the moment of the question.
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
