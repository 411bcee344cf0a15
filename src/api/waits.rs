//! Finds out when a reader of the feed is too slow. Its time is measured over as many events as may wait for it, so a reader that takes an
//! event now and then is as slow as one that takes none.

use std::time::Duration;

/// The most events that wait for a slow reader.
pub(super) const MAX_WAITING: usize = 256;

/// How long the last events have waited, at most [`MAX_WAITING`] of them.
#[derive(Default)]
pub(super) struct Waits {
    total: Duration,
    count: usize,
}

impl Waits {
    /// How long the next event may wait.
    pub(super) fn left(&self, patience: Duration) -> Duration {
        patience.saturating_sub(self.total)
    }

    /// Notes how long an event has waited.
    pub(super) fn add(&mut self, wait: Duration) {
        self.total += wait;
        self.count += 1;
        if self.count == MAX_WAITING {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_takes_an_event_now_and_then_is_slow_too() {
        let patience = Duration::from_secs(10);
        let mut waits = Waits::default();
        for _ in 0..2 {
            waits.add(Duration::from_secs(4));
        }
        assert_eq!(waits.left(patience), Duration::from_secs(2));
        waits.add(Duration::from_secs(4));
        assert_eq!(waits.left(patience), Duration::ZERO);
        // The reader has taken as many events as may wait, so the next ones have their own time.
        for _ in 3..MAX_WAITING {
            waits.add(Duration::ZERO);
        }
        assert_eq!(waits.left(patience), patience);
    }
}
