//! A timer as clients see it: `id` and `time_left` first, for good; more fields may follow.
//!
//! The data sent to the receiver is shown only in the view of a single timer, and only to callers that may see it.

mod log;
mod waiting;
mod whole;

use serde::Serialize;
use serde_json::Value;

use crate::foundation::rfc3339;
use rules::domain::attempt::{Attempt, CallResult, Delivery};
use rules::domain::time::Timestamp;
use rules::domain::timer::{Doubt, State, Timer};
use waiting::WaitingJson;
use whole::Whole;

pub use waiting::Waiting;

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
    /// How many attempts have started.
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    replayed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<WaitingJson>,
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
    #[serde(flatten)]
    whole: Option<Whole<'t>>,
}

/// How much of a timer is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The fields that lists and events have.
    Summary,
    Whole {
        /// Whether to show headers and body themselves, and not digests of them.
        bodies: bool,
    },
}

#[derive(Serialize)]
struct AttemptJson<'t> {
    number: u32,
    node: &'t str,
    due_at: String,
    claimed_at: String,
    finished_at: String,
    lateness_ms: f64,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'t str>,
}

/// The timer's public form, as text.
pub fn to_text(timer: &Timer, now: Timestamp, view: View) -> String {
    // A struct of strings and numbers always serialises.
    serde_json::to_string(&json(timer, now, view)).unwrap_or_default()
}

/// The same for a timer that waits for something, if it is due.
pub fn to_waiting_text(timer: &Timer, now: Timestamp, view: View, waiting: Option<Waiting>) -> String {
    serde_json::to_string(&waiting_json(timer, now, view, waiting)).unwrap_or_default()
}

/// The same as a value inside another.
pub fn to_waiting_value(timer: &Timer, now: Timestamp, view: View, waiting: Option<Waiting>) -> Value {
    serde_json::to_value(waiting_json(timer, now, view, waiting)).unwrap_or_default()
}

/// The timer's public form, as a value inside another.
pub fn to_value(timer: &Timer, now: Timestamp, view: View) -> Value {
    serde_json::to_value(json(timer, now, view)).unwrap_or_default()
}

fn waiting_json(timer: &Timer, now: Timestamp, view: View, waiting: Option<Waiting>) -> TimerJson<'_> {
    let waiting_for = waiting.filter(|_| timer.is_due(now)).map(|waiting| waiting.json(now));
    TimerJson { waiting_for, ..json(timer, now, view) }
}

fn json(timer: &Timer, now: Timestamp, view: View) -> TimerJson<'_> {
    let (mut next_attempt_at, mut claimed_by, mut reason, mut finished_at) = (None, None, None, None);
    match &timer.state {
        State::Scheduled { attempt, at } => {
            if *attempt > 1 {
                next_attempt_at = Some(rfc3339::format(*at));
            }
        }
        State::Firing { claim, .. } => claimed_by = Some(&*claim.node),
        State::Delivered { at } | State::Cancelled { at } => finished_at = Some(rfc3339::format(*at)),
        State::Failed { at, reason: why, .. } => {
            finished_at = Some(rfc3339::format(*at));
            reason = Some(why.as_str());
        }
        State::Unknown { doubt, at, .. } => {
            finished_at = Some(rfc3339::format(*at));
            (claimed_by, reason) = match doubt {
                Doubt::NoOutcome(claim) => (
                    Some(&*claim.node),
                    Some("its call has no known outcome; the receiver may have been called"),
                ),
                Doubt::Restored => (
                    None,
                    Some(
                        "restored by the broker or from a backup: by its due time, this timer must have finished; the receiver may \
                         have been called",
                    ),
                ),
            };
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
        replayed_at: timer.replayed_at.map(rfc3339::format),
        next_attempt_at,
        waiting_for: None,
        claimed_by,
        reason,
        finished_at,
        last_attempt: timer.attempts.last().map(attempt_json),
        metadata: &timer.metadata,
        whole: match view {
            View::Summary => None,
            View::Whole { bodies } => Some(whole::of(timer, bodies)),
        },
    }
}

