//! The knowledge about a receiver that has places or waits for some: how its calls went, and in which line it waits.
//!
//! Pure: no clock, no waiting.

use std::collections::VecDeque;

/// A receiver is slow after this number of calls in a row that took long. A single one may be a hiccup.
const LONG_IN_A_ROW: u32 = 2;

/// A call that waits for a place.
pub trait Waiter {
    /// Whether it has stopped waiting.
    fn is_gone(&self) -> bool;
}

/// A call's wish for places: the hashes of its receiver and of the groups that the receiver belongs to (its site and its flow).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceRequest {
    pub receiver: u64,
    pub site: u64,
    pub flow: Option<u64>,
    /// How many places the call takes, at least one. A large timer takes several.
    pub places: usize,
}

impl PlaceRequest {
    pub(super) fn groups(self) -> impl Iterator<Item = u64> {
        [Some(self.site), self.flow].into_iter().flatten()
    }
}

/// The result of a call that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// It did not take long.
    pub was_quick: bool,
    pub was_answered: bool,
}

#[derive(Debug)]
pub(super) struct Receiver<W> {
    /// How many places it has for calls that are quick, and for others.
    pub(super) quick: usize,
    pub(super) slow: usize,
    /// Whether its calls are known to end quickly.
    pub(super) is_quick: bool,
    /// How many of its calls in a row took long.
    long: u32,
    /// Whether its last call was answered.
    answers: bool,
    pub(super) waiting: VecDeque<(PlaceRequest, W)>,
    /// The line in which it has its turn. It may stand in other lines, which pass over it.
    pub(super) in_line: Option<usize>,
}

impl<W: Waiter> Receiver<W> {
    /// The first wish that waits. Drops waiters in front of it that are gone.
    pub(super) fn first(&mut self) -> Option<PlaceRequest> {
        while self.waiting.pop_front_if(|(_, waiter)| waiter.is_gone()).is_some() {}
        self.waiting.front().map(|(wish, _)| *wish)
    }

    pub(super) fn has_places(&self) -> bool {
        self.quick + self.slow > 0
    }

    pub(super) fn is_needed(&mut self) -> bool {
        self.has_places() || self.first().is_some()
    }

    /// The line in which it waits. In a common line, calls that hang would take the turns of calls that end.
    pub(super) fn line(&self) -> usize {
        match (self.is_quick, self.answers, self.has_places()) {
            (true, ..) => 0,
            (false, true, _) => 1,
            (false, false, false) => 2,
            (false, false, true) => 3,
        }
    }

    /// Notes that one of its calls takes long.
    pub(super) fn took_long(&mut self) {
        self.long = self.long.saturating_add(1);
        self.is_quick &= self.long < LONG_IN_A_ROW;
    }

    /// Notes that one of its calls has ended.
    pub(super) fn was_called(&mut self, Made { was_quick, was_answered }: Made) {
        self.answers = was_answered;
        if was_quick {
            (self.is_quick, self.long) = (true, 0);
        }
    }
}

impl<W> Default for Receiver<W> {
    fn default() -> Self {
        Self {
            quick: 0,
            slow: 0,
            is_quick: false,
            long: 0,
            answers: false,
            waiting: VecDeque::new(),
            in_line: None,
        }
    }
}
