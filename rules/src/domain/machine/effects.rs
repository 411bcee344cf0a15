//! The effects of each case, in order: the lists that a crash cuts short.

use std::sync::Arc;
use std::time::Duration;

use super::timing::{LATEST_START, LEASE_MARGIN, LINGER_TRIES, MAX_POSTPONEMENT, linger_delay};
use super::{Effect, Step, Then};
use crate::domain::attempt::{Attempt, CallResult, Delivery, Verdict};
use crate::domain::called::Called;
use crate::domain::retry::NoMore;
use crate::domain::time::{Now, Timestamp};
use crate::domain::timer::{Claim, ClaimId, Doubt, MAX_ATTEMPTS_KEPT, State, Timer};

/// The worker's next action with a wake that has no record, or whose record will not change. A wake is armed before its record is stored,
/// so the record may be on its way.
pub fn unneeded(tries: u32, now: impl Now) -> Then {
    if tries < LINGER_TRIES { linger(tries, now) } else { Then::Settle }
}

/// The receiver has no room before `until`: the wake comes again then, unless that is past the timer's deadline.
pub(super) fn postponed(timer: &Timer, attempt: u32, until: Timestamp, now: impl Now) -> Step {
    match timer.retry.deadline {
        Some(deadline) if until > timer.retried_since().saturating_add(deadline) => {
            let reason = format!("the receiver had no room; {}", NoMore::Deadline(deadline));
            ended(timer.clone(), State::Failed { attempt: attempt.saturating_sub(1), at: now.at(), reason })
        }
        _ => again(until, now),
    }
}

/// Another wake comes at `until`, in place of this one.
pub(super) fn again(until: Timestamp, now: impl Now) -> Step {
    let at = until.min(now.after(MAX_POSTPONEMENT));
    Step { effects: vec![Effect::Arm { at }], then: Then::Settle }
}

pub(super) fn linger(tries: u32, now: impl Now) -> Then {
    Then::Later { until: now.after(linger_delay(tries)) }
}

/// The timer was over, and waits again.
pub(super) fn rescheduled(timer: Timer, at: Timestamp) -> Vec<Effect> {
    vec![Effect::Arm { at }, Effect::Store(Box::new(timer))]
}

/// The timer waits for another instant than before. The wake of the old instant would stay until then, which may be a year for
/// each of a thousand changes.
pub(super) fn moved(timer: Timer, at: Timestamp) -> Vec<Effect> {
    vec![Effect::Arm { at }, Effect::Store(Box::new(timer)), Effect::Disarm]
}

/// The timer is stored in another state.
pub(super) fn store(timer: Timer, state: State) -> Effect {
    Effect::Store(Box::new(Timer { state, ..timer }))
}

/// The timer waits for its next attempt, or for the same one again.
fn retried(timer: Timer, attempt: u32, at: Timestamp) -> Step {
    let effects = vec![Effect::Arm { at }, store(timer, State::Scheduled { attempt, at })];
    Step { effects, then: Then::Settle }
}

/// The timer is over: store that, have the callback made, and only then settle the wake. After a crash, the worker that gets the
/// wake has the callback made again.
pub(super) fn ended(timer: Timer, state: State) -> Step {
    let timer = Timer { state, ..timer };
    let Step { mut effects, then } = notified(&timer, Then::Settle);
    effects.insert(0, Effect::Store(Box::new(timer)));
    Step { effects, then }
}

/// The same after a call. If the timer was over already, because its claimant was taken for dead, its wake was settled at that
/// end. The callback of this end then needs another wake.
fn ended_after(timer: Timer, state: State, now: Timestamp) -> Step {
    let was_over = timer.state.is_final();
    let Step { mut effects, then } = ended(timer, state);
    if was_over && effects.iter().any(|effect| matches!(effect, Effect::Notify(_))) {
        effects.insert(0, Effect::Arm { at: now });
    }
    Step { effects, then }
}

/// The callback of a timer that is over, if it has one, and what follows.
pub(super) fn notified(timer: &Timer, then: Then) -> Step {
    let notify = timer.callback().map(|_| Effect::Notify(Box::new(timer.clone())));
    Step { effects: notify.into_iter().collect(), then }
}

/// The timer is due and not claimed, and there is a place for the call: claim it, then call.
pub(super) fn claimed(
    timer: Timer,
    attempt: u32,
    due_at: Timestamp,
    id: ClaimId,
    node: Arc<str>,
    now: impl Now,
) -> Step {
    let lease_until = now.after(timer.timeout + LEASE_MARGIN);
    let claim = Claim { id, node, due_at, since: now.at(), lease_until };
    let effects = vec![store(timer, State::Firing { attempt, claim: claim.clone() })];
    Step { effects, then: Then::Call { claim, attempt } }
}

/// The claimant is dead, and it is not known whether it has called.
pub(super) fn taken_over(
    timer: &Timer,
    attempt: u32,
    dead: &Claim,
    mine: ClaimId,
    node: Arc<str>,
    has_place: bool,
    now: impl Now,
) -> Step {
    match may_follow(timer, attempt, dead, now) {
        Ok(()) if !has_place => Then::Admit.into(),
        Ok(()) => claimed(abandoned(timer, attempt, dead, now), attempt + 1, dead.due_at, mine, node, now),
        Err(state) => ended(abandoned(timer, attempt, dead, now), state),
    }
}

