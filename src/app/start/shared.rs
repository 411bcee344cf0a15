//! The parts of a node that several of its loops share, and the loops that each node has.

use std::time::Duration;

use super::{Ends, Setup};
use crate::app::config::Node;
use crate::foundation::clock::{Clock, Reference};
use crate::foundation::metrics::Task;
use crate::foundation::tasks::{Kept, Tasks};
use crate::nats::{Keeping, Link, Stay, Store, Wakes};
use crate::node::durability::Watch;
use crate::node::engine::{self, Engine};
use crate::node::guard::Guard;
use crate::node::heartbeat::{self, Heartbeat};
use crate::node::receivers::Receivers;
use crate::node::room::Keeper;
use rules::domain::high_water::covered_after;
use rules::policy::Others;
use rules::presence;

pub(super) struct Shared {
    pub(super) link: Link,
    pub(super) clock: Clock,
    pub(super) store: Store,
    pub(super) wakes: Wakes,
    pub(super) guard: Guard,
    pub(super) room: Keeper,
    pub(super) engine: Engine,
    pub(super) durability: Watch,
    pub(super) receivers: Receivers,
    pub(super) others: Others,
    pub(super) heartbeat: Heartbeat,
}

impl Shared {
    /// Makes the parts on this connection. None of them does anything yet.
    pub(super) fn new(
        node: &Node,
        setup: &Setup,
        link: Link,
        receivers: Receivers,
        itself: presence::Node,
        ends: &Ends,
    ) -> Self {
        let (access, shape) = (&setup.access, setup.shape);
        let clock = access.clock;
        let wakes = Wakes::new(link.clone());
        // Nothing is known about the sweeps yet.
        let sweep_interval = node.sweep.sweep_interval;
        let stay = Stay::new(covered_after(Duration::ZERO, sweep_interval));
        let keeping = Keeping { retention: node.retention, until_swept: Some(stay.clone()) };
        let store = Store::new(link.clone(), keeping);
        let reference = Reference::new(node.max_clock_skew);
        let stay = Some((stay, sweep_interval));
        let guard = Guard::new(
            link.clone(),
            clock,
            setup.metrics.clone(),
            reference.clone(),
            setup.guard_file(),
            stay,
        );
        let room = Keeper::new(link.clone(), setup.own_store.clone(), setup.metrics.clone());
        let means = engine::Means {
            store: store.clone(),
            wakes: wakes.clone(),
            guard: guard.clone(),
            room: room.clone(),
            clock,
        };
        let engine = Engine::new(means, &access.name, node.retry.policy(), setup.metrics.clone());
        let durability = Watch::new(link.clone(), shape.durability, shape.replicas, access.own_sync);
        let others = Others::default();
        let means = heartbeat::Means {
            link: link.clone(),
            clock,
            reference,
            receivers: receivers.clone(),
            others: others.clone(),
            guard: guard.clone(),
        };
        let heartbeat = Heartbeat::new(means, itself, ends.stop.clone());
        Self { link, clock, store, wakes, guard, room, engine, durability, receivers, others, heartbeat }
    }

    /// Starts the loops that keep these parts up to date. Returns the one that outlasts all calls.
    pub(super) async fn keep(&self, tasks: &Tasks, ends: &Ends) -> Kept {
        let (stop, gone) = (&ends.stop, &ends.gone);
        tasks.keep(Task::Durability, stop.clone(), self.durability.clone().run(stop.clone()));
        tasks.keep(Task::Guard, stop.clone(), self.guard.clone().follow(stop.clone()));
        // Before the first readiness check.
        self.heartbeat.ask_nats().await;
        let room = self.room.clone().run(self.heartbeat.clone(), stop.clone());
        tasks.keep(Task::Room, stop.clone(), room);
        tasks.keep(Task::Heartbeat, gone.clone(), self.heartbeat.clone().run(gone.clone()))
    }
}
