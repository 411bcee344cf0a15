//! The state machine: how an input changes a timer, and which effects a node has to carry out.
//!
//! [`step`] is pure. It returns the effects in the order in which they are to be done. A node that dies has done a prefix of that
//! list. So each prefix must leave the timer safe, and each effect must be harmless when done twice. `machine_properties` cuts
//! the list at every point.
//!
//! **Invariant (woken in time):** whenever a stored record is `Scheduled`, the broker holds a wake that was armed for its due
//! instant or an earlier one, or, if such a wake came and its receiver had no room, for no later than [`MAX_POSTPONEMENT`] after
//! that. So a wake is armed *before* the record that needs it is stored (and no longer than [`ARM_FRESH`] before), or before the
//! wake that it replaces is settled. Arming never takes another wake away. A wake is removed only once the timer can never be
//! scheduled again, or if it was armed before the wake of a later record and that record is stored. A wake that finds a record
//! which does not need it lingers until the node that armed it must have stored its record.
//!
//! **Invariant (a postponement is not an attempt):** it stores nothing, unless the timer would wait past its deadline. Then the
//! timer is over. A postponement is about the receiver, as one node sees it at the moment, and not about the timer.
//!
//! **Invariant (a call that was not made is not an attempt):** a claim that is given back leaves the timer as it was before, with
//! the same number and instant. Only a node that knows that no byte of the request was written may give a claim back.
//!
//! **Invariant (watched):** whenever a stored record is `Firing`, the broker holds a wake, so that a worker looks at the timer
//! again if the claimant dies. So a wake is settled last, and never by a worker that has lost the claim.
//!
//! **Invariant (a wake is a hint):** a wake makes a worker look at the record, and the record alone decides. Early, late,
//! duplicated and stale wakes are therefore harmless. A wake names the receiver that its timer had when the wake was armed. That
//! name decides only when the wake has its turn, and it may be out of date by then.

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
    ARM_FRESH, LEAD, LEASE_MARGIN, LINGER_TRIES, LONGEST_LEAD, MAX_POSTPONEMENT, lead_of, linger_delay,
    may_still_call,
};

/// An input of the state machine: an event, or a client's request.
#[derive(Clone, Debug)]
pub enum Input {
    /// A wake has come, or a hold has ended. If the timer is due, this node claims it under this name.
    Wake {
        /// The claim's name. The worker draws it once, for as long as it holds the wake and has not called.
        claim: ClaimId,
        /// The name of the worker's node, for people.
        node: String,
        /// How often this wake has been delivered, from 1.
        tries: u32,
    },
    /// The call made under this claim has ended.
    Outcome {
        /// The claim under which it was made.
        claim: ClaimId,
        /// The call's result, answer and duration.
        called: Box<Called>,
    },
    /// The call under this claim was not made and will not be made: nothing of its request was written.
    NotMade {
        /// The claim under which it was to be made.
        claim: ClaimId,
    },
    /// The node that was making the call under this claim has died. Its request may have been on its way.
    CutOff {
        /// The claim under which it was made.
        claim: ClaimId,
    },
    /// The timer is due, but its receiver has no room for it before this instant.
    Postponed {
        /// When to try again; at most [`MAX_POSTPONEMENT`] from now.
        until: Timestamp,
    },
    /// The record is an older version of the timer that was brought back (see
    /// [`HighWater`](crate::domain::high_water::HighWater)): the timer must have been over.
    Restored,
    /// A client wants the timer not to fire.
    Cancel,
    /// A client wants to change the timer.
    Change(Box<Change>),
    /// A client wants the timer to fire now.
    Fire,
    /// A client wants the timer to be tried again after it has failed, or after its result has remained unknown.
    Replay,
}

