//! The rate at which calls begin again after they were held back: a few at first, doubling each second. Time comes in as an
//! argument.

use std::time::{Duration, Instant};

use super::lane::MAX_WAIT;

/// The rate at first, in calls begun per second.
const FIRST_RATE: f64 = 10.0;

/// How long starts are limited. The rate is then more than a thousand calls a second.
pub(super) const LENGTH: Duration = Duration::from_secs(7);

/// The starts of calls after these were held back.
#[derive(Debug, Default)]
pub struct Ramp {
    since: Option<Instant>,
    next: Option<Instant>,
}

impl Ramp {
    /// Begins at `since`, when calls are no longer held back, which may be in the future. A later instant than before starts over.
    pub fn begin(&mut self, since: Instant) {
        if self.since.is_none_or(|before| before < since) {
            *self = Self { since: Some(since), next: None };
        }
    }

    /// Takes the next start: returns the wait for it, or `None` if that is too long.
    pub fn start(&mut self, now: Instant) -> Option<Duration> {
        let Some(since) = self.since else { return Some(Duration::ZERO) };
        if now.saturating_duration_since(since) >= LENGTH {
            *self = Self::default();
            return Some(Duration::ZERO);
        }
        let at = self.next.map_or(now, |next| next.max(now));
        let age = at.saturating_duration_since(since).min(LENGTH);
        let wait = at.saturating_duration_since(now);
        if wait > MAX_WAIT {
            return None;
        }
        self.next = Some(at + Duration::from_secs_f64((FIRST_RATE * age.as_secs_f64().exp2()).recip()));
        Some(wait)
    }

    /// Whether calls are still limited.
    pub fn is_on(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| now.saturating_duration_since(since) < LENGTH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_begin_few_at_first_and_twice_as_many_in_each_second() {
        let start = Instant::now();
        let mut ramp = Ramp::default();
        ramp.begin(start);
        let mut in_second = [0_u32; 10];
        for milli in 0..7_000_u64 {
            let now = start + Duration::from_millis(milli);
            // Takes all starts that are given.
            while let Some(wait) = ramp.start(now) {
                let at = (now + wait).saturating_duration_since(start).as_secs() as usize;
                in_second[at] += 1;
            }
        }
        assert!((8..=16).contains(&in_second[0]), "{in_second:?}");
        for (one, next) in in_second.iter().zip(&in_second[1..6]) {
            let times = f64::from(*next) / f64::from(*one);
            assert!((1.6..2.4).contains(&times), "{in_second:?}");
        }
        assert_eq!(ramp.start(start + LENGTH), Some(Duration::ZERO));
        assert!(!ramp.is_on(start + LENGTH));
    }
}