/// The timer, with the attempt of the dead claimant in its log. If the outcome of that attempt is reported after all, it replaces
/// this entry.
fn abandoned(timer: &Timer, attempt: u32, dead: &Claim, now: impl Now) -> Timer {
    let reason = format!("node {} was taken for dead during the call", dead.node);
    logged(timer, attempt, dead, now.at(), Arc::new(CallResult::NoAnswer { reason }.into()))
}

/// The timer with this attempt in its log. The attempt replaces an earlier entry with the same number.
fn logged(timer: &Timer, attempt: u32, claim: &Claim, finished_at: Timestamp, called: Arc<Called>) -> Timer {
    let mut timer = without(timer, attempt);
    timer.attempts.push(Attempt {
        number: attempt,
        node: claim.node.clone(),
        due_at: claim.due_at,
        claimed_at: claim.since,
        finished_at,
        called,
    });
    let surplus = timer.attempts.len().saturating_sub(MAX_ATTEMPTS_KEPT);
    timer.attempts.drain(..surplus);
    timer
}

/// The timer without this attempt in its log.
fn without(timer: &Timer, attempt: u32) -> Timer {
    let mut timer = timer.clone();
    timer.attempts.retain(|logged| logged.number != attempt);
    timer
}

/// Nothing of the request was written: the timer waits again as it did before it was claimed.
pub(super) fn given_back(timer: &Timer, attempt: u32, claim: &Claim) -> Step {
    retried(without(timer, attempt), attempt, claim.due_at)
}

/// The claimant is known to be dead before its lease has ended, and its request may have been on its way.
pub(super) fn cut_off(timer: &Timer, attempt: u32, dead: &Claim, now: impl Now) -> Step {
    let timer = abandoned(timer, attempt, dead, now);
    match may_follow(&timer, attempt, dead, now) {
        Ok(()) => retried(timer, attempt + 1, dead.due_at),
        Err(state) => ended(timer, state),
    }
}

/// Whether another attempt may follow one whose claimant has died. If not, the error is the state that the timer ends in.
fn may_follow(timer: &Timer, attempt: u32, dead: &Claim, now: impl Now) -> Result<(), State> {
    match timer.delivery {
        Delivery::AtMostOnce => {
            Err(State::Unknown { attempt, doubt: Doubt::NoOutcome(dead.clone()), at: now.at() })
        }
        Delivery::AtLeastOnce => {
            let numbers = (attempt, timer.counted(attempt));
            timer.retry.allows(numbers, timer.retried_since(), now.at()).map_err(|no_more| {
                let reason = format!("node {} died during the call; {no_more}", dead.node);
                State::Failed { attempt, at: now.at(), reason }
            })
        }
    }
}

/// The holder of the claim reports the outcome of its call.
pub(super) fn concluded(
    timer: &Timer,
    attempt: u32,
    claim: &Claim,
    called: Arc<Called>,
    now: impl Now,
) -> Step {
    let result = &called.result;
    let reason = || describe(result, timer.timeout);
    let at = now.at();
    let next = logged(timer, attempt, claim, over_at(claim, &called, now), called.clone());

    match result.verdict(timer.delivery, &timer.retry.statuses) {
        Verdict::Delivered => ended_after(next, State::Delivered { at }, at),
        Verdict::Failed => ended_after(next, State::Failed { attempt, at, reason: reason() }, at),
        Verdict::Unknown => {
            let doubt = Doubt::NoOutcome(claim.clone());
            ended_after(next, State::Unknown { attempt, doubt, at }, at)
        }
        Verdict::Retry => {
            let numbers = (attempt, timer.counted(attempt));
            match timer.retry.next(timer.id, numbers, timer.retried_since(), at, result.retry_after()) {
                Ok(again) => retried(next, attempt + 1, again),
                Err(no_more) => {
                    let reason = format!("{}; {no_more}", reason());
                    ended_after(next, State::Failed { attempt, at, reason }, at)
                }
            }
        }
    }
}

/// When a call was over. A late outcome comes from a node that was cut off and taken for dead, or from the journal of a node that
/// was killed. It says how long the call took, and so when it can have ended.
fn over_at(claim: &Claim, called: &Called, now: impl Now) -> Timestamp {
    let total = called.phases.total;
    let began_by = claim.since.saturating_add(now.by_the_clock(LATEST_START));
    let latest = began_by.saturating_add(now.by_the_clock(total));
    if total.is_zero() || now.at() <= latest {
        return now.at();
    }
    claim.since.saturating_add(now.by_the_clock(total))
}

/// Describes the result of a call, for people.
pub fn describe(result: &CallResult, timeout: Duration) -> String {
    match result {
        CallResult::Answered { status, .. } => format!("the receiver answered {status}"),
        CallResult::NotSent { reason } => format!("the receiver was not reached: {reason}"),
        CallResult::Forbidden { reason } => format!("the target must not be called: {reason}"),
        CallResult::NoAnswer { reason } => {
            format!("no answer: {reason} (timeout {timeout:?}); the receiver may have acted on the call")
        }
        CallResult::Interrupted => "the node was stopped during the call".to_owned(),
    }
}
