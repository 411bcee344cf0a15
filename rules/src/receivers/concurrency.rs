//! Finds out from the duration of calls how many of them at once are useful. Time comes in as an argument.
//!
//! By Little's law, the number of calls in progress is the rate times the duration of one. As long as a call takes no longer
//! than with few others, more at once means more in a second. Once each takes twice as long, more calls at once only
//! wait for each other, at the receiver or for this machine's processors, and a node that is killed leaves all of
//! them open. So the limit doubles in each round of calls that are as quick as with few others, and shrinks when they fail, or are
//! slower while more than half of it is in use.
//!
//! Durations are compared by their logarithms. So a few very slow calls, such as those that a pause of the machine hits, count
//! little, and a queue that makes each call wait counts in full.

use std::time::{Duration, Instant};

/// The smallest limit of a receiver, and the first. Fewer calls would keep neither the network nor a second processor busy, and the
/// duration of a call by itself could not be told from its duration in a queue.
pub const FLOOR: usize = 4;

/// How much longer than with few others a call may take, as a power of two: twice as long. A queue as long as the work
/// in progress keeps the bottleneck busy through short pauses. A longer queue adds little to the rate.
const TOLERANCE: f64 = 1.0;

/// The most that the limit changes in a round, as a power of two: it doubles or halves.
const STEP: f64 = 1.0;

/// The weight of a new measurement in the duration of a call by itself: after some ten rounds it is forgotten.
const WEIGHT: f64 = 0.25;

/// A round with a large limit and few calls ends after this time, once [`FEWEST`] calls have ended in it.
const LONGEST_ROUND: Duration = Duration::from_secs(1);
/// Fewer calls than this say too little about the duration of one.
const FEWEST: usize = FLOOR;

/// The limit and the duration of a call are forgotten after this time without a call: conditions may have changed.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// A call in progress for this long is taken for one of a slow receiver, unless the duration of its calls is known. More calls are let
/// in until one is answered: the limit doubles each time that this span passes.
pub const LONG: Duration = Duration::from_millis(250);

/// A call that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    pub began: Instant,
    pub ended: Instant,
    /// The part of that time that says nothing about later calls: making a connection that these use again.
    pub once: Duration,
    /// How many calls were in progress, itself included: the larger number of those at its beginning and at its end.
    pub at_once: usize,
    /// Whether it failed. A failure may be quick, and never raises the limit.
    pub failed: bool,
}

/// The limit of useful calls at once, and the measurements behind it.
#[derive(Debug)]
pub struct Concurrency {
    limit: f64,
    /// The smallest limit, and the first.
    least: usize,
    /// The duration of a call with few others, as the logarithm of seconds; unknown at first.
    alone: Option<f64>,
    round: Round,
    last: Instant,
}

/// The calls since the limit was last reviewed.
#[derive(Debug)]
struct Round {
    since: Instant,
    calls: usize,
    well: usize,
    /// The sum of the durations, as logarithms of seconds, of the calls that went well.
    time: f64,
    /// The most calls that were in progress.
    at_once: usize,
}

impl Round {
    fn new(since: Instant) -> Self {
        Self { since, calls: 0, well: 0, time: 0.0, at_once: 0 }
    }
}

impl Concurrency {
    /// For calls of one receiver, of which at least [`FLOOR`] are let in.
    pub fn new(now: Instant) -> Self {
        Self::of_at_least(FLOOR, now)
    }

    /// For calls of which at least this many are let in.
    pub fn of_at_least(least: usize, now: Instant) -> Self {
        Self { limit: least as f64, least, alone: None, round: Round::new(now), last: now }
    }

    /// The limit: at most `most`, even if that is less than the least.
    pub fn limit(&self, most: usize) -> usize {
        (self.limit as usize).max(self.least).min(most)
    }

    /// Notes a call that has ended.
    pub fn ended(&mut self, call: &Ended, most: usize) {
        let now = call.ended;
        if now.saturating_duration_since(self.last) > FORGOTTEN {
            *self = Self::of_at_least(self.least, now);
        }
        self.last = now;
        // A call that began before the limit was changed tells of the earlier limit.
        if call.began < self.round.since {
            return;
        }
        let round = &mut self.round;
        round.calls += 1;
        round.at_once = round.at_once.max(call.at_once);
        if !call.failed {
            round.well += 1;
            let took = now.saturating_duration_since(call.began).saturating_sub(call.once);
            round.time += took.max(Duration::from_micros(1)).as_secs_f64().log2();
        }
        let long = now.saturating_duration_since(round.since) >= LONGEST_ROUND && round.calls >= FEWEST;
        if long || round.calls >= self.limit(most) {
            self.adjust(most, now);
        }
    }

    /// Notes that a call has been in progress for [`LONG`], with `at_once` open now, itself included.
    pub fn takes_long(&mut self, at_once: usize, most: usize) {
        // Two more for each such call: twice as many are let in as last time.
        if self.alone.is_none() && at_once >= self.limit(most) {
            self.set(self.limit + 2.0, most);
        }
    }

    fn adjust(&mut self, most: usize, now: Instant) {
        let round = std::mem::replace(&mut self.round, Round::new(now));
        let step = self.step(&round);
        let limit = self.limit(most);
        // A limit that was not reached has not been tried. Calls that are slow though fewer than half of it were made at once are slow for
        // another reason: with a lower limit, the next ones would only wait for each other.
        let was_tried = round.at_once >= limit;
        let suffers = round.at_once * 2 > limit || round.well < round.calls;
        if was_tried || step < 0.0 && suffers {
            self.set(self.limit * step.exp2(), most);
        }
    }

    /// By how much the limit is to change, as a power of two.
    fn step(&mut self, round: &Round) -> f64 {
        let failed = (round.calls - round.well) as f64 / round.calls.max(1) as f64;
        if round.well == 0 {
            return -STEP;
        }
        let time = round.time / round.well as f64;
        let alone = *self.alone.get_or_insert(time);
        if time < alone || round.at_once <= self.least {
            self.alone = Some(alone + (time - alone) * WEIGHT);
        }
        // If half of the calls fail, the limit stays. If all of them do, it is halved.
        let room = TOLERANCE + alone - time;
        (room - failed * (TOLERANCE + STEP)).clamp(-STEP, STEP)
    }

    fn set(&mut self, limit: f64, most: usize) {
        self.limit = limit.min(most as f64).max(self.least as f64);
    }
}

#[cfg(test)]
mod tests;
