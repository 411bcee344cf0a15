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
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        assert!(!breaker.failed(false, 2, now));
        assert!(breaker.failed(false, 2, now));
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_one_success_closes_it() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        breaker.failed(false, 2, now);
        breaker.succeeded();
        breaker.failed(false, 2, now);
        assert_eq!(breaker.ask(now), Pass::Free);
        breaker.failed(false, 2, now);
        assert_eq!(breaker.ask(now), Pass::Not(now + FIRST_PAUSE));
        breaker.succeeded();
        assert!(breaker.is_idle());
    }

    #[test]
    fn one_call_at_a_time_tries_it_and_each_failure_doubles_the_pause() {
        let mut now = Instant::now();
        let mut breaker = opened(now);
        for pause in [5, 10, 20, 40, 60, 60] {
            now += pause * SECOND;
            assert_eq!(breaker.ask(now), Pass::Probe);
            assert_eq!(breaker.ask(now), Pass::Not(now));
            breaker.failed(true, 2, now);
        }
        assert_eq!(breaker.state(now), (BreakerState::Open, LONGEST_PAUSE));
        now += LONGEST_PAUSE;
        assert_eq!(breaker.ask(now), Pass::Probe);
        breaker.abandoned();
        assert_eq!(breaker.ask(now), Pass::Probe);
        breaker.succeeded();
        assert_eq!((breaker.ask(now), breaker.ask(now)), (Pass::Free, Pass::Free));
    }

    #[test]
    fn a_probe_that_hangs_does_not_keep_the_receiver_from_being_found() {
        let mut now = Instant::now();
        let mut breaker = opened(now);
        now += FIRST_PAUSE;
        assert_eq!(breaker.ask(now), Pass::Probe);
        now += LONGEST_PAUSE - SECOND;
        assert_eq!(breaker.ask(now), Pass::Not(now));
        now += SECOND;
        assert_eq!((breaker.ask(now), breaker.ask(now)), (Pass::Probe, Pass::Not(now)));
        breaker.succeeded();
        // The first one comes to its end.
        breaker.failed(true, 2, now);
        assert_eq!(breaker.ask(now), Pass::Free);
    }

    #[test]
    fn calls_that_began_before_it_opened_do_not_keep_it_open() {
        let now = Instant::now();
        let mut breaker = opened(now);
        breaker.failed(false, 2, now + 4 * SECOND);
        assert_eq!(breaker.ask(now + 5 * SECOND), Pass::Probe);
    }

    #[test]
    fn a_threshold_of_zero_never_opens_it() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        assert!((0..1_000).all(|_| !breaker.failed(false, 0, now)));
        assert_eq!(breaker.ask(now), Pass::Free);
    }

    proptest! {
        #[test]
        fn there_is_never_a_second_probe_beside_the_first_for_a_while(steps in prop::collection::vec(0_u8..5, 0..200)) {
            let mut now = Instant::now();
            let mut breaker = opened(now);
            let mut probing: Option<Instant> = None;
            for step in steps {
                match step {
                    0 => now += 3 * SECOND,
                    1 => if breaker.ask(now) == Pass::Probe {
                        prop_assert!(probing.is_none_or(|since| now - since >= LONGEST_PAUSE));
                        probing = Some(now);
                    },
                    2 if probing.is_some() => {
                        breaker.failed(true, 2, now);
                        probing = None;
                    }
                    3 if probing.is_some() => {
                        breaker.abandoned();
                        probing = None;
                    }
                    _ => { breaker.failed(false, 2, now); }
                }
            }
        }
    }
}
