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
//! away, wakes are removed only once the timer can never be scheduled again, and a wake that finds a
//! record which does not need it lingers until whoever armed it must have stored theirs.
//!
//! **Invariant (a postponement is no attempt):** it stores nothing. It is about the receiver, as one node sees it at
//! the moment, and not about the timer.
//!
//! **Invariant (watched):** whenever a stored record is `Firing`, the broker holds a wake, so that
//! somebody looks at the timer again if the claimant dies. So a wake is settled last, and never by
//! one who has lost the claim.
//!
//! **Invariant (a wake is a hint):** a wake carries no facts. It makes a worker look at the record,
//! and the record alone decides. Early, late, duplicated and stale wakes are therefore harmless.

use std::time::Duration;

use crate::domain::attempt::{Attempt, CallResult, Delivery, Verdict};
use crate::domain::called::Called;
use crate::domain::change::Change;
use crate::domain::retry::NoMore;
use crate::domain::time::Timestamp;
use crate::domain::timer::{Claim, ClaimId, MAX_ATTEMPTS_KEPT, State, Timer};

/// How long before it is due a timer is handed to a worker, which holds it until the exact instant.
/// The server's scheduler fires up to 250 ms late (it ticks four times a second); twice that leaves
/// room for the way to the worker and for reading the record.
pub const LEAD: Duration = Duration::from_millis(500);

/// How much longer than its timeout a call may take until its claimant is taken for dead: the time
/// to store an outcome through a change of leader in NATS (2 to 9 s), and the clocks' difference.
pub const LEASE_MARGIN: Duration = Duration::from_secs(15);

/// Whether a call under `claim` may still begin: it has to end well before the lease does. A worker
/// that was stopped for a while after it claimed finds out here that it has come too late.
pub fn may_still_call(claim: &Claim, timeout: Duration, now: Timestamp) -> bool {
    now.saturating_add(timeout).saturating_add(LEASE_MARGIN / 2) <= claim.lease_until
}

/// A record is stored at most this long after the wake that it needs was armed; after that, it has
/// to be armed again first.
pub const ARM_FRESH: Duration = Duration::from_secs(15);

/// A due timer whose receiver has no room is looked at again after this time at the latest: long enough that a long
/// backlog of a dead receiver costs the broker little.
pub const MAX_POSTPONEMENT: Duration = Duration::from_secs(600);

/// How often a wake that is not needed is looked at before it is settled. With [`linger_delay`] that
/// takes 33 s, which is more than [`ARM_FRESH`] and a few requests to NATS: by then, whoever armed it
/// has stored the record that needs it, or never will.
pub const LINGER_TRIES: u32 = 12;