fn attempt_json(attempt: &Attempt) -> AttemptJson<'_> {
    let (result, status, reason) = match &attempt.called.result {
        CallResult::Answered { status, .. } => ("answered", Some(*status), None),
        CallResult::NotSent { reason } => ("not_sent", None, Some(reason.as_str())),
        CallResult::Forbidden { reason } => ("forbidden", None, Some(reason.as_str())),
        CallResult::NoAnswer { reason } => ("no_answer", None, Some(reason.as_str())),
        CallResult::Interrupted => ("interrupted", None, None),
    };
    AttemptJson {
        number: attempt.number,
        node: &attempt.node,
        due_at: rfc3339::format(attempt.due_at),
        claimed_at: rfc3339::format(attempt.claimed_at),
        finished_at: rfc3339::format(attempt.finished_at),
        lateness_ms: attempt.lateness().as_micros() as f64 / 1_000.0,
        result,
        status,
        retry_after_ms: attempt.called.result.retry_after().map(|asked| asked.as_millis() as u64),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;
    use rules::domain::target::{Body, Method, Target, TargetUrl};
    use rules::domain::timer::Claim;

    const DUE: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    fn timer(state: State, attempts: Vec<Attempt>) -> Timer {
        let target = Target {
            url: TargetUrl::parse("https://example.com/hook").unwrap(),
            method: Method::Post,
            headers: [("authorization".into(), "Bearer secret".into())].into(),
            body: Body::Text("secret".into()),
        };
        Timer {
            metadata: Arc::new([("order".to_owned(), "4711".to_owned())].into()),
            attempts,
            state,
            ..Timer::waiting(Uuid::nil(), DUE.saturating_sub(Duration::from_secs(60)), DUE, target)
        }
    }

    const COMMON: &str = r#""due_at":"2027-01-15T08:00:00.000000Z","created_at":"2027-01-15T07:59:00.000000Z","url":"https://example.com/hook","method":"POST","delivery":"at_most_once","timeout":"30s""#;

    #[test]
    fn a_waiting_timer_begins_with_id_and_time_left() {
        let waiting = timer(State::Scheduled { attempt: 1, at: DUE }, vec![]);
        let now = DUE.saturating_sub(Duration::from_millis(41_001));
        assert_eq!(
            to_text(&waiting, now, View::Summary),
            format!(
                r#"{{"id":"00000000-0000-0000-0000-000000000000","time_left":42,"state":"scheduled",{COMMON},"attempts":0,"metadata":{{"order":"4711"}}}}"#
            )
        );
    }

    #[test]
    fn a_failed_timer_says_why_and_shows_its_last_attempt() {
        let attempt = Attempt {
            number: 3,
            node: "a".into(),
            due_at: DUE,
            claimed_at: DUE,
            finished_at: DUE,
            called: Arc::new(CallResult::Answered { status: 404, retry_after: None }.into()),
        };
        let failed = timer(
            State::Failed { attempt: 3, at: DUE, reason: "the receiver answered 404".into() },
            vec![attempt],
        );
        assert_eq!(
            to_text(&failed, DUE, View::Summary),
            format!(
                r#"{{"id":"00000000-0000-0000-0000-000000000000","time_left":0,"state":"failed",{COMMON},"attempts":3,"reason":"the receiver answered 404","finished_at":"2027-01-15T08:00:00.000000Z","last_attempt":{{"number":3,"node":"a","due_at":"2027-01-15T08:00:00.000000Z","claimed_at":"2027-01-15T08:00:00.000000Z","finished_at":"2027-01-15T08:00:00.000000Z","lateness_ms":0.0,"result":"answered","status":404}},"metadata":{{"order":"4711"}}}}"#
            )
        );
    }

    #[test]
    fn the_other_states_say_what_is_known_of_them() {
        let claim = Claim { id: Uuid::nil(), node: "a".into(), due_at: DUE, since: DUE, lease_until: DUE };
        for (state, attempts, field, value) in [
            (State::Scheduled { attempt: 2, at: DUE }, 1, "next_attempt_at", "2027-01-15T08:00:00.000000Z"),
            (State::Firing { attempt: 1, claim: claim.clone() }, 1, "claimed_by", "a"),
            (State::Unknown { attempt: 2, doubt: Doubt::NoOutcome(claim), at: DUE }, 2, "claimed_by", "a"),
            (
                State::Unknown { attempt: 1, doubt: Doubt::Restored, at: DUE },
                1,
                "reason",
                "restored by the broker or from a backup: by its due time, this timer must have finished; the receiver may have \
                 been called",
            ),
            (State::Cancelled { at: DUE }, 0, "finished_at", "2027-01-15T08:00:00.000000Z"),
            (State::Delivered { at: DUE }, 0, "state", "delivered"),
        ] {
            let json = to_value(&timer(state.clone(), vec![]), DUE, View::Summary);
            assert_eq!(json[field], value, "{state:?}");
            assert_eq!((&json["attempts"], &json["time_left"]), (&attempts.into(), &0.into()));
        }
    }
}
