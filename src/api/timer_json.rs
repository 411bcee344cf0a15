//! A timer as clients see it: `id` and `time_left` first, for good; more fields may follow.

use serde::Serialize;
use serde_json::Value;

use crate::domain::attempt::{Attempt, CallResult, Delivery};
use crate::domain::time::Timestamp;
use crate::domain::timer::{State, Timer};
use crate::rfc3339;

#[derive(Serialize)]
struct TimerJson<'t> {
    id: String,
    time_left: u64,
    state: &'static str,
    due_at: String,
    created_at: String,
    url: &'t str,
    method: &'static str,
    delivery: &'static str,
    timeout: String,
    /// How many attempts have been started.
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claimed_by: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_attempt: Option<AttemptJson<'t>>,
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    metadata: &'t std::collections::BTreeMap<String, String>,
}

#[derive(Serialize)]
struct AttemptJson<'t> {
    number: u32,
    node: &'t str,
    claimed_at: String,
    finished_at: String,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'t str>,
}

/// The timer's public form, as text.
pub(super) fn to_text(timer: &Timer, now: Timestamp) -> String {
    // A struct of strings and numbers always serialises.
    serde_json::to_string(&json(timer, now)).unwrap_or_default()
}

/// The timer's public form, as a value inside another.
pub(super) fn to_value(timer: &Timer, now: Timestamp) -> Value {
    serde_json::to_value(json(timer, now)).unwrap_or_default()
}

fn json(timer: &Timer, now: Timestamp) -> TimerJson<'_> {
    let (mut next_attempt_at, mut claimed_by, mut reason, mut finished_at) = (None, None, None, None);
    match &timer.state {
        State::Scheduled { attempt, at } => {
            if *attempt > 1 {
                next_attempt_at = Some(rfc3339::format(*at));
            }
        }
        State::Firing { claim, .. } => claimed_by = Some(claim.node.as_str()),
        State::Delivered { at } | State::Cancelled { at } => finished_at = Some(rfc3339::format(*at)),
        State::Failed { at, reason: why } => {
            finished_at = Some(rfc3339::format(*at));
            reason = Some(why.as_str());
        }
        State::Unknown { claim, at, .. } => {
            finished_at = Some(rfc3339::format(*at));
            claimed_by = Some(claim.node.as_str());
            reason = Some("the node that claimed it did not report back; the receiver may have been called");
        }
    }
    TimerJson {
        id: timer.id.to_string(),
        time_left: timer.seconds_left(now),
        state: timer.state.name(),
        due_at: rfc3339::format(timer.due_at),
        created_at: rfc3339::format(timer.created_at),
        url: timer.target.url.as_str(),
        method: timer.target.method.as_str(),
        delivery: match timer.delivery {
            Delivery::AtMostOnce => "at_most_once",
            Delivery::AtLeastOnce => "at_least_once",
        },
        timeout: humantime::format_duration(timer.timeout).to_string(),
        attempts: timer.attempts_started(),
        next_attempt_at,
        claimed_by,
        reason,
        finished_at,
        last_attempt: timer.attempts.last().map(attempt_json),
        metadata: &timer.metadata,
    }
}

fn attempt_json(attempt: &Attempt) -> AttemptJson<'_> {
    let (result, status, reason) = match &attempt.result {
        CallResult::Answered { status } => ("answered", Some(*status), None),
        CallResult::NotSent { reason } => ("not_sent", None, Some(reason.as_str())),
        CallResult::NoAnswer { reason } => ("no_answer", None, Some(reason.as_str())),
        CallResult::Interrupted => ("interrupted", None, None),
    };
    AttemptJson {
        number: attempt.number,
        node: &attempt.node,
        claimed_at: rfc3339::format(attempt.claimed_at),
        finished_at: rfc3339::format(attempt.finished_at),
        result,
        status,
        reason,
    }
}
