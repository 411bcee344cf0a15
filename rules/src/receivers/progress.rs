//! Measures how fast work gets done, by the completions in the last fraction of a second. Time comes in as an argument.

use std::time::{Duration, Instant};

/// The span of a window: short enough to notice a receiver that hangs before its queue is long, and long enough that a pause of a
/// busy machine is not taken for such a receiver.
const WINDOW: Duration = Duration::from_millis(250);

/// Completions in this window of time and in the previous one.
#[derive(Debug)]
pub(super) struct Progress {
    since: Instant,
    current: u32,
    previous: u32,
    /// Since when all places have been taken.
    busy_since: Option<Instant>,
}

impl Progress {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, current: 0, previous: 0, busy_since: None }
    }

    pub(super) fn done(&mut self, now: Instant) {
        self.roll(now);
        self.current = self.current.saturating_add(1);
    }

    /// Notes whether all places are taken.
    pub(super) fn busy(&mut self, busy: bool, now: Instant) {
        match busy {
            true => drop(self.busy_since.get_or_insert(now)),
            false => self.busy_since = None,
        }
    }

    /// The expected time until `count` more are done. It cannot be told before all places have been taken for a window.
    pub(super) fn time_for(&mut self, count: usize, now: Instant) -> Option<Duration> {
        self.roll(now);
        self.busy_since.filter(|since| now.saturating_duration_since(*since) >= WINDOW)?;
        let done = self.previous.saturating_add(self.current);
        let span = WINDOW + now.saturating_duration_since(self.since);
        match done {
            0 => Some(Duration::MAX),
            done => Duration::try_from_secs_f64(span.as_secs_f64() * count as f64 / f64::from(done)).ok(),
        }
    }

    /// Begins a new window if this one is over.
    fn roll(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.since);
        if age < WINDOW {
            return;
        }
        self.previous = if age < WINDOW * 2 { self.current } else { 0 };
        self.current = 0;
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn a_receiver_that_hangs_is_noticed_after_a_window_and_not_before() {
        let start = Instant::now();
        let mut progress = Progress::new(start);
        progress.busy(true, start);
        assert_eq!(progress.time_for(1, start + 249 * MILLI), None);
        assert_eq!(progress.time_for(1, start + 250 * MILLI), Some(Duration::MAX));
        progress.busy(false, start + 251 * MILLI);
        assert_eq!(progress.time_for(1, start + 500 * MILLI), None);
    }

    #[test]
    fn the_time_follows_from_what_was_done_lately() {
        let start = Instant::now();
        let mut progress = Progress::new(start);
        progress.busy(true, start);
        // One completion a millisecond, for half a second.
        for n in 0..500 {
            progress.done(start + n * MILLI);
        }
        let seconds = progress.time_for(1_000, start + 500 * MILLI).unwrap().as_secs_f64();
        assert!((0.8..1.2).contains(&seconds), "{seconds}");
        assert_eq!(progress.time_for(1, start + 5_000 * MILLI), Some(Duration::MAX));
    }
}
