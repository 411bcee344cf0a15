//! Says once a second that this node is there, hears who else is, and compares clocks.
//!
//! What is known serves two ends: the limits that all nodes share are divided by how many work, and whoever is on call
//! sees nodes and clocks. The rules are in `presence`, the loop is in `pulse`; here is what is known.

mod pulse;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Reference};
use crate::nats::Link;
use crate::presence::{Life, Moment, Node, Offset, Role, Roster, ServerClock, Skew, SkewAlarm};
use crate::receivers::Receivers;

/// Which nodes there are and what their clocks show. Cheap to clone.
#[derive(Clone)]
pub struct Heartbeat {
    link: Link,
    clock: Clock,
    reference: Reference,
    receivers: Receivers,
    itself: Arc<Node>,
    known: Arc<Mutex<Known>>,
    /// This node takes nothing new.
    stop: CancellationToken,
}

struct Known {
    roster: Roster,
    server: ServerClock,
    of_nats: SkewAlarm,
    of_peers: SkewAlarm,
    /// This node's clock is off from most clocks.
    is_off: bool,
    /// Own beats since one was heard.
    unheard: u32,
    /// The connection on which an own beat was heard last, by its number.
    heard_on: Option<u64>,
}

/// A node, as this one knows it.
#[derive(Clone, Debug)]
pub struct KnownNode {
    /// Who it is.
    pub node: Node,
    /// How it is.
    pub life: Life,
    /// Whether it is this one.
    pub itself: bool,
    /// How far its clock is from this node's.
    pub offset: Option<Offset>,
    /// For how long it was not heard.
    pub silent_for: Duration,
}

impl Heartbeat {
    /// Nobody was heard yet. `reference` is told what most clocks show, and `receivers` how many nodes work; `stop` says that
    /// this one is about to end.
    pub fn new(
        link: Link,
        clock: Clock,
        reference: Reference,
        receivers: Receivers,
        itself: Node,
        stop: CancellationToken,
    ) -> Self {
        let known = Known {
            roster: Roster::new(itself.instance),
            server: ServerClock::default(),
            of_nats: SkewAlarm::default(),
            of_peers: SkewAlarm::default(),
            is_off: false,
            unheard: 0,
            heard_on: None,
        };
        let known = Arc::new(Mutex::new(known));
        Self { link, clock, reference, receivers, itself: Arc::new(itself), known, stop }
    }

    /// All nodes, this one first, the others by name.
    pub fn nodes(&self) -> Vec<KnownNode> {
        let now = self.now();
        let known = self.lock();
        let mut peers: Vec<KnownNode> = known
            .roster
            .peers()
            .map(|peer| KnownNode {
                node: peer.node.clone(),
                life: peer.life,
                itself: false,
                offset: peer.offset(now),
                silent_for: now.steady.saturating_duration_since(peer.heard),
            })
            .collect();
        drop(known);
        peers.sort_by(|a, b| (&a.node.name, a.node.instance).cmp(&(&b.node.name, b.node.instance)));
        let itself = KnownNode {
            node: (*self.itself).clone(),
            life: self.life(),
            itself: true,
            offset: Some(Offset::ZERO),
            silent_for: Duration::ZERO,
        };
        [vec![itself], peers].concat()
    }

    /// How many nodes there are of each role, this one included.
    pub fn count(&self) -> [(Role, usize); Role::EACH.len()] {
        let known = self.lock();
        let others = |role| known.roster.peers().filter(|peer| peer.node.role == role).count();
        Role::EACH.map(|role| (role, others(role) + usize::from(self.itself.role == role)))
    }

    /// How far other clocks are from this node's.
    pub fn skew(&self) -> Skew {
        self.lock().skew(self.now())
    }

    fn life(&self) -> Life {
        if self.stop.is_cancelled() { Life::Stopping } else { Life::Running }
    }

    fn now(&self) -> Moment {
        Moment { steady: Instant::now(), clock: self.clock.world() }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn skew(&self, now: Moment) -> Skew {
        Skew::of(self.server.offset(now), self.roster.peers().filter_map(|peer| peer.offset(now)).collect())
    }

    /// The same of NATS and of nodes that call receivers: they take what this one leaves if its clock is off.
    fn skew_of_workers(&self, now: Moment) -> Skew {
        let workers = self.roster.peers().filter(|peer| peer.node.role.works());
        Skew::of(self.server.offset(now), workers.filter_map(|peer| peer.offset(now)).collect())
    }
}
