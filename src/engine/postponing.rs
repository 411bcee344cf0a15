//! Turns of timers whose receivers have no room, to be postponed: to look at the leader's record, and have the next wake stored.
//!
//! Thousands of them may find that out within a second. What they ask of NATS would delay the wakes, looks and claims of timers
//! that can be called. With a few at a time, the busier NATS is, the fewer they are in a second.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many at once.
const AT_ONCE: usize = 8;

/// The turns of a node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Postponing(Arc<Semaphore>);

/// The right to postpone a timer. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Postponing {
    /// Waits until it is this one's turn: in the order in which they came.
    pub(super) async fn turn(&self) -> Turn {
        // It is never closed.
        Turn { _permit: self.0.clone().acquire_owned().await.ok() }
    }
}

impl Default for Postponing {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}
