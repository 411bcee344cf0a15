//! The time that most clocks show. By it, a node finds out that its own clock is the wrong one.
//!
//! A node whose clock is ahead sees leases of other nodes expire early and timers due early. A node whose clock is behind does not
//! see a lease end. So a node that differs from most others claims nothing and sweeps nothing until its clock is right.
//!
//! Such a node finishes the calls that it has begun and reports their outcomes. It gives back its wakes, and the claims under which it has
//! not called. If NATS has not confirmed such a claim, the node first makes sure that it is stored: otherwise no node would look after it.
//!
//! The comparison is kept against the monotonic clock, so that a step of this node's clock is noticed at the next look, before any
//! message has come.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::Clock;
use rules::domain::time::Timestamp;

/// A handle to the time that most clocks show. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reference {
    limit: Duration,
    state: Arc<watch::Sender<State>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Whether other clocks have had time to be heard.
    looked: bool,
    /// An instant, and the time that most clocks showed then.
    most: Option<(Instant, Timestamp)>,
}

impl Reference {
    /// A reference that knows nothing yet. A clock is off if it differs by more than `limit`.
    pub fn new(limit: Duration) -> Self {
        Self { limit, state: Arc::new(watch::Sender::new(State::default())) }
    }

    /// Notes the time that most clocks showed at an instant; `None` if there are too few clocks to tell.
    pub fn note(&self, most: Option<(Instant, Timestamp)>) {
        self.state.send_replace(State { looked: true, most });
    }

    /// Waits until a comparison was noted: a node that has just started may have a wrong clock.
    pub async fn looked(&self) {
        // The sender is part of this handle, so it exists.
        let _ = self.state.subscribe().wait_for(|state| state.looked).await;
    }

    /// Whether this clock is off from most clocks by more than the limit.
    pub fn is_off(&self, clock: Clock) -> bool {
        self.most(Instant::now()).is_some_and(|most| self.is_far(most, clock.world()))
    }

    /// The present instant in the world, by most clocks if this one is off from them, and by this one otherwise.
    pub fn world(&self, clock: Clock) -> Timestamp {
        let own = clock.world();
        self.most(Instant::now()).filter(|most| self.is_far(*most, own)).unwrap_or(own)
    }

    fn most(&self, now: Instant) -> Option<Timestamp> {
        let (at, shown) = self.state.borrow().most?;
        Some(shown.saturating_add(now.saturating_duration_since(at)))
    }

    fn is_far(&self, most: Timestamp, own: Timestamp) -> bool {
        most.since(own).max(own.since(most)) > self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(2);
    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_clock_is_off_if_it_differs_from_most_clocks_by_more_than_the_limit() {
        let (reference, clock) = (Reference::new(LIMIT), Clock::OF_THE_WORLD);
        assert!(!reference.is_off(clock), "nothing is known");
        let own = clock.world();
        for (most, is_off) in [
            (own, false),
            (own.saturating_add(LIMIT / 2), false),
            (own.saturating_sub(LIMIT / 2), false),
            (own.saturating_add(MINUTE), true),
            (own.saturating_sub(MINUTE), true),
        ] {
            reference.note(Some((Instant::now(), most)));
            assert_eq!(reference.is_off(clock), is_off);
            let (world, expected) = (reference.world(clock), if is_off { most } else { own });
            assert!(world >= expected && world.since(expected) < LIMIT / 2);
        }
        reference.note(None);
        assert!(!reference.is_off(clock), "there are too few clocks");
    }

    #[test]
    fn a_step_is_noticed_without_another_message() {
        let (reference, clock) = (Reference::new(LIMIT), Clock::OF_THE_WORLD);
        let long_ago = Instant::now() - MINUTE;
        reference.note(Some((long_ago, clock.world().saturating_sub(MINUTE))));
        assert!(!reference.is_off(clock));
        // This clock has shown the same for a minute.
        reference.note(Some((long_ago, clock.world())));
        assert!(reference.is_off(clock));
    }

    #[tokio::test]
    async fn a_look_is_waited_for() {
        let reference = Reference::new(LIMIT);
        let mut looked = std::pin::pin!(reference.looked());
        assert!(futures_util::poll!(&mut looked).is_pending());
        reference.note(None);
        looked.await;
    }
}
