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

    /// What it means if the bucket's last sequence is this one.
    pub(super) fn judge(&self, last: u64) -> Back {
        let lacks_unknown =
            self.recent.len() >= RECENT && self.recent.front().is_some_and(|(_, first)| *first > last);
        match self.seen.judge(last) {
            // It cannot be told any more which timers these were.
            Back::Tail if lacks_unknown => Back::Restored,
            back @ (Back::No | Back::Tail | Back::Restored) => back,
        }
    }

    /// The timers that this node wrote after this sequence.
    pub(super) fn lost_after(&self, last: u64) -> Vec<TimerId> {
        self.recent.iter().filter(|(_, revision)| *revision > last).map(|(timer, _)| *timer).collect()
    }
}
