//! The turns in which timers whose receivers have no room are postponed: each reads the leader's record, and has its next wake stored.
//!
//! Thousands of timers may find a receiver without room within a second. Their requests to NATS would delay the wakes, reads and claims
//! of timers that can be called. So, as with claims, only as many are postponed at a time as NATS answers without letting them wait.

use super::claims::{Claiming, Claims};

/// The fewest and the most timers that are postponed at once. No client waits for a postponement.
const LEAST: usize = 4;
const MOST: usize = 256;

/// The turns of a node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Postponing(Claims);

/// The right to postpone a timer. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Turn(Option<Claiming>);

impl Postponing {
    /// Waits for a turn. Turns go in the order in which timers asked for them.
    pub(super) async fn turn(&self) -> Turn {
        Turn(Some(self.0.enter().await))
    }
}

impl Default for Postponing {
    fn default() -> Self {
        Self(Claims::of(LEAST, MOST))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turn) = self.0.take() {
            turn.answered();
        }
    }
}
