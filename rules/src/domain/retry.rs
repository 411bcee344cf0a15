//! Whether there is a next attempt, and when.
//!
//! Which results are retried at all is decided by `attempt` and `machine`.

use std::time::Duration;

use uuid::Uuid;

use crate::domain::statuses::StatusSet;
use crate::domain::time::Timestamp;

/// A timer's retry policy: exponential backoff with jitter, bounds on attempts and time, and the statuses that are retried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryPolicy {
    /// The most calls of the receiver in all, the first included; 1 to [`MAX_ATTEMPTS`].
    pub max_attempts: u32,
    /// The wait before the second attempt, before jitter.
    pub initial_backoff: Duration,
    /// No wait is longer than this.
    pub max_backoff: Duration,
    /// Each wait is this many times the one before; 1.0 to [`MAX_FACTOR`].
    pub factor: f64,
    /// No attempt is scheduled for later than this after the timer was due or replayed. `None` if only the number of attempts is
    /// bounded. Up to [`MAX_DEADLINE`].
    pub deadline: Option<Duration>,
    /// The answers that are retried, with at-least-once delivery.
    pub statuses: StatusSet,
}

/// The most attempts. With the default backoff, they span four to eight hours.
pub const MAX_ATTEMPTS: u32 = 100;

/// The largest factor. A larger one reaches any maximum in two steps, which is a constant backoff written oddly.
pub const MAX_FACTOR: f64 = 10.0;

/// The longest wait between two attempts that a client may ask for: one day.
pub const MAX_BACKOFF: Duration = Duration::from_secs(86_400);
/// The longest deadline: the time that [`MAX_ATTEMPTS`] take at most with [`MAX_BACKOFF`].
pub const MAX_DEADLINE: Duration = Duration::from_secs(86_400 * MAX_ATTEMPTS as u64);

/// The reason why no attempt follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMore {
    /// [`RetryPolicy::max_attempts`] were made; with the number of the last one.
    #[error("attempt {0} was the last one allowed")]
    Attempts(u32),
    /// The next attempt would come after [`RetryPolicy::deadline`].
    #[error("the next attempt would be past the deadline of {}", humantime::format_duration(*.0))]
    Deadline(Duration),
}

impl Default for RetryPolicy {
    /// Ten attempts, with waits that double from 1 s up to 5 min: four to nine minutes in all, which rides out the restart or
    /// redeployment of a receiver.
    fn default() -> Self {
        Self {
            max_attempts: 10,
            initial_backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(300),
            factor: 2.0,
            deadline: None,
            statuses: StatusSet::default(),
        }
    }
}

impl RetryPolicy {
    /// When the attempt after attempt `number` is due, if there is one. `counted` is the attempt's number among those since
    /// `since`, when the timer was due or replayed. `asked` is how long the receiver asks to be left alone (`Retry-After`; RFC
    /// 9110, 10.2.3). The wait is as long as the receiver asks, but not shorter than the backoff and not longer than the longest
    /// backoff.
    ///
    /// # Errors
    ///
    /// The reason why no attempt follows.
    pub fn next(
        &self,
        timer: Uuid,
        (number, counted): (u32, u32),
        since: Timestamp,
        now: Timestamp,
        asked: Option<Duration>,
    ) -> Result<Timestamp, NoMore> {
        let backoff = self.backoff(timer, counted);
        let wait = asked.map_or(backoff, |asked| asked.min(self.max_backoff).max(backoff));
        let at = now.saturating_add(wait);
        self.allows((number, counted), since, at).map(|()| at)
    }

    /// Whether attempt `number`, the `counted`th of those since `since`, may be followed by another one at this instant.
    ///
    /// # Errors
    ///
    /// Why it may not.
    pub fn allows(
        &self,
        (number, counted): (u32, u32),
        since: Timestamp,
        at: Timestamp,
    ) -> Result<(), NoMore> {
        if counted >= self.max_attempts {
            return Err(NoMore::Attempts(number));
        }
        match self.deadline {
            Some(deadline) if at > since.saturating_add(deadline) => Err(NoMore::Deadline(deadline)),
            _ => Ok(()),
        }
    }

