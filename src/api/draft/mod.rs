//! Reads the JSON of a creation, as a client sends it, into a domain timer.
//!
//! All bad fields of a request are found at once, each with a JSON pointer and a sentence about the allowed values. Nothing here reads a
//! clock or stores anything.

mod callbacks;
mod fields;
mod flow;
mod policy;
mod target;
mod when;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use crate::api::json::Json;
use crate::api::problem::FieldError;
use crate::api::{idempotency, owner};
use rules::domain::change::Change;
use rules::domain::retry::RetryPolicy;
use rules::domain::time::Timestamp;
use rules::domain::timer::{Timer, TimerId};
use rules::policy::Policy;

use fields::Fields;

/// The settings of the server that a creation depends on.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// The farthest due instant, from now.
    pub(super) max_delay: Duration,
    /// The retry policy of timers that name none.
    pub(super) retry: RetryPolicy,
    /// Which targets may be called.
    pub(super) targets: Arc<Policy>,
}

/// Reads a timer from the JSON of a creation.
///
/// # Errors
///
/// All bad fields.
pub(super) fn read(
    json: &Json,
    rules: &Rules,
    id: TimerId,
    fingerprint: Option<Uuid>,
    now: Timestamp,
) -> Result<Timer, Vec<FieldError>> {
    let Value::Object(object) = &json.value else {
        let detail = "the body must be a JSON object, such as {\"delay\": \"1h\", \"url\": \"https://…\"}";
        return Err(vec![FieldError { pointer: String::new(), detail: detail.to_owned() }]);
    };
    let mut fields = Fields::new(object);
    fields.extend(fields::repeated(json));
    let due_at = when::read(&mut fields, now, rules.max_delay);
    let target = target::read(&mut fields, json.body(), &rules.targets);
    let delivery = policy::delivery(&mut fields);
    let timeout = policy::timeout(&mut fields);
    let retry = policy::retry(&mut fields, rules.retry);
    let flow = flow::flow(&mut fields);
    let callbacks = callbacks::read(&mut fields, &rules.targets);
    let metadata = policy::metadata(&mut fields);
    // The callers have read these fields before: the timer's id and its owner come from them.
    fields.names(&[idempotency::FIELD, owner::FIELD]);
    let errors = fields.finish();
    match (due_at, target) {
        (Some(due_at), Some(target)) if errors.is_empty() => Ok(Timer {
            delivery,
            timeout,
            retry,
            flow,
            callbacks,
            metadata,
            fingerprint,
            ..Timer::waiting(id, now, due_at, target)
        }),
        _ => Err(errors),
    }
}

/// Reads a change from its JSON. Its fields are those of a creation.
///
/// # Errors
///
/// All bad fields.
pub(super) fn read_change(json: &Json, rules: &Rules, now: Timestamp) -> Result<Change, Vec<FieldError>> {
    let Value::Object(object) = &json.value else {
        let detail = "the body must be a JSON object, such as {\"delay\": \"1h\"}";
        return Err(vec![FieldError { pointer: String::new(), detail: detail.to_owned() }]);
    };
    let mut fields = Fields::new(object);
    fields.extend(fields::repeated(json));
    let due_at = when::read_change(&mut fields, now, rules.max_delay);
    let target = target::read_change(&mut fields, json.body(), &rules.targets);
    let callbacks = callbacks::read_change(&mut fields, &rules.targets);
    let change = Change {
        // The caller adds the name.
        by: None,
        due_at,
        url: target.url,
        method: target.method,
        headers: target.headers,
        body: target.body,
        delivery: fields.names(&["delivery"]).then(|| policy::delivery(&mut fields)),
        timeout: fields.names(&["timeout"]).then(|| policy::timeout(&mut fields)),
        retry: fields.names(&["retry"]).then(|| policy::retry(&mut fields, rules.retry)),
        flow: fields.names(&["flow"]).then(|| flow::flow(&mut fields)),
        on_delivered: callbacks.on_delivered,
        on_failed: callbacks.on_failed,
        metadata: fields.names(&["metadata"]).then(|| policy::metadata(&mut fields)),
    };
    if object.is_empty() {
        fields.wrong_whole("names no field to change; the fields are the same as in a creation");
    }
    let errors = fields.finish();
    if errors.is_empty() { Ok(change) } else { Err(errors) }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
