//! The state machine: what a timer becomes of an input, and what has to be done about it.
//!
//! [`step`] is pure. It returns the effects in the order in which they are to be done; a node that
//! dies does a prefix of that list, so each prefix must leave the timer safe, and each effect must
//! be harmless when done twice. `machine_properties` cuts the list at every point.
//!
//! **Invariant (woken in time):** whenever a stored record is `Scheduled`, the broker holds a wake
//! that was armed for its due instant or an earlier one, or for no later than [`MAX_POSTPONEMENT`] after
//! such a wake came and its receiver had no room. So a wake is armed *before* the record that
//! needs it is stored (and no longer than [`ARM_FRESH`] before), or before the wake that it takes the place of is
//! settled; arming never takes another wake
//! away, a wake is removed only if it was armed before the wake of a later record, and after that record is stored, or
//! once the timer can never be scheduled again; and a wake that finds a
//! record which does not need it lingers until whoever armed it must have stored theirs.
//!
//! **Invariant (a postponement is no attempt):** it stores nothing, unless the timer would wait past its deadline and so is
//! over. It is about the receiver, as one node sees it at the moment, and not about the timer.
//!
//! **Invariant (a call that was not made is no attempt):** a claim that is given back leaves the timer as it was before, with
//! the same number and instant. Only who knows that no byte of the request was written may say so.
//!
//! **Invariant (watched):** whenever a stored record is `Firing`, the broker holds a wake, so that
//! somebody looks at the timer again if the claimant dies. So a wake is settled last, and never by
//! one who has lost the claim.
//!
//! **Invariant (a wake is a hint):** a wake makes a worker look at the record, and the record alone decides. Early, late,
//! duplicated and stale wakes are therefore harmless. A wake names the receiver that its timer had when it was armed. That
//! decides only when it is its turn to be looked at, and may be out of date by then.

mod effects;
mod timing;

use crate::domain::called::Called;
use crate::domain::change::Change;
use crate::domain::target::TargetUrl;
use crate::domain::time::{Now, Timestamp};
use crate::domain::timer::{Claim, ClaimId, Doubt, State, Timer};
use effects::{
    again, claimed, concluded, cut_off, ended, given_back, linger, moved, notified, postponed, rescheduled,
    store, taken_over,
};

pub use effects::{describe, unneeded};
pub use timing::{
    ARM_FRESH, LEAD, LEASE_MARGIN, LINGER_TRIES, MAX_POSTPONEMENT, linger_delay, may_still_call,
};

/// What can happen to a timer.
#[derive(Clone, Debug)]
pub enum Input {
    /// A wake has come, or the time of a hold is over. If the timer is due it is claimed under
    /// this name by this node.
    Wake {
        /// Drawn by the worker, once for as long as it holds the wake and has not called.
        claim: ClaimId,
        /// The worker's node.
        node: String,
        /// How often this wake has been delivered, from 1.
        tries: u32,
    },
    /// The call made under this claim has ended.
    Outcome {
        /// The claim under which it was made.
        claim: ClaimId,
        /// What came of it.
        called: Box<Called>,
    },
    /// The call under this claim was not made, and is not going to be: nothing of its request was written.
    NotMade {
        /// The claim under which it was to be made.
        claim: ClaimId,
    },
    /// Whoever was making the call under this claim has died, and its request may have been on its way.
    CutOff {
        /// The claim under which it was made.
        claim: ClaimId,
    },
    /// The timer was found due, and its receiver has no room for it before this instant.
    Postponed {
        /// When to try again; at most [`MAX_POSTPONEMENT`] from now.
        until: Timestamp,
    },
    /// The record is an older version of the timer that was brought back (see
    /// [`HighWater`](crate::domain::high_water::HighWater)): the timer must have been over.
    Restored,
    /// A client wants it not to fire.
    Cancel,
    /// A client wants it to be otherwise.
    Change(Box<Change>),
    /// A client wants it to fire now.
    Fire,
    /// A client wants it to be tried again after it has failed, or nobody knows whether it has.
    Replay,
}

