//! How actors act: one action at a time, as the engine does, so that anything can come in between.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::domain::attempt::CallResult;
use crate::domain::called::Called;
use crate::domain::machine::{
    ARM_FRESH, Command, Effect, Input, MAX_POSTPONEMENT, Then, may_still_call, unneeded,
};
use crate::domain::time::Timestamp;
use crate::domain::timer::{Doubt, State, Timer};

use super::actor::{Action, Actor, Cause, Plan};
use super::flaw::{Flaw, flawed_step};
use super::journal::Mark;
use super::promises::Promise;
use super::world::{Call, Version, World};

/// A client's request is given up after this time, however far it has come.
const CLIENT_DEADLINE: Duration = Duration::from_secs(10);

impl World {
    /// Does one action of the actor. If not `heard`, the actor does not learn that it is done.
    pub(super) fn proceed(&mut self, name: u64, mut actor: Actor, result: CallResult, heard: bool) {
        if let Some(call) = actor.calling.take() {
            self.calls[call].result = Some(result.clone());
            if matches!(result, CallResult::Answered { .. }) {
                actor.mark = Some(Mark::Answered(result.clone()));
            }
            let claim = actor.claim;
            let called = Arc::new(result.into());
            return self.think(name, actor, Input::Outcome { claim, called });
        }
        if self.is_out_of_time(&actor) {
            return;
        }
        let plan = actor.plan.clone();
        let Some(action) = plan.actions.get(actor.done) else { return };
        match action {
            Action::Do(Effect::Arm { at }) => {
                let older = self.waiting_beside(*at);
                self.arm(*at);
                if heard {
                    actor.armed = Some((*at, self.now));
                    actor.older = older;
                }
            }
            Action::Do(Effect::Store(timer)) => return self.store(name, actor, timer, heard),
            Action::End(Then::Call { claim, attempt }) => {
                let timeout = self.history[actor.seen - 1].timer.timeout;
                let too_late = !may_still_call(claim, timeout, self.now);
                if too_late && !self.has(Flaw::CallUnderAnOldClaim) {
                    let called = Arc::new(Called::not_made("too late"));
                    return self.think(name, actor, Input::Outcome { claim: claim.id, called });
                }
                let late_mark = self.has(Flaw::MarkAfterFirstByte);
                if self.journaled && actor.mark == Some(Mark::Claimed) && !late_mark {
                    actor.mark = Some(Mark::Written);
                    self.actors.insert(name, actor);
                    return;
                }
                self.check_call(claim);
                let due = self.due_of(&State::Firing { attempt: *attempt, claim: claim.clone() });
                self.calls.push(Call { at: self.now, due, result: None });
                actor.calling = Some(self.calls.len() - 1);
            }
            Action::Do(Effect::Notify(timer)) => {
                let version = self.history.iter().rposition(|known| *known.timer == **timer);
                self.demand(version.is_some(), Promise::EndsAreTold);
                self.told.extend(version);
            }
            Action::Do(Effect::Disarm) => self.disarm(&actor),
            Action::End(Then::Hold { until }) if *until > self.now => {
                self.actors.insert(name, actor);
                return;
            }
            Action::End(Then::Hold { .. } | Then::Admit) => {
                let wake = actor.wake(false);
                return self.think(name, actor, wake);
            }
            Action::End(Then::Later { until }) => return self.give_back(actor.message, *until),
            Action::End(Then::Settle) => self.settle(actor.message),
        }
        self.go_on(name, actor, heard);
    }

    /// Whether the actor is a client whose request is given up.
    pub(super) fn is_out_of_time(&self, actor: &Actor) -> bool {
        actor.is_client() && self.now.since(actor.began) > CLIENT_DEADLINE
    }

    /// The actor has done an action. It goes on to the next one if it has heard of that.
    fn go_on(&mut self, name: u64, mut actor: Actor, heard: bool) {
        actor.done += usize::from(heard);
        if actor.calling.is_some() || actor.next().is_some() {
            self.actors.insert(name, actor);
        } else if let (true, Some(command)) = (actor.ends_first, actor.command().cloned()) {
            self.think(name, actor, command);
        } else {
            self.leave(&actor);
        }
    }

