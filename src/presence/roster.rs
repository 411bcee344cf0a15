//! Who was heard lately: a bounded list of the other nodes.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::offset::{Offset, PeerClock};
use super::{Beat, Digest, Life, Moment, Node};

/// The most other nodes that are remembered: several times of what the consumer of wakes has room for. Anybody who may
/// publish on NATS may say that he is a node.
const MAX_PEERS: usize = 256;

/// A node is gone that missed so many rounds, which is 5 to 6 s: about when the timers that a dead node held come to
/// others.
const ROUNDS_UNTIL_GONE: u32 = 5;

/// Own beats that come quicker, as those that greet a new node do, are no rounds.
const ROUND: Duration = Duration::from_millis(900);

/// Another node.
#[derive(Debug)]
pub struct Peer {
    /// Who it is.
    pub node: Node,
    /// How it was.
    pub life: Life,
    /// When it was heard last.
    pub heard: Instant,
    missed: u32,
    clock: PeerClock,
}

impl Peer {
    /// How far its clock is from this node's.
    pub fn offset(&self, now: Moment) -> Option<Offset> {
        self.clock.offset(now)
    }
}

/// Who said something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// This node itself, and who has been silent for too long meanwhile.
    Itself(Vec<Node>),
    /// One that was not known, and wants to know who else there is.
    Somebody,
    /// One that is known.
    Known,
    /// One that has left.
    Leaving,
    /// One too many.
    TooMany,
}

/// The other nodes.
///
/// A node's silence is measured in rounds: beats of this node that came back to it. While NATS is away, or this
/// process does not run, nobody is heard and nobody is taken for gone.
#[derive(Debug)]
pub struct Roster {
    itself: Uuid,
    last_round: Option<Instant>,
    peers: HashMap<Uuid, Peer>,
}

impl Roster {
    /// Nobody was heard by this node yet.
    pub fn new(itself: Uuid) -> Self {
        Self { itself, last_round: None, peers: HashMap::new() }
    }

    /// Takes note of a beat.
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

    /// Who was heard lately.
    pub fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.peers.values()
    }

    /// How many of them call receivers. One that is stopping still does, until it says that it is gone.
    pub fn working(&self) -> usize {
        self.peers.values().filter(|peer| peer.node.role.works()).count()
    }

    /// Whether a timer that this node must not call may be called by another one: one that takes timers, and has other rules than
    /// these or does not say which.
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
