//! The fingerprint by which the model check distinguishes worlds: worlds with the same fingerprint are explored once.
//!
//! So it contains everything that can make a difference later. Of a timer, that is every part that can change in these worlds.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::domain::machine::{Command, Effect, Input, Then};
use crate::domain::timer::Timer;

use super::actor::{Action, Actor, Cause, Plan};
use super::proposed::Proposed;
use super::world::{Version, World};

impl Hash for World {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Self {
            now,
            wanted: _,
            delivery: _,
            history,
            broker,
            postponed,
            actors,
            calls,
            cancelled_with_calls,
            told,
            given_up,
            replays,
            replays_wanted,
            wiped,
            mark,
            restored,
            revived,
            acting: _,
            names: _,
            journaled: _,
            left,
            given_back,
            proposed,
            flaw: _,
            broken,
        } = self;
        now.hash(hasher);
        hasher.write_usize(history.len());
        for version in history {
            (version.digest, version.revision).hash(hasher);
        }
        broker.hash(hasher);
        postponed.hash(hasher);
        actors.hash(hasher);
        calls.hash(hasher);
        (cancelled_with_calls, told, given_up, replays, replays_wanted).hash(hasher);
        (wiped, revived, broken, left, given_back).hash(hasher);
        proposed.is_some().hash(hasher);
        if let Some(Proposed { actor, version, since }) = proposed.as_deref() {
            (actor, version.digest, since).hash(hasher);
        }
        for mark in [mark, restored] {
            mark.as_ref().map(|mark| (mark.upto, mark.seq, &mark.open)).hash(hasher);
        }
    }
}

impl Hash for Actor {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Self {
            message,
            ends_first,
            cause,
            claim,
            seen,
            fresh,
            plan,
            done,
            tries,
            began,
            armed,
            older,
            calling,
            may_be_stored,
            unclear,
            mark,
            stale,
            heir,
        } = self;
        (message, claim, seen, fresh, tries, armed, calling, may_be_stored).hash(hasher);
        (mark, stale, heir, older, unclear, ends_first).hash(hasher);
        // How long a worker has been at work makes no difference.
        message.is_none().then_some(began).hash(hasher);
        match cause.as_deref() {
            None => hasher.write_u8(0),
            Some(Cause::Event(input)) => {
                hasher.write_u8(1);
                input_parts(input, hasher);
            }
            Some(Cause::Command(command)) => {
                hasher.write_u8(2);
                command_parts(command, hasher);
            }
        }
        hasher.write_u64(plan.digest);
        hasher.write_usize(*done);
    }
}

impl Version {
    pub(super) fn of(timer: Timer, revision: u64) -> Self {
        let mut hasher = DefaultHasher::new();
        timer_parts(&timer, &mut hasher);
        Self { timer: Arc::new(timer), revision, digest: hasher.finish() }
    }
}

impl Plan {
    pub(super) fn of(actions: Vec<Action>) -> Arc<Self> {
        let mut hasher = DefaultHasher::new();
        for action in &actions {
            std::mem::discriminant(action).hash(&mut hasher);
            match action {
                Action::Do(effect) => effect_parts(effect, &mut hasher),
                Action::End(then) => then_parts(then, &mut hasher),
            }
        }
        Arc::new(Self { actions, digest: hasher.finish() })
    }
}

fn timer_parts<H: Hasher>(timer: &Timer, hasher: &mut H) {
    (&timer.state, timer.created_at, timer.due_at, timer.timeout, timer.delivery).hash(hasher);
    (timer.attempts_before, timer.replayed_at, timer.attempts.len()).hash(hasher);
    for attempt in &timer.attempts {
        (attempt.number, attempt.due_at, attempt.claimed_at, attempt.finished_at).hash(hasher);
        attempt.called.result.hash(hasher);
    }
}

fn input_parts<H: Hasher>(input: &Input, hasher: &mut H) {
    std::mem::discriminant(input).hash(hasher);
    match input {
        // Name and tries are the actor's, and the node is the same for all.
        Input::Wake { .. } | Input::Restored => {}
        Input::Outcome { claim, called } => (claim, &called.result).hash(hasher),
        Input::NotMade { claim } | Input::CutOff { claim } => claim.hash(hasher),
        Input::Postponed { until } => until.hash(hasher),
    }
}

fn command_parts<H: Hasher>(command: &Command, hasher: &mut H) {
    std::mem::discriminant(command).hash(hasher);
    match command {
        Command::Cancel | Command::Fire | Command::Replay => {}
        Command::Change(change) => (change.due_at, change.timeout).hash(hasher),
    }
}

fn effect_parts<H: Hasher>(effect: &Effect, hasher: &mut H) {
    std::mem::discriminant(effect).hash(hasher);
    match effect {
        Effect::Arm { at } => at.hash(hasher),
        Effect::Store(timer) | Effect::Notify(timer) => timer_parts(timer, hasher),
        Effect::Disarm => {}
    }
}

fn then_parts<H: Hasher>(then: &Then, hasher: &mut H) {
    std::mem::discriminant(then).hash(hasher);
    match then {
        Then::Call { claim, attempt } => (claim, attempt).hash(hasher),
        Then::Hold { until } | Then::Later { until } => until.hash(hasher),
        Then::Admit | Then::Settle => {}
    }
}
