//! The journal's part of the world: the entries that a node writes about its calls, and a successor that reads them.
//!
//! A mark is in the journal before the event that it tells of happens, except for an answer. The journal of a living node is not
//! read: its file is locked.

use std::sync::Arc;

use uuid::Uuid;

use crate::domain::attempt::CallResult;
use crate::domain::called::Called;
use crate::domain::machine::Input;
use crate::domain::timer::{ClaimId, Doubt, State};

use super::actor::Actor;
use super::broker::pick;
use super::flaw::Flaw;
use super::world::World;

/// How far a call had come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Mark {
    /// The call was about to be claimed.
    Claimed,
    /// Its request was about to be written.
    Written,
    /// The receiver answered like this.
    Answered(CallResult),
}

/// The entry about one call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Entry {
    pub(super) claim: ClaimId,
    pub(super) mark: Mark,
}

impl Entry {
    /// The input that a successor derives from the entry.
    fn means(&self, flaw: Option<Flaw>) -> Input {
        let claim = self.claim;
        match &self.mark {
            Mark::Written if flaw == Some(Flaw::HeirGivesBackCalls) => Input::NotMade { claim },
            Mark::Claimed => Input::NotMade { claim },
            Mark::Written => Input::CutOff { claim },
            Mark::Answered(result) => {
                Input::Outcome { claim, called: Arc::new(Called::from(result.clone())) }
            }
        }
    }
}

impl World {
    /// The actor's entry stays when the actor is gone. An entry about a claim that the record does not have, and so never has
    /// again, is left out: [`forge`](Self::forge) makes such entries.
    pub(super) fn leave(&mut self, actor: &Actor) {
        let holds = self.record().and_then(|record| holder(&record.state)) == Some(actor.claim);
        if !self.journaled || !holds {
            return;
        }
        let stale = actor.stale.then_some(Mark::Claimed);
        for mark in actor.mark.clone().into_iter().chain(stale) {
            let entry = Entry { claim: actor.claim, mark };
            if !self.left.contains(&entry) {
                self.left.push(entry);
            }
        }
    }

    /// A successor reads an entry and the record, and is about to act on them.
    pub(super) fn inherit(&mut self, which: usize, kept: bool) {
        let Some(at) = pick(&(0..self.left.len()).collect::<Vec<_>>(), which) else { return };
        let entry = if kept { self.left[at].clone() } else { self.left.remove(at) };
        let Some(record) = self.record() else { return };
        let entry = match holder(&record.state) {
            Some(claim) if self.has(Flaw::HeirOfAnyClaim) => Entry { claim, ..entry },
            Some(claim) if claim == entry.claim => entry,
            Some(_) | None => return,
        };
        let input = entry.means(self.flaw);
        let name = self.fresh();
        self.think(name, Actor::heir(self.history.len(), entry.claim, self.now), input);
    }

    /// A journal turns up that tells of an earlier claim of this timer, or of a claim that never was.
    pub(super) fn forge(&mut self, which: usize, mark: Mark) {
        let now = self.record().and_then(|timer| holder(&timer.state));
        let mut claims: Vec<_> =
            self.history.iter().filter_map(|version| holder(&version.timer.state)).collect();
        claims.push(Uuid::from_u128(u128::MAX));
        if let Some(claim) = pick(&claims, which).filter(|claim| Some(*claim) != now) {
            self.left.push(Entry { claim, mark });
        }
    }

    /// A node that has to stop gives up the call that this actor makes or is about to make.
    pub(super) fn give_up(&mut self, name: u64, mut actor: Actor) {
        let calling = actor.calling.take();
        if calling.is_none() && !actor.calls() {
            self.actors.insert(name, actor);
            return;
        }
        if let Some(call) = calling {
            self.calls[call].result = Some(CallResult::Interrupted);
        }
        let claim = actor.claim;
        let written = calling.is_some() || actor.mark == Some(Mark::Written);
        let input = if written && !self.has(Flaw::StopGivesBackCalls) {
            Input::Outcome { claim, called: Arc::new(CallResult::Interrupted.into()) }
        } else {
            Input::NotMade { claim }
        };
        self.think(name, actor, input);
    }
}

fn holder(state: &State) -> Option<ClaimId> {
    match state {
        State::Firing { claim, .. } | State::Unknown { doubt: Doubt::NoOutcome(claim), .. } => Some(claim.id),
        State::Scheduled { .. }
        | State::Delivered { .. }
        | State::Failed { .. }
        | State::Cancelled { .. }
        | State::Unknown { doubt: Doubt::Restored, .. } => None,
    }
}
