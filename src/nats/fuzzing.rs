//! Checks on arbitrary bytes from the broker: nothing panics, and a value that can be read is written so that it is read again.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use uuid::Uuid;

use super::changes::event::Event;
use super::changes::watch::Watched;
use super::names::{
    fire_subject, record_subject, recorded_timer, schedule_subject, scheduled_wake, timer_of,
};
use super::nodes::presence;
use super::requests::tail::Seen;
use super::sizes::ATTEMPT_BYTES;
use super::timers::record::{self, Later};
use super::timers::versions;
use crate::foundation::clock::Clock;
use crate::foundation::timer_json::{self, View};
use rules::domain::attempt::CallResult;
use rules::domain::machine::{Command, Effect, Input, LINGER_TRIES, obey, step};
use rules::domain::time::Timestamp;
use rules::domain::timer::{Doubt, State, Timer};

/// Checks a record. If it can be read, it is the same once written and read again, and so is each record that a node makes of it at
/// any time.
pub(crate) fn a_record(json: &[u8]) {
    let Ok((timer, later)) = record::read(json) else { return };
    let written = record::to_json(&timer, &later);
    assert_eq!(record::read(&written), Ok((timer.clone(), later)), "{}", String::from_utf8_lossy(&written));
    for view in [View::Summary, View::Whole { bodies: true }, View::Whole { bodies: false }] {
        timer_json::to_text(&timer, timer.due_at, view);
    }
    let day = Duration::from_secs(86_400);
    for now in [timer.created_at, timer.due_at, timer.due_at.saturating_add(day)] {
        let claim = claim_of(&timer);
        for tries in [1, LINGER_TRIES] {
            let wake = Input::Wake { claim, node: "n".into(), tries, has_place: true };
            goes_on(step(&timer, wake, now).effects);
        }
        let refused = Arc::new(CallResult::NotSent { reason: String::new() }.into());
        goes_on(step(&timer, Input::Outcome { claim, called: refused }, now).effects);
        goes_on(step(&timer, Input::Postponed { until: now }, now).effects);
        for command in [Command::Cancel, Command::Fire, Command::Replay] {
            goes_on(obey(&timer, command, now).unwrap_or_default());
        }
    }
}

/// Checks a message of a stream: a line with its subject, lines with its headers, an empty one, and its payload.
pub(crate) fn a_message(bytes: &[u8]) {
    presence::read(bytes);
    let Some(seen) = seen(bytes) else { return };
    if let Some(id) = timer_of(&seen.subject) {
        assert_eq!(timer_of(&fire_subject(id)), Some(id), "{}", seen.subject);
    }
    if let Some(id) = recorded_timer(&seen.subject) {
        assert_eq!(recorded_timer(&record_subject(id)), Some(id), "{}", seen.subject);
    }
    if let Some((id, at)) = scheduled_wake(&seen.subject) {
        assert_eq!(scheduled_wake(&schedule_subject(id, at)), Some((id, at)), "{}", seen.subject);
    }
    versions::past_of(&seen);
    Event::of(&seen);
    Watched::of(&seen, Clock::OF_THE_WORLD);
}

/// Asserts that a timer is read back as it was written.
pub(crate) fn comes_back(timer: &Timer) {
    let json = record::to_json(timer, &Later::default());
    assert_eq!(record::from_json(&json).as_ref(), Ok(timer), "{}", String::from_utf8_lossy(&json));
}

/// Asserts that the last attempt takes no more room than is kept for it.
pub(crate) fn has_room(timer: &Timer) {
    let mut without = timer.clone();
    without.attempts.pop();
    let [with, without] = [timer, &without].map(|timer| record::to_json(timer, &Later::default()).len());
    let taken = with - without;
    assert!(taken <= ATTEMPT_BYTES, "{taken} bytes");
}

fn goes_on(effects: Vec<Effect>) {
    for effect in effects {
        if let Effect::Store(timer) = effect {
            comes_back(&timer);
        }
    }
}

/// The id of the timer's claim, as its claimant would name it.
fn claim_of(timer: &Timer) -> Uuid {
    match &timer.state {
        State::Firing { claim, .. } | State::Unknown { doubt: Doubt::NoOutcome(claim), .. } => claim.id,
        State::Scheduled { .. }
        | State::Delivered { .. }
        | State::Failed { .. }
        | State::Cancelled { .. }
        | State::Unknown { doubt: Doubt::Restored, .. } => Uuid::nil(),
    }
}

fn seen(bytes: &[u8]) -> Option<Seen> {
    let (head, payload) = match bytes.windows(2).position(|two| two == b"\n\n") {
        Some(end) => (&bytes[..end], &bytes[end + 2..]),
        None => (bytes, &b""[..]),
    };
    let mut lines = std::str::from_utf8(head).ok()?.lines();
    let subject = lines.next()?.to_owned();
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        headers.append(name.parse::<HeaderName>().ok()?, value.trim().parse::<HeaderValue>().ok()?);
    }
    let stored_at = Timestamp::from_micros(1_800_000_000_000_000);
    Some(Seen {
        subject,
        headers,
        payload: Bytes::copy_from_slice(payload),
        sequence: 7,
        delivery: 0,
        pending: 0,
        stored_at,
    })
}
