//! Instants as the rules see them: microseconds since the Unix epoch, UTC.
//!
//! Reading a clock, parsing and printing are done elsewhere (`clock`, `rfc3339`).

use std::time::Duration;

/// An instant: microseconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX time).
///
/// Microseconds, since lateness is measured in fractions of a millisecond, and a delay that was rounded to milliseconds could
/// fire before the instant that the client computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The instant this many microseconds after the epoch.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The instant `span` later, rounded up to a microsecond; the end of time if it is beyond.
    pub fn saturating_add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros_up(span)))
    }

    /// The instant `span` earlier; the epoch if it is before.
    pub fn saturating_sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(micros_up(span)))
    }

    /// How long it is from `earlier` until this instant; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Whole seconds from `now` until this instant, rounded up, so that it is zero only once the
    /// instant has come.
    pub fn seconds_left(self, now: Self) -> u64 {
        self.0.saturating_sub(now.0).div_ceil(1_000_000)
    }
}

/// The present, by the clock of a node. Every instant of a timer is by that clock, and so are the spans that clients set: delays,
/// backoffs, retention. Calls, the broker and its scheduler take their time in the world, whatever the clock does meanwhile, so the
/// present knows how far the clock gets in a span of the world.
pub trait Now: Copy {
    /// The instant that the clock shows.
    fn at(self) -> Timestamp;

    /// How far the clock gets while this span passes in the world.
    fn by_the_clock(self, in_the_world: Duration) -> Duration;

    /// The instant that the clock shows once this span has passed in the world.
    fn after(self, in_the_world: Duration) -> Timestamp {
        self.at().saturating_add(self.by_the_clock(in_the_world))
    }
}

/// The present by the world's own clock.
impl Now for Timestamp {
    fn at(self) -> Timestamp {
        self
    }

    fn by_the_clock(self, in_the_world: Duration) -> Duration {
        in_the_world
    }
}

fn micros_up(span: Duration) -> u64 {
    u64::try_from(span.as_nanos().div_ceil(1_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_left_is_rounded_up_and_zero_only_when_due() {
        let due = Timestamp::from_micros(10_000_000);
        assert_eq!(due.seconds_left(Timestamp::from_micros(0)), 10);
        assert_eq!(due.seconds_left(Timestamp::from_micros(1)), 10);
        assert_eq!(due.seconds_left(Timestamp::from_micros(9_999_999)), 1);
        assert_eq!(due.seconds_left(due), 0);
        assert_eq!(due.seconds_left(Timestamp::from_micros(u64::MAX)), 0);
    }

    #[test]
    fn a_span_is_rounded_up_so_that_nothing_is_early() {
        let start = Timestamp::from_micros(7);
        assert_eq!(start.saturating_add(Duration::from_nanos(1)).as_micros(), 8);
        assert_eq!(start.saturating_add(Duration::MAX).as_micros(), u64::MAX);
    }
}
