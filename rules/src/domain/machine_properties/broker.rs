//! The broker's part of the world: wakes that wait for their instant, and fire messages that are not acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::machine::{Input, LEAD, LINGER_TRIES, linger_delay};
use crate::domain::time::Timestamp;
use crate::domain::timer::State;

use super::actor::Actor;
use super::flaw::Flaw;
use super::world::World;

/// The ack wait of the consumer; the exact value does not matter.
const ACK_WAIT: Duration = Duration::from_secs(5);

/// The delay with which an engine whose clock is off gives a wake back.
const CLOCK_OFF_DELAY: Duration = Duration::from_secs(1);

/// The wakes that the broker holds.
#[derive(Clone, Default, Hash)]
pub(super) struct Broker {
    /// The instants for which wakes wait. Arming for the same instant again changes nothing.
    pub(super) schedules: BTreeSet<Timestamp>,
    pub(super) queue: BTreeMap<u64, Message>,
    /// Whether an acknowledged fire message is still there. It is never delivered again.
    pub(super) stranded: bool,
    /// When a wake was last armed.
    pub(super) last_armed: Option<Timestamp>,
}

/// A fire message that is not acknowledged.
#[derive(Clone, Hash)]
pub(super) struct Message {
    not_before: Timestamp,
    delivered: Option<Delivered>,
}

/// How often a message has been delivered, and since when.
#[derive(Clone, Copy, Hash)]
struct Delivered {
    first: Timestamp,
    times: u32,
}

impl Delivered {
    /// Notes one more delivery. Skipped time counts as if the message had come as often as a wake that lingers.
    fn again(self, now: Timestamp) -> Self {
        let mut rest = now.since(self.first);
        let mut possible = 1;
        while possible < LINGER_TRIES && rest >= linger_delay(possible) {
            rest -= linger_delay(possible);
            possible += 1;
        }
        Self { times: possible.max(self.times + 1), ..self }
    }
}

impl Broker {
    /// The schedules whose time has come. A worker leaves a wake that comes earlier alone until then.
    pub(super) fn ripe(&self, now: Timestamp) -> Vec<Timestamp> {
        self.schedules.iter().copied().filter(|at| at.saturating_sub(LEAD) <= now).collect()
    }

    /// The messages that may be delivered. Of those that were never delivered and come at the same time, one stands for all.
    pub(super) fn ready(&self, now: Timestamp) -> Vec<u64> {
        let mut new = BTreeSet::new();
        let ready = self.queue.iter().filter(|(_, message)| message.not_before <= now);
        ready
            .filter(|(_, message)| message.delivered.is_some() || new.insert(message.not_before))
            .map(|(id, _)| *id)
            .collect()
    }

    /// When the next schedule or message comes, if nothing goes wrong.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let fires = self.schedules.first().map(|at| at.saturating_sub(LEAD));
        self.queue.values().map(|message| message.not_before).chain(fires).min()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.schedules.is_empty()
    }
}

impl World {
    pub(super) fn arm(&mut self, at: Timestamp) {
        if self.has(Flaw::OneWakeOfATimer) {
            self.broker.schedules.clear();
        }
        self.broker.last_armed = Some(self.now);
        if at.saturating_sub(LEAD) <= self.now {
            self.enqueue();
        } else {
            self.broker.schedules.insert(at);
            // It replaces an earlier wake for this instant, and comes after those that other actors have armed.
            for actor in self.actors.values_mut() {
                actor.older.remove(&at);
            }
        }
    }

    /// The waiting wakes, except the one for this instant.
    pub(super) fn waiting_beside(&self, at: Timestamp) -> BTreeSet<Timestamp> {
        self.broker.schedules.iter().copied().filter(|waiting| *waiting != at).collect()
    }

    /// Removes the waiting wakes that are older than the one that the actor has armed, or all of them if it has armed none.
    pub(super) fn disarm(&mut self, actor: &Actor) {
        if actor.armed.is_none() {
            self.broker.schedules.clear();
        } else if self.has(Flaw::DisarmOfLaterWakes) {
            self.broker.schedules.retain(|at| actor.armed.is_some_and(|(armed, _)| armed == *at));
        } else {
            self.broker.schedules.retain(|at| !actor.older.contains(at));
        }
    }

