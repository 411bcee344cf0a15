//! How many calls a connection of HTTP/2 gets, if its receiver was seen to end connections. Time comes in as an argument.
//!
//! A receiver that ends a connection with a GOAWAY says which calls it did not look at: giving it too many costs another attempt. If a
//! receiver closes without a word, the calls in progress are lost. So the number of calls that such a receiver took is not exceeded at
//! once, and each time that exceeding it turns out to be wrong, it holds for longer. One accident, such as a restart, is soon forgotten. If
//! the connection was idle before it broke, its idle time is kept short instead.

use std::time::{Duration, Instant};

use super::trust::PROOF;

/// For this long a connection gets no more calls than the one that broke off had carried, and four times as long each time it happens
/// again.
const HOLD: Duration = Duration::from_secs(10);
const LONGEST_HOLD: Duration = Duration::from_secs(600);

/// Once connections carry this many times as many calls, the breach is taken for an accident.
const PARDON: u32 = 16;

/// A shorter idle time does not count: a receiver closes no connection this soon because it is idle.
const LEAST_IDLE: Duration = Duration::from_millis(100);

/// The limits that were learned from a receiver.
#[derive(Clone, Debug, Default)]
pub(super) struct Ration {
    calls: Option<u32>,
    /// The last connection that broke off.
    breach: Option<Breach>,
    /// For how long a connection may be idle, and until when that holds.
    rest: Option<(Duration, Instant)>,
}

#[derive(Clone, Copy, Debug)]
struct Breach {
    /// How many calls the connection had carried.
    calls: u32,
    hold: Duration,
    until: Instant,
}

impl Ration {
    /// The most calls that a connection gets in its life.
    pub(super) fn calls(&self) -> Option<u32> {
        self.calls
    }

    /// For how long a connection may have been idle and still get a call, if that was learned.
    pub(super) fn rest(&self, now: Instant) -> Option<Duration> {
        self.rest.filter(|(_, until)| now < *until).map(|(rest, _)| rest)
    }

    /// Notes that the receiver has ended a connection, and said that it took this many calls.
    pub(super) fn ended(&mut self, calls: u32) {
        self.calls = Some(calls.max(1));
    }

    /// Notes that a connection broke with calls in progress. It had carried `calls` calls, and had been idle for `idle` before those in
    /// progress.
    pub(super) fn broke_off(&mut self, calls: u32, idle: Duration, now: Instant) {
        if idle >= LEAST_IDLE {
            // The receiver may have closed it at any time since it became idle.
            let rest = self.rest(now).map_or(idle / 2, |rest| rest.min(idle / 2));
            self.rest = Some((rest, now + LONGEST_HOLD));
            return;
        }
        // A connection that breaks before its first answer does not show how many calls there can be.
        if calls == 0 {
            return;
        }
        self.calls = Some(calls);
        // Each lost call reports the breach, and so do connections that got too many calls before it was known.
        if self.breach.is_none_or(|breach| now >= breach.until) {
            let hold = self.breach.map_or(HOLD, |breach| (breach.hold * 4).min(LONGEST_HOLD));
            self.breach = Some(Breach { calls, hold, until: now + hold });
        }
    }

    /// Allows more calls if a connection outlasts the limit: it has carried that many calls to their ends, and has been open for long
    /// enough since.
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
        ration.broke_off(0, Duration::ZERO, now);
        assert_eq!(ration.calls(), None);
        for hold in [10, 40, 160, 600, 600] {
            ration.broke_off(20, Duration::ZERO, now);
            ration.broke_off(19, Duration::ZERO, now);
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
    fn a_connection_that_was_idle_before_it_broke_off_makes_the_idle_time_short_and_nothing_else() {
        let (now, mut ration) = (Instant::now(), Ration::default());
        let second = Duration::from_secs(1);
        ration.broke_off(20, second, now);
        assert_eq!((ration.calls(), ration.rest(now)), (None, Some(second / 2)));
        // Another call of the same connection, and one that was lost after a shorter idle time.
        ration.broke_off(20, second, now);
        ration.broke_off(20, second / 2, now);
        assert_eq!(ration.rest(now + LONGEST_HOLD - second), Some(second / 4));
        assert_eq!(ration.rest(now + LONGEST_HOLD), None);
    }

    #[test]
    fn one_accident_is_forgotten_once_connections_carry_many_times_as_many() {
        let (mut now, mut ration) = (Instant::now(), Ration::default());
        for _ in 0..3 {
            ration.broke_off(3, Duration::ZERO, now);
            now += HOLD;
            (0..4).for_each(|_| ration.raise(now, AT_REST));
            assert_eq!(ration.calls(), Some(48));
            ration.raise(now, AT_ONCE);
            assert_eq!(ration.calls(), Some(96));
        }
    }
}
