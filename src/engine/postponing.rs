//! Turns of timers whose receivers have no room, to be postponed: to look at the leader's record, and have the next wake stored.
//!
//! Thousands of them may find that out within a second. What they ask of NATS would delay the wakes, looks and claims of timers
//! that can be called. So they are as many at a time as NATS answers without letting them wait, as claims are.

use super::claims::{Claiming, Claims};

/// Never more than so many at once.
const MOST: usize = 256;

/// The turns of a node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Postponing(Claims);

/// The right to postpone a timer. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Turn(Option<Claiming>);

impl Postponing {
    /// Waits until it is this one's turn: in the order in which they came.
    pub(super) async fn turn(&self) -> Turn {
        Turn(Some(self.0.enter().await))
    }
}

impl Default for Postponing {
    fn default() -> Self {
        Self(Claims::new(MOST))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turn) = self.0.take() {
            turn.answered();
        }
    }
}
