//! Logs one line for each timer that did not go well, and none for other timers.
//!
//! A line names the receiver and not the URL: the paths and queries of many receivers are secret, and more people read logs
//! than timers.

use rules::domain::machine::describe;
use rules::domain::timer::{Doubt, State, Timer};

/// Logs the state that was just stored, as a warning if an operator may have to look at it.
pub(super) fn stored(timer: &Timer) {
    let id = timer.id;
    let receiver = || timer.target.url.authority();
    match &timer.state {
        State::Failed { reason, .. } => {
            tracing::warn!(timer = %id, receiver = receiver(), reason, "timer failed")
        }
        State::Unknown { attempt, doubt: Doubt::NoOutcome(claim), .. } => tracing::warn!(
            timer = %id,
            receiver = receiver(),
            attempt,
            claimed_by = &*claim.node,
            "timer unknown: the receiver may or may not have been called"
        ),
        State::Unknown { attempt, doubt: Doubt::Restored, .. } => tracing::warn!(
            timer = %id,
            attempt,
            "timer unknown: NATS or a backup brought back an older version of it. It must have been over, so it is not \
             called"
        ),
        State::Scheduled { attempt, .. } => {
            let why = timer.attempts.last().map(|last| describe(&last.called.result, timer.timeout));
            tracing::info!(
                timer = %id,
                receiver = receiver(),
                next_attempt = attempt,
                why,
                "attempt failed; the timer is tried again"
            );
        }
        State::Firing { .. } => tracing::trace!(timer = %id, "timer claimed"),
        State::Delivered { .. } => tracing::debug!(timer = %id, "timer delivered"),
        State::Cancelled { .. } => tracing::debug!(timer = %id, "timer cancelled"),
    }
}

/// Logs that a timer waits again, since its call was claimed and not made.
pub(super) fn given_back(timer: &Timer, why: &str) {
    tracing::info!(timer = %timer.id, receiver = timer.target.url.authority(), why, "the request was not written; the timer fires again at once");
}
