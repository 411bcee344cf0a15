//! Decides when each create is to be sent: at once (closed loop) or on a schedule fixed in advance (open
//! loop).
//!
//! The schedule never adapts to the service. A service that stalls gets everything that fell due meanwhile, and the wait counts as its
//! latency.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, TryAcquireError};

use super::clock;

const NS_PER_S: u64 = 1_000_000_000;

/// Shortest pause of the pacing thread: at high rates it releases all sends that fell due in this time together, because waking for every
/// single send takes CPU from the service under test.
const SHORTEST_NAP: Duration = Duration::from_micros(200);

/// Longest pause of the pacing thread, so that it ends soon after a run that was broken off.
const LONGEST_NAP: Duration = Duration::from_millis(100);

pub(super) struct Pace {
    timers: u64,
    next: AtomicU64,
    schedule: Option<Schedule>,
}

struct Schedule {
    start: Instant,
    per_second: u64,
    gate: Arc<Semaphore>,
}

/// Leave to send one create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ticket {
    Now,
    /// The connection was idle, so any delay is the generator's fault.
    Scheduled(Instant),
    /// The instant had passed when a connection became free.
    Overdue(Instant),
}

impl Pace {
    pub(super) fn closed(timers: u64) -> Self {
        Self { timers, next: AtomicU64::new(0), schedule: None }
    }

    /// Starts the schedule now. `connections` is how many connections will ask for tickets.
    pub(super) fn open(timers: u64, per_second: u32, connections: u32) -> anyhow::Result<Self> {
        let schedule = Schedule {
            start: clock::now(),
            per_second: per_second.into(),
            gate: Arc::new(Semaphore::new(0)),
        };
        let (start, per_second, gate) = (schedule.start, schedule.per_second, Arc::clone(&schedule.gate));
        // A thread and not a task: the runtime's timers have a resolution of a millisecond, which would be
        // most of a latency.
        std::thread::Builder::new().name("bench-pace".to_owned()).spawn(move || {
            release(start, per_second, timers, &gate);
            // One more permit for each connection, with which it finds that nothing is left to send.
            gate.add_permits(connections as usize);
        })?;
        Ok(Self { timers, next: AtomicU64::new(0), schedule: Some(schedule) })
    }

    /// Waits for the next send; `None` once all timers are sent.
    pub(super) async fn ticket(&self) -> Option<Ticket> {
        let Some(schedule) = &self.schedule else {
            return self.number().map(|_| Ticket::Now);
        };
        let was_idle = match schedule.gate.try_acquire() {
            Ok(permit) => {
                permit.forget();
                false
            }
            Err(TryAcquireError::NoPermits) => {
                schedule.gate.acquire().await.ok()?.forget();
                true
            }
            Err(TryAcquireError::Closed) => return None,
        };
        let intended = schedule.start + offset(self.number()?, schedule.per_second);
        Some(if was_idle { Ticket::Scheduled(intended) } else { Ticket::Overdue(intended) })
    }

    fn number(&self) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number < self.timers).then_some(number)
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        if let Some(schedule) = &self.schedule {
            schedule.gate.close();
        }
    }
}

fn release(start: Instant, per_second: u64, timers: u64, gate: &Semaphore) {
    let mut released = 0;
    while released < timers && !gate.is_closed() {
        let due = due_by(clock::now().saturating_duration_since(start), per_second).min(timers);
        gate.add_permits(usize::try_from(due - released).unwrap_or(usize::MAX));
        released = due;
        let next = start + offset(released, per_second);
        std::thread::sleep(next.saturating_duration_since(clock::now()).clamp(SHORTEST_NAP, LONGEST_NAP));
    }
}

/// When send number `number` (from 0) is due, from the start.
fn offset(number: u64, per_second: u64) -> Duration {
    // In two parts, so that no number of timers overflows.
    Duration::from_secs(number / per_second)
        + Duration::from_nanos((number % per_second) * NS_PER_S / per_second)
}

/// How many sends are due this long after the start.
fn due_by(elapsed: Duration, per_second: u64) -> u64 {
    let whole = elapsed.as_secs().saturating_mul(per_second);
    whole.saturating_add(u64::from(elapsed.subsec_nanos()) * per_second / NS_PER_S).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_send_is_released_at_its_instant_or_after_it() {
        for per_second in [1, 3, 7, 1_000, 30_000, 999_999] {
            for number in [0, 1, 2, 10, 12_345, 9_999_999] {
                let instant = offset(number, per_second);
                assert!(due_by(instant + Duration::from_nanos(1), per_second) > number);
                if let Some(before) = instant.checked_sub(Duration::from_nanos(1)) {
                    assert!(
                        due_by(before, per_second) <= number,
                        "number {number} of {per_second}/s is released early"
                    );
                }
            }
        }
    }

    #[tokio::test]
    async fn a_closed_loop_hands_out_each_timer_once() {
        let pace = Pace::closed(2);
        assert_eq!(pace.ticket().await, Some(Ticket::Now));
        assert_eq!(pace.ticket().await, Some(Ticket::Now));
        assert_eq!(pace.ticket().await, None);
    }

    #[tokio::test]
    async fn an_open_loop_keeps_its_schedule_and_then_lets_everyone_go() {
        let pace = Pace::open(3, 100, 2).unwrap();
        let mut instants = Vec::new();
        while let Some(ticket) = pace.ticket().await {
            match ticket {
                Ticket::Scheduled(instant) | Ticket::Overdue(instant) => instants.push(instant),
                Ticket::Now => panic!("an open loop has no tickets without an instant"),
            }
            assert!(instants.last().is_some_and(|&instant| instant <= clock::now()));
        }
        assert_eq!(pace.ticket().await, None);
        let gaps: Vec<Duration> = instants.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(gaps, [Duration::from_millis(10), Duration::from_millis(10)]);
    }
}
