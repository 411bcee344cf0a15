//! A worker's events: what each does to a timer in each state.

use std::sync::Arc;

use super::effects::{
    again, claimed, concluded, cut_off, ended, given_back, linger, notified, postponed, taken_over, unneeded,
};
use super::timing::{LEAD, LINGER_TRIES, linger_delay};
use super::{Effect, Input, Step, Then};
use crate::domain::called::Called;
use crate::domain::time::Now;
use crate::domain::timer::{Doubt, State, Timer};

/// Applies a worker's `input` to `timer`. A worker is never refused: it could do nothing for its timer, which would then wait forever.
pub fn step(timer: &Timer, input: Input, now: impl Into<Now>) -> Step {
    let now: Now = now.into();
    match (&timer.state, input) {
        (State::Scheduled { attempt, at }, Input::Wake { claim, node, tries, has_place }) => {
            if *at <= now.at && !has_place {
                Then::Admit.into()
            } else if *at <= now.at {
                claimed(timer.clone(), *attempt, *at, claim, node, now)
            } else if *at <= now.after(LEAD) {
                Then::Hold { until: *at }.into()
            } else if tries < LINGER_TRIES {
                // If the server's clock is ahead of ours, this is the timer's own wake.
                let soon = now.after(linger_delay(tries));
                Then::Later { until: soon.min(at.saturating_sub(now.pace.by_the_clock(LEAD))) }.into()
            } else {
                // None of our own steps leads here without a wake in place. But arming costs little, and replaces a wake that an
                // accident has removed.
                Step { effects: vec![Effect::Arm { at: *at }], then: Then::Settle }
            }
        }
        // The claim is our own, and its call has not begun: the answer to the write of the claim was lost.
        (State::Firing { attempt, claim }, Input::Wake { claim: mine, has_place, .. })
            if claim.id == mine =>
        {
            if has_place {
                Then::Call { claim: claim.clone(), attempt: *attempt }.into()
            } else {
                Then::Admit.into()
            }
        }
        (State::Firing { attempt, claim }, Input::Wake { claim: mine, node, tries, has_place }) => {
            if claim.lease_until > now.at {
                let soon = now.after(linger_delay(tries));
                Then::Later { until: claim.lease_until.min(soon) }.into()
            } else {
                taken_over(timer, *attempt, claim, mine, node, has_place, now)
            }
        }
        (State::Unknown { attempt, doubt: Doubt::NoOutcome(claim), .. }, Input::Wake { claim: mine, .. })
            if claim.id == mine =>
        {
            let called = Arc::new(Called::not_made("the claim was stored too late to call"));
            concluded(timer, *attempt, claim, called, now)
        }
        // A replay may be on its way, or the claimant is alive after all and about to schedule the next attempt. This may be the
        // wake that was armed for it.
        (State::Unknown { .. } | State::Failed { .. }, Input::Wake { tries, .. }) => {
            notified(timer, unneeded(tries, now))
        }
        (State::Delivered { .. } | State::Cancelled { .. }, Input::Wake { .. }) => {
            notified(timer, Then::Settle)
        }

        (
            State::Firing { attempt, claim } | State::Unknown { attempt, doubt: Doubt::NoOutcome(claim), .. },
            Input::Outcome { claim: mine, called },
        ) if claim.id == mine => concluded(timer, *attempt, claim, called, now),
        (
            State::Firing { attempt, claim } | State::Unknown { attempt, doubt: Doubt::NoOutcome(claim), .. },
            Input::NotMade { claim: mine },
        ) if claim.id == mine => given_back(timer, *attempt, claim),
        (State::Firing { attempt, claim }, Input::CutOff { claim: mine }) if claim.id == mine => {
            cut_off(timer, *attempt, claim, now)
        }
        // The claim is lost: another worker has taken the timer over. That worker may hold the same wake. If it dies, no other
        // wake is left, so this one is not settled.
        (
            State::Scheduled { .. } | State::Firing { .. } | State::Unknown { .. } | State::Failed { .. },
            Input::Outcome { .. } | Input::NotMade { .. } | Input::CutOff { .. },
        ) => linger(1, now).into(),
        (
            State::Delivered { .. } | State::Cancelled { .. },
            Input::Outcome { .. } | Input::NotMade { .. } | Input::CutOff { .. },
        ) => notified(timer, Then::Settle),

        // Another worker had room and has claimed the timer meanwhile. This wake may be the only one that watches that claim, so
        // it is not exchanged for one that comes long after the claim's lease.
        (State::Firing { claim, .. }, Input::Postponed { .. }) if claim.lease_until > now.at => {
            linger(1, now).into()
        }
        // A postponement rests on the same record as the claim that it replaces. That record may be a moment old: a wake for
        // another instant than the needed one does no harm.
        (State::Scheduled { attempt, .. }, Input::Postponed { until }) => {
            postponed(timer, *attempt, until, now)
        }
        (State::Firing { .. }, Input::Postponed { until }) => again(until, now),

        // The claimant may be alive and about to report an outcome.
        (State::Firing { claim, .. }, Input::Restored) if claim.lease_until > now.at => linger(1, now).into(),
        // It is not called again, whatever its delivery mode: the promise about it was kept, by calls or by a cancellation.
        (State::Scheduled { attempt, .. } | State::Firing { attempt, .. }, Input::Restored) => {
            ended(timer.clone(), State::Unknown { attempt: *attempt, doubt: Doubt::Restored, at: now.at })
        }

        (State::Unknown { .. } | State::Failed { .. }, Input::Postponed { .. } | Input::Restored) => {
            linger(1, now).into()
        }
        (State::Delivered { .. } | State::Cancelled { .. }, Input::Postponed { .. } | Input::Restored) => {
            notified(timer, Then::Settle)
        }
    }
}
