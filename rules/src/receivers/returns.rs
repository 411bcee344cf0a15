//! Decides when timers that are held back come again: one after the other, so that no crowd comes at one instant. Time comes in as
//! an argument.

use std::time::{Duration, Instant};

use crate::domain::machine::MAX_POSTPONEMENT;

/// The shortest time after which a postponed timer comes back. A shorter one would only keep the broker busy.
pub const SOONEST_RETURN: Duration = Duration::from_secs(1);

/// A line of timers that come back.
#[derive(Debug, Default)]
pub struct Returns {
    /// The instant that was last given to one of them.
    last: Option<Instant>,
    /// The latest instant at which one of them comes, including those that are spread out.
    latest: Option<Instant>,
    spread: u32,
}

impl Returns {
    /// When the next timer comes back: `space` after the one before, and not before `floor`. Timers for which that is too far away
    /// are spread out.
    pub fn next(&mut self, floor: Instant, space: Duration, now: Instant) -> Duration {
        self.next_by(None, floor, space, now)
    }

    /// The same, but no later than `latest`, unless `floor` is later. A timer whose place in the line is later takes no place in it.
    pub fn next_by(
        &mut self,
        latest: Option<Instant>,
        floor: Instant,
        space: Duration,
        now: Instant,
    ) -> Duration {
        let soonest = floor.max(now + SOONEST_RETURN);
        let next = self.last.map_or(soonest, |last| (last + space).max(soonest));
        let mut wait = next.saturating_duration_since(now);
        let latest = latest.map(|latest| latest.max(soonest)).filter(|latest| *latest < next);
        if let Some(latest) = latest {
            wait = latest.saturating_duration_since(now);
        } else if wait <= MAX_POSTPONEMENT {
            self.last = Some(next);
        } else {
            // The golden ratio spreads any number of them evenly.
            self.spread = self.spread.wrapping_add(1);
            let part = (f64::from(self.spread) * 0.618_033_988_749_895).fract();
            wait = MAX_POSTPONEMENT.mul_f64(0.5 + part / 2.0);
        }
        self.latest = self.latest.max(Some(now + wait));
        wait
    }

    /// Lets the next timer begin the line again, as if it were empty.
    pub fn begin_again(&mut self) {
        self.last = None;
    }

    /// The instant until which some of them have yet to come, if any do.
    pub fn until(&self, now: Instant) -> Option<Instant> {
        self.latest.filter(|latest| *latest > now)
    }

    /// Whether some of them had yet to come at an instant or later.
    pub fn since(&self, instant: Option<Instant>) -> bool {
        self.latest.is_some_and(|latest| instant.is_none_or(|instant| latest >= instant))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_comes_back_spread_out_and_no_later_than_allowed() {
        let now = Instant::now();
        let mut returns = Returns::default();
        let waits: Vec<Duration> =
            (0..1_000).map(|_| returns.next(now, Duration::from_secs(60), now)).collect();
        assert!(waits.iter().all(|wait| (SOONEST_RETURN..=MAX_POSTPONEMENT).contains(wait)));
        let late = waits.iter().filter(|wait| **wait > MAX_POSTPONEMENT.mul_f64(0.75)).count();
        assert!((400..600).contains(&late), "{late}");
        assert!(returns.until(now + MAX_POSTPONEMENT).is_none() && returns.until(now).is_some());
    }

    #[test]
    fn none_comes_before_the_floor_and_two_keep_their_distance() {
        let now = Instant::now();
        let (floor, space) = (now + Duration::from_secs(9), Duration::from_millis(4));
        let mut returns = Returns::default();
        let waits: Vec<Duration> = (0..3).map(|_| returns.next(floor, space, now)).collect();
        assert_eq!(waits, [9_000, 9_004, 9_008].map(Duration::from_millis));
    }

    #[test]
    fn one_that_has_to_come_sooner_takes_no_place_in_the_line() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let mut returns = Returns::default();
        let latest = Some(now + second * 5 / 2);
        let waits: Vec<Duration> = (0..4).map(|_| returns.next_by(latest, now, second, now)).collect();
        assert_eq!(waits, [1_000, 2_000, 2_500, 2_500].map(Duration::from_millis));
        assert_eq!(returns.next(now, second, now), 3 * second);
        assert_eq!(returns.next_by(Some(now), now + 9 * second, second, now), 9 * second);
    }
}