    /// The actor was about to claim, and postpones the timer because the receiver has no room. If its claim is stored, it gives the claim
    /// back instead.
    pub(super) fn postpone(&mut self, name: u64, actor: Actor, span: Duration) {
        if !self.may_postpone(&actor) {
            self.actors.insert(name, actor);
            return;
        }
        if actor.has_only_claimed() && !self.has(Flaw::LeavesItsClaim) {
            return self.give_back_claim(name, actor);
        }
        let until = self.now.saturating_add(span);
        self.postponed.insert(until.min(self.now.saturating_add(MAX_POSTPONEMENT)));
        self.think(name, actor, Input::Postponed { until });
    }

    /// Whether the actor is about to claim and has no place for the call yet, or has found its claim stored and no longer has one. As
    /// long as it does not know whether its claim is stored, it does not wait for a place.
    pub(super) fn may_postpone(&self, actor: &Actor) -> bool {
        (actor.claims() && !actor.may_be_stored && !actor.unclear) || actor.has_only_claimed()
    }

    /// The actor gives up writing a claim that may be stored, and reads the record.
    pub(super) fn look_again(&mut self, name: u64, mut actor: Actor) {
        if !actor.claims() || !actor.may_be_stored {
            self.actors.insert(name, actor);
            return;
        }
        self.read_from_leader(&mut actor);
        actor.unclear = true;
        if self.has(Flaw::NewNameAtEachTry) {
            actor.claim = Uuid::from_u128(u128::from(self.fresh().max(name + 1)));
        }
        let wake = actor.wake(false);
        self.think(name, actor, wake);
    }

    fn read_from_leader(&self, actor: &mut Actor) {
        actor.seen = self.history.len();
        actor.fresh = true;
        actor.may_be_stored = false;
    }

    fn store(&mut self, name: u64, mut actor: Actor, timer: &Timer, heard: bool) {
        // The engine also looks at the mark right before it writes, whatever it saw when it stepped.
        if let (Some(cause), Some(seen)) = (actor.cause.clone(), actor.seen.checked_sub(1))
            && !self.acts_on_restored(&cause)
            && self.is_restored(&self.history[seen].timer, self.history[seen].revision)
            && !matches!(timer.state, State::Unknown { doubt: Doubt::Restored, .. })
        {
            return self.think(name, actor, (*cause).clone());
        }
        if let Some((at, armed_at)) = actor.armed
            && self.now.since(armed_at) > ARM_FRESH
        {
            self.arm(at);
            actor.armed = Some((at, self.now));
            actor.older.remove(&at);
        }
        if actor.claims() && self.journaled {
            actor.mark = Some(Mark::Claimed);
        }
        let is_current = self.revision(actor.seen) == self.revision(self.history.len());
        let refused = self.proposed.is_some();
        if is_current && refused && !self.has(Flaw::RefusalIsFinal) {
            // The write is tried again.
            self.actors.insert(name, actor);
            return;
        }
        actor.unclear &= !actor.claims();
        if !refused && (is_current || self.writes_blindly(&actor, timer)) {
            self.becomes_the_record(&actor, Version::of(timer.clone(), self.next_revision()));
        } else if !(actor.may_be_stored && self.record() == Some(timer)) {
            let cancels = matches!(timer.state, State::Cancelled { .. });
            // The client gets no answer: both "done" and "nothing was done" may be wrong.
            let unclear = actor.is_client() && actor.may_be_stored && !cancels;
            if unclear && !self.has(Flaw::RepeatUnclear) {
                return;
            }
            self.read_from_leader(&mut actor);
            // The place may not be for the timer as it is now.
            actor.stale |= self.has(Flaw::GivenUpSlotsStay) && actor.mark == Some(Mark::Claimed);
            // A creation has nothing to step with.
            let Some(cause) = actor.cause.clone() else { return };
            return self.think(name, actor, (*cause).clone());
        }
        if heard {
            self.read_from_leader(&mut actor);
        } else {
            actor.may_be_stored = true;
        }
        self.go_on(name, actor, heard);
    }

