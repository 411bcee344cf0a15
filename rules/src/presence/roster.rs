//! The nodes that were heard lately: a bounded list of the other nodes.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::offset::{Offset, PeerClock};
use super::{Beat, Digest, Life, Moment, Node};

/// The most other nodes that are remembered: several times as many as the consumer of wakes has room for. Any client that may
/// publish on NATS can claim to be a node.
const MAX_PEERS: usize = 256;

/// A node that missed this many rounds is gone. That takes 5 to 6 s: about as long as until the timers that a dead node held come
/// to other nodes.
const ROUNDS_UNTIL_GONE: u32 = 5;

/// The shortest time between two rounds. Own beats that come sooner, such as those that greet a new node, are not rounds.
const ROUND: Duration = Duration::from_millis(900);

/// Another node, as its beats describe it.
#[derive(Debug)]
pub struct Peer {
    pub node: Node,
    /// Its phase in its last beat.
    pub life: Life,
    /// When its last beat was heard.
    pub heard: Instant,
    missed: u32,
    clock: PeerClock,
}

impl Peer {
    /// The offset of its clock from this node's.
    pub fn offset(&self, now: Moment) -> Option<Offset> {
        self.clock.offset(now)
    }
}

/// The sender of a beat, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// This node itself; with the nodes that have been silent for too long meanwhile.
    Itself(Vec<Node>),
    /// A node that was not known, and that wants to know the other nodes.
    Somebody,
    Known,
    /// A node that is gone, by its own beat. It is forgotten.
    Leaving,
    /// A node beyond [`MAX_PEERS`], which is not remembered.
    TooMany,
}

/// The other nodes.
///
/// A node's silence is measured in rounds: beats of this node that came back to it. While NATS is away, or this process does
/// not run, no node is heard and none is taken for gone.
#[derive(Debug)]
pub struct Roster {
    itself: Uuid,
    last_round: Option<Instant>,
    peers: HashMap<Uuid, Peer>,
}

impl Roster {
    /// The roster of a node that has heard no other node yet.
    pub fn new(itself: Uuid) -> Self {
        Self { itself, last_round: None, peers: HashMap::new() }
    }

    /// Notes a beat that was heard at `now`, and says whose it was.
    pub fn hear(&mut self, beat: Beat, now: Moment) -> Heard {
        let instance = beat.node.instance;
        if instance == self.itself {
            return Heard::Itself(self.round(now.steady));
        }
        if beat.life == Life::Gone {
            self.peers.remove(&instance);
            return Heard::Leaving;
        }
        let known = self.peers.contains_key(&instance);
        if !known && self.peers.len() >= MAX_PEERS {
            return Heard::TooMany;
        }
        let peer = self.peers.entry(instance).or_insert_with(|| Peer {
            node: beat.node,
            life: beat.life,
            heard: now.steady,
            missed: 0,
            clock: PeerClock::default(),
        });
        peer.life = beat.life;
        peer.heard = now.steady;
        peer.missed = 0;
        peer.clock.note(beat.clock, now.steady);
        if known { Heard::Known } else { Heard::Somebody }
    }

    fn round(&mut self, now: Instant) -> Vec<Node> {
        if self.last_round.is_some_and(|last| now.saturating_duration_since(last) < ROUND) {
            return vec![];
        }
        self.last_round = Some(now);
        for peer in self.peers.values_mut() {
            peer.missed += 1;
        }
        let silent = self.peers.extract_if(|_, peer| peer.missed > ROUNDS_UNTIL_GONE);
        silent.map(|(_, peer)| peer.node).collect()
    }

    /// The nodes that were heard lately.
    pub fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.peers.values()
    }

    /// How many other nodes call receivers. A node that is stopping still does, until it says that it is gone.
    pub fn working(&self) -> usize {
        self.peers.values().filter(|peer| peer.node.role.works()).count()
    }

    /// Whether another node may call a timer that this node must not call: one that takes timers, and whose rules differ from these
    /// or are not known.
    pub fn may_allow_more(&self, rules: &Digest) -> bool {
        let takes = |peer: &&Peer| peer.life == Life::Running && peer.node.role.works();
        self.peers
            .values()
            .filter(takes)
            .any(|peer| peer.node.setup.as_ref().is_none_or(|setup| setup.rules != *rules))
    }
}

#[cfg(test)]
mod tests;
