//! The calls in progress in a lane, by the shapes of their paths. Calls that take long leave room for calls of other paths.
//!
//! `concurrency` finds one limit for a receiver as a whole. Calls that hang would use it up, even if only one program behind the receiver
//! hangs and the others are well. So a call that takes long counts only for the shape of its path, and no shape has more of the receiver's
//! places than a multiple of the free ones (as in `node::places`).

use std::collections::HashMap;

use super::limit::Limits;

/// Calls of one shape that take long are at most this many times as many as the free places.
const MOST_OF_FREE: usize = 7;

/// A shape whose calls take long gets no more places once such calls, of all shapes, have all but this part of the places.
const QUICK_PART: usize = 8;

#[derive(Debug, Default)]
pub(super) struct InProgress {
    all: usize,
    /// The calls that take long, of each shape and of all shapes.
    slow: HashMap<u64, usize>,
    all_slow: usize,
}

impl InProgress {
    pub(super) fn count(&self) -> usize {
        self.all
    }

    pub(super) fn begins(&mut self) {
        self.all += 1;
    }

    /// Notes that a call of this shape takes long from now on.
    pub(super) fn takes_long(&mut self, shape: u64) {
        *self.slow.entry(shape).or_default() += 1;
        self.all_slow += 1;
    }

    /// Notes that a call of this shape has ended, which took long or not.
    pub(super) fn ends(&mut self, shape: u64, took_long: bool) {
        self.all = self.all.saturating_sub(1);
        if !took_long {
            return;
        }
        self.all_slow = self.all_slow.saturating_sub(1);
        if let Some(slow) = self.slow.get_mut(&shape) {
            *slow = slow.saturating_sub(1);
            if *slow == 0 {
                self.slow.remove(&shape);
            }
        }
    }

    /// Whether a call of this shape may begin.
    pub(super) fn has_room(&self, shape: u64, limits: Limits) -> bool {
        let slow = self.slow.get(&shape).copied().unwrap_or_default();
        let counted = self.all.saturating_sub(self.all_slow.saturating_sub(slow));
        let free = limits.most.saturating_sub(self.all);
        let is_fair = slow <= MOST_OF_FREE.saturating_mul(free)
            && self.all_slow < limits.most.saturating_sub(limits.most / QUICK_PART);
        counted < limits.parallelism && free > 0 && (slow == 0 || is_fair)
    }

    /// Whether no call may begin, whatever its shape.
    pub(super) fn is_full(&self, limits: Limits) -> bool {
        self.all >= limits.most || self.all.saturating_sub(self.all_slow) >= limits.parallelism
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limits(parallelism: usize, most: usize) -> Limits {
        Limits { parallelism, most, space: Duration::ZERO }
    }

    /// Lets in as many calls of a shape as there is room for. Each takes long from its beginning.
    fn hang(calls: &mut InProgress, shape: u64, limits: Limits) -> usize {
        (0..)
            .take_while(|_| {
                let has_room = calls.has_room(shape, limits);
                if has_room {
                    calls.begins();
                    calls.takes_long(shape);
                }
                has_room
            })
            .count()
    }

    #[test]
    fn calls_that_hang_count_for_their_own_paths_and_leave_places_to_others() {
        let mut calls = InProgress::default();
        let few = limits(4, 128);
        assert_eq!([1, 2].map(|shape| hang(&mut calls, shape, few)), [4, 4]);
        for _ in 0..4 {
            assert!(!calls.is_full(few) && calls.has_room(3, few));
            calls.begins();
        }
        // Quick calls count for all shapes.
        assert!(calls.is_full(few) && !calls.has_room(3, few) && !calls.has_room(4, few));
        let many = limits(128, 128);
        assert_eq!(hang(&mut calls, 1, many), 102);
        assert_eq!([2, 3, 4].map(|shape| hang(&mut calls, shape, many)), [2, 1, 1]);
        assert!(!calls.is_full(many), "{calls:?}");
    }

    #[test]
    fn few_places_are_all_taken_and_come_back() {
        for (most, taken) in [(1, 1), (2, 2), (7, 7), (8, 7), (10, 9), (128, 112)] {
            let mut calls = InProgress::default();
            assert_eq!(hang(&mut calls, 1, limits(usize::MAX, most)), taken, "of {most}");
            (0..taken).for_each(|_| calls.ends(1, true));
            assert_eq!((calls.all, calls.all_slow, calls.slow.len()), (0, 0, 0));
        }
    }
}
