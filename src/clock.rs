//! The wall clock, and waiting for an instant of it.
//!
//! The only place that reads the time; everything else is given a [`Timestamp`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::domain::time::Timestamp;

/// While waiting, the clock is read at least this often, so that a clock that is set or a machine
/// that slept is noticed.
const LONGEST_NAP: Duration = Duration::from_secs(1);

/// Reads the machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock;

impl Clock {
    /// The present instant. A clock before 1970 reads as 1970.
    #[expect(clippy::disallowed_methods, reason = "this is the place that the lint sends others to")]
    pub fn now(self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX))
    }

    /// Returns once the clock has reached `instant`, never before.
    pub async fn wait_until(self, instant: Timestamp) {
        loop {
            let left = instant.since(self.now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LONGEST_NAP)).await;
        }
    }
}
