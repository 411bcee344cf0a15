//! The tries in progress: calls to paths that look like paths that fail. Each path is tried by one call at a time, and
//! tries that hang leave places to other paths of the receiver. Time comes in as an argument.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::concurrency::LONG;

/// A path whose try takes longer than this is tried again, since a timer may have a timeout of ten minutes.
const LONGEST: Duration = Duration::from_secs(60);

/// The tries in progress at one receiver, at most as many as it has places.
#[derive(Debug, Default)]
pub(super) struct Tries {
    /// When the try of each path began.
    since: HashMap<u64, Instant>,
    /// Whether the last try took long.
    slow: bool,
}

impl Tries {
    /// Whether a path must not be tried now, with this many places at the receiver: a try of it is in progress, or tries take long
    /// and have half of the places.
    pub(super) fn refuse(&self, path: u64, places: usize, now: Instant) -> bool {
        let takes = |since: &Instant| now.saturating_duration_since(*since);
        let is_tried = self.since.get(&path).is_some_and(|since| takes(since) < LONGEST);
        let half = (places / 2).max(1);
        is_tried
            || self.since.len() >= half
                && (self.slow || self.since.values().any(|since| takes(since) >= LONG))
    }

    pub(super) fn begin(&mut self, path: u64, now: Instant) {
        self.since.insert(path, now);
    }

    /// Notes that a try has ended.
    pub(super) fn end(&mut self, path: u64, now: Instant) {
        if let Some(since) = self.since.remove(&path) {
            self.slow = now.saturating_duration_since(since) >= LONG;
        }
    }

    /// Notes that a try was not made after all.
    pub(super) fn give_up(&mut self, path: u64) {
        self.since.remove(&path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_tried_by_one_call_at_a_time_and_for_a_minute_at_most() {
        let now = Instant::now();
        let mut tries = Tries::default();
        tries.begin(1, now);
        assert!(tries.refuse(1, 9, now) && !tries.refuse(2, 9, now));
        assert!(!tries.refuse(1, 9, now + LONGEST));
        tries.give_up(1);
        assert!(!tries.refuse(1, 9, now));
    }

    #[test]
    fn tries_that_hang_have_half_of_the_places_and_quick_ones_have_all() {
        let now = Instant::now();
        let mut tries = Tries::default();
        (1..=4).for_each(|path| tries.begin(path, now));
        assert!(!tries.refuse(9, 8, now));
        let later = now + LONG;
        assert!(tries.refuse(9, 8, later) && !tries.refuse(9, 10, later));
        // The next tries count as slow from their beginning, until one is quick.
        (1..=4).for_each(|path| tries.end(path, later));
        (5..=8).for_each(|path| tries.begin(path, later));
        assert!(tries.refuse(9, 8, later));
        tries.end(5, later);
        tries.begin(5, later);
        assert!(!tries.refuse(9, 8, later));
    }
}
