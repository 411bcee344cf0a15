//! How often somebody may ask: so many requests at once, refilled evenly over the window (a token
//! bucket). A few numbers for each token, so it is kept here and not in a library's table of keys.

use std::time::Instant;

use super::Quota;
use crate::domain::rate::Rate;

/// What somebody has left. Time comes in as an argument.
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
        let limit = f64::from(self.rate.count());
        let per_second = limit / self.rate.window().as_secs_f64();
        let elapsed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.left = (self.left + elapsed * per_second).min(limit);
        self.filled = self.filled.max(now);
        let allowed = self.left >= 1.0;
        if allowed {
            self.left -= 1.0;
        }
        let seconds = |requests: f64| (requests.max(0.0) / per_second).ceil() as u64;
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
        fn no_window_has_more_than_the_limit_and_what_was_saved(gaps in prop::collection::vec(0_u64..400, 1..200)) {
            let mut now = Instant::now();
            let start = now;
            let mut bucket = Bucket::new("10/s".parse().unwrap(), now);
            let mut allowed = 0_u32;
            for gap in gaps {
                now += Duration::from_millis(gap);
                allowed += u32::from(bucket.spend(now).allowed);
                let most = 10.0 + (now - start).as_secs_f64() * 10.0;
                prop_assert!(f64::from(allowed) <= most + 1e-6);
            }
        }
    }
}
