//! Reads the limits that a timer shares with others: `{"key": "…", "rate": "100/s", "parallelism": 10}`.

use serde_json::Value;

use super::fields::{Fields, whole};
use rules::domain::flow::{Flow, MAX_FLOW_KEY_CHARS, MAX_PARALLELISM};
use rules::domain::rate::Rate;

const FORM: &str =
    "must be an object such as {\"key\": \"customer-17\", \"rate\": \"100/s\", \"parallelism\": 10}";

/// Reads the flow, if the timer has one; `null` means that it has none.
pub(super) fn flow(fields: &mut Fields<'_>) -> Option<Flow> {
    let object = match fields.take("flow")? {
        Value::Null => return None,
        Value::Object(object) => object,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            fields.wrong("flow", FORM);
            return None;
        }
    };
    let mut inner = Fields::within(object, "/flow".to_owned());
    let key = key(&mut inner);
    let rate = rate(&mut inner);
    let parallelism = parallelism(&mut inner);
    if !inner.names(&["rate", "parallelism"]) {
        inner.wrong_whole("names no limit; give rate, parallelism, or both");
    }
    fields.extend(inner.finish());
    Some(Flow { key: key?, rate, parallelism })
}

fn key(inner: &mut Fields<'_>) -> Option<String> {
    if !inner.names(&["key"]) {
        inner.wrong("key", "is missing; timers with the same key share their limits");
        return None;
    }
    let key = inner.take_text("key", "any text")?;
    if !(1..=MAX_FLOW_KEY_CHARS).contains(&key.chars().count()) {
        inner.wrong("key", format!("must have 1 to {MAX_FLOW_KEY_CHARS} characters"));
    }
    Some(key.to_owned())
}

fn rate(inner: &mut Fields<'_>) -> Option<Rate> {
    let text = inner.take_text("rate", "a rate such as \"100/s\"")?;
    text.parse().map_err(|why| inner.wrong("rate", why)).ok()
}

fn parallelism(inner: &mut Fields<'_>) -> Option<u32> {
    let number = whole(inner.take("parallelism")?).and_then(|number| u32::try_from(number).ok());
    let number = number.filter(|number| (1..=MAX_PARALLELISM).contains(number));
    if number.is_none() {
        inner.wrong("parallelism", format!("must be a whole number from 1 to {MAX_PARALLELISM}"));
    }
    number
}