    /// The revision of the next write.
    pub(super) fn next_revision(&self) -> u64 {
        1 + self.history.iter().map(|version| version.revision).max().unwrap_or_default()
    }

    /// A version that the actor has written becomes the record.
    pub(super) fn becomes_the_record(&mut self, actor: &Actor, version: Version) {
        self.check_may_follow(actor, &version.timer);
        self.note(actor, &version.timer);
        self.history.push(version);
    }

    /// Notes the facts about the stored version that the promises need.
    fn note(&mut self, actor: &Actor, timer: &Timer) {
        match &timer.state {
            State::Cancelled { .. } => self.cancelled_with_calls = Some(self.calls.len()),
            State::Firing { claim, .. } => self.names.push(claim.id.as_u64_pair().1),
            State::Scheduled { .. }
            | State::Delivered { .. }
            | State::Failed { .. }
            | State::Unknown { .. } => {}
        }
        if matches!(actor.command(), Some(Command::Replay)) && !actor.ends_first {
            self.replays += 1;
            // Only a timer that was cancelled and then brought back can be replayed.
            self.cancelled_with_calls = None;
        }
        match actor.event() {
            Some(Input::Postponed { .. }) => self.given_up = Some(self.history.len()),
            Some(Input::NotMade { claim }) => drop(self.given_back.insert(*claim)),
            Some(Input::Wake { .. } | Input::Outcome { .. } | Input::CutOff { .. } | Input::Restored)
            | None => {}
        }
    }

    /// The actor steps from the version that it knows.
    pub(super) fn think(&mut self, name: u64, mut actor: Actor, cause: impl Into<Cause>) {
        let mut cause = cause.into();
        let mut actions = self.actions_of(&actor, &cause);
        // Others see nothing of a worker that waits for a place, so getting one is no step of its own.
        if matches!(actions.as_deref(), Some([Action::End(Then::Admit)])) {
            cause = actor.wake(true).into();
            actions = self.actions_of(&actor, &cause);
        }
        // Before a wake is settled, the record is read again from the leader, where reads are never stale.
        let settles = matches!(actions.as_deref(), Some([.., Action::End(Then::Settle)]));
        if settles && !actor.fresh && !self.has(Flaw::SettleOnAReplica) {
            self.read_from_leader(&mut actor);
            actions = self.actions_of(&actor, &cause);
        }
        let Some(actions) = actions else { return };
        actor.ends_first = self.ends_first(&actor, &cause).is_some();
        actor.cause = Some(Arc::new(cause));
        actor.armed = None;
        actor.older.clear();
        actor.plan = Plan::of(actions);
        actor.done = 0;
        self.go_on(name, actor, false);
    }

    fn actions_of(&self, actor: &Actor, cause: &Cause) -> Option<Vec<Action>> {
        let Some(version) = actor.seen.checked_sub(1) else {
            return Some(vec![Action::End(unneeded(actor.tries, self.now))]);
        };
        let Version { timer, revision, .. } = &self.history[version];
        if let Some(ends) = self.ends_first(actor, cause) {
            return Some(ends);
        }
        // The engine does so before every step, except that of an outcome.
        let restored = !self.acts_on_restored(cause) && self.is_restored(timer, *revision);
        let cause = if restored && cause.event().is_some() { Input::Restored.into() } else { cause.clone() };
        flawed_step(self.flaw, timer, cause, self.now).ok()
    }

    /// When the timer was due by the version that this claim replaced.
    fn due_of(&mut self, firing: &State) -> Timestamp {
        let version = self.history.iter().position(|version| version.timer.state == *firing);
        self.demand(version.is_some(), Promise::CallsAreClaimed);
        let Some(version) = version else { return self.now };
        match self.history[version - 1].timer.state {
            State::Scheduled { at, .. } => at,
            State::Firing { .. }
            | State::Delivered { .. }
            | State::Failed { .. }
            | State::Cancelled { .. }
            | State::Unknown { .. } => self.history[version].timer.due_at,
        }
    }
}
