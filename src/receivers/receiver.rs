//! One receiver: its lane, how many calls at once are of use there, and its breaker. Time comes in as an argument.

use std::time::{Duration, Instant};

use super::breaker::Breaker;
use super::concurrency::{Concurrency, Ended};
use super::lane::{Entry, Lane};
use super::limit::Limits;

/// One receiver.
#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) lane: Lane,
    pub(super) breaker: Breaker,
    /// How many timers were postponed since it was last called with success.
    pub(super) postponed: u64,
    concurrency: Concurrency,
    /// The most calls at once by the settings, as they were at the last entry.
    most: usize,
}

impl Receiver {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            lane: Lane::new(now),
            breaker: Breaker::default(),
            postponed: 0,
            concurrency: Concurrency::new(now),
            most: usize::MAX,
        }
    }

    /// Takes a place, or says what to do; the settings are `configured`.
    pub(super) fn enter(&mut self, configured: Limits, now: Instant) -> Entry {
        let limits = self.limits(configured);
        self.lane.enter(limits, now)
    }

    /// When to come back, if entering or waiting now is of no use.
    pub(super) fn refuses(&mut self, configured: Limits, now: Instant) -> Option<Duration> {
        let limits = self.limits(configured);
        self.lane.refuses(limits, now)
    }

    /// How many calls there may be at once now.
    pub(super) fn limit(&self) -> usize {
        self.concurrency.limit(self.most)
    }

    /// Notes a call that has ended.
    pub(super) fn ended(&mut self, call: &Ended, now: Instant) {
        self.concurrency.ended(call, self.most);
        self.lane.allow(self.limit(), now);
    }

    /// Notes that a call takes long.
    pub(super) fn takes_long(&mut self, now: Instant) {
        self.concurrency.takes_long(self.lane.in_flight(), self.most);
        self.lane.allow(self.limit(), now);
    }

    fn limits(&mut self, configured: Limits) -> Limits {
        self.most = configured.parallelism;
        Limits { parallelism: self.limit(), ..configured }
    }
}
