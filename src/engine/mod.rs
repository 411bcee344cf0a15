//! Where the rules meet the world: read a timer, step it, do the effects, once for clients and once
//! for workers.
//!
//! The engine decides nothing about timers; it does what [`crate::domain::machine::step`] says, in
//! that order, and knows what to do when JetStream does not answer.

mod apply;
mod attend;
mod call;
mod claims;
mod commit;
mod elsewhere;
mod holds;
mod inherit;
mod known;
mod measure;
mod memory;
mod notify;
mod postponing;
mod report;

use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use apply::{Applied, Created};
pub use attend::Attended;
pub use claims::Claims;
pub use holds::Holds;
pub use memory::Memory;
pub use postponing::Postponing;

use crate::alarm::Alarm;
use crate::clock::Clock;
use crate::domain::retry::RetryPolicy;
use crate::guard::Guard;
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::nats::{Store, Wakes};
use crate::places::Places;
use crate::policy::Others;
use crate::receivers::Receivers;
use crate::room::Keeper;
use crate::webhook::Caller;

/// The engine of one node. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    store: Store,
    wakes: Wakes,
    guard: Guard,
    room: Keeper,
    clock: Clock,
    /// This node's name, in claims and logs.
    node: Arc<str>,
    /// How often callbacks are tried.
    callback_retry: RetryPolicy,
    metrics: Arc<Metrics>,
}

/// What an engine works with.
pub struct Means {
    /// The bucket of records.
    pub store: Store,
    /// The stream of wakes.
    pub wakes: Wakes,
    /// Knows which records were brought back.
    pub guard: Guard,
    /// Knows how much room there is.
    pub room: Keeper,
    /// The node's clock.
    pub clock: Clock,
}

/// How long to keep asking NATS.
#[derive(Clone, Copy, Debug)]
pub enum Patience {
    /// Until this instant: a client is waiting.
    Until(Instant),
    /// For as long as it takes: the outcome of a call must be stored.
    Endless,
}

impl Patience {
    /// Whether there is none left.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Until(deadline) if Instant::now() >= deadline)
    }
}

/// What a worker needs to make calls.
#[derive(Clone)]
pub struct Worker {
    /// Makes the calls.
    pub caller: Caller,
    /// Wakes tasks at their instants.
    pub alarm: Alarm,
    /// Whether another node may call what this one must not.
    pub others: Others,
    /// Who may be called now.
    pub receivers: Receivers,
    /// Places for claims of all receivers, from before a claim is stored until its outcome is stored.
    pub calls: Places,
    /// Where it is noted how far calls have come.
    pub journal: Journal,
    /// Places for claims that are being stored.
    pub claims: Claims,
    /// The wakes that this node keeps until their timers are due.
    pub holds: Holds,
    /// The memory for records of timers that are looked at, or wait.
    pub memory: Memory,
    /// The turns of timers that are postponed.
    pub postponing: Postponing,
    /// Cancelled when this node is to stop: hand back what is only held.
    pub stop: CancellationToken,
    /// Cancelled when calls in progress are to be given up.
    pub abort: CancellationToken,
}

impl Engine {
    /// An engine over what it needs. `node` is this node's name, `callback_retry` how often callbacks are tried.
    pub fn new(means: Means, node: &str, callback_retry: RetryPolicy, metrics: Arc<Metrics>) -> Self {
        let Means { store, wakes, guard, room, clock } = means;
        Self { store, wakes, guard, room, clock, node: node.into(), callback_retry, metrics }
    }

    /// What this node counts.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Whether this node's clock is off, so that it must not claim anything.
    pub fn is_clock_off(&self) -> bool {
        self.guard.is_clock_off()
    }

    /// Waits until this node's clock was compared with others.
    pub async fn clock_compared(&self) {
        self.guard.clock_compared().await;
    }

    /// The engine's clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }
}
