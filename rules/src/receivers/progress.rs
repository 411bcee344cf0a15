//! Measures how fast work gets done, by the completions in the last fraction of a second. Time comes in as an argument.

use std::time::{Duration, Instant};

/// The span of a window: short enough to notice a receiver that hangs before its queue is long, and long enough that a pause of a
/// busy machine is not taken for such a receiver.
const WINDOW: Duration = Duration::from_millis(250);

/// How much a window counts in the lasting rate, compared with the window after it. Calls that began together end together, some seconds
/// apart if they are slow.
const FADES: f64 = 0.9;

/// Completions in this window of time and in the previous one.
#[derive(Debug)]
pub(super) struct Progress {
    since: Instant,
    current: u32,
    previous: u32,
    /// Since when all places have been taken.
    busy_since: Option<Instant>,
    /// The completions in a window since then, as an average over the windows, times the weight of these.
    lasting: f64,
    weight: f64,
}

impl Progress {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, current: 0, previous: 0, busy_since: None, lasting: 0.0, weight: 0.0 }
    }

    pub(super) fn done(&mut self, now: Instant) {
        self.roll(now);
        self.current = self.current.saturating_add(1);
    }

    /// Notes whether all places are taken.
    pub(super) fn busy(&mut self, busy: bool, now: Instant) {
        if !busy {
            self.busy_since = None;
        } else if self.busy_since.is_none() {
            // What was done while there was room tells nothing about how fast work can get done.
            self.roll(now);
            (self.lasting, self.weight) = (0.0, 0.0);
            self.busy_since = Some(now);
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

    /// The time from one completion to the next, over the last seconds in which all places have been taken. It cannot be told while there
    /// is room, or before these were a window, and is [`Duration::MAX`] if nothing was done.
    pub(super) fn space(&mut self, now: Instant) -> Option<Duration> {
        self.roll(now);
        self.busy_since?;
        let space = WINDOW.as_secs_f64() * self.weight / self.lasting;
        (self.weight > 0.0).then(|| Duration::try_from_secs_f64(space).unwrap_or(Duration::MAX))
    }

    /// Begins a new window if this one is over.
    fn roll(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.since);
        if age < WINDOW {
            return;
        }
        let windows = age.as_secs_f64() / WINDOW.as_secs_f64();
        let fades = FADES.powf(windows);
        self.lasting = self.lasting * fades + f64::from(self.current) / windows * (1.0 - fades);
        self.weight = self.weight * fades + (1.0 - fades);
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

    #[test]
    fn the_space_of_calls_that_end_together_is_that_of_all_of_them() {
        let start = Instant::now();
        let mut progress = Progress::new(start);
        // An hour in which there was room says nothing.
        let start = start + Duration::from_secs(3_600);
        assert_eq!(progress.space(start), None);
        progress.busy(true, start);
        assert_eq!(progress.space(start + 100 * MILLI), None);
        assert_eq!(progress.space(start + 300 * MILLI), Some(Duration::MAX));
        // Forty every two seconds.
        for round in 1..=4 {
            for _ in 0..40 {
                progress.done(start + round * 2_000 * MILLI);
            }
        }
        for after in [300, 1_000, 1_900] {
            let space = progress.space(start + (8_000 + after) * MILLI).unwrap();
            assert!((25..100).contains(&space.as_millis()), "{space:?} after {after}");
        }
        progress.busy(false, start + 10_000 * MILLI);
        progress.busy(true, start + 20_000 * MILLI);
        assert_eq!(progress.space(start + 20_001 * MILLI), None);
    }
}
