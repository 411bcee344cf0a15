//! Bugs that a developer could write, each of which the checks must find. None of them is in the code.
//!
//! The flaws of the rules change the actions that the real `step` and `obey` return. The flaws of the engine and the broker change how
//! the world does these actions.

use crate::domain::attempt::Delivery;
use crate::domain::machine::{Command, Effect, Input, Refusal, Then, obey, step};
use crate::domain::time::Timestamp;
use crate::domain::timer::{State, Timer};

use super::actor::{Action, Actor, Cause};
use super::world::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Flaw {
    /// A claim is written without a check of the record's revision.
    ClaimWithoutSwap,
    /// An outcome is written without a check of the record's revision.
    OutcomeWithoutSwap,
    /// A cancellation is written without a check of the record's revision.
    CancelWithoutSwap,
    /// The wake is acknowledged once the timer is claimed, not once its outcome is stored.
    SettleBeforeOutcome,
    /// The record is stored before the wake that it needs is armed.
    StoreBeforeArm,
    /// A timer whose claimant is dead is claimed again, although it is to be called at most once.
    TakeOverCalls,
    /// An outcome is stored even if another worker has claimed the timer meanwhile.
    AnyOutcome,
    /// A call is made however long ago its claim was stored.
    CallUnderAnOldClaim,
    /// A timer is claimed when its wake comes, not when it is due.
    NoHolding,
    /// A wake that finds nothing to do is acknowledged at once.
    NoLingering,
    /// A wake is acknowledged on the word of a replica.
    SettleOnAReplica,
    /// Arming a wake takes the timer's other one away.
    OneWakeOfATimer,
    /// A client's command is applied again, although an earlier try may have been stored.
    RepeatUnclear,
    /// A write that is refused because another one is on its way is taken for a write that has lost.
    RefusalIsFinal,
    /// The claim has another name at each try, so that a worker does not recognise its own.
    NewNameAtEachTry,
    /// A sweep that finds a claim unwatched writes the timer back as waiting, instead of arming a wake.
    SweepRewritesTheRecord,
    /// A sweep takes wakes without a record away, however young they are.
    SweepOfYoungWakes,
    /// A sweep takes a wake that was settled and is still there for one that will come.
    SweepBelievesSettledWakes,
    /// A record that the broker brought back is believed.
    RestoredIsBelieved,
    /// The high-water mark does not list the timers that were open when it was made.
    MarkWithoutOpenTimers,
    /// A restore leaves out the timers that the last sweep saw open.
    RestoreLeavesOutOpenTimers,
    /// The high-water mark judges records that were written after it was made.
    MarkOfLaterRecords,
    /// A client's command is applied to a record that the broker brought back.
    CommandOnRestored,
    /// A successor gives back a call that was on its way.
    HeirGivesBackCalls,
    /// The slot of a place that is given up keeps its mark, though the claim goes on with another place.
    GivenUpSlotsStay,
    /// A successor believes the journal whatever claim the record has.
    HeirOfAnyClaim,
    /// A request is marked as written after its first byte.
    MarkAfterFirstByte,
    /// A node that stops gives back a call whose request is marked as written.
    StopGivesBackCalls,
    /// A claim is given back, but no wake is armed for the record that waits again.
    GivenBackUnarmed,
    /// A move removes wakes that were armed after its own.
    DisarmOfLaterWakes,
    /// A move removes the wakes of the old record before the new one is stored.
    DisarmBeforeStore,
    /// A node whose clock is off gives back a wake, although it does not know whether its claim is stored.
    PutsUnclearClaimsAside,
    /// A worker that must not call now, or has no place, leaves the claim that it has stored.
    LeavesItsClaim,
    /// A node settles a wake if it has another wake of the timer, whatever it is about to do with the other one.
    GivesWayToAnyWake,
}

impl World {
    /// Whether the actor writes this version over whichever record there is.
    pub(super) fn writes_blindly(&self, actor: &Actor, timer: &Timer) -> bool {
        match timer.state {
            State::Firing { .. } => self.has(Flaw::ClaimWithoutSwap),
            State::Cancelled { .. } => self.has(Flaw::CancelWithoutSwap),
            State::Scheduled { .. }
            | State::Delivered { .. }
            | State::Failed { .. }
            | State::Unknown { .. } => {
                self.has(Flaw::OutcomeWithoutSwap) && matches!(actor.event(), Some(Input::Outcome { .. }))
            }
        }
    }
}

/// The actions that the rules return for the cause, or those that they return with this flaw.
pub(super) fn flawed_step(
    flaw: Option<Flaw>,
    timer: &Timer,
    cause: Cause,
    now: Timestamp,
) -> Result<Vec<Action>, Refusal> {
    let Some(flaw) = flaw else { return sound_step(timer, cause, now) };
    match (flaw, cause, &timer.state) {
        (Flaw::TakeOverCalls, cause @ Cause::Event(Input::Wake { .. }), State::Firing { .. }) => {
            sound_step(&Timer { delivery: Delivery::AtLeastOnce, ..timer.clone() }, cause, now)
        }
        (Flaw::AnyOutcome, Cause::Event(Input::Outcome { called, .. }), State::Firing { claim, .. }) => {
            sound_step(timer, Input::Outcome { claim: claim.id, called }.into(), now)
        }
        (Flaw::NoHolding, cause @ Cause::Event(Input::Wake { .. }), State::Scheduled { .. }) => {
            match sound_step(timer, cause.clone(), now)?.as_slice() {
                [Action::End(Then::Hold { until })] => sound_step(timer, cause, *until),
                actions => Ok(actions.to_vec()),
            }
        }
        (Flaw::SettleBeforeOutcome, cause, _) => {
            let mut actions = sound_step(timer, cause, now)?;
            if let Some(call) =
                actions.iter().position(|action| matches!(action, Action::End(Then::Call { .. })))
            {
                actions.insert(call, Action::End(Then::Settle));
            }
            Ok(actions)
        }
        (Flaw::GivenBackUnarmed, cause @ Cause::Event(Input::NotMade { .. }), _) => {
            let mut actions = sound_step(timer, cause, now)?;
            actions.retain(|action| !matches!(action, Action::Do(Effect::Arm { .. })));
            Ok(actions)
        }
        (Flaw::DisarmBeforeStore, cause @ Cause::Command(Command::Change(_) | Command::Fire), _) => {
            let mut actions = sound_step(timer, cause, now)?;
            if let [Action::Do(Effect::Arm { .. }), _, Action::Do(Effect::Disarm)] = actions.as_slice() {
                actions.swap(1, 2);
            }
            Ok(actions)
        }
        (Flaw::StoreBeforeArm, cause, _) => {
            let mut actions = sound_step(timer, cause, now)?;
            if let [Action::Do(Effect::Arm { .. }), Action::Do(Effect::Store(_)), ..] = actions.as_slice() {
                actions.swap(0, 1);
            }
            Ok(actions)
        }
        (_, cause, _) => sound_step(timer, cause, now),
    }
}

fn sound_step(timer: &Timer, cause: Cause, now: Timestamp) -> Result<Vec<Action>, Refusal> {
    match cause {
        Cause::Event(input) => Ok(Action::of_step(step(timer, input, now))),
        Cause::Command(command) => obey(timer, command, now).map(Action::of_effects),
    }
}
