//! A worker's events: what each does to a timer in each state.

use std::sync::Arc;

use super::effects::{
    again, claimed, concluded, cut_off, ended, given_back, linger, notified, postponed, taken_over, unneeded,
};
use super::timing::{LEAD, LINGER_TRIES, linger_delay};
use super::{Effect, Input, Step, Then};
use crate::domain::called::Called;
use crate::domain::time::{Now, Timestamp};
use crate::domain::timer::{Claim, ClaimId, Doubt, State, Timer};

/// A wake that has come, or a hold that has ended, as [`Input::Wake`] describes it.
struct Wake {
    claim: ClaimId,
    node: Arc<str>,
    tries: u32,
    has_place: bool,
}

/// Applies a worker's `input` to `timer`. A worker is never refused: it could do nothing for its timer, which would then wait forever.
pub fn step(timer: &Timer, input: Input, now: impl Now) -> Step {
    match input {
        Input::Wake { claim, node, tries, has_place } => {
            woken(timer, Wake { claim, node, tries, has_place }, now)
        }
        Input::Outcome { claim: mine, called } => match reported(timer, mine) {
            Some((attempt, claim)) => concluded(timer, attempt, claim, called, now),
            None => in_vain(timer, now),
        },
        Input::NotMade { claim: mine } => match reported(timer, mine) {
            Some((attempt, claim)) => given_back(timer, attempt, claim),
            None => in_vain(timer, now),
        },
        Input::CutOff { claim: mine } => match &timer.state {
            State::Firing { attempt, claim } if claim.id == mine => cut_off(timer, *attempt, claim, now),
            State::Scheduled { .. }
            | State::Firing { .. }
            | State::Delivered { .. }
            | State::Failed { .. }
            | State::Cancelled { .. }
            | State::Unknown { .. } => in_vain(timer, now),
        },
        Input::Postponed { until } => held_up(timer, until, now),
        Input::Restored => restored(timer, now),
    }
}

fn woken(timer: &Timer, wake: Wake, now: impl Now) -> Step {
    match &timer.state {
        State::Scheduled { attempt, at } => awaited(timer, *attempt, *at, wake, now),
        // The claim is our own, and its call has not begun: the answer to the write of the claim was lost.
        State::Firing { attempt, claim } if claim.id == wake.claim => {
            if wake.has_place {
                Then::Call { claim: claim.clone(), attempt: *attempt }.into()
            } else {
                Then::Admit.into()
            }
        }
        State::Firing { claim, .. } if claim.lease_until > now.at() => {
            let soon = now.after(linger_delay(wake.tries));
            Then::Later { until: claim.lease_until.min(soon) }.into()
        }
        State::Firing { attempt, claim } => {
            taken_over(timer, *attempt, claim, wake.claim, wake.node, wake.has_place, now)
        }
        State::Unknown { attempt, doubt: Doubt::NoOutcome(claim), .. } if claim.id == wake.claim => {
            let called = Arc::new(Called::not_made("the claim was stored too late to call"));
            concluded(timer, *attempt, claim, called, now)
        }
        // A replay may be on its way, or the claimant is alive after all and about to schedule the next attempt. This may be the
        // wake that was armed for it.
        State::Unknown { .. } | State::Failed { .. } => notified(timer, unneeded(wake.tries, now)),
        State::Delivered { .. } | State::Cancelled { .. } => notified(timer, Then::Settle),
    }
}

/// A wake of a timer that waits for this attempt, which is due at this instant.
fn awaited(timer: &Timer, attempt: u32, at: Timestamp, wake: Wake, now: impl Now) -> Step {
    let Wake { claim, node, tries, has_place } = wake;
    if at <= now.at() && !has_place {
        Then::Admit.into()
    } else if at <= now.at() {
        claimed(timer.clone(), attempt, at, claim, node, now)
    } else if at <= now.after(LEAD) {
        Then::Hold { until: at }.into()
    } else if tries < LINGER_TRIES {
        // If the server's clock is ahead of ours, this is the timer's own wake.
        let soon = now.after(linger_delay(tries));
        Then::Later { until: soon.min(at.saturating_sub(now.by_the_clock(LEAD))) }.into()
    } else {
        // None of our own steps leads here without a wake in place. But arming costs little, and replaces a wake that an
        // accident has removed.
        Step { effects: vec![Effect::Arm { at }], then: Then::Settle }
    }
}

/// The attempt that the holder of this claim may report on, and its claim. `None` if the claim is lost: another worker has taken the
/// timer over.
fn reported(timer: &Timer, mine: ClaimId) -> Option<(u32, &Claim)> {
    match &timer.state {
        State::Firing { attempt, claim } | State::Unknown { attempt, doubt: Doubt::NoOutcome(claim), .. } => {
            (claim.id == mine).then_some((*attempt, claim))
        }
        State::Scheduled { .. }
        | State::Delivered { .. }
        | State::Failed { .. }
        | State::Cancelled { .. }
        | State::Unknown { doubt: Doubt::Restored, .. } => None,
    }
}

/// The event changes nothing about the timer. Unless the timer is over for good, another worker may hold the same wake. If that worker
/// dies, no other wake is left, so this one is not settled.
fn in_vain(timer: &Timer, now: impl Now) -> Step {
    match timer.state {
        State::Scheduled { .. } | State::Firing { .. } | State::Unknown { .. } | State::Failed { .. } => {
            linger(1, now).into()
        }
        State::Delivered { .. } | State::Cancelled { .. } => notified(timer, Then::Settle),
    }
}

/// The receiver has no room before `until`.
fn held_up(timer: &Timer, until: Timestamp, now: impl Now) -> Step {
    match &timer.state {
        // A postponement rests on the same record as the claim that it replaces. That record may be a moment old: a wake for
        // another instant than the needed one does no harm.
        State::Scheduled { attempt, .. } => postponed(timer, *attempt, until, now),
        // Another worker had room and has claimed the timer meanwhile. This wake may be the only one that watches that claim, so
        // it is not exchanged for one that comes long after the claim's lease.
        State::Firing { claim, .. } if claim.lease_until > now.at() => in_vain(timer, now),
        State::Firing { .. } => again(until, now),
        State::Unknown { .. } | State::Failed { .. } | State::Delivered { .. } | State::Cancelled { .. } => {
            in_vain(timer, now)
        }
    }
}

/// The record is an older version of the timer that was brought back.
fn restored(timer: &Timer, now: impl Now) -> Step {
    match &timer.state {
        // The claimant may be alive and about to report an outcome.
        State::Firing { claim, .. } if claim.lease_until > now.at() => in_vain(timer, now),
        // It is not called again, whatever its delivery mode: the promise about it was kept, by calls or by a cancellation.
        State::Scheduled { attempt, .. } | State::Firing { attempt, .. } => {
            ended(timer.clone(), State::Unknown { attempt: *attempt, doubt: Doubt::Restored, at: now.at() })
        }
        State::Unknown { .. } | State::Failed { .. } | State::Delivered { .. } | State::Cancelled { .. } => {
            in_vain(timer, now)
        }
    }
}
