//! A worker or a client in the middle of its effects, doing them as the engine does.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::attempt::CallResult;
use crate::domain::called::Called;
use crate::domain::machine::{ARM_FRESH, Effect, Input, MAX_POSTPONEMENT, may_still_call, step};
use crate::domain::time::Timestamp;
use crate::domain::timer::{ClaimId, State, Timer};

use super::world::{Call, World};

/// A client's request is given up after this time, wherever it is.
const CLIENT_DEADLINE: Duration = Duration::from_secs(10);

pub(super) struct Actor {
    /// The wake in its hands; a client has none.
    message: Option<u64>,
    /// What is stepped with; a creation has no step.
    pub(super) input: Option<Input>,
    /// The name under which it claims.
    pub(super) claim: ClaimId,
    /// How many versions of the record it knows of.
    seen: usize,
    effects: VecDeque<Effect>,
    tries: u32,
    began: Timestamp,
    /// For which instant a wake was armed, and when.
    armed: Option<(Timestamp, Timestamp)>,
    /// The place of the call in progress in the list of calls.
    calling: Option<usize>,
    /// A try of the write in hand was done without an answer.
    may_be_stored: bool,
}

impl Actor {
    pub(super) fn new(
        message: Option<u64>,
        input: Option<Input>,
        claim: ClaimId,
        seen: usize,
        effects: VecDeque<Effect>,
        began: Timestamp,
    ) -> Self {
        Self {
            message,
            input,
            claim,
            seen,
            effects,
            tries: 0,
            began,
            armed: None,
            calling: None,
            may_be_stored: false,
        }
    }

    pub(super) fn tried(self, tries: u32) -> Self {
        Self { tries, ..self }
    }

    fn wake(&self) -> Input {
        Input::Wake { claim: self.claim, node: "n".into(), tries: self.tries }
    }
}

impl World {
    /// Does one effect of the actor; if not `heard`, the actor does not learn that it is done.
    pub(super) fn proceed(&mut self, mut actor: Actor, result: CallResult, heard: bool) {
        if let Some(call) = actor.calling.take() {
            self.calls[call].result = Some(result.clone());
            let claim = actor.claim;
            let called = Box::new(result.into());
            return self.restep(actor, Some(Input::Outcome { claim, called }));
        }
        if actor.message.is_none() && self.now.since(actor.began) > CLIENT_DEADLINE {
            return;
        }
        let Some(effect) = actor.effects.pop_front() else { return };
        match effect {
            Effect::Arm { at } => {
                self.arm(at);
                if heard {
                    actor.armed = Some((at, self.now));
                } else {
                    actor.effects.push_front(effect);
                }
            }
            Effect::Store(timer) => return self.store(actor, timer, heard),
            Effect::Call { claim, attempt } => {
                let timer = &self.history[actor.seen - 1];
                if !may_still_call(&claim, timer.timeout, self.now) {
                    let called = Box::new(Called::not_made("too late"));
                    return self.restep(actor, Some(Input::Outcome { claim: claim.id, called }));
                }
                let due = self.due_of(&State::Firing { attempt, claim });
                self.calls.push(Call { at: self.now, due, result: None });
                actor.calling = Some(self.calls.len() - 1);
            }
            Effect::Notify(timer) => {
                let version = self.history.iter().rposition(|known| *known == *timer);
                self.told.insert(version.expect("told of an end that was never stored"));
                if !heard {
                    actor.effects.push_front(Effect::Notify(timer));
                }
            }
            Effect::Disarm => self.schedules.clear(),
            Effect::Hold { until } => {
                if until <= self.now {
                    let wake = actor.wake();
                    return self.restep(actor, Some(wake));
                }
                actor.effects.push_front(effect);
            }
            Effect::Later { until } => {
                if let Some(message) = actor.message.and_then(|message| self.queue.get_mut(&message)) {
                    message.not_before = until;
                }
                return;
            }
            Effect::Settle => {
                if let Some(message) = actor.message {
                    self.queue.remove(&message);
                }
                return;
            }
        }
        self.actors.push(actor);
    }

    /// The actor does not claim what it is about to claim, for want of room.
    pub(super) fn postpone(&mut self, actor: Actor, span: Duration) {
        let claims = actor.effects.iter().any(|effect| matches!(effect, Effect::Call { .. }))
            && matches!(actor.effects.front(), Some(Effect::Store(_)))
            && !actor.may_be_stored;
        if !claims {
            return self.actors.push(actor);
        }
        let until = self.now.saturating_add(span);
        self.postponed.push(until.min(self.now.saturating_add(MAX_POSTPONEMENT)));
        self.restep(actor, Some(Input::Postponed { until }));
    }

    fn store(&mut self, mut actor: Actor, timer: Box<Timer>, heard: bool) {
        if let Some((at, armed_at)) = actor.armed
            && self.now.since(armed_at) > ARM_FRESH
        {
            self.arm(at);
            actor.armed = Some((at, self.now));
        }
        if actor.seen == self.history.len() {
            self.assert_may_follow(&actor, &timer);
            if matches!(timer.state, State::Cancelled { .. }) {
                self.cancelled_with_calls = Some(self.calls.len());
            }
            if matches!(actor.input, Some(Input::Postponed { .. })) {
                self.given_up = Some(self.history.len());
            }
            if matches!(actor.input, Some(Input::Replay)) {
                self.replays += 1;
            }
            self.history.push((*timer).clone());
        } else if !(actor.may_be_stored && self.record() == Some(&*timer)) {
            actor.seen = self.history.len();
            actor.may_be_stored = false;
            let input = actor.input.clone();
            return self.restep(actor, input);
        }
        if heard {
            actor.seen = self.history.len();
            actor.may_be_stored = false;
        } else {
            actor.may_be_stored = true;
            actor.effects.push_front(Effect::Store(timer));
        }
        self.actors.push(actor);
    }

    /// The actor steps again from the version that it knows; a creation has nothing to step.
    fn restep(&mut self, mut actor: Actor, input: Option<Input>) {
        let Some(input) = input else { return };
        let timer = &self.history[actor.seen - 1];
        if let Ok(effects) = step(timer, input.clone(), self.now) {
            actor.input = Some(input);
            actor.armed = None;
            actor.effects = effects.into();
            self.actors.push(actor);
        }
    }

    /// When the timer was due by the version that this claim replaced.
    fn due_of(&self, firing: &State) -> Timestamp {
        let version = self.history.iter().position(|timer| timer.state == *firing);
        let version = version.expect("called without a stored claim");
        match self.history[version - 1].state {
            State::Scheduled { at, .. } => at,
            State::Firing { .. }
            | State::Delivered { .. }
            | State::Failed { .. }
            | State::Cancelled { .. }
            | State::Unknown { .. } => self.history[version].due_at,
        }
    }
}
