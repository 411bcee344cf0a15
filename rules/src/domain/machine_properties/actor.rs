//! A worker or a client in the middle of its actions.

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use crate::domain::machine::{Command, Effect, Input, Step, Then};
use crate::domain::time::Timestamp;
use crate::domain::timer::{ClaimId, State};

use super::journal::Mark;

/// The event or the command that an actor steps with.
#[derive(Clone, Debug)]
pub(super) enum Cause {
    Event(Input),
    Command(Command),
}

/// One thing that an actor does: an effect, or what it does with its wake after the effects.
#[derive(Clone)]
pub(super) enum Action {
    Do(Effect),
    End(Then),
}

/// A list of actions, with a digest that distinguishes it from others.
pub(super) struct Plan {
    pub(super) actions: Vec<Action>,
    pub(super) digest: u64,
}

impl From<Input> for Cause {
    fn from(input: Input) -> Self {
        Self::Event(input)
    }
}

impl From<Command> for Cause {
    fn from(command: Command) -> Self {
        Self::Command(command)
    }
}

impl Cause {
    /// The event, if it is one.
    pub(super) fn event(&self) -> Option<&Input> {
        match self {
            Self::Event(input) => Some(input),
            Self::Command(_) => None,
        }
    }

    /// The command, if it is one.
    pub(super) fn command(&self) -> Option<&Command> {
        match self {
            Self::Command(command) => Some(command),
            Self::Event(_) => None,
        }
    }
}

impl Action {
    pub(super) fn of_step(step: Step) -> Vec<Self> {
        let mut actions = Self::of_effects(step.effects);
        actions.push(Self::End(step.then));
        actions
    }

    pub(super) fn of_effects(effects: Vec<Effect>) -> Vec<Self> {
        effects.into_iter().map(Self::Do).collect()
    }
}

#[derive(Clone)]
pub(super) struct Actor {
    /// The wake that it holds. A client and an heir have no wake.
    pub(super) message: Option<u64>,
    /// Whether it is a client that ends a record which the broker brought back, and then obeys its command.
    pub(super) ends_first: bool,
    /// What it stepped with. A creation has no step.
    pub(super) cause: Option<Arc<Cause>>,
    /// The name under which it claims.
    pub(super) claim: ClaimId,
    /// How many versions of the record it knows of.
    pub(super) seen: usize,
    /// Whether it knows that from the leader, or has written it.
    pub(super) fresh: bool,
    /// Its actions, and how many of them are done.
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
    /// Whether it has given up a place whose slot in the journal still says that it was about to claim.
    pub(super) stale: bool,
    /// Whether it follows the journal of another node.
    pub(super) heir: bool,
}

impl Actor {
    /// A client that has just read the leader's record.
    pub(super) fn client(seen: usize, effects: Vec<Effect>, began: Timestamp) -> Self {
        Self {
            message: None,
            ends_first: false,
            cause: None,
            claim: Uuid::nil(),
            seen,
            fresh: true,
            plan: Plan::of(Action::of_effects(effects)),
            done: 0,
            tries: 0,
            began,
            armed: None,
            older: BTreeSet::new(),
            calling: None,
            may_be_stored: false,
            unclear: false,
            mark: None,
            stale: false,
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

    /// Its wake, before or after it has got a place for the call.
    pub(super) fn wake(&self, has_place: bool) -> Input {
        Input::Wake { claim: self.claim, node: "n".into(), tries: self.tries, has_place }
    }

    /// Whether it is about to store a claim.
    pub(super) fn claims(&self) -> bool {
        matches!(self.next(), Some(Action::Do(Effect::Store(timer))) if matches!(timer.state, State::Firing { .. }))
    }

    /// Whether it keeps its wake until the timer is due.
    pub(super) fn holds(&self) -> bool {
        self.message.is_some() && matches!(self.next(), Some(Action::End(Then::Hold { .. })))
    }

    /// Whether it keeps its wake until an instant after `now`.
    pub(super) fn holds_beyond(&self, now: Timestamp) -> bool {
        matches!(self.next(), Some(Action::End(Then::Hold { until })) if *until > now)
    }

    /// Whether it is about to call.
    pub(super) fn calls(&self) -> bool {
        matches!(self.next(), Some(Action::End(Then::Call { .. })))
    }

    /// Whether its claim is stored, and it has written nothing of its request.
    pub(super) fn has_only_claimed(&self) -> bool {
        self.calling.is_none() && self.calls() && self.mark != Some(Mark::Written)
    }

    pub(super) fn next(&self) -> Option<&Action> {
        self.plan.actions.get(self.done)
    }

    /// The event that it stepped with, if it was one.
    pub(super) fn event(&self) -> Option<&Input> {
        self.cause.as_deref().and_then(Cause::event)
    }

    /// The command that it stepped with, if it was one.
    pub(super) fn command(&self) -> Option<&Command> {
        self.cause.as_deref().and_then(Cause::command)
    }

    /// Whether it will no longer write or call.
    pub(super) fn is_harmless(&self) -> bool {
        let rest = self.plan.actions.iter().skip(self.done);
        self.calling.is_none()
            && rest.into_iter().all(|action| match action {
                Action::Do(Effect::Disarm) | Action::End(Then::Settle | Then::Later { .. }) => true,
                Action::Do(Effect::Arm { .. } | Effect::Store(_) | Effect::Notify(_))
                | Action::End(Then::Admit | Then::Call { .. } | Then::Hold { .. }) => false,
            })
    }

    pub(super) fn is_client(&self) -> bool {
        self.message.is_none() && !self.heir
    }
}
