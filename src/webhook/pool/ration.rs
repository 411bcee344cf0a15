//! How many calls a connection of HTTP/2 is given, as far as its receiver was seen to end connections. Time comes in as an argument.
//!
//! A receiver that ends a connection with a GOAWAY says which calls it did not look at: to have given it too many costs another attempt.
//! One that closes without a word loses the calls in progress. So what such a one was seen to take is not passed at once, and each
//! time that this turns out to be wrong it is kept to for longer. One accident, as a restart, is soon forgotten.

use std::time::{Duration, Instant};

use super::trust::PROOF;

/// For so long a connection is given no more calls than one had carried that broke off, and four times as long each time it happens again.
const HOLD: Duration = Duration::from_secs(10);
const LONGEST_HOLD: Duration = Duration::from_secs(600);

/// Once connections carry so many times as many, what was seen is taken for an accident.
const PARDON: u32 = 16;

/// What was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Ration {
    calls: Option<u32>,
    /// The last connection that broke off.
    breach: Option<Breach>,
}

#[derive(Clone, Copy, Debug)]
struct Breach {
    /// How many calls it had carried.
    calls: u32,
    hold: Duration,
    until: Instant,
}

impl Ration {
    /// The most calls that a connection is given in its life.
    pub(super) fn calls(&self) -> Option<u32> {
        self.calls
    }

    /// The receiver has ended a connection, and said that it took so many calls.
    pub(super) fn ended(&mut self, calls: u32) {
        self.calls = Some(calls.max(1));
    }

    /// A connection was gone after it had carried so many calls, and others were in progress.
    pub(super) fn broke_off(&mut self, calls: u32, now: Instant) {
        // Before its first answer, it does not show how many there can be.
        if calls == 0 {
            return;
        }
        self.calls = Some(calls);
        // Each call that was lost tells of it, and so do connections that were given too many before it was known.
        if self.breach.is_none_or(|breach| now >= breach.until) {
            let hold = self.breach.map_or(HOLD, |breach| (breach.hold * 4).min(LONGEST_HOLD));
            self.breach = Some(Breach { calls, hold, until: now + hold });
        }
    }

    /// Allows more, if a connection outlasts what is allowed: it has carried so many calls to their ends, and has been open for so
    /// long since.
    pub(super) fn raise(&mut self, now: Instant, outlasts: impl Fn(u32, Duration) -> bool) {
        let Some(calls) = self.calls else { return };
        let silence = match self.breach {
            Some(breach) if now < breach.until => return,
            Some(_) => PROOF,
            None => Duration::ZERO,
        };
        if !outlasts(calls, silence) {
            return;
        }
        self.calls = calls.checked_mul(2);
        let is_pardoned =
            |breach: &Breach| self.calls.is_none_or(|calls| calls >= breach.calls.saturating_mul(PARDON));
        if self.breach.as_ref().is_some_and(is_pardoned) {
            self.breach = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_ONCE: fn(u32, Duration) -> bool = |_, silence| silence == Duration::ZERO;
    const AT_REST: fn(u32, Duration) -> bool = |_, silence| silence <= PROOF;

    #[test]
    fn a_connection_that_outlasts_what_the_receiver_said_raises_it_at_once() {
        let (now, mut ration) = (Instant::now(), Ration::default());
        ration.ended(0);
        assert_eq!(ration.calls(), Some(1));
        (0..3).for_each(|_| ration.raise(now, AT_ONCE));
        assert_eq!(ration.calls(), Some(8));
        ration.raise(now, |_, _| false);
        assert_eq!(ration.calls(), Some(8));
    }

    #[test]
    fn what_a_connection_carried_before_it_broke_off_is_kept_to_for_longer_each_time() {
        let (mut now, mut ration) = (Instant::now(), Ration::default());
        ration.broke_off(0, now);
        assert_eq!(ration.calls(), None);
        for hold in [10, 40, 160, 600, 600] {
            ration.broke_off(20, now);
            ration.broke_off(19, now);
            now += Duration::from_secs(hold) - Duration::from_millis(1);
            ration.raise(now, AT_REST);
            assert_eq!(ration.calls(), Some(19), "{hold}");
            now += Duration::from_millis(1);
            ration.raise(now, AT_ONCE);
            assert_eq!(ration.calls(), Some(19), "{hold}");
            ration.raise(now, AT_REST);
            assert_eq!(ration.calls(), Some(38), "{hold}");
        }
    }

    #[test]
    fn one_accident_is_forgotten_once_connections_carry_many_times_as_many() {
        let (mut now, mut ration) = (Instant::now(), Ration::default());
        for _ in 0..3 {
            ration.broke_off(3, now);
            now += HOLD;
            (0..4).for_each(|_| ration.raise(now, AT_REST));
            assert_eq!(ration.calls(), Some(48));
            ration.raise(now, AT_ONCE);
            assert_eq!(ration.calls(), Some(96));
        }
    }
}
