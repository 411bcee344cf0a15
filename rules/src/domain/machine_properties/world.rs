//! The world of one timer: its record with every version, the broker's wakes, the workers and clients in the middle of their
//! actions, and a receiver that notes each call.
//!
//! `broker` has the wakes. An `actor` does its actions one at a time, so that anything can come in between. `promises` watches.
//! The world decides nothing: the properties draw the next event at random, and the model check tries every event.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::domain::attempt::{CallResult, Delivery};
use crate::domain::high_water::HighWater;
use crate::domain::machine::linger_delay;
use crate::domain::sample::START;
use crate::domain::time::Timestamp;
use crate::domain::timer::{ClaimId, Timer};

use super::actor::Actor;
use super::broker::Broker;
use super::event::Event;
use super::flaw::Flaw;
use super::journal::Entry;
use super::promises::Promise;
use super::proposed::Proposed;

#[derive(Clone, Hash)]
pub(super) struct Call {
    pub(super) at: Timestamp,
    /// When the timer was due, by the version that was claimed.
    pub(super) due: Timestamp,
    /// `None` if the caller died during the call.
    pub(super) result: Option<CallResult>,
}

/// A version of the record, with a revision and a digest that distinguish it from others.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) timer: Arc<Timer>,
    /// Its sequence in the bucket. A version that the broker brings back keeps the sequence that it had before.
    pub(super) revision: u64,
    pub(super) digest: u64,
}

/// The counts at the time when the broker brought an older version back.
#[derive(Clone, Copy, Hash)]
pub(super) struct Revived {
    pub(super) calls: usize,
    pub(super) replays: usize,
    /// The versions before that one, of which the timer knows nothing.
    pub(super) versions: usize,
}

#[derive(Clone)]
pub(super) struct World {
    pub(super) now: Timestamp,
    /// The timer as the client wanted it at the start.
    pub(super) wanted: Arc<Timer>,
    pub(super) delivery: Delivery,
    /// Every version that was ever the record; the last one is the record.
    pub(super) history: Vec<Version>,
    pub(super) broker: Broker,
    /// The instants of the wakes that replaced others, which had come in time and found no room.
    pub(super) postponed: BTreeSet<Timestamp>,
    /// In the order in which they began.
    pub(super) actors: BTreeMap<u64, Actor>,
    pub(super) calls: Vec<Call>,
    /// How many calls there were when a cancel succeeded.
    pub(super) cancelled_with_calls: Option<usize>,
    /// The versions whose callback was made.
    pub(super) told: BTreeSet<usize>,
    /// The last version that a postponement made.
    pub(super) given_up: Option<usize>,
    /// How often a client's replay was stored, and how often one was asked for.
    pub(super) replays: usize,
    pub(super) replays_wanted: usize,
    /// The broker has lost wakes, so that only a sweeper can make up for it.
    pub(super) wiped: bool,
    /// The mark of the last sweep that did not find the record brought back.
    pub(super) mark: Option<HighWater>,
    /// The mark of a node that has noticed a restore.
    pub(super) restored: Option<HighWater>,
    /// The broker brought an older version back.
    pub(super) revived: Option<Revived>,
    /// The name of the actor that is doing something now, or of its message if that is higher.
    pub(super) acting: u64,
    /// The names under which claims were stored.
    pub(super) names: Vec<u64>,
    /// Whether nodes write down how far their calls have come.
    pub(super) journaled: bool,
    /// The journal entries of nodes that have died or have ended their call.
    pub(super) left: Vec<Entry>,
    /// The claims that were given back, so that their attempt numbers are used again.
    pub(super) given_back: BTreeSet<ClaimId>,
    /// A write that the leader has accepted, and that reads do not show yet.
    pub(super) proposed: Option<Box<Proposed>>,
    pub(super) flaw: Option<Flaw>,
    /// The first promise that was broken.
    pub(super) broken: Option<Promise>,
}

/// The delay of dispatch after it could not read a record.
const TROUBLE_DELAY: Duration = Duration::from_secs(1);

impl World {
    /// A world in which a client has just begun to create the timer.
    pub(super) fn new(timer: Timer, flaw: Option<Flaw>) -> Self {
        let mut world = Self {
            now: START,
            delivery: timer.delivery,
            wanted: Arc::new(timer),
            history: vec![],
            broker: Broker::default(),
            postponed: BTreeSet::new(),
            actors: BTreeMap::new(),
            calls: vec![],
            cancelled_with_calls: None,
            told: BTreeSet::new(),
            given_up: None,
            replays: 0,
            replays_wanted: 0,
            wiped: false,
            mark: None,
            restored: None,
            revived: None,
            acting: 0,
            names: vec![],
            journaled: false,
            left: vec![],
            given_back: BTreeSet::new(),
            proposed: None,
            flaw,
            broken: None,
        };
        world.create();
        world
    }