impl Input {
    /// What the timer calls from then on, if that changes.
    pub fn new_url(&self) -> Option<&TargetUrl> {
        match self {
            Self::Change(change) => change.url.as_ref(),
            Self::Wake { .. }
            | Self::Outcome { .. }
            | Self::NotMade { .. }
            | Self::CutOff { .. }
            | Self::Postponed { .. }
            | Self::Restored
            | Self::Cancel
            | Self::Fire
            | Self::Replay => None,
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Have the broker deliver a wake shortly before this instant, beside any armed before.
    Arm {
        /// When the timer is due.
        at: Timestamp,
    },
    /// Replace the record by this one, if it is still the one that was stepped from. If it is not,
    /// the effects after this one are void: read the record and step again.
    Store(Box<Timer>),
    /// Call the receiver if it [may still be called](may_still_call), then step with
    /// [`Input::Outcome`].
    Call {
        /// The claim just stored.
        claim: Claim,
        /// The attempt's number.
        attempt: u32,
    },
    /// Have the timer's callback made, if it has none yet for this end.
    Notify(Box<Timer>),
    /// Remove the waiting wakes that no record needs any more: those that were armed before this list armed its own, or
    /// all of them if it armed none. Housekeeping, after the record is stored.
    Disarm,
    /// Keep the wake in this worker, then step again at this instant.
    Hold {
        /// When the timer is due.
        until: Timestamp,
    },
    /// Let the wake come again at this instant: someone else is at work on the timer.
    Later {
        /// When the claim's lease ends.
        until: Timestamp,
    },
    /// Acknowledge the wake: it has done its duty.
    Settle,
}

/// Why a client's input is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is being called right now.
    Firing,
    /// It is over, and the wish is about one that is not.
    Final,
    /// It has not failed, so there is nothing to replay.
    NotReplayable,
    /// The change has a body, and the timer's method takes none.
    BodyInVain,
}

/// What `timer` becomes of `input`, as the effects to be done in order.
///
/// # Errors
///
/// A [`Refusal`] of a client's input: it comes too late, or does not fit this timer.
pub fn step(timer: &Timer, input: Input, now: impl Into<Now>) -> Result<Vec<Effect>, Refusal> {
    let now: Now = now.into();
    match (&timer.state, input) {
        (State::Scheduled { attempt, at }, Input::Wake { claim, node, tries }) => {
            Ok(if *at <= now.at {
                claimed(timer, *attempt, *at, claim, node, now)
            } else if *at <= now.after(LEAD) {
                vec![Effect::Hold { until: *at }]
            } else if tries < LINGER_TRIES {
                // If the server's clock is ahead of ours this is the timer's own wake.
                let soon = now.after(linger_delay(tries));
                vec![Effect::Later { until: soon.min(at.saturating_sub(now.pace.by_the_clock(LEAD))) }]
            } else {
                // Nothing of ours leads here without a wake in place, but arming costs little and
                // mends what an accident has removed.
                vec![Effect::Arm { at: *at }, Effect::Settle]
            })
        }
        (State::Firing { attempt, claim }, Input::Wake { claim: mine, .. }) if claim.id == mine => {
            // Ours, and not called yet: the answer to the write of the claim was lost.
            Ok(vec![Effect::Call { claim: claim.clone(), attempt: *attempt }])
        }
        (State::Firing { attempt, claim }, Input::Wake { claim: mine, node, tries }) => {
            Ok(if claim.lease_until > now.at {
                let soon = now.after(linger_delay(tries));
                vec![Effect::Later { until: claim.lease_until.min(soon) }]
            } else {
                taken_over(timer, *attempt, claim, mine, node, now)
            })
        }
        (State::Unknown { attempt, doubt: Doubt::NoOutcome(claim), .. }, Input::Wake { claim: mine, .. })
            if claim.id == mine =>
        {
            let called = Called::not_made("the claim was stored too late to call");
            Ok(concluded(timer, *attempt, claim, called, now))
        }
        // A replay may be on its way, or the claimant is alive after all and about to schedule the next
        // attempt: this may be the wake that was armed for it.
        (State::Unknown { .. } | State::Failed { .. }, Input::Wake { tries, .. }) => {
            Ok(notified(timer, unneeded(tries, now)))
        }
        (State::Delivered { .. } | State::Cancelled { .. }, Input::Wake { .. }) => {
            Ok(notified(timer, vec![Effect::Settle]))
        }

        (
            State::Firing { attempt, claim } | State::Unknown { attempt, doubt: Doubt::NoOutcome(claim), .. },
            Input::Outcome { claim: mine, called },
        ) if claim.id == mine => Ok(concluded(timer, *attempt, claim, *called, now)),
        (
            State::Firing { attempt, claim } | State::Unknown { attempt, doubt: Doubt::NoOutcome(claim), .. },
            Input::NotMade { claim: mine },
        ) if claim.id == mine => Ok(given_back(timer, *attempt, claim)),
        (State::Firing { attempt, claim }, Input::CutOff { claim: mine }) if claim.id == mine => {
            Ok(cut_off(timer, *attempt, claim, now))
        }
        // The claim is lost: another has taken the timer over. The wake may be the very one that the
        // other holds too, and it is all there is if the other dies, so it is not settled.
        (
            State::Scheduled { .. } | State::Firing { .. } | State::Unknown { .. } | State::Failed { .. },
            Input::Outcome { .. } | Input::NotMade { .. } | Input::CutOff { .. },
        ) => Ok(vec![linger(1, now)]),
        (
            State::Delivered { .. } | State::Cancelled { .. },
            Input::Outcome { .. } | Input::NotMade { .. } | Input::CutOff { .. },
        ) => Ok(notified(timer, vec![Effect::Settle])),

        // Somebody else had room and has claimed it meanwhile: the wake may be the only one that watches that claim, and
        // is not exchanged for one that comes long after its lease.
        (State::Firing { claim, .. }, Input::Postponed { .. }) if claim.lease_until > now.at => {
            Ok(vec![linger(1, now)])
        }
        // Of the same record as the claim that it takes the place of, which may be a moment old: another wake than is
        // needed does no harm.
        (State::Scheduled { attempt, .. }, Input::Postponed { until }) => {
            Ok(postponed(timer, *attempt, until, now))
        }
        (State::Firing { .. }, Input::Postponed { until }) => Ok(vec![again(until, now), Effect::Settle]),

        // Its claimant may be alive and about to report an outcome.
        (State::Firing { claim, .. }, Input::Restored) if claim.lease_until > now.at => {
            Ok(vec![linger(1, now)])
        }
        // Not called again, whatever its delivery mode: it was called, or cancelled, as far as it was promised.
        (State::Scheduled { attempt, .. } | State::Firing { attempt, .. }, Input::Restored) => {
            Ok(ended(timer, State::Unknown { attempt: *attempt, doubt: Doubt::Restored, at: now.at }))
        }

        (State::Unknown { .. } | State::Failed { .. }, Input::Postponed { .. } | Input::Restored) => {
            Ok(vec![linger(1, now)])
        }
        (State::Delivered { .. } | State::Cancelled { .. }, Input::Postponed { .. } | Input::Restored) => {
            Ok(notified(timer, vec![Effect::Settle]))
        }
        (State::Scheduled { .. }, Input::Cancel) => {
            Ok(vec![store(&timer.giving_up(), State::Cancelled { at: now.at }), Effect::Disarm])
        }
        (State::Cancelled { .. }, Input::Cancel) => Ok(vec![]),
        (State::Scheduled { at, .. }, Input::Change(change)) => {
            if change.has_a_body_in_vain(timer) {
                return Err(Refusal::BodyInVain);
            }
            // A wake that names another receiver might wait in turn with the timers of that one.
            let at = change.due_at.or_else(|| change.is_of_another_receiver(timer).then_some(*at));
            let changed = change.applied_to(timer);
            Ok(match at {
                Some(at) => moved(changed, at),
                None => vec![Effect::Store(Box::new(changed))],
            })
        }
        // It is fired anyway.
        (State::Scheduled { at, .. }, Input::Fire) if *at <= now.at => Ok(vec![]),
        (State::Scheduled { attempt, .. }, Input::Fire) => {
            let state = State::Scheduled { attempt: *attempt, at: now.at };
            let due_at = timer.due_at.min(now.at);
            Ok(moved(Timer { due_at, state, ..timer.giving_up() }, now.at))
        }
        (State::Failed { attempt, .. } | State::Unknown { attempt, .. }, Input::Replay) => {
            let state = State::Scheduled { attempt: attempt.saturating_add(1), at: now.at };
            let replayed_at = Some(now.at);
            Ok(rescheduled(Timer { attempts_before: *attempt, replayed_at, state, ..timer.clone() }, now.at))
        }
        (
            State::Scheduled { .. }
            | State::Firing { .. }
            | State::Delivered { .. }
            | State::Cancelled { .. },
            Input::Replay,
        ) => Err(Refusal::NotReplayable),
        (State::Firing { .. }, Input::Cancel | Input::Change(_) | Input::Fire) => Err(Refusal::Firing),
        (State::Delivered { .. } | State::Failed { .. } | State::Unknown { .. }, Input::Cancel)
        | (
            State::Delivered { .. } | State::Failed { .. } | State::Cancelled { .. } | State::Unknown { .. },
            Input::Change(_) | Input::Fire,
        ) => Err(Refusal::Final),
    }
}

#[cfg(test)]
mod tests;
