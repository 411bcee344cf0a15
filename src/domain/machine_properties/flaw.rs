//! Bugs that somebody could write, each of which the checks must find: none of them is in the code.
//!
//! Those of the rules change the list of effects that the real `step` returns; those of the engine and the broker
//! change how the world does them.

use crate::domain::attempt::Delivery;
use crate::domain::machine::{Effect, Input, Refusal, step};
use crate::domain::time::Timestamp;
use crate::domain::timer::{State, Timer};

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Flaw {
    /// A claim is written without a look at the record's revision.
    ClaimWithoutSwap,
    /// An outcome likewise.
    OutcomeWithoutSwap,
    /// A cancellation likewise.
    CancelWithoutSwap,
    /// The wake is acknowledged once the timer is claimed, not once its outcome is stored.
    SettleBeforeOutcome,
    /// The record is stored before the wake is armed that it needs.
    StoreBeforeArm,
    /// A claim whose claimant is dead is made anew, although the timer is to be called at most once.
    TakeOverCalls,
    /// An outcome is stored whoever has claimed the timer meanwhile.
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
    /// A client's wish is stepped again though an earlier try may have been stored.
    RepeatUnclear,
    /// The claim has another name at each try, so that a worker does not know its own.
    NewNameAtEachTry,
    /// A sweep that finds a claim unwatched writes the timer back as waiting, instead of having somebody look.
    SweepRewritesTheRecord,
    /// A sweep takes wakes without a record away, however young they are.
    SweepOfYoungWakes,
    /// A sweep takes a wake that was settled and is still there for one that comes.
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
    /// A claim that is given back is a record that waits without a wake.
    GivenBackUnarmed,
    /// A move removes wakes that were armed after its own.
    DisarmOfLaterWakes,
    /// A move removes the wakes of the old record before the new one is stored.
    DisarmBeforeStore,
    /// A node whose clock is off gives back a wake though it does not know whether its claim is stored.
    PutsUnclearClaimsAside,
    /// A node settles a wake if it has another one of the timer, whatever it is about to do with that.
    GivesWayToAnyWake,
}

/// What `step` says, or what it would with this flaw.
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
