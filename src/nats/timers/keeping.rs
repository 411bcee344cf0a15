//! How long the record of a timer that is over stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::foundation::clock::TimeScale;
use rules::domain::time::Timestamp;
use rules::domain::timer::Timer;

/// How long a record stays after its timer is over so that a mark covers it, as the guard sees it at the moment. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Stay(Arc<AtomicU64>);

impl Stay {
    pub fn new(span: Duration) -> Self {
        let stay = Self(Arc::default());
        stay.set(span);
        stay
    }

    /// Changes the span for timers that end from now on.
    pub fn set(&self, span: Duration) {
        self.0.store(u64::try_from(span.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn get(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// How long the record of a timer that is over stays.
#[derive(Clone, Debug)]
pub struct Keeping {
    /// It is shown for this long after the end.
    pub retention: Duration,
    /// Once the last version has left, NATS may bring back an older one: if a single server is killed, or all replicas at once. So
    /// the record stays at least this long after the end, and after every instant that the timer gave up. By then a sweep has left
    /// the high-water mark that distinguishes the older version from a waiting timer. `None` for a program that ends no timer.
    pub until_swept: Option<Stay>,
}

impl Keeping {
    /// When the record of a timer that ended at this instant leaves.
    pub(in crate::nats) fn leaves_at(
        &self,
        timer: &Timer,
        ended_at: Timestamp,
        scale: TimeScale,
    ) -> Timestamp {
        let shown = ended_at.saturating_add(self.retention);
        let last = ended_at.max(timer.gave_up_at.unwrap_or(ended_at));
        let stay = self.until_swept.as_ref().map(|stay| scale.world_to_clock(stay.get()));
        stay.map_or(shown, |span| shown.max(last.saturating_add(span)))
    }
}
