//! Limits the log lines about requests answered with 503. In an outage each request is, and a line for each would bury the line that says
//! why.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often they are logged: soon enough to appear next to their cause, and only a few lines a minute while they last.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// Counts the requests that were answered with 503.
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
    /// Counts one. Returns how many there were since the last line, if it is time for another one; the first is logged at once.
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
