//! The state machine: how a worker's event or a client's command changes a timer, and which effects a node has to carry out.
//!
//! [`step`], for a worker, and [`obey`], for a client, are pure. They return the effects in the order in which they are to be done. A
//! node that dies has done a prefix of that list. So each prefix must leave the timer safe, and each effect must be harmless when done
//! twice. `machine_properties` cuts the list at every point.
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

mod client;
mod effects;
mod timing;
mod worker;

use std::sync::Arc;

use crate::domain::called::Called;
use crate::domain::change::Change;
use crate::domain::time::Timestamp;
use crate::domain::timer::{Claim, ClaimId, Timer};

pub use client::obey;
pub use effects::{describe, unneeded};
pub use timing::{
    ARM_FRESH, LEAD, LEASE_MARGIN, LINGER_TRIES, LONGEST_LEAD, MAX_POSTPONEMENT, lead_of, linger_delay,
    may_still_call,
};
pub use worker::step;

/// An event that a worker has to act on.
#[derive(Clone, Debug)]
pub enum Input {
    /// A wake has come, or a hold has ended.
    Wake {
        /// The name of this worker's claim. The worker draws it once, for as long as it holds the wake and has not called.
        claim: ClaimId,
        /// The name of the worker's node, for people.
        node: Arc<str>,
        /// How often this wake has been delivered, from 1.
        tries: u32,
        /// Whether the worker has a place for the call. A claim starts a lease, so a timer is claimed only with a place.
        has_place: bool,
    },
    /// The call made under this claim has ended.
    Outcome {
        /// The claim under which it was made.
        claim: ClaimId,
        /// The call's result, answer and duration.
        called: Arc<Called>,
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
}

impl Input {
    /// Whether this reports on a call that the worker had claimed.
    pub fn reports(&self) -> bool {
        match self {
            Self::Outcome { .. } | Self::NotMade { .. } => true,
            Self::Wake { .. } | Self::CutOff { .. } | Self::Postponed { .. } | Self::Restored => false,
        }
    }
}

/// A client's request about a timer.
#[derive(Clone, Debug)]
pub enum Command {
    /// The timer must not fire.
    Cancel,
    /// The timer changes.
    Change(Box<Change>),
    /// The timer fires now.
    Fire,
    /// The timer is tried again after it has failed, or after its result has remained unknown.
    Replay,
}

/// An effect: one thing that the node has to carry out.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Have the broker deliver a wake shortly before this instant, in addition to those armed before.
    Arm {
        /// When the timer is due.
        at: Timestamp,
    },
    /// Replace the record by this one, if it is still the one that was stepped from. If it is not, the rest of the step is void:
    /// read the record and step again.
    Store(Box<Timer>),
    /// Have the timer's callback made, unless it was already made for this end.
    Notify(Box<Timer>),
    /// Remove the waiting wakes that no record needs: those that were armed before this list armed its own, or all of them if it
    /// armed none. Housekeeping, after the record is stored.
    Disarm,
}

/// What a worker does with its wake once the effects are carried out.
#[derive(Clone, Debug, PartialEq)]
pub enum Then {
    /// Get a place for the call, then step again; or step with [`Input::Postponed`], if the receiver has no room. A worker that has claimed
    /// the timer and no longer has a place steps with [`Input::NotMade`] instead: the lease of its claim has begun.
    Admit,
    /// Call the receiver if it [may still be called](may_still_call), then step with [`Input::Outcome`].
    Call {
        /// The claim just stored.
        claim: Claim,
        /// The attempt's number, from 1.
        attempt: u32,
    },
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

/// A worker's next step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The effects, in order.
    pub effects: Vec<Effect>,
    /// What follows once they are carried out.
    pub then: Then,
}

impl From<Then> for Step {
    fn from(then: Then) -> Self {
        Self { effects: vec![], then }
    }
}

/// Why a client's command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The timer is being called right now.
    Firing,
    /// The timer is over, and the command is for a timer that is not.
    Final,
    /// The timer is not `failed` or `unknown`, so there is nothing to replay.
    NotReplayable,
    /// The change has a body, and the timer's method takes none.
    BodyInVain,
}

#[cfg(test)]
mod tests;
