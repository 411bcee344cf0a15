//! The part of a leader with replicas: it accepts a write and proposes it to them, and the write becomes the record once they apply
//! it. In between, reads show the record as it was, and the leader refuses every other write of it.

use std::time::Duration;

use crate::domain::machine::{ARM_FRESH, Effect};
use crate::domain::time::Timestamp;

use super::actor::{Action, Actor};
use super::journal::Mark;
use super::world::{Version, World};

/// In this model, a write is applied within this time or never: a leader that does not reach a majority steps down about then. A leader
/// that is elected again may apply such a write later. That is left to sweeps, and is not modelled.
const PENDING_FOR: Duration = Duration::from_secs(10);

/// A write that is accepted and not applied.
#[derive(Clone)]
pub(super) struct Proposed {
    /// Its author at that moment.
    pub(super) actor: Actor,
    pub(super) version: Version,
    pub(super) since: Timestamp,
}

impl World {
    /// Whether the actor's next effect is a write of the record that the leader would accept.
    pub(super) fn may_propose(&self, actor: &Actor) -> bool {
        let stores = actor.calling.is_none() && matches!(actor.next(), Some(Action::Do(Effect::Store(_))));
        let is_current = self.revision(actor.seen) == self.revision(self.history.len());
        let is_armed = actor.armed.is_none_or(|(_, since)| self.now.since(since) <= ARM_FRESH);
        let free = self.proposed.is_none() && !self.is_brought_back();
        stores && is_current && is_armed && free && !self.is_out_of_time(actor)
    }

    /// Proposes the actor's next write. The actor does not hear of it, and goes on trying.
    pub(super) fn propose(&mut self, name: u64, mut actor: Actor) {
        if let (true, Some(Action::Do(Effect::Store(timer)))) = (self.may_propose(&actor), actor.next()) {
            let version = Version::of((**timer).clone(), self.next_revision());
            if self.journaled && actor.claims() {
                actor.mark = Some(Mark::Claimed);
            }
            self.proposed = Some(Box::new(Proposed { actor: actor.clone(), version, since: self.now }));
            actor.may_be_stored = true;
        }
        self.actors.insert(name, actor);
    }

    /// Forgets a write that was proposed too long ago.
    pub(super) fn drop_old_proposal(&mut self) {
        let now = self.now;
        self.proposed.take_if(|proposed| now.since(proposed.since) > PENDING_FOR);
    }

    /// The write that was proposed becomes the record, unless it is `lost`.
    pub(super) fn applied(&mut self, lost: bool) {
        if let Some(proposed) = self.proposed.take().filter(|_| !lost) {
            let Proposed { actor, version, .. } = *proposed;
            self.becomes_the_record(&actor, version);
        }
    }
}
