//! Announces once a second that this node is there, hears the other nodes, and compares clocks.
//!
//! The result serves two ends: the limits that all nodes share are divided by the number of nodes that work, and operators see
//! nodes and clocks. The rules are in `presence`, the loop is in `pulse`; this file holds the knowledge.
//!
//! A node compares its clock with that of NATS and those of nodes that call receivers, and counts as off only if NATS' clock differs to the
//! same side as most of them. So nodes cannot stop a node without NATS, and a node stops only if another one that calls receivers takes
//! its timers. A node that is alone with NATS goes on, since two clocks that differ do not tell which is wrong. For readiness, NATS'
//! clock alone is enough, since it decides when wakes come, and so is a majority. One wrong clock takes no other node with it.
//!
//! **Invariant:** a process that says it is a node is remembered in bounded memory. It is believed only about the number of nodes, their
//! clocks, and differing rules, which delay only forbidden timers.

mod pulse;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::foundation::clock::{Clock, Reference};
use crate::foundation::failures::Failures;
use crate::nats::Link;
use crate::node::guard::Guard;
use crate::node::receivers::Receivers;
use rules::policy::Others;
use rules::presence::{Difference, Life, Moment, Node, Offset, Role, Roster, ServerClock, Skew, SkewAlarm};

/// The parts that a heartbeat works with, and those that it tells what it has heard.
#[derive(Clone)]
pub struct Means {
    pub link: Link,
    pub clock: Clock,
    /// The heartbeat tells it what most clocks show.
    pub reference: Reference,
    /// The heartbeat tells them how many nodes work.
    pub receivers: Receivers,
    /// The heartbeat tells it whether another node may allow more than this one.
    pub others: Others,
    /// Knows the highest sequence that this node has seen of the bucket.
    pub guard: Guard,
}

/// Which nodes there are and what their clocks show. Cheap to clone.
#[derive(Clone)]
pub struct Heartbeat {
    means: Means,
    itself: Arc<Node>,
    known: Arc<Mutex<PeerTable>>,
    /// Cancelled when this node takes no new work.
    stop: CancellationToken,
}

struct PeerTable {
    roster: Roster,
    server: ServerClock,
    of_nats: SkewAlarm,
    of_peers: SkewAlarm,
    /// Looks in a row at which this node's clock was off from most clocks.
    off: Failures,
    /// Whether the log has told that another node is set up differently.
    differs: bool,
    /// Own beats sent since the last one that was heard.
    unheard: Failures,
    /// The number of the connection on which an own beat was last heard.
    heard_on: Option<u64>,
}

/// A node, as this one knows it.
#[derive(Clone, Debug)]
pub struct KnownNode {
    pub node: Node,
    pub life: Life,
    /// Whether it is this one.
    pub itself: bool,
    /// The differences between its settings and this node's; `None` if it does not tell them.
    pub differences: Option<Vec<Difference>>,
    /// The offset of its clock from this node's.
    pub offset: Option<Offset>,
    /// The time since it was last heard.
    pub silent_for: Duration,
}

impl Heartbeat {
    /// A heartbeat that has heard no node yet; `stop` tells that this node is about to end.
    pub fn new(means: Means, itself: Node, stop: CancellationToken) -> Self {
        let known = PeerTable {
            roster: Roster::new(itself.instance),
            server: ServerClock::default(),
            of_nats: SkewAlarm::default(),
            of_peers: SkewAlarm::default(),
            off: Failures::told_at(1),
            differs: false,
            unheard: Failures::told_at(pulse::UNHEARD),
            heard_on: None,
        };
        let known = Arc::new(Mutex::new(known));
        Self { means, itself: Arc::new(itself), known, stop }
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
                differences: self.differences(&peer.node),
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
            differences: Some(vec![]),
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

    /// How many other nodes are set up differently from this one, by the difference.
    pub fn count_otherwise(&self) -> [(Difference, usize); Difference::EACH.len()] {
        let known = self.lock();
        let differ = |difference| {
            let peers = known.roster.peers().filter_map(|peer| self.differences(&peer.node));
            peers.filter(|differences| differences.contains(&difference)).count()
        };
        Difference::EACH.map(|difference| (difference, differ(difference)))
    }

    /// The differences between this node's settings and another's, if the other tells them.
    fn differences(&self, other: &Node) -> Option<Vec<Difference>> {
        let (mine, its) = self.itself.setup.as_ref().zip(other.setup.as_ref())?;
        Some(mine.differences(its))
    }

    /// The offsets of other clocks from this node's.
    pub fn skew(&self) -> Skew {
        self.lock().skew(self.now())
    }

    fn life(&self) -> Life {
        if self.stop.is_cancelled() { Life::Stopping } else { Life::Running }
    }

    fn now(&self) -> Moment {
        Moment { steady: Instant::now(), clock: self.means.clock.world() }
    }

    fn lock(&self) -> MutexGuard<'_, PeerTable> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PeerTable {
    fn skew(&self, now: Moment) -> Skew {
        Skew::of(self.server.offset(now), self.roster.peers().filter_map(|peer| peer.offset(now)).collect())
    }

    /// The offsets of NATS and of the nodes that call receivers: those take this node's timers if its clock is off.
    fn skew_of_workers(&self, now: Moment) -> Skew {
        let workers = self.roster.peers().filter(|peer| peer.node.role.works());
        Skew::of(self.server.offset(now), workers.filter_map(|peer| peer.offset(now)).collect())
    }
}
