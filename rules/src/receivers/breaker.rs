//! A circuit breaker: a receiver or path that fails over and over is not called for a while, then probed by one call at a time. A
//! receiver has a breaker that hears of connections, and each of its paths one that hears of answers. Paths that look alike have a
//! third kind, without pauses and probes, in `shape`. Time comes in as an argument.

use std::time::{Duration, Instant};

use super::ramp;
use crate::backoff::Backoff;

/// How long the breaker of a receiver or path stays open the first time.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// How long it stays open at most: a receiver that is back is found within this time.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The pauses from the first one on, each after another failed probe.
const PAUSES: Backoff = Backoff { first: FIRST_PAUSE, longest: LONGEST_PAUSE };

/// The breaker opens again after this part of the failures, while calls begin again after it has closed.
const SOONER: u32 = 4;

#[derive(Debug, Default)]
pub struct Breaker {
    /// Failures since the last success.
    failures: u32,
    open: Option<Open>,
    closed: Option<Closed>,
}

/// When a breaker was last closed.
#[derive(Clone, Copy, Debug)]
struct Closed {
    at: Instant,
    /// The number of pauses in a row before the last one.
    earlier_pauses: u32,
}

#[derive(Debug)]
struct Open {
    until: Instant,
    /// The number of pauses in a row before this one.
    earlier_pauses: u32,
    /// Since when a call probes it.
    probing: Option<Instant>,
}

/// The breaker's answer to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// The call may be made.
    Free,
    /// The call may be made, alone: its result decides.
    Probe,
    /// The call may not be made before this instant.
    Not(Instant),
}

/// The state of a breaker, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    Closed,
    Open,
    /// One call is made as a probe.
    HalfOpen,
    /// Calls are made, but not to all paths.
    Partly,
}

impl BreakerState {
    pub const ALL: [Self; 4] = [Self::Closed, Self::Open, Self::HalfOpen, Self::Partly];

    /// Its name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::Partly => "partly",
        }
    }
}

impl Breaker {
    /// Asks for permission to call. A probe that hangs for [`LONGEST_PAUSE`] no longer keeps another from being made.
    pub fn ask(&mut self, now: Instant) -> Pass {
        if let Some(until) = self.refuses(now) {
            return Pass::Not(until);
        }
        let Some(open) = &mut self.open else { return Pass::Free };
        open.probing = Some(now);
        Pass::Probe
    }

    /// Notes that a call went well, whether or not it was a probe. Says whether that has closed the breaker.
    pub fn succeeded(&mut self, now: Instant) -> bool {
        self.failures = 0;
        let open = self.open.take();
        let closed = open.as_ref().map(|open| Closed { at: now, earlier_pauses: open.earlier_pauses });
        self.closed = closed.or(self.closed);
        open.is_some()
    }

    /// Notes that a call failed. `threshold` failures in a row open the breaker (0: none do), and a part of them if it has closed
    /// just now. Says whether this one did.
    pub fn failed(&mut self, probe: bool, threshold: u32, now: Instant) -> bool {
        self.failures = self.failures.saturating_add(1);
        let before = self.closed.filter(|closed| now.saturating_duration_since(closed.at) < ramp::LENGTH);
        // A single failure says little: its call may have begun before.
        let sooner = threshold.div_ceil(SOONER).max(2).min(threshold);
        let threshold = if before.is_some() { sooner } else { threshold };
        match &mut self.open {
            Some(open) if probe => {
                open.earlier_pauses = open.earlier_pauses.saturating_add(1);
                open.until = now + PAUSES.after(open.earlier_pauses);
                open.probing = None;
                false
            }
            // The call began before the breaker opened.
            Some(_) => false,
            None if threshold > 0 && self.failures >= threshold => {
                let earlier_pauses = before.map_or(0, |closed| closed.earlier_pauses.saturating_add(1));
                let until = now + PAUSES.after(earlier_pauses);
                self.open = Some(Open { until, earlier_pauses, probing: None });
                true
            }
            None => false,
        }
    }

    /// The instant until which a call would not be made, if there is one.
    pub fn refuses(&self, now: Instant) -> Option<Instant> {
        let open = self.open.as_ref()?;
        if now < open.until {
            return Some(open.until);
        }
        // A timer may have a timeout of ten minutes, so a probe that hangs is not waited for.
        open.probing.is_some_and(|since| now.saturating_duration_since(since) < LONGEST_PAUSE).then_some(now)
    }

    /// Notes that the probe was not made after all.
    pub fn abandoned(&mut self) {
        if let Some(open) = &mut self.open {
            open.probing = None;
        }
    }

    pub fn closed_at(&self) -> Option<Instant> {
        self.closed.map(|closed| closed.at)
    }

    pub fn is_closed(&self) -> bool {
        self.open.is_none()
    }

    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Its state, and for how long it stays open.
    pub fn state(&self, now: Instant) -> (BreakerState, Duration) {
        match &self.open {
            None => (BreakerState::Closed, Duration::ZERO),
            Some(open) if now < open.until => (BreakerState::Open, open.until - now),
            Some(_) => (BreakerState::HalfOpen, Duration::ZERO),
        }
    }
}

#[cfg(test)]
mod tests;
