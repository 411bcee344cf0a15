//! The sweeper's part of the world: it looks at the record and the wakes, and repairs the damage.

use std::time::Duration;

use super::actor::Actor;
use super::flaw::Flaw;
use super::promises::Promise;
use super::world::World;
use crate::domain::machine::{Effect, Input, LEAD};
use crate::domain::sample::START;
use crate::domain::sweep::{Armed, Damage, Look, is_orphan, judge};
use crate::domain::time::Timestamp;
use crate::domain::timer::{State, Timer};

/// The grace that the sweeper has by default.
const GRACE: Duration = Duration::from_secs(30);

impl World {
    /// Looks at the timer, and is about to repair it.
    pub(super) fn sweep(&mut self) {
        if self.is_brought_back() {
            let name = self.fresh();
            return self.think(name, Actor::client(self.history.len(), vec![], self.now), Input::Restored);
        }
        self.mark();
        if !self.has(Flaw::SweepBelievesSettledWakes) {
            self.broker.stranded = false;
        }
        let Some(timer) = self.record().cloned() else {
            let wait = self.has(Flaw::SweepOfYoungWakes);
            if wait || self.broker.last_armed.is_some_and(|at| is_orphan(at, self.now)) {
                self.broker.schedules.clear();
            }
            return;
        };
        let Some(damage) = self.damage(&timer) else { return };
        // The server of this world may be later than any grace. A real server that is so late has forgotten the schedule.
        let late = |at: &Timestamp| at.saturating_sub(LEAD).saturating_add(GRACE) < self.now;
        let forgotten = self.wiped || self.revived.is_some() || self.broker.schedules.iter().any(late);
        self.demand(forgotten, Promise::NoFalseAlarm);
        let repair = self.repair(timer, damage);
        let name = self.fresh();
        self.actors.insert(name, Actor::client(self.history.len(), repair, self.now));
    }

    /// The damage to the timer, if there is any.
    fn damage(&self, timer: &Timer) -> Option<Damage> {
        let waiting = self.broker.schedules.iter().map(|at| Armed::Waiting { at: *at, since: START });
        let stranded = self.broker.stranded && self.has(Flaw::SweepBelievesSettledWakes);
        let due = self.broker.queue.values().map(|_| Armed::Due).chain(stranded.then_some(Armed::Due));
        let wakes: Vec<Armed> = due.chain(waiting).collect();
        judge(timer, &wakes, Look { now: self.now, grace: GRACE, after_loss: self.wiped })
    }

    /// Whether a sweep would find nothing, or nothing has made a sweep necessary.
    pub(super) fn is_swept(&self) -> bool {
        let told = self.history.len().checked_sub(1).is_some_and(|last| self.told.contains(&last));
        let intact = !self.wiped && self.revived.is_none();
        intact || told || self.record().is_none_or(|timer| self.damage(timer).is_none())
    }

    fn repair(&self, timer: Timer, damage: Damage) -> Vec<Effect> {
        match timer.state {
            State::Firing { attempt, .. } if self.has(Flaw::SweepRewritesTheRecord) => {
                let state = State::Scheduled { attempt, at: self.now };
                vec![Effect::Arm { at: self.now }, Effect::Store(Box::new(Timer { state, ..timer }))]
            }
            State::Scheduled { .. }
            | State::Firing { .. }
            | State::Delivered { .. }
            | State::Failed { .. }
            | State::Cancelled { .. }
            | State::Unknown { .. } => vec![Effect::Arm { at: damage.arm }],
        }
    }
}