    /// The wait after attempt number `attempt` (from 1) has failed: the exponential step, of which the upper half is jitter
    /// ("equal jitter", as in AWS's note on exponential backoff and jitter). So timers that failed together do not come back
    /// together.
    ///
    /// The jitter is a hash of timer and attempt: the same on every node, different for every timer.
    pub fn backoff(&self, timer: Uuid, attempt: u32) -> Duration {
        let steps = f64::from(attempt.saturating_sub(1));
        let full = (self.initial_backoff.as_secs_f64() * self.factor.powf(steps))
            .min(self.max_backoff.as_secs_f64());
        let wait = full * (0.5 + 0.5 * roll(timer, attempt));
        Duration::try_from_secs_f64(wait).unwrap_or(self.max_backoff)
    }
}

/// A number in 0.0..1.0 that looks random: the finalizer of SplitMix64 over id and attempt.
fn roll(timer: Uuid, attempt: u32) -> f64 {
    let (high, low) = timer.as_u64_pair();
    let mut z = high ^ low.rotate_left(32) ^ u64::from(attempt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    // An f64 holds 53 bits exactly.
    (z >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_backoff_is_at_least_half_its_step_and_never_over_the_maximum(
            id in any::<u128>(),
            attempt in 1_u32..=MAX_ATTEMPTS,
            initial_ms in 1_u64..100_000,
            max_ms in 1_u64..1_000_000,
            factor in 1.0_f64..=MAX_FACTOR,
        ) {
            let max_backoff = Duration::from_millis(max_ms.max(initial_ms));
            let policy = RetryPolicy {
                max_attempts: MAX_ATTEMPTS,
                initial_backoff: Duration::from_millis(initial_ms),
                max_backoff,
                factor,
                ..RetryPolicy::default()
            };
            let wait = policy.backoff(Uuid::from_u128(id), attempt);
            prop_assert!(wait <= max_backoff);
            prop_assert!(wait >= policy.initial_backoff / 2);
        }
    }

    #[test]
    fn the_same_timer_and_attempt_wait_equally_long_everywhere_and_others_differ() {
        let policy = RetryPolicy::default();
        let waits: std::collections::BTreeSet<_> =
            (0..100).map(|n| policy.backoff(Uuid::from_u128(n), 3)).collect();
        assert_eq!(waits.len(), 100);
        assert_eq!(policy.backoff(Uuid::nil(), 3), policy.backoff(Uuid::nil(), 3));
    }

    #[test]
    fn the_step_doubles_until_the_maximum() {
        let policy = RetryPolicy::default();
        for (attempt, step) in [(1, 1.0), (2, 2.0), (5, 16.0), (9, 256.0), (10, 300.0), (60, 300.0)] {
            let wait = policy.backoff(Uuid::nil(), attempt).as_secs_f64();
            assert!(wait >= step / 2.0 && wait <= step, "attempt {attempt} waits {wait}");
        }
    }

    fn next(policy: &RetryPolicy, counted: u32, late_by: u64, asked: Option<u64>) -> Result<f64, NoMore> {
        let due = Timestamp::from_micros(1_000_000_000_000);
        let now = due.saturating_add(Duration::from_secs(late_by));
        let asked = asked.map(Duration::from_secs);
        let at = policy.next(Uuid::nil(), (counted + 5, counted), due, now, asked)?;
        Ok(at.since(now).as_secs_f64())
    }

    #[test]
    fn the_pause_that_a_receiver_asks_for_is_between_the_backoff_and_the_longest_one() {
        let policy = RetryPolicy::default();
        assert_eq!(next(&policy, 1, 0, Some(40)), Ok(40.0));
        assert_eq!(next(&policy, 1, 0, Some(4_000)), Ok(300.0));
        assert_eq!(next(&policy, 3, 0, Some(0)), next(&policy, 3, 0, None));
    }

    #[test]
    fn attempts_end_by_their_number_or_at_the_deadline() {
        let policy = RetryPolicy { deadline: Some(Duration::from_secs(60)), ..RetryPolicy::default() };
        assert!(next(&policy, 9, 0, None).is_err());
        assert!(next(&policy, 1, 58, None).is_ok());
        assert_eq!(next(&policy, 1, 60, None), Err(NoMore::Deadline(Duration::from_secs(60))));
        assert_eq!(next(&policy, 1, 30, Some(31)), Err(NoMore::Deadline(Duration::from_secs(60))));
        assert_eq!(next(&policy, 10, 0, None), Err(NoMore::Attempts(15)));
    }
}
