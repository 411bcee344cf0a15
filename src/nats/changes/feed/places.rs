//! The positions of the feed that this node knows, so that it notices when the feed goes back and uses numbers a second time.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use rules::domain::time::Timestamp;

/// How many positions are remembered: one for each look at a feed that has moved.
const REMEMBERED: usize = 128;

/// How many times that the feed went back are remembered. The oldest is forgotten first.
const LOST: usize = 16;

/// A position, and when its event was stored.
pub(super) type Place = (u64, Timestamp);

/// The known positions of a feed.
#[derive(Default)]
pub(super) struct Places {
    /// The oldest first.
    known: VecDeque<Place>,
    /// The newest position, if it is newer than all of `known`.
    newest: Option<Place>,
    /// Numbers that were used and may be used again.
    lost: VecDeque<RangeInclusive<u64>>,
}

impl Places {
    /// Notes an event that was heard.
    pub(super) fn heard(&mut self, place: Place) {
        if self.newest().is_none_or(|(newest, _)| newest < place.0) {
            self.newest = Some(place);
        }
    }

    /// Notes the end of the feed as a position to remember.
    pub(super) fn seen(&mut self, place: Place) {
        self.heard(place);
        let last = self.known.back().map_or(0, |(last, _)| *last);
        if let Some(newest) = self.newest.take().filter(|(newest, _)| *newest > last) {
            if self.known.len() >= REMEMBERED {
                self.known.pop_front();
            }
            self.known.push_back(newest);
        }
    }

    pub(super) fn newest(&self) -> Option<Place> {
        self.newest.or_else(|| self.known.back().copied())
    }

    /// All known positions, the newest first.
    pub(super) fn newest_first(&self) -> Vec<Place> {
        self.newest.into_iter().chain(self.known.iter().rev().copied()).collect()
    }

    /// Notes that the feed has gone back to this position.
    pub(super) fn lose(&mut self, behind: u64) {
        let Some((newest, _)) = self.newest() else { return };
        self.newest = None;
        self.known.retain(|(place, _)| *place <= behind);
        if self.lost.len() >= LOST {
            self.lost.pop_front();
        }
        self.lost.push_back(behind.saturating_add(1)..=newest);
    }

    /// If this position was lost, the last one before it that was not: a reader that names it may have heard another event of the
    /// same number.
    pub(super) fn before_loss(&self, place: u64) -> Option<u64> {
        self.lost.iter().filter(|lost| lost.contains(&place)).map(|lost| lost.start() - 1).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(place: u64) -> Place {
        (place, Timestamp::from_micros(place * 1_000))
    }

    #[test]
    fn a_number_that_was_lost_is_not_believed_and_one_before_it_is() {
        let mut places = Places::default();
        places.seen(at(10));
        places.heard(at(12));
        places.seen(at(20));
        places.heard(at(25));
        assert_eq!(places.newest_first(), [at(25), at(20), at(10)]);
        places.lose(10);
        assert_eq!(places.newest(), Some(at(10)));
        assert_eq!(places.before_loss(10), None);
        assert_eq!(places.before_loss(11), Some(10));
        assert_eq!(places.before_loss(25), Some(10));
        assert_eq!(places.before_loss(26), None);
    }

    #[test]
    fn a_feed_that_has_gone_back_twice_is_told_from_the_earlier_place() {
        let mut places = Places::default();
        places.seen(at(10));
        places.seen(at(20));
        places.lose(10);
        places.seen(at(30));
        places.lose(0);
        assert_eq!(places.before_loss(15), Some(0));
        assert_eq!(places.before_loss(30), Some(0));
    }
}
