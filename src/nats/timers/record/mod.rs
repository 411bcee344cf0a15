//! The stored form of a timer: versioned JSON, readable with `nats kv get timers <id>`.
//!
//! It is a promise to every later version of jettimer, so it shares no type with the domain or the API. A version may add a field
//! with a default; any other change takes a new version number.
//!
//! A field that a later version has added is not understood and not lost: it stays with the record, and is written as it was. So a
//! version may add a field that others can ignore, such as a note of its own. A field that they must not ignore takes a new version
//! number, which they refuse. docs/upgrades.md has the rules.

mod attempt;
mod later;
mod policy;
mod shared;
mod state;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::foundation::rfc3339;
use attempt::AttemptJson;
use policy::{DeliveryJson, FlowJson, RetryJson};
use rules::domain::attempt::Attempt;
use rules::domain::callbacks::Callbacks;
use rules::domain::flow::Flow;
use rules::domain::target::{Body, Method, Target, TargetUrl};
use rules::domain::time::Timestamp;
use rules::domain::timer::Timer;
use state::StateJson;

pub(in crate::nats) use later::Later;

const VERSION: u32 = 1;

/// The size of most records without the body, in bytes.
const ROOM: usize = 1_024;

#[derive(Serialize, Deserialize)]
struct Record<'r> {
    v: u32,
    id: Uuid,
    state: StateJson<'r>,
    due_at: StoredInstant,
    created_at: StoredInstant,
    #[serde(borrow)]
    url: Cow<'r, str>,
    #[serde(borrow)]
    method: Cow<'r, str>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    headers: Cow<'r, [(String, String)]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<BodyJson>,
    delivery: DeliveryJson,
    timeout_ms: u64,
    retry: RetryJson,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    flow: Option<FlowJson<'r>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on_delivered: Option<Cow<'r, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on_failed: Option<Cow<'r, str>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: Cow<'r, BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_by: Option<Cow<'r, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    set_by: Option<Cow<'r, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<Cow<'r, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Uuid>,
    #[serde(default, skip_serializing_if = "is_zero")]
    attempts_before: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replayed_at: Option<StoredInstant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gave_up_at: Option<StoredInstant>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attempts: Vec<AttemptJson<'r>>,
    /// The fields that this version does not know.
    #[serde(flatten)]
    later: Map<String, Value>,
}

/// An instant, as RFC 3339 in the stored text.
struct StoredInstant(Timestamp);

impl Serialize for StoredInstant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(rfc3339::Text::of(self.0).as_str())
    }
}

impl<'de> Deserialize<'de> for StoredInstant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        shared::read(deserializer, |text| rfc3339::parse(text).map(Self))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum BodyJson {
    Json(shared::Text),
    Text(shared::Text),
    Base64(shared::Bytes),
}

/// The stored form of a timer, with the fields of a later version that the replaced record has.
pub(in crate::nats) fn to_json(timer: &Timer, later: &Later) -> Vec<u8> {
    let record = Record {
        v: VERSION,
        id: timer.id,
        state: (&timer.state).into(),
        due_at: StoredInstant(timer.due_at),
        created_at: StoredInstant(timer.created_at),
        url: timer.target.url.as_str().into(),
        method: timer.target.method.as_str().into(),
        headers: Cow::Borrowed(&timer.target.headers),
        body: match &timer.target.body {
            Body::Default => None,
            Body::Json(json) => Some(BodyJson::Json(shared::Text(json.clone()))),
            Body::Text(text) => Some(BodyJson::Text(shared::Text(text.clone()))),
            Body::Bytes(bytes) => Some(BodyJson::Base64(shared::Bytes(bytes.clone()))),
        },
        delivery: timer.delivery.into(),
        timeout_ms: millis(timer.timeout),
        retry: (&timer.retry).into(),
        flow: timer.flow.as_ref().map(FlowJson::from),
        on_delivered: timer.callbacks.on_delivered.as_ref().map(|url| url.as_str().into()),
        on_failed: timer.callbacks.on_failed.as_ref().map(|url| url.as_str().into()),
        metadata: Cow::Borrowed(&timer.metadata),
        created_by: timer.created_by.as_deref().map(Cow::Borrowed),
        set_by: timer.set_by.as_deref().map(Cow::Borrowed),
        traceparent: timer.traceparent.as_deref().map(Cow::Borrowed),
        fingerprint: timer.fingerprint,
        attempts_before: timer.attempts_before,
        replayed_at: timer.replayed_at.map(StoredInstant),
        gave_up_at: timer.gave_up_at.map(StoredInstant),
        attempts: timer.attempts.iter().map(AttemptJson::from).collect(),
        later: later.fields(),
    };
    // Allocated at once: growing by doubling takes three times as much for a moment.
    let mut json = Vec::with_capacity(ROOM + timer.target.body.bytes().div_ceil(3) * 4);
    match serde_json::to_writer(&mut json, &record) {
        Ok(()) => json,
        // A struct of strings and numbers always serialises; an empty record would be refused on read.
        Err(_) => vec![],
    }
}

