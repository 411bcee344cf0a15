//! Reads the policy of a call: delivery mode, timeout and retries; and the client's own labels.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::fields::{Fields, escaped, whole};
use crate::api::problem::FieldError;
use crate::foundation::duration;
use rules::domain::attempt::Delivery;
use rules::domain::retry::{MAX_ATTEMPTS, MAX_BACKOFF, MAX_DEADLINE, MAX_FACTOR, RetryPolicy};
use rules::domain::statuses::StatusSet;
use rules::domain::timer::{
    DEFAULT_TIMEOUT, MAX_METADATA, MAX_METADATA_KEY_CHARS, MAX_METADATA_VALUE_CHARS, MAX_TIMEOUT, MIN_TIMEOUT,
};

pub(super) fn delivery(fields: &mut Fields<'_>) -> Delivery {
    const ALLOWED: &str = "\"at_most_once\" or \"at_least_once\"";
    match fields.take_text("delivery", ALLOWED) {
        None | Some("at_most_once") => Delivery::AtMostOnce,
        Some("at_least_once") => Delivery::AtLeastOnce,
        Some(_) => {
            fields.wrong("delivery", format!("must be {ALLOWED}"));
            Delivery::AtMostOnce
        }
    }
}

pub(super) fn timeout(fields: &mut Fields<'_>) -> Duration {
    span(fields, "timeout", MIN_TIMEOUT..=MAX_TIMEOUT).unwrap_or(DEFAULT_TIMEOUT)
}

pub(super) fn retry(fields: &mut Fields<'_>, default: RetryPolicy) -> RetryPolicy {
    let Some(value) = fields.take("retry") else { return default };
    let Value::Object(object) = value else {
        fields.wrong("retry", "must be an object such as {\"max_attempts\": 5, \"initial_backoff\": \"2s\"}");
        return default;
    };
    let mut inner = Fields::within(object, "/retry".to_owned());
    let mut policy = default;
    if let Some(value) = inner.take("max_attempts") {
        match whole(value).and_then(|number| u32::try_from(number).ok()) {
            Some(number) if (1..=MAX_ATTEMPTS).contains(&number) => policy.max_attempts = number,
            _ => inner.wrong("max_attempts", format!("must be a whole number from 1 to {MAX_ATTEMPTS}")),
        }
    }
    let backoffs = Duration::from_millis(1)..=MAX_BACKOFF;
    let initial = span(&mut inner, "initial_backoff", backoffs.clone());
    let max = span(&mut inner, "max_backoff", backoffs);
    policy.initial_backoff =
        initial.unwrap_or_else(|| policy.initial_backoff.min(max.unwrap_or(Duration::MAX)));
    policy.max_backoff = max.unwrap_or_else(|| policy.max_backoff.max(policy.initial_backoff));
    if policy.max_backoff < policy.initial_backoff {
        inner.wrong("max_backoff", "must not be shorter than initial_backoff");
    }
    if let Some(value) = inner.take("factor") {
        match value.as_f64() {
            Some(factor) if (1.0..=MAX_FACTOR).contains(&factor) => policy.factor = factor,
            _ => inner.wrong("factor", format!("must be a number from 1 to {MAX_FACTOR}")),
        }
    }
    if let Some(deadline) = span(&mut inner, "deadline", Duration::from_millis(1)..=MAX_DEADLINE) {
        policy.deadline = Some(deadline);
    }
    if let Some(value) = inner.take("statuses").filter(|value| !value.is_null()) {
        match statuses(value) {
            Ok(statuses) => policy.statuses = statuses,
            Err(why) => inner.wrong("statuses", why),
        }
    }
    fields.extend(inner.finish());
    policy
}

/// Reads numbers and classes of statuses, such as `[408, 429, "5xx"]`.
fn statuses(value: &Value) -> Result<StatusSet, String> {
    const FORM: &str = "must be an array of statuses and classes, such as [408, 429, \"5xx\"]";
    let Value::Array(names) = value else { return Err(FORM.to_owned()) };
    names.iter().try_fold(StatusSet::EMPTY, |set, name| match (whole(name), name.as_str()) {
        (Some(number), _) => set.with(&number.to_string()).map_err(|why| format!("{number} {why}")),
        (_, Some(name)) => set.with(name).map_err(|why| format!("{name:?} {why}")),
        _ => Err(FORM.to_owned()),
    })
}

/// Reads a duration field, in whole milliseconds, since it is stored in this unit.
fn span(fields: &mut Fields<'_>, name: &'static str, allowed: RangeInclusive<Duration>) -> Option<Duration> {
    let text = fields.take_text(name, "a duration such as \"30s\" or \"PT30S\"")?;
    match duration::parse(text) {
        Err(why) => fields.wrong(name, why),
        Ok(span) if !allowed.contains(&span) => fields.wrong(
            name,
            format!(
                "must be from {} to {}",
                duration::format(*allowed.start()),
                duration::format(*allowed.end())
            ),
        ),
        Ok(span) => return Some(Duration::from_millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))),
    }
    None
}

pub(super) fn metadata(fields: &mut Fields<'_>) -> Arc<BTreeMap<String, String>> {
    let Some(value) = fields.take("metadata").filter(|value| !value.is_null()) else {
        return Arc::default();
    };
    let Value::Object(object) = value else {
        fields.wrong("metadata", "must be an object of strings, such as {\"order\": \"4711\"}");
        return Arc::default();
    };
    if object.len() > MAX_METADATA {
        fields.wrong("metadata", format!("has more than {MAX_METADATA} entries"));
    }
    let mut metadata = BTreeMap::new();
    for (key, value) in object {
        let wrong = match value.as_str() {
            _ if key.is_empty() || key.chars().count() > MAX_METADATA_KEY_CHARS => {
                format!("a key must have 1 to {MAX_METADATA_KEY_CHARS} characters")
            }
            None => "must be a string".to_owned(),
            Some(text) if text.chars().count() > MAX_METADATA_VALUE_CHARS => {
                format!("must have at most {MAX_METADATA_VALUE_CHARS} characters")
            }
            Some(text) => {
                metadata.insert(key.clone(), text.to_owned());
                continue;
            }
        };
        fields.extend(vec![FieldError { pointer: format!("/metadata/{}", escaped(key)), detail: wrong }]);
    }
    Arc::new(metadata)
}
