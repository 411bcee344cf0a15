//! Handles timers that this node must not call, while another node has other rules and may: while rules are being rolled out,
//! such a timer is for the nodes that allow it.
//!
//! The node gives the wake back and stores nothing, so this is no attempt. For that, it looks up a name before it claims the timer.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use crate::node::engine::call::{CallPlace, Wanted};
use crate::node::engine::postponing::Turn;
use crate::node::engine::{Engine, Worker};
use rules::domain::machine::linger_delay;
use rules::domain::time::{Now as _, Timestamp};
use rules::domain::timer::TimerId;

/// How often a wake is given back at most, which takes some 10 min. If one of 20 nodes allows the timer, that node gets the wake
/// many times by then.
///
/// The broker counts how often a wake was delivered, so this is the bound for all nodes together. If no node allows the timer, the
/// timer then ends as forbidden. It ends so at once if all nodes have the same rules.
const MOST_TRIES: u32 = 640;

/// How many deliveries follow each other at once before a longer pause. A wake that comes again at once goes to the node whose request
/// is next in the broker's line, since this node's request went to the end of it.
const IN_A_ROW: u32 = 4;
const AT_ONCE: Duration = Duration::from_millis(20);

/// The reason why this node does not call a timer now.
pub(super) enum NotHere {
    /// Another node may call it; its wake has to stay away for this time.
    ForAnother(Duration),
    /// Its receiver has no room before this instant, and it is the timer's turn to be postponed. The wait for that turn may have
    /// lasted beyond the instant.
    NotNow(Timestamp, Turn),
}

impl Engine {
    /// Waits for a place for a due timer, unless the timer is for another node. `tries` is how often its wake was delivered.
    pub(super) async fn admitted_here(
        &self,
        worker: &Worker,
        wanted: &Wanted,
        tries: u32,
    ) -> Result<CallPlace, NotHere> {
        if let Some(delay) = self.for_another(worker, wanted, tries).await {
            return Err(NotHere::ForAnother(delay));
        }
        match self.admitted(worker, wanted).await {
            Ok(place) => Ok(place),
            Err(wait) => {
                let until = self.clock.moment().after(wait);
                Err(NotHere::NotNow(until, worker.postponing.turn().await))
            }
        }
    }

    /// How long the wake has to stay away, if this node must not call the timer and another one may.
    async fn for_another(&self, worker: &Worker, wanted: &Wanted, tries: u32) -> Option<Duration> {
        if tries >= MOST_TRIES || !worker.others.may_allow_more() {
            return None;
        }
        let delay = delay(wanted.timer, tries);
        if wanted.deadline.is_some_and(|deadline| self.clock.moment().after(delay) > deadline) {
            return None;
        }
        let refused = worker.caller.refuses(&wanted.url).await?;
        self.metrics.work.left_to_others.inc();
        tracing::debug!(timer = %wanted.timer, tries, %refused, "another node may call this timer: it is given back");
        Some(delay)
    }
}

/// How long a wake stays away after its try number `tries` (from 1): up to 5 s. Long pauses differ: nodes ask for wakes once a
/// second, so a wake that comes after whole seconds would find the same node first in line each time.
fn delay(id: TimerId, tries: u32) -> Duration {
    if !tries.is_multiple_of(IN_A_ROW) {
        return AT_ONCE;
    }
    let mut hasher = DefaultHasher::new();
    (id, tries).hash(&mut hasher);
    let share = f64::from(u32::try_from(hasher.finish() >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX);
    linger_delay(tries / IN_A_ROW + 2).mul_f64(0.5 + share / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_comes_again_at_once_and_then_after_pauses_that_differ_for_ten_minutes_in_all() {
        let delays: Vec<Duration> = (1..MOST_TRIES).map(|tries| delay(TimerId::nil(), tries)).collect();
        assert!(delays[..3].iter().sum::<Duration>() < Duration::from_millis(100));
        assert!(delays.iter().all(|delay| *delay <= Duration::from_secs(5)));
        let all: Duration = delays.iter().sum();
        assert!((480..720).contains(&all.as_secs()), "{all:?}");
        let pauses: std::collections::HashSet<u64> =
            delays.iter().skip(99).step_by(4).map(|delay| delay.subsec_millis().into()).collect();
        assert!(pauses.len() > 80, "{pauses:?}");
    }
}