    pub(super) fn record(&self) -> Option<&Timer> {
        self.history.last().map(|version| &*version.timer)
    }

    /// The revision of the record as an actor knows it after it has seen this many versions; 0 for no record.
    pub(super) fn revision(&self, seen: usize) -> u64 {
        seen.checked_sub(1).map_or(0, |last| self.history[last].revision)
    }

    pub(super) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// Whether an actor has something to do now.
    pub(super) fn is_busy(&self) -> bool {
        self.actors.values().any(|actor| !actor.holds_beyond(self.now))
    }

    /// A name that no present actor, message or claim has. Names of actors that are gone are used again, so that worlds which
    /// differ only in such names are the same.
    pub(super) fn fresh(&self) -> u64 {
        let actors = self.actors.iter().map(|(name, actor)| actor.message.unwrap_or_default().max(*name));
        let messages = self.broker.queue.keys().copied().chain([self.acting]);
        1 + actors.chain(messages).chain(self.names.iter().copied()).max().unwrap_or_default()
    }

    pub(super) fn apply(&mut self, event: Event) {
        match event {
            Event::Advance { millis } => {
                self.now = self.now.saturating_add(Duration::from_millis(millis));
                self.drop_old_proposal();
            }
            Event::ScheduleFires { which, twice } => self.schedule_fires(which, twice),
            Event::Deliver { which, stale_by } => {
                if let Some((message, tries)) = self.deliver(which) {
                    self.attend(message, tries, stale_by);
                }
            }
            Event::LookFails { which } => {
                if let Some((message, tries)) = self.deliver(which) {
                    let delay = linger_delay(tries).max(TROUBLE_DELAY);
                    self.give_back(Some(message), self.now.saturating_add(delay));
                }
            }
            Event::Proceed { actor, result } => {
                self.with(actor, |world, name, actor| world.proceed(name, actor, result, true));
            }
            Event::ProceedUnheard { actor } => self.with(actor, |world, name, actor| {
                world.proceed(name, actor, CallResult::Interrupted, false);
            }),
            Event::Propose { actor } => self.with(actor, Self::propose),
            Event::Applied { lost } => self.applied(lost),
            Event::LookAgain { actor } => self.with(actor, Self::look_again),
            Event::Postpone { actor, millis } => self.with(actor, |world, name, actor| {
                world.postpone(name, actor, Duration::from_millis(millis));
            }),
            Event::GiveWay { actor } => self.with(actor, Self::give_way),
            Event::PutAside { actor } => self.with(actor, Self::put_aside),
            Event::Die { actor } => self.with(actor, |world, _, actor| world.leave(&actor)),
            Event::GiveUp { actor } => self.with(actor, Self::give_up),
            Event::Inherit { which, kept } => self.inherit(which, kept),
            Event::Forge { which, mark } => self.forge(which, mark),
            Event::Ask(wish) => self.ask(wish),
            Event::Sweep => self.sweep(),
            Event::Wipe { strands } => {
                self.wiped = true;
                self.broker = Broker { stranded: strands, ..Broker::default() };
            }
            Event::Revive { which, woken } => self.revive(which, woken),
            Event::Restore { which, woken } => self.restore(which, woken),
        }
        self.acting = 0;
        self.check_always();
    }

    /// Takes an actor out of the world, and has it act. It is back afterwards, unless it is done.
    fn with(&mut self, which: usize, act: impl FnOnce(&mut Self, u64, Actor)) {
        if let Some((name, actor)) = self.take_actor(which) {
            act(self, name, actor);
        }
    }

    fn take_actor(&mut self, which: usize) -> Option<(u64, Actor)> {
        let name = *self.actors.keys().nth(which.checked_rem(self.actors.len())?)?;
        let (name, actor) = self.actors.remove_entry(&name)?;
        self.acting = actor.message.unwrap_or_default().max(name);
        Some((name, actor))
    }

    /// A worker attends to a message after it has read a version that is this old. If there is no record, it has heard that from
    /// the leader.
    fn attend(&mut self, message: u64, tries: u32, stale_by: usize) {
        let name = self.fresh();
        let seen = self.history.len().saturating_sub(stale_by);
        let claim = Uuid::from_u128(u128::from(name));
        let mut worker = Actor::worker(message, tries, claim, seen, self.now);
        if seen == 0 {
            worker.seen = self.history.len();
            worker.fresh = true;
        }
        let wake = worker.wake(false);
        self.think(name, worker, wake);
    }
}
