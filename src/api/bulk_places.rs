//! Limits how many timers this node creates at once for all requests for many timers together.
//!
//! NATS takes more writes a second the more are on their way: they share its system calls and those of this node. But each request
//! that comes after them waits until NATS has stored them. So a request for many timers may have many creations on their way, and several
//! such requests share as many.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

use crate::node::engine::Patience;

/// How many timers are created at once. NATS stores these in some 8 ms, by which a small request may be later.
pub(super) const AT_ONCE: usize = 256;

/// The places for creations. Cheap to clone.
#[derive(Clone, Debug)]
pub struct BulkPlaces(Arc<Semaphore>);

impl Default for BulkPlaces {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl BulkPlaces {
    /// Waits for its turn to create a timer, which lasts until the permit is dropped; `None` once patience is over.
    pub(super) async fn turn(&self, patience: Patience) -> Option<OwnedSemaphorePermit> {
        let turn = self.0.clone().acquire_owned();
        match patience {
            Patience::Until(deadline) => timeout_at(deadline, turn).await.ok()?.ok(),
            Patience::Endless => turn.await.ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_more_turns_are_given_at_once_than_there_are_and_waiting_for_one_ends_with_patience() {
        let (places, patience) =
            (BulkPlaces::default(), Patience::Until(Instant::now() + Duration::from_secs(10)));
        let mut turns = vec![];
        for _ in 0..AT_ONCE {
            turns.push(places.turn(patience).await.expect("a place is free"));
        }
        assert!(places.turn(patience).await.is_none());
        turns.pop();
        let later = Patience::Until(Instant::now() + Duration::from_secs(10));
        assert!(places.turn(later).await.is_some());
    }
}
