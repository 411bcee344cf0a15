//! Requests answered with 503, said seldom: in an outage each is, and a line for each would bury the line that says why.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often it is said: soon enough to be seen beside what causes it, and a few lines a minute for as long as it lasts.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// How many there were.
#[derive(Default)]
pub(super) struct Refusals {
    counted: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    said: Option<Instant>,
    since: u64,
}

impl Refusals {
    /// Counts one. Gives how many there were since it was last said, if it is time to say it: the first is said at once.
    pub(super) fn count(&self, now: Instant) -> Option<u64> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.since += 1;
        if counted.said.is_some_and(|said| now.saturating_duration_since(said) < SAY_EVERY) {
            return None;
        }
        counted.said = Some(now);
        Some(std::mem::take(&mut counted.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_said_at_once_and_the_others_together() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        let after = |seconds| refusals.count(start + Duration::from_secs(seconds));
        assert_eq!([after(0), after(1), after(9)], [Some(1), None, None]);
        assert_eq!([after(10), after(11), after(60)], [Some(3), None, Some(2)]);
    }
}
