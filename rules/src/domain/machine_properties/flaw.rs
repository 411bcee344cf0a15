//! Bugs that a developer could write, each of which the checks must find. None of them is in the code.
//!
//! The flaws of the rules change the list of effects that the real `step` returns. The flaws of the engine and the broker change
//! how the world does the effects.

use crate::domain::attempt::Delivery;
use crate::domain::machine::{Effect, Input, Refusal, step};
use crate::domain::time::Timestamp;
use crate::domain::timer::{State, Timer};

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
    /// A client's input is stepped again, although an earlier try may have been stored.
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
    /// A successor gives back a call that was on its way.
    HeirGivesBackCalls,
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
    /// A node settles a wake if it has another wake of the timer, whatever it is about to do with the other one.
    GivesWayToAnyWake,
}

/// The result of `step`, or its result with this flaw.
pub(super) fn flawed_step(
    flaw: Option<Flaw>,
    timer: &Timer,
    input: Input,
    now: Timestamp,
) -> Result<Vec<Effect>, Refusal> {
    let Some(flaw) = flaw else { return step(timer, input, now) };
    match (flaw, &input, &timer.state) {
        (Flaw::TakeOverCalls, Input::Wake { .. }, State::Firing { .. }) => {
            step(&Timer { delivery: Delivery::AtLeastOnce, ..timer.clone() }, input, now)
        }
        (Flaw::AnyOutcome, Input::Outcome { called, .. }, State::Firing { claim, .. }) => {
            step(timer, Input::Outcome { claim: claim.id, called: called.clone() }, now)
        }
        (Flaw::NoHolding, Input::Wake { .. }, State::Scheduled { .. }) => {
            match step(timer, input.clone(), now)?.as_slice() {
                [Effect::Hold { until }] => step(timer, input, *until),
                effects => Ok(effects.to_vec()),
            }
        }
        (Flaw::SettleBeforeOutcome, _, _) => {
            let mut effects = step(timer, input, now)?;
            if let Some(call) = effects.iter().position(|effect| matches!(effect, Effect::Call { .. })) {
                effects.insert(call, Effect::Settle);
            }
            Ok(effects)
        }
        (Flaw::GivenBackUnarmed, Input::NotMade { .. }, _) => {
            let mut effects = step(timer, input, now)?;
            effects.retain(|effect| !matches!(effect, Effect::Arm { .. }));
            Ok(effects)
        }
        (Flaw::DisarmBeforeStore, Input::Change(_) | Input::Fire, _) => {
            let mut effects = step(timer, input, now)?;
            if let [Effect::Arm { .. }, Effect::Store(_), Effect::Disarm] = effects.as_slice() {
                effects.swap(1, 2);
            }
            Ok(effects)
        }
        (Flaw::StoreBeforeArm, _, _) => {
            let mut effects = step(timer, input, now)?;
            if let [Effect::Arm { .. }, Effect::Store(_), ..] = effects.as_slice() {
                effects.swap(0, 1);
            }
            Ok(effects)
        }
        _ => step(timer, input, now),
    }
}
