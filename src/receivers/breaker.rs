//! A circuit breaker: a receiver that fails over and over is left alone for a while, then tried by one call at
//! a time. Time comes in as an argument.

use std::time::{Duration, Instant};

/// How long a receiver is left alone the first time.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// How long at most, after every failed probe twice as long as before: a receiver that is back is found within
/// this time.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// One receiver's breaker.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// Failures since the last success.
    failures: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    until: Instant,
    pause: Duration,
    /// Since when one call tries it.
    probing: Option<Instant>,
}

/// What the breaker says to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// Go ahead.
    Free,
    /// Go ahead, alone: what comes of it decides.
    Probe,
    /// Not before this instant.
    Not(Instant),
}

/// How a breaker stands, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls are made.
    Closed,
    /// No call is made.
    Open,
    /// One call is made to see.
    HalfOpen,
}

impl BreakerState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Closed, Self::Open, Self::HalfOpen];

    /// Its name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

impl Breaker {
    /// Asks for leave to call.
    pub(super) fn ask(&mut self, now: Instant) -> Pass {
        let Some(open) = &mut self.open else { return Pass::Free };
        if now < open.until {
            return Pass::Not(open.until);
        }
        // A timer may have a timeout of ten minutes: one that hangs is not waited for.
        if open.probing.is_some_and(|since| now.saturating_duration_since(since) < LONGEST_PAUSE) {
            return Pass::Not(now);
        }
        open.probing = Some(now);
        Pass::Probe
    }

    /// A call went well, whichever it was.
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// A call failed; `threshold` failures in a row open the breaker (0: none do). Says whether this one did.
    pub(super) fn failed(&mut self, probe: bool, threshold: u32, now: Instant) -> bool {
        self.failures = self.failures.saturating_add(1);
        match &mut self.open {
            Some(open) if probe => {
                open.pause = (open.pause * 2).min(LONGEST_PAUSE);
                open.until = now + open.pause;
                open.probing = None;
                false
            }
            // It began before the breaker opened.
            Some(_) => false,
            None if threshold > 0 && self.failures >= threshold => {
                self.open = Some(Open { until: now + FIRST_PAUSE, pause: FIRST_PAUSE, probing: None });
                true
            }
            None => false,
        }
    }

    /// The probe was not made after all.
    pub(super) fn abandoned(&mut self) {
        if let Some(open) = &mut self.open {
            open.probing = None;
        }
    }

    /// Whether there is nothing to remember.
    pub(super) fn is_idle(&self) -> bool {
        self.failures == 0 && self.open.is_none()
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// How it stands, and for how long it stays open.
    pub(super) fn state(&self, now: Instant) -> (BreakerState, Duration) {
        match &self.open {
            None => (BreakerState::Closed, Duration::ZERO),
            Some(open) if now < open.until => (BreakerState::Open, open.until - now),
            Some(_) => (BreakerState::HalfOpen, Duration::ZERO),
        }
    }
}

#[cfg(test)]
mod tests;
