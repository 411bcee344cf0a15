//! How fast a clock goes, and the two lengths of a span: in the world, and by the clock.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The fastest clock that can be asked for: an hour in a second. Of a faster one nothing could be seen, since the broker is late by up to a
/// quarter of a second.
const FASTEST: u32 = 3_600;

/// How many times as fast as the world a clock goes: once, except where `jettimer dev` lets an hour pass in a minute. With a fast clock,
/// waits by the clock (delays, backoffs, retention) are over sooner in the world, and spans of the world (calls, NATS, its scheduler) are
/// longer by the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeScale(NonZeroU32);

impl TimeScale {
    /// The scale of the world's clock.
    pub const OF_THE_WORLD: Self = Self(NonZeroU32::MIN);

    /// How far the clock gets while this span passes in the world.
    pub fn world_to_clock(self, span: Duration) -> Duration {
        span.saturating_mul(self.0.get())
    }

    /// How long it takes in the world until the clock is this much further, rounded up, so that nothing is early.
    pub fn clock_to_world(self, span: Duration) -> Duration {
        let nanos = span.as_nanos().div_ceil(u128::from(self.0.get()));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The same as [`world_to_clock`](Self::world_to_clock), for a distance in microseconds that may be negative.
    pub(super) fn distance_to_clock(self, micros: i128) -> i128 {
        micros.saturating_mul(self.0.get().into())
    }

    /// The same as [`clock_to_world`](Self::clock_to_world), for a distance in microseconds that may be negative. It is rounded up to the
    /// later instant.
    pub(super) fn distance_to_world(self, micros: i128) -> i128 {
        -((-micros).div_euclid(self.0.get().into()))
    }
}

/// Prints the number of times.
impl fmt::Display for TimeScale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TimeScale {
    type Err = String;

    /// Reads the number of times.
    ///
    /// # Errors
    ///
    /// The numbers that are allowed.
    fn from_str(text: &str) -> Result<Self, String> {
        let times = text.parse::<NonZeroU32>().ok().filter(|times| times.get() <= FASTEST);
        times.map(Self).ok_or_else(|| format!("must be a whole number from 1 to {FASTEST}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_by_a_fast_clock_is_a_minute_in_the_world_and_never_less() {
        let (scale, minute) = ("60".parse::<TimeScale>().unwrap(), Duration::from_secs(60));
        assert_eq!(scale.world_to_clock(minute), minute * 60);
        assert_eq!(scale.clock_to_world(minute * 60), minute);
        assert_eq!(scale.clock_to_world(Duration::from_nanos(61)), Duration::from_nanos(2));
        assert_eq!(TimeScale::OF_THE_WORLD.clock_to_world(minute), minute);
        assert_eq!(TimeScale::OF_THE_WORLD.world_to_clock(Duration::MAX), Duration::MAX);
    }

    #[test]
    fn a_scale_is_a_whole_number_in_bounds() {
        for (text, times) in [("1", Some("1")), ("3600", Some("3600"))] {
            assert_eq!(text.parse::<TimeScale>().ok().map(|scale| scale.to_string()).as_deref(), times);
        }
        for text in ["0", "3601", "-1", "1.5", ""] {
            assert!(text.parse::<TimeScale>().unwrap_err().contains("from 1 to 3600"), "{text}");
        }
    }
}
