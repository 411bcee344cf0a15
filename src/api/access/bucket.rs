//! The rate limit of a token, as a token bucket: a burst of the whole count, refilled evenly over the window.
//! It takes a few numbers for each token, so it is kept here and not in a library's table of keys.

use std::time::Instant;

use rules::domain::rate::Rate;

/// The state of a caller's rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many requests the window allows.
    pub limit: u64,
    pub window_seconds: u64,
    /// How many requests may follow at once.
    pub remaining: u64,
    /// Seconds until the whole limit is available again, rounded up.
    pub reset_seconds: u64,
    /// Whether this request is within the limit.
    pub allowed: bool,
    /// Seconds until the next request is within the limit, rounded up.
    pub retry_after_seconds: u64,
}

/// The requests that a caller may still send. Time comes in as an argument.
pub(super) struct Bucket {
    rate: Rate,
    /// Requests that may follow at once, as of `filled`.
    left: f64,
    filled: Instant,
}

impl Bucket {
    pub(super) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, left: f64::from(rate.count()), filled: now }
    }

    /// Takes one request off, if there is one.
    pub(super) fn spend(&mut self, now: Instant) -> Quota {
        let granted = self.spend_up_to(1, now);
        self.quota(granted == 1)
    }

    /// The requests available at this time; none is taken.
    pub(super) fn peek(&mut self, now: Instant) -> Quota {
        self.refill(now);
        self.quota(self.left >= 1.0)
    }

    /// Takes as many requests as are available, up to `most`, and returns their number.
    pub(super) fn spend_up_to(&mut self, most: u64, now: Instant) -> u64 {
        self.refill(now);
        let granted = (self.left as u64).min(most);
        self.left -= granted as f64;
        granted
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.left = (self.left + elapsed * self.per_second()).min(f64::from(self.rate.count()));
        self.filled = self.filled.max(now);
    }

    fn per_second(&self) -> f64 {
        f64::from(self.rate.count()) / self.rate.window().as_secs_f64()
    }

    fn quota(&self, allowed: bool) -> Quota {
        let limit = f64::from(self.rate.count());
        let seconds = |requests: f64| (requests.max(0.0) / self.per_second()).ceil() as u64;
        Quota {
            limit: u64::from(self.rate.count()),
            window_seconds: self.rate.window().as_secs(),
            remaining: self.left as u64,
            reset_seconds: seconds(limit - self.left),
            allowed,
            retry_after_seconds: seconds(1.0 - self.left).max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_used_up_comes_back_evenly() {
        let start = Instant::now();
        let mut bucket = Bucket::new("2/m".parse().unwrap(), start);
        assert_eq!(bucket.spend(start).remaining, 1);
        assert!(bucket.spend(start).allowed);
        let refused = bucket.spend(start);
        assert_eq!((refused.allowed, refused.retry_after_seconds, refused.reset_seconds), (false, 30, 60));
        assert!(!bucket.spend(start + Duration::from_secs(29)).allowed);
        assert!(bucket.spend(start + Duration::from_secs(31)).allowed);
    }

    proptest! {
        #[test]
        fn no_window_has_more_than_the_limit_and_what_was_saved(
            gaps in prop::collection::vec((0_u64..400, 0_u64..12), 1..200),
        ) {
            let mut now = Instant::now();
            let start = now;
            let mut bucket = Bucket::new("10/s".parse().unwrap(), now);
            let mut allowed = 0_u64;
            for (gap, many) in gaps {
                now += Duration::from_millis(gap);
                allowed += if many == 1 { u64::from(bucket.spend(now).allowed) } else { bucket.spend_up_to(many, now) };
                let most = 10.0 + (now - start).as_secs_f64() * 10.0;
                prop_assert!(allowed as f64 <= most + 1e-6);
                let left = bucket.peek(now).remaining;
                prop_assert_eq!(bucket.spend_up_to(0, now), 0);
                prop_assert_eq!(bucket.peek(now).remaining, left);
            }
        }
    }
}