impl Input {
    /// The URL that the timer calls from then on, if this input changes it.
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

/// An effect: one step that the node has to carry out.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Have the broker deliver a wake shortly before this instant, in addition to those armed before.
    Arm {
        /// When the timer is due.
        at: Timestamp,
    },
    /// Replace the record by this one, if it is still the one that was stepped from. If it is not, the effects after this one are
    /// void: read the record and step again.
    Store(Box<Timer>),
    /// Call the receiver if it [may still be called](may_still_call), then step with
    /// [`Input::Outcome`].
    Call {
        /// The claim just stored.
        claim: Claim,
        /// The attempt's number, from 1.
        attempt: u32,
    },
    /// Have the timer's callback made, unless it was already made for this end.
    Notify(Box<Timer>),
    /// Remove the waiting wakes that no record needs: those that were armed before this list armed its own, or all of them if it
    /// armed none. Housekeeping, after the record is stored.
    Disarm,
    /// Keep the wake in this worker, then step again at this instant.
    Hold {
        /// When the timer is due.
        until: Timestamp,
    },
    /// Let the wake come again at this instant. It is too early, another worker has claimed the timer, or a record that needs the
    /// wake may be on its way.
    Later {
        /// When to look at the timer again, and no later than the end of a claim's lease.
        until: Timestamp,
    },
    /// Acknowledge the wake: it is no longer needed.
    Settle,
}

/// Why a client's input is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The timer is being called right now.
    Firing,
    /// The timer is over, and the client's input is for a timer that is not.
    Final,
    /// The timer is not `failed` or `unknown`, so there is nothing to replay.
    NotReplayable,
    /// The change has a body, and the timer's method takes none.
    BodyInVain,
}

/// Applies `input` to `timer`, and returns the effects to be done, in order.
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
                // If the server's clock is ahead of ours, this is the timer's own wake.
                let soon = now.after(linger_delay(tries));
                vec![Effect::Later { until: soon.min(at.saturating_sub(now.pace.by_the_clock(LEAD))) }]
            } else {
                // None of our own steps leads here without a wake in place. But arming costs little, and replaces a wake that an
                // accident has removed.
                vec![Effect::Arm { at: *at }, Effect::Settle]
            })
        }
        (State::Firing { attempt, claim }, Input::Wake { claim: mine, .. }) if claim.id == mine => {
            // The claim is our own, and its call has not begun: the answer to the write of the claim was lost.
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
        // A replay may be on its way, or the claimant is alive after all and about to schedule the next attempt. This may be the
        // wake that was armed for it.
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
        // The claim is lost: another worker has taken the timer over. That worker may hold the same wake. If it dies, no other
        // wake is left, so this one is not settled.
        (
            State::Scheduled { .. } | State::Firing { .. } | State::Unknown { .. } | State::Failed { .. },
            Input::Outcome { .. } | Input::NotMade { .. } | Input::CutOff { .. },
        ) => Ok(vec![linger(1, now)]),
        (
            State::Delivered { .. } | State::Cancelled { .. },
            Input::Outcome { .. } | Input::NotMade { .. } | Input::CutOff { .. },
        ) => Ok(notified(timer, vec![Effect::Settle])),

        // Another worker had room and has claimed the timer meanwhile. This wake may be the only one that watches that claim, so
        // it is not exchanged for one that comes long after the claim's lease.
        (State::Firing { claim, .. }, Input::Postponed { .. }) if claim.lease_until > now.at => {
            Ok(vec![linger(1, now)])
        }
        // A postponement rests on the same record as the claim that it replaces. That record may be a moment old: a wake for
        // another instant than the needed one does no harm.
        (State::Scheduled { attempt, .. }, Input::Postponed { until }) => {
            Ok(postponed(timer, *attempt, until, now))
        }
        (State::Firing { .. }, Input::Postponed { until }) => Ok(vec![again(until, now), Effect::Settle]),

        // The claimant may be alive and about to report an outcome.
        (State::Firing { claim, .. }, Input::Restored) if claim.lease_until > now.at => {
            Ok(vec![linger(1, now)])
        }
        // It is not called again, whatever its delivery mode: the promise about it was kept, by calls or by a cancellation.
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
            // A wake that names the old receiver might wait in turn with the timers of that receiver.
            let at = change.due_at.or_else(|| change.is_of_another_receiver(timer).then_some(*at));
            let changed = change.applied_to(timer);
            Ok(match at {
                Some(at) => moved(changed, at),
                None => vec![Effect::Store(Box::new(changed))],
            })
        }
        // It is due, so it fires anyway.
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
