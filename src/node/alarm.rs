//! Wakes tasks at an instant of the wall clock, to a fraction of a millisecond.
//!
//! The runtime's own timers tick once a millisecond and round up, which would be most of a timer's
//! lateness. So one thread sleeps until the next instant that a task waits for.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::sync::oneshot;

use crate::foundation::clock::Clock;
use crate::foundation::metrics::Task;
use crate::foundation::tasks::Tasks;
use rules::domain::time::Timestamp;

/// The longest time between two readings of the clock. It bounds the delay until a clock that was set or a machine that slept
/// is noticed.
const LONGEST_NAP: Duration = Duration::from_secs(1);

/// Wakes tasks. Cheap to clone; its thread ends with the last clone.
#[derive(Clone)]
pub struct Alarm {
    shared: Arc<Shared>,
    clock: Clock,
    /// Dropped with the last clone, which ends the thread.
    _alive: Arc<Alive>,
}

struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    bells: BinaryHeap<Reverse<Bell>>,
    over: bool,
}

struct Alive(Arc<Shared>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.lock().over = true;
        self.0.changed.notify_one();
    }
}

/// The bell of a waiting task. Bells of the same instant ring in any order.
struct Bell {
    at: Timestamp,
    ring: oneshot::Sender<()>,
}

impl PartialEq for Bell {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Bell {}

impl PartialOrd for Bell {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bell {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // A panic leaves the heap whole, since it is whole between any two of its operations.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread's loop: rings the bells that are due, and sleeps until the next one is.
    fn run(&self, clock: Clock) {
        let mut waiting = self.lock();
        while !waiting.over {
            let now = clock.now();
            match waiting.bells.peek() {
                Some(Reverse(next)) if next.at <= now => {
                    if let Some(Reverse(bell)) = waiting.bells.pop() {
                        // A task that no longer waits does not hear it.
                        let _ = bell.ring.send(());
                    }
                }
                next => {
                    let nap = next.map_or(LONGEST_NAP, |Reverse(next)| {
                        clock.scale().clock_to_world(next.at.since(now)).min(LONGEST_NAP)
                    });
                    waiting =
                        self.changed.wait_timeout(waiting, nap).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }
}

impl Alarm {
    /// Starts the thread, as one of `tasks`, since no timer is woken without it.
    ///
    /// # Errors
    ///
    /// If the system has no thread left.
    pub fn start(clock: Clock, tasks: &Tasks) -> Result<Self> {
        let shared = Arc::new(Shared { waiting: Mutex::default(), changed: Condvar::new() });
        let running = shared.clone();
        tasks
            .keep_thread(Task::Alarm, move || running.run(clock))
            .context("cannot start the thread that wakes timers")?;
        Ok(Self { _alive: Arc::new(Alive(shared.clone())), shared, clock })
    }

    /// Returns once the clock has reached `instant`, never before.
    pub async fn until(&self, instant: Timestamp) {
        while self.clock.now() < instant {
            let (ring, heard) = oneshot::channel();
            let bell = Reverse(Bell { at: instant, ring });
            let is_next = {
                let mut waiting = self.shared.lock();
                let is_next = waiting.bells.peek().is_none_or(|Reverse(next)| instant < next.at);
                waiting.bells.push(bell);
                is_next
            };
            if is_next {
                self.shared.changed.notify_one();
            }
            // A bell that was not rung is dropped only together with the tasks that wait. If the thread has died, the node is
            // about to end, and a task that waits here waits for that.
            let _ = heard.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_is_woken_at_its_instant_and_never_before_whatever_the_order() {
        let alarm = Alarm::start(Clock::OF_THE_WORLD, &Tasks::default()).unwrap();
        let start = Clock::OF_THE_WORLD.now();
        let mut tasks = tokio::task::JoinSet::new();
        for millis in [30, 5, 20, 0, 60, 5] {
            let (alarm, at) = (alarm.clone(), start.saturating_add(Duration::from_millis(millis)));
            tasks.spawn(async move {
                alarm.until(at).await;
                (millis, Clock::OF_THE_WORLD.now() >= at)
            });
        }
        let mut order = Vec::new();
        while let Some(woken) = tasks.join_next().await {
            let (millis, in_time) = woken.unwrap();
            assert!(in_time, "woken before its instant");
            order.push(millis);
        }
        assert_eq!(order.len(), 6);
    }

    #[tokio::test]
    async fn its_thread_ends_with_the_last_clone() {
        let alarm = Alarm::start(Clock::OF_THE_WORLD, &Tasks::default()).unwrap();
        let shared = Arc::downgrade(&alarm.shared);
        drop(alarm.clone());
        alarm.until(Clock::OF_THE_WORLD.now().saturating_add(Duration::from_millis(1))).await;
        drop(alarm);
        while shared.upgrade().is_some() {
            tokio::task::yield_now().await;
        }
    }
}
