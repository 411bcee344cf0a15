//! The last changes of the bucket, as many as fit: readers that keep up are served from these.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::nats::changes::event::Event;

/// How many changes are kept at most, and how many bytes of their records. A reader further back reads the bucket.
const MAX_EVENTS: usize = 1_024;
const MAX_BYTES: usize = 8 * 1_024 * 1_024;

/// A change of the bucket.
#[derive(Clone)]
pub(super) struct Told {
    /// Its sequence number in the bucket.
    pub(super) sequence: u64,
    /// The event; `None` if the change is not a version of a timer, or cannot be read.
    pub(super) event: Option<Arc<Event>>,
    /// The size of the record, in bytes.
    pub(super) bytes: usize,
}

/// The next step of a reader.
pub(super) enum Next {
    Told(Told),
    /// It reads the bucket up to this position, since the recent changes begin after it.
    Read(u64),
    Wait,
}

/// All changes of the bucket after a position, without a gap.
pub(super) struct Recent {
    /// Every change after this one is here.
    from: u64,
    told: VecDeque<Told>,
    bytes: usize,
}

impl Recent {
    /// Begins after this position, without a change yet.
    pub(super) fn behind(place: u64) -> Self {
        Self { from: place, told: VecDeque::new(), bytes: 0 }
    }

    /// The sequence of the last change, or the position where these begin.
    pub(super) fn last(&self) -> u64 {
        self.told.back().map_or(self.from, |told| told.sequence)
    }

    /// Adds a change, unless it is known. If changes before it did not come, readers read the bucket up to it.
    pub(super) fn push(&mut self, told: Told) {
        if told.sequence <= self.last() {
            return;
        }
        if told.sequence > self.last() + 1 {
            *self = Self::behind(told.sequence - 1);
        }
        self.bytes += told.bytes;
        self.told.push_back(told);
        while self.told.len() > MAX_EVENTS || (self.bytes > MAX_BYTES && self.told.len() > 1) {
            let Some(oldest) = self.told.pop_front() else { break };
            self.bytes -= oldest.bytes;
            self.from = oldest.sequence;
        }
    }

    /// The next step of a reader that has heard everything up to this position.
    pub(super) fn after(&self, place: u64) -> Next {
        if place < self.from {
            return Next::Read(self.from);
        }
        let index = self.told.partition_point(|told| told.sequence <= place);
        self.told.get(index).map_or(Next::Wait, |told| Next::Told(told.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(sequence: u64, bytes: usize) -> Told {
        Told { sequence, event: None, bytes }
    }

    #[test]
    fn a_reader_gets_the_changes_after_its_place_and_reads_those_that_are_not_here() {
        let mut recent = Recent::behind(7);
        assert!(matches!(recent.after(7), Next::Wait));
        assert!(matches!(recent.after(6), Next::Read(7)));
        recent.push(told(8, 1));
        recent.push(told(9, 1));
        recent.push(told(8, 1));
        assert!(matches!(recent.after(7), Next::Told(Told { sequence: 8, .. })));
        assert!(matches!(recent.after(8), Next::Told(Told { sequence: 9, .. })));
        assert!(matches!(recent.after(9), Next::Wait));
        // The messages about the changes in between were lost.
        recent.push(told(12, 1));
        assert!(matches!(recent.after(9), Next::Read(11)));
        assert!(matches!(recent.after(11), Next::Told(Told { sequence: 12, .. })));
        assert_eq!(recent.last(), 12);
    }

    #[test]
    fn no_more_is_kept_than_fits() {
        let mut recent = Recent::behind(0);
        let count = MAX_EVENTS as u64 + 3;
        (1..=count).for_each(|sequence| recent.push(told(sequence, 1)));
        assert!(matches!(recent.after(2), Next::Read(3)));
        assert!(matches!(recent.after(3), Next::Told(Told { sequence: 4, .. })));
        recent.push(told(count + 1, MAX_BYTES + 1));
        assert!(matches!(recent.after(count), Next::Told(Told { sequence, .. }) if sequence == count + 1));
        assert!(matches!(recent.after(count - 1), Next::Read(_)));
    }
}
