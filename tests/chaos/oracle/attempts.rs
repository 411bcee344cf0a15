//! The log of a timer matches the calls that receivers saw, and its state follows from the log.

use super::{Violation, broken, clock, excuse, restored};
use crate::history::{Call, Ended, Final, History, Logged, Micros};

/// How long an answer may be on its way without a fault, in microseconds: the machine is busy with other runs.
const HURRY_US: Micros = 2_000_000;

/// The statuses that are retried by default.
fn is_retried(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599)
}

pub(super) fn judge(history: &History, item: usize, found: &mut Vec<Violation>) {
    for timer in history.ends_of(item) {
        let call_of = |number| history.calls_of(item).find(|call| call.attempt == number);
        for logged in &timer.log {
            attempt(history, item, (logged, &timer.log), call_of(logged.number), found);
        }
        for (earlier, later) in timer.log.iter().zip(timer.log.iter().skip(1)) {
            if earlier.number >= later.number {
                let how = format!("{} after {}", later.number, earlier.number);
                broken(found, item, "attempts are numbered in order", how);
            }
        }
        for call in history.calls_of(item) {
            let logged = timer.log.iter().any(|logged| logged.number == call.attempt);
            let plan = &history.items[item];
            // By another attempt, or by a final state that shows this, if it was the last attempt.
            let given_up = timer.state == "failed" && timer.attempts >= plan.max_attempts;
            let taken_over = plan.at_least_once
                && (timer.log.iter().any(|later| excuse::taken_over(history, call, later))
                    || (given_up && excuse::parted(history, call)));
            let forgotten = restored::is_brought_back(history, timer)
                || (timer.state == "unknown" && restored::is_claimed_in_a_backup(history, item));
            if !logged && !taken_over && !forgotten && !excuse::caller_killed(history, call.node, call.at) {
                let how = format!("attempt {} of node {} is not in the log", call.attempt, call.node);
                broken(found, item, "every call of a claimant that lives has an outcome", how);
            }
        }
        state(history, item, timer, found);
    }
}

/// Checks that an attempt of this log matches the calls that receivers saw.
fn attempt(
    history: &History,
    item: usize,
    (logged, log): (&Logged, &[Logged]),
    call: Option<&Call>,
    found: &mut Vec<Violation>,
) {
    let node = history.life(&logged.node).map(|life| life.node);
    let as_seen = match (logged.result.as_str(), call) {
        ("answered", Some(call)) => {
            call.answered.is_some()
                && call.answered == logged.status
                && node == Some(call.node)
                && call.receiver == history.items[item].receiver
        }
        ("not_sent", None) => true,
        ("not_sent" | "answered" | "forbidden", _) => false,
        ("no_answer", call) => node.is_some_and(|node| {
            let (from, _) = clock::when(history, node, logged.claimed_at);
            let (_, to) = clock::when(history, node, logged.finished_at);
            // The receiver reset the connection, or answered just before the attempt was given up.
            let late = call.is_some_and(|call| call.answered.is_none() || call.answered_at + HURRY_US >= to);
            let plan = &history.items[item];
            // Another node may have made another attempt and finished the timer before the claimant could store its outcome.
            let tried_again = |call| log.iter().any(|later| excuse::taken_over(history, call, later));
            let told_too_late = plan.at_least_once
                && call.is_some_and(|call| excuse::parted(history, call) && tried_again(call));
            late || told_too_late
                || excuse::answer_lost(history, node, plan.receiver, from, to)
                || excuse::killed_before(history, &logged.node, to)
        }),
        ("interrupted", _) => {
            history.life(&logged.node).is_some_and(|life| matches!(life.ended, Some(Ended::Stopped(_))))
        }
        _ => false,
    };
    if !as_seen {
        let saw = call.map(|call| (call.node, call.answered));
        let how = format!("{} {:?} by {}, and it saw {saw:?}", logged.result, logged.status, logged.node);
        broken(found, item, "an attempt's outcome is what the receiver saw", how);
    }
}

/// Checks that the state follows from the attempts.
fn state(history: &History, item: usize, timer: &Final, found: &mut Vec<Violation>) {
    let plan = &history.items[item];
    let last = timer.log.last();
    let used_up = timer.attempts >= plan.max_attempts;
    let status = last.and_then(|last| last.status);
    let follows = match timer.state.as_str() {
        "delivered" => status.is_some_and(|status| status / 100 == 2),
        "failed" => match last.map(|last| last.result.as_str()) {
            Some("answered") if plan.at_least_once => {
                used_up || status.is_some_and(|status| status / 100 != 2 && !is_retried(status))
            }
            Some("answered") => status.is_some_and(|status| status / 100 != 2),
            Some("no_answer") => !plan.at_least_once || used_up,
            Some(_) => used_up,
            // Its claimant died during the last attempt.
            None => used_up && plan.at_least_once,
        },
        // Only after its claimant was killed: a claimant that was stopped or cut off stores the outcome when it is back.
        "unknown" if restored::is_brought_back(history, timer) => true,
        "unknown" if restored::is_claimed_in_a_backup(history, item) => true,
        "unknown" => {
            !plan.at_least_once
                && timer.claimed_by.as_ref().and_then(|name| history.life(name)).is_some_and(|life| {
                    matches!(life.ended, Some(Ended::Killed(_)))
                        || last.is_some_and(|last| last.result == "interrupted")
                })
        }
        "cancelled" => true,
        "scheduled" => plan.is_far() && timer.attempts == 0,
        _ => false,
    };
    if !follows {
        let how = format!("{} after {} attempts", timer.state, timer.attempts);
        broken(found, item, "every timer ends as promised", how);
    }
}
