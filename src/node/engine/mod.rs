//! Where the rules meet the world: the engine reads a timer, asks the rules, and carries out the effects, in one way for workers, clients
//! and the readers of journals.
//!
//! The engine decides nothing about timers. It carries out the effects of [`rules::domain::machine::step`] and
//! [`rules::domain::machine::obey`] in their order, and handles a JetStream that does not answer.

mod apply;
mod attend;
mod call;
mod carry_out;
mod claims;
mod commit;
mod elsewhere;
mod fire;
mod holds;
mod inherit;
mod lookup;
mod measure;
mod memory;
mod notify;
mod postponing;
mod report;
mod wake_view;

use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use apply::{Applied, Created};
pub use attend::Attended;
pub use claims::Claims;
pub use holds::Holds;
pub use memory::Memory;
pub use postponing::Postponing;

use crate::foundation::clock::Clock;
use crate::foundation::metrics::Metrics;
use crate::nats::{Store, Wakes};
use crate::node::alarm::Alarm;
use crate::node::guard::Guard;
use crate::node::journal::Journal;
use crate::node::places::Places;
use crate::node::receivers::Receivers;
use crate::node::room::Keeper;
use crate::webhook::Caller;
use rules::domain::retry::RetryPolicy;
use rules::policy::Others;

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
    /// The retry policy of callbacks.
    callback_retry: RetryPolicy,
    metrics: Arc<Metrics>,
}

/// The parts that an engine works with.
pub struct Means {
    pub store: Store,
    pub wakes: Wakes,
    /// Knows which records were brought back.
    pub guard: Guard,
    /// Knows how much room JetStream has.
    pub room: Keeper,
    pub clock: Clock,
}

/// How long the engine keeps asking NATS.
#[derive(Clone, Copy, Debug)]
pub enum Patience {
    /// Until this instant: a client is waiting.
    Until(Instant),
    /// For as long as it takes: the outcome of a call must be stored.
    Endless,
}

impl Patience {
    /// Whether the deadline has passed.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Until(deadline) if Instant::now() >= deadline)
    }
}

/// The parts that a worker needs to make calls.
#[derive(Clone)]
pub struct Worker {
    pub caller: Caller,
    /// Wakes tasks at their instants.
    pub alarm: Alarm,
    /// Knows whether another node may call targets that this one must not.
    pub others: Others,
    /// Decides which receivers may be called now.
    pub receivers: Receivers,
    /// Places for claims of all receivers, from before a claim is stored until its outcome is stored.
    pub calls: Places,
    /// Places for names that are looked up before their calls have a place.
    pub lookups: Places,
    /// Notes how far calls have come.
    pub journal: Journal,
    /// Places for claims that are being stored.
    pub claims: Claims,
    /// The wakes that this node keeps until their timers are due.
    pub holds: Holds,
    /// The memory for records of timers that are looked at, or wait.
    pub memory: Memory,
    /// The turns of timers that are postponed.
    pub postponing: Postponing,
    /// Cancelled when this node has to stop: workers hand back the wakes that they only hold.
    pub stop: CancellationToken,
    /// Cancelled when calls in progress have to be given up.
    pub abort: CancellationToken,
}

impl Engine {
    /// Makes an engine from its parts. `node` is this node's name, `callback_retry` the retry policy of callbacks.
    pub fn new(means: Means, node: &str, callback_retry: RetryPolicy, metrics: Arc<Metrics>) -> Self {
        let Means { store, wakes, guard, room, clock } = means;
        Self { store, wakes, guard, room, clock, node: node.into(), callback_retry, metrics }
    }

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

    pub fn clock(&self) -> Clock {
        self.clock
    }
}