    /// A node that holds two wakes of a timer keeps the one that has been delivered less often, and settles the other.
    pub(super) fn give_way(&mut self, name: u64, actor: Actor) {
        if self.may_give_way(&actor) {
            self.settle(actor.message);
            self.leave(&actor);
        } else {
            self.actors.insert(name, actor);
        }
    }

    /// Whether another wake makes this one unnecessary.
    pub(super) fn may_give_way(&self, actor: &Actor) -> bool {
        let mut others =
            self.actors.values().filter(|other| other.message.is_some() && other.message != actor.message);
        if self.has(Flaw::GivesWayToAnyWake) {
            return actor.message.is_some() && actor.calling.is_none() && others.next().is_some();
        }
        actor.holds() && others.any(|other| other.holds() && other.tries <= actor.tries)
    }

    /// A node whose clock is off gives back a wake, or the claim that it has stored.
    pub(super) fn put_aside(&mut self, name: u64, actor: Actor) {
        if !self.may_put_aside(&actor) {
            self.actors.insert(name, actor);
        } else if actor.has_only_claimed() && !self.has(Flaw::LeavesItsClaim) {
            self.give_back_claim(name, actor);
        } else {
            self.give_back(actor.message, self.now.saturating_add(CLOCK_OFF_DELAY));
            self.leave(&actor);
        }
    }

    /// Whether the actor knows whether its claim is stored, has written nothing of a request, and has nothing to report.
    pub(super) fn may_put_aside(&self, actor: &Actor) -> bool {
        let known = actor.seen.checked_sub(1).map(|last| &self.history[last].timer.state);
        let is_ours = matches!(known, Some(State::Firing { claim, .. }) if claim.id == actor.claim);
        let may_leave = !is_ours || actor.has_only_claimed();
        let is_unclear = (actor.may_be_stored || actor.unclear) && !self.has(Flaw::PutsUnclearClaimsAside);
        let reports = actor.event().is_some_and(Input::reports);
        actor.message.is_some() && actor.calling.is_none() && may_leave && !is_unclear && !reports
    }

    /// The actor reports that the call of its claim will not be made.
    pub(super) fn give_back_claim(&mut self, name: u64, actor: Actor) {
        let claim = actor.claim;
        self.think(name, actor, Input::NotMade { claim });
    }

    fn enqueue(&mut self) {
        let message = self.fresh();
        self.broker.queue.insert(message, Message { not_before: self.now, delivered: None });
    }

    /// Moves a schedule whose time has come onto the queue. If `twice`, the schedule stays and can be moved a second time.
    pub(super) fn schedule_fires(&mut self, which: usize, twice: bool) {
        if let Some(at) = pick(&self.broker.ripe(self.now), which) {
            if !twice {
                self.broker.schedules.remove(&at);
            }
            self.enqueue();
        }
    }

    /// Delivers a message that is ready, and returns how often it has been delivered. The message comes again after the ack wait,
    /// even if the worker that gets it now lives on.
    pub(super) fn deliver(&mut self, which: usize) -> Option<(u64, u32)> {
        let id = pick(&self.broker.ready(self.now), which)?;
        let (now, impatient) = (self.now, self.has(Flaw::NoLingering));
        let message = self.broker.queue.get_mut(&id)?;
        message.not_before = now.saturating_add(ACK_WAIT);
        let first = Delivered { first: now, times: 1 };
        let delivered = message.delivered.map_or(first, |before| before.again(now));
        message.delivered = Some(delivered);
        Some((id, if impatient { LINGER_TRIES } else { delivered.times }))
    }

    /// Lets a message come again at this instant.
    pub(super) fn give_back(&mut self, message: Option<u64>, until: Timestamp) {
        if let Some(message) = message.and_then(|id| self.broker.queue.get_mut(&id)) {
            message.not_before = until;
        }
    }

    pub(super) fn settle(&mut self, message: Option<u64>) {
        if let Some(id) = message {
            self.broker.queue.remove(&id);
        }
    }
}

pub(super) fn pick<T: Copy>(items: &[T], which: usize) -> Option<T> {
    (!items.is_empty()).then(|| items[which % items.len()])
}
