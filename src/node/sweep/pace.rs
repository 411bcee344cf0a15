//! Spreads the work of a sweep over time.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Keeps the work since its creation below a rate.
pub(super) struct Pace {
    began: Instant,
    done: u32,
    rate: Option<u32>,
}

impl Pace {
    /// At most `rate` pieces of work per second; no limit without one.
    pub(super) fn new(rate: Option<u32>) -> Self {
        Self { began: Instant::now(), done: 0, rate }
    }

    /// Waits until this much work more fits the rate.
    pub(super) async fn after(&mut self, done: usize) {
        self.done = self.done.saturating_add(u32::try_from(done).unwrap_or(u32::MAX));
        if let Some(rate) = self.rate {
            sleep_until(self.began + Duration::from_secs(1) * self.done / rate).await;
        }
    }
}