/// How long a wake that is not needed yet stays away after its try number `tries` (from 1): 10 ms,
/// since the record it was armed for is usually a fraction of a millisecond behind; then four times
/// as long each time, up to 5 s.
pub fn linger_delay(tries: u32) -> Duration {
    let factor = 4_u32.saturating_pow(tries.saturating_sub(1).min(8));
    Duration::from_millis(10).saturating_mul(factor).min(Duration::from_secs(5))
}

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
    /// The timer was found due, and its receiver has no room for it before this instant.
    Postponed {
        /// When to try again; at most [`MAX_POSTPONEMENT`] from now.
        until: Timestamp,
    },
    /// A client wants it not to fire.
    Cancel,
    /// A client wants it to be otherwise.
    Change(Box<Change>),
    /// A client wants it to fire now.
    Fire,
    /// A client wants it to be tried again after it has failed, or nobody knows whether it has.
    Replay,
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
    /// Remove all wakes that have not come yet: housekeeping, of a timer that is over.
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
pub fn step(timer: &Timer, input: Input, now: Timestamp) -> Result<Vec<Effect>, Refusal> {
    match (&timer.state, input) {
        (State::Scheduled { attempt, at }, Input::Wake { claim, node, tries }) => {
            Ok(if *at <= now {
                claimed(timer, *attempt, *at, claim, node, now)
            } else if at.since(now) <= LEAD {
                vec![Effect::Hold { until: *at }]
            } else if tries < LINGER_TRIES {
                // If the server's clock is ahead of ours this is the timer's own wake.
                let soon = now.saturating_add(linger_delay(tries));
                vec![Effect::Later { until: soon.min(at.saturating_sub(LEAD)) }]
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
            Ok(if claim.lease_until > now {
                let soon = now.saturating_add(linger_delay(tries));
                vec![Effect::Later { until: claim.lease_until.min(soon) }]
            } else {
                taken_over(timer, *attempt, claim, mine, node, now)
            })
        }
        (State::Unknown { attempt, claim, .. }, Input::Wake { claim: mine, .. }) if claim.id == mine => {
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
            State::Firing { attempt, claim } | State::Unknown { attempt, claim, .. },
            Input::Outcome { claim: mine, called },
        ) if claim.id == mine => Ok(concluded(timer, *attempt, claim, *called, now)),
        // The claim is lost: another has taken the timer over. The wake may be the very one that the
        // other holds too, and it is all there is if the other dies, so it is not settled.
        (
            State::Scheduled { .. } | State::Firing { .. } | State::Unknown { .. } | State::Failed { .. },
            Input::Outcome { .. },
        ) => Ok(vec![linger(1, now)]),
        (State::Delivered { .. } | State::Cancelled { .. }, Input::Outcome { .. }) => {
            Ok(notified(timer, vec![Effect::Settle]))
        }

        // Somebody else had room and has claimed it meanwhile: the wake may be the only one that watches that claim, and
        // is not exchanged for one that comes long after its lease.
        (State::Firing { claim, .. }, Input::Postponed { .. }) if claim.lease_until > now => {
            Ok(vec![linger(1, now)])
        }
        // Of the same record as the claim that it takes the place of, which may be a moment old: another wake than is
        // needed does no harm.
        (State::Scheduled { attempt, .. }, Input::Postponed { until }) => {
            Ok(postponed(timer, *attempt, until, now))
        }
        (State::Firing { .. }, Input::Postponed { until }) => Ok(vec![again(until, now), Effect::Settle]),
        (State::Unknown { .. } | State::Failed { .. }, Input::Postponed { .. }) => Ok(vec![linger(1, now)]),
        (State::Delivered { .. } | State::Cancelled { .. }, Input::Postponed { .. }) => {
            Ok(notified(timer, vec![Effect::Settle]))
        }
        (State::Scheduled { .. }, Input::Cancel) => {
            Ok(vec![store(timer, State::Cancelled { at: now }), Effect::Disarm])
        }
        (State::Cancelled { .. }, Input::Cancel) => Ok(vec![]),
        (State::Scheduled { .. }, Input::Change(change)) => {
            if change.has_a_body_in_vain(timer) {
                return Err(Refusal::BodyInVain);
            }
            let arm = change.due_at.map(|at| Effect::Arm { at });
            let store = Effect::Store(Box::new(change.applied_to(timer)));
            Ok(arm.into_iter().chain([store]).collect())
        }
        // It is fired anyway.
        (State::Scheduled { at, .. }, Input::Fire) if *at <= now => Ok(vec![]),
        (State::Scheduled { attempt, .. }, Input::Fire) => {
            let state = State::Scheduled { attempt: *attempt, at: now };
            let due_at = timer.due_at.min(now);
            Ok(rescheduled(Timer { due_at, state, ..timer.clone() }, now))
        }
        (State::Failed { attempt, .. } | State::Unknown { attempt, .. }, Input::Replay) => {
            let state = State::Scheduled { attempt: attempt.saturating_add(1), at: now };
            let replayed_at = Some(now);
            Ok(rescheduled(Timer { attempts_before: *attempt, replayed_at, state, ..timer.clone() }, now))
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

/// What to do about a wake for which there is no record, or none that will change: the wake is
/// armed before its record is stored, so the record may be on its way.
pub fn unneeded(tries: u32, now: Timestamp) -> Vec<Effect> {
    vec![if tries < LINGER_TRIES { linger(tries, now) } else { Effect::Settle }]
}

/// The receiver has no room before `until`: come again then, unless the timer is not to be tried so late.
fn postponed(timer: &Timer, attempt: u32, until: Timestamp, now: Timestamp) -> Vec<Effect> {
    match timer.retry.deadline {
        Some(deadline) if until > timer.retried_since().saturating_add(deadline) => {
            let reason = format!("the receiver had no room; {}", NoMore::Deadline(deadline));
            ended(timer, State::Failed { attempt: attempt.saturating_sub(1), at: now, reason })
        }
        _ => vec![again(until, now), Effect::Settle],
    }
}

fn again(until: Timestamp, now: Timestamp) -> Effect {
    Effect::Arm { at: until.min(now.saturating_add(MAX_POSTPONEMENT)) }
}

fn linger(tries: u32, now: Timestamp) -> Effect {
    Effect::Later { until: now.saturating_add(linger_delay(tries)) }
}

/// The timer waits for another instant than before.
fn rescheduled(timer: Timer, at: Timestamp) -> Vec<Effect> {
    vec![Effect::Arm { at }, Effect::Store(Box::new(timer))]
}

fn store(timer: &Timer, state: State) -> Effect {
    Effect::Store(Box::new(Timer { state, ..timer.clone() }))
}

/// The timer is over: store that, tell who wants to know, and only then let the wake go, so that whoever gets it
/// after a crash tells again.
fn ended(timer: &Timer, state: State) -> Vec<Effect> {
    let timer = Timer { state, ..timer.clone() };
    let effects = notified(&timer, vec![Effect::Settle]);
    [Effect::Store(Box::new(timer))].into_iter().chain(effects).collect()
}

/// The effects on a timer that is over, after its callback.
fn notified(timer: &Timer, effects: Vec<Effect>) -> Vec<Effect> {
    let notify = timer.callback().map(|_| Effect::Notify(Box::new(timer.clone())));
    notify.into_iter().chain(effects).collect()
}

/// The timer is due and not claimed: claim it, then call.
fn claimed(
    timer: &Timer,
    attempt: u32,
    due_at: Timestamp,
    id: ClaimId,
    node: String,
    now: Timestamp,
) -> Vec<Effect> {
    let lease_until = now.saturating_add(timer.timeout).saturating_add(LEASE_MARGIN);
    let claim = Claim { id, node, due_at, since: now, lease_until };
    vec![store(timer, State::Firing { attempt, claim: claim.clone() }), Effect::Call { claim, attempt }]
}

/// The claimant is dead, and whether it has called is not known.
fn taken_over(
    timer: &Timer,
    attempt: u32,
    dead: &Claim,
    mine: ClaimId,
    node: String,
    now: Timestamp,
) -> Vec<Effect> {
    match timer.delivery {
        Delivery::AtMostOnce => ended(timer, State::Unknown { attempt, claim: dead.clone(), at: now }),
        Delivery::AtLeastOnce => {
            let numbers = (attempt, timer.counted(attempt));
            match timer.retry.allows(numbers, timer.retried_since(), now) {
                Ok(()) => claimed(timer, attempt + 1, dead.due_at, mine, node, now),
                Err(no_more) => {
                    let reason = format!("node {} died during the call; {no_more}", dead.node);
                    ended(timer, State::Failed { attempt, at: now, reason })
                }
            }
        }
    }
}

/// The holder of the claim reports what came of its call.
fn concluded(timer: &Timer, attempt: u32, claim: &Claim, called: Called, now: Timestamp) -> Vec<Effect> {
    let result = &called.result;
    let verdict = result.verdict(timer.delivery, &timer.retry.statuses);
    let reason = describe(result, timer.timeout);
    let asked = result.retry_after();
    let mut timer = timer.clone();
    timer.attempts.push(Attempt {
        number: attempt,
        node: claim.node.clone(),
        due_at: claim.due_at,
        claimed_at: claim.since,
        finished_at: now,
        called,
    });
    let surplus = timer.attempts.len().saturating_sub(MAX_ATTEMPTS_KEPT);
    timer.attempts.drain(..surplus);

    match verdict {
        Verdict::Delivered => ended(&timer, State::Delivered { at: now }),
        Verdict::Failed => ended(&timer, State::Failed { attempt, at: now, reason }),
        Verdict::Unknown => ended(&timer, State::Unknown { attempt, claim: claim.clone(), at: now }),
        Verdict::Retry => {
            let numbers = (attempt, timer.counted(attempt));
            match timer.retry.next(timer.id, numbers, timer.retried_since(), now, asked) {
                Ok(at) => {
                    let state = State::Scheduled { attempt: attempt + 1, at };
                    vec![Effect::Arm { at }, store(&timer, state), Effect::Settle]
                }
                Err(no_more) => {
                    let reason = format!("{reason}; {no_more}");
                    ended(&timer, State::Failed { attempt, at: now, reason })
                }
            }
        }
    }
}

/// What a call came to, for people.
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

#[cfg(test)]
mod tests;