/// Reads a stored timer back, for a reader that does not replace its record.
///
/// # Errors
///
/// A sentence that names the part that is not understood.
pub(in crate::nats) fn from_json(bytes: &[u8]) -> Result<Timer, String> {
    read(bytes).map(|(timer, _)| timer)
}

/// Reads a stored timer back, and the fields that a record in place of this one has to keep.
///
/// # Errors
///
/// As [`from_json`].
pub(in crate::nats) fn read(bytes: &[u8]) -> Result<(Timer, Later), String> {
    // Parsed once, since this is done for each version of each timer. The version number is read by itself only if that fails.
    let record = match serde_json::from_slice::<Record<'_>>(bytes) {
        Ok(record) if record.v == VERSION => record,
        Ok(Record { v, .. }) => return Err(of_another_version(v)),
        Err(error) => return Err(unread(bytes, &error)),
    };
    let attempts: Vec<Attempt> =
        record.attempts.into_iter().map(Attempt::try_from).collect::<Result<_, _>>()?;
    let last_attempt = attempts.last().map_or(0, |last| last.number);
    let timer = Timer {
        id: record.id,
        created_at: record.created_at.0,
        due_at: record.due_at.0,
        target: Target {
            url: url(&record.url)?,
            method: Method::from_name(&record.method).ok_or_else(|| format!("method {}", record.method))?,
            headers: record.headers.into_owned().into(),
            body: match record.body {
                None => Body::Default,
                Some(BodyJson::Json(json)) => Body::Json(json.0),
                Some(BodyJson::Text(text)) => Body::Text(text.0),
                Some(BodyJson::Base64(bytes)) => Body::Bytes(bytes.0),
            },
        },
        delivery: record.delivery.into(),
        timeout: Duration::from_millis(record.timeout_ms),
        retry: record.retry.try_into()?,
        flow: record.flow.map(Flow::try_from).transpose()?,
        callbacks: Callbacks {
            on_delivered: record.on_delivered.as_deref().map(url).transpose()?,
            on_failed: record.on_failed.as_deref().map(url).transpose()?,
        },
        metadata: record.metadata.into_owned().into(),
        created_by: record.created_by.map(Cow::into_owned),
        set_by: record.set_by.map(Cow::into_owned),
        traceparent: record.traceparent.map(Cow::into_owned),
        fingerprint: record.fingerprint,
        attempts_before: record.attempts_before,
        replayed_at: record.replayed_at.map(|at| at.0),
        gave_up_at: record.gave_up_at.map(|at| at.0),
        attempts,
        state: record.state.into_state(last_attempt),
    };
    Ok((timer, Later::of(record.later)))
}

/// The reason why a record cannot be read: a record of another version may have any form.
fn unread(bytes: &[u8], error: &serde_json::Error) -> String {
    #[derive(Deserialize)]
    struct Versioned {
        v: u32,
    }
    match serde_json::from_slice(bytes) {
        Ok(Versioned { v }) if v != VERSION => of_another_version(v),
        Ok(_) | Err(_) => error.to_string(),
    }
}

fn of_another_version(v: u32) -> String {
    format!("it has version {v}, but this jettimer reads only version {VERSION}")
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

fn url(text: &str) -> Result<TargetUrl, String> {
    TargetUrl::parse(text).map_err(|error| format!("url {error}"))
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
