//! A worker or a client in the middle of its effects.

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use crate::domain::machine::{Effect, Input};
use crate::domain::time::Timestamp;
use crate::domain::timer::{ClaimId, State};

use super::journal::Mark;

/// A list of effects, with a digest that distinguishes it from others.
pub(super) struct Plan {
    pub(super) effects: Vec<Effect>,
    pub(super) digest: u64,
}

#[derive(Clone)]
pub(super) struct Actor {
    /// The wake that it holds. A client and an heir have no wake.
    pub(super) message: Option<u64>,
    /// The input of its step. A creation has no step.
    pub(super) input: Option<Arc<Input>>,
    /// The name under which it claims.
    pub(super) claim: ClaimId,
    /// How many versions of the record it knows of.
    pub(super) seen: usize,
    /// Whether it knows that from the leader, or has written it.
    pub(super) fresh: bool,
    /// Its effects, and how many of them are done.
    pub(super) plan: Arc<Plan>,
    pub(super) done: usize,
    pub(super) tries: u32,
    pub(super) began: Timestamp,
    /// The instant that a wake was armed for, and when it was armed.
    pub(super) armed: Option<(Timestamp, Timestamp)>,
    /// The waiting wakes that were armed before that one, and not again since.
    pub(super) older: BTreeSet<Timestamp>,
    /// The index of the call in progress in the list of calls.
    pub(super) calling: Option<usize>,
    /// A try of the write in hand was done, and its answer was lost.
    pub(super) may_be_stored: bool,
    /// It has given up writing a claim that may still be stored.
    pub(super) unclear: bool,
    /// Its mark in the journal about its call.
    pub(super) mark: Option<Mark>,
    /// Whether it follows the journal of another node.
    pub(super) heir: bool,
}

impl Actor {
    /// A client that has just read the leader's record.
    pub(super) fn client(seen: usize, effects: Vec<Effect>, began: Timestamp) -> Self {
        Self {
            message: None,
            input: None,
            claim: Uuid::nil(),
            seen,
            fresh: true,
            plan: Plan::of(effects),
            done: 0,
            tries: 0,
            began,
            armed: None,
            older: BTreeSet::new(),
            calling: None,
            may_be_stored: false,
            unclear: false,
            mark: None,
            heir: false,
        }
    }

    /// A successor of a node that had this claim.
    pub(super) fn heir(seen: usize, claim: ClaimId, began: Timestamp) -> Self {
        Self { claim, heir: true, ..Self::client(seen, vec![], began) }
    }

    /// A worker that has received a message and read the record, perhaps an old version of it.
    pub(super) fn worker(message: u64, tries: u32, claim: ClaimId, seen: usize, began: Timestamp) -> Self {
        let message = Some(message);
        Self { message, claim, tries, fresh: false, ..Self::client(seen, vec![], began) }
    }

    pub(super) fn wake(&self) -> Input {
        Input::Wake { claim: self.claim, node: "n".into(), tries: self.tries }
    }

    /// Whether it is about to store a claim.
    pub(super) fn claims(&self) -> bool {
        matches!(self.next(), Some(Effect::Store(timer)) if matches!(timer.state, State::Firing { .. }))
    }

    /// Whether it keeps its wake until the timer is due.
    pub(super) fn holds(&self) -> bool {
        self.message.is_some() && matches!(self.next(), Some(Effect::Hold { .. }))
    }

    pub(super) fn next(&self) -> Option<&Effect> {
        self.plan.effects.get(self.done)
    }

    /// Whether it will no longer write or call.
    pub(super) fn is_harmless(&self) -> bool {
        let rest = self.plan.effects.iter().skip(self.done);
        self.calling.is_none()
            && rest.into_iter().all(|effect| match effect {
                Effect::Settle | Effect::Later { .. } | Effect::Disarm => true,
                Effect::Arm { .. }
                | Effect::Store(_)
                | Effect::Call { .. }
                | Effect::Notify(_)
                | Effect::Hold { .. } => false,
            })
    }

    pub(super) fn is_client(&self) -> bool {
        self.message.is_none() && !self.heir
    }
}
