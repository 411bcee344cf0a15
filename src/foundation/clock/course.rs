//! The course of a clock: as fast as the world or faster, from an anchor at which both showed the same.
//!
//! Pure. The course is a straight line, so timers set before a restart stay where they were as long as scale and anchor stay the same.

use super::TimeScale;
use rules::domain::time::Timestamp;

/// The course of a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Course {
    pub scale: TimeScale,
    /// The time that both this clock and the world's showed at the anchor.
    pub anchor: Timestamp,
}

impl Default for Course {
    fn default() -> Self {
        Self::OF_THE_WORLD
    }
}

impl Course {
    /// The course of the world's clock.
    pub const OF_THE_WORLD: Self = Self { scale: TimeScale::OF_THE_WORLD, anchor: Timestamp::from_micros(0) };

    /// The time that the clock shows at an instant of the world.
    pub(super) fn shown(self, world: Timestamp) -> Timestamp {
        self.on_the_line(world, |distance| self.scale.distance_to_clock(distance))
    }

    /// The first instant of the world, to a microsecond, at which the clock shows `shown` or more.
    pub(super) fn in_the_world(self, shown: Timestamp) -> Timestamp {
        // After the anchor, away from it, which is up; before the anchor, towards it, which is up too.
        self.on_the_line(shown, |distance| self.scale.distance_to_world(distance))
    }

    fn on_the_line(self, at: Timestamp, map: impl FnOnce(i128) -> i128) -> Timestamp {
        let anchor = i128::from(self.anchor.as_micros());
        let distance = i128::from(at.as_micros()) - anchor;
        let mapped = anchor.saturating_add(map(distance));
        Timestamp::from_micros(u64::try_from(mapped.max(0)).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-12-01.
    const ANCHOR: u64 = 1_796_083_200_000_000;

    fn course(times: u32) -> Course {
        let scale = times.to_string().parse().unwrap();
        Course { scale, anchor: Timestamp::from_micros(ANCHOR) }
    }

    fn after(micros: i64) -> Timestamp {
        Timestamp::from_micros(ANCHOR.checked_add_signed(micros).unwrap())
    }

    #[test]
    fn an_hour_passes_in_a_minute() {
        let course = course(60);
        assert_eq!(course.shown(after(60_000_000)), after(3_600_000_000));
        assert_eq!(course.in_the_world(after(3_600_000_000)), after(60_000_000));
        assert_eq!((course.shown(after(0)), course.in_the_world(after(0))), (after(0), after(0)));
        assert_eq!(course.in_the_world(after(1)), after(1));
        assert_eq!(course.in_the_world(after(-1)), after(0));
        assert_eq!(course.in_the_world(after(-60)), after(-1));
    }

    #[test]
    fn the_worlds_clock_shows_what_it_is() {
        for at in [Timestamp::from_micros(0), after(0), Timestamp::from_micros(u64::MAX)] {
            assert_eq!(Course::OF_THE_WORLD.shown(at), at);
            assert_eq!(Course::OF_THE_WORLD.in_the_world(at), at);
        }
    }

    proptest! {
        #[test]
        fn nothing_comes_before_the_clock_shows_it_and_nothing_a_microsecond_too_late(
            times in 1..=3_600_u32, micros in -1_i64 << 50..1_i64 << 60,
        ) {
            let course = course(times);
            let shown = after(micros);
            let world = course.in_the_world(shown);
            prop_assert!(course.shown(world) >= shown);
            let before = Timestamp::from_micros(world.as_micros() - 1);
            prop_assert!(course.shown(before) < shown);
        }

        #[test]
        fn what_was_shown_is_found_again(times in 1..=3_600_u32, micros in -1_i64 << 30..1_i64 << 46) {
            let course = course(times);
            prop_assert_eq!(course.in_the_world(course.shown(after(micros))), after(micros));
        }
    }
}
