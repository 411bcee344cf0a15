//! Fields of a record that a later version has added: kept as they are, without being understood.

use serde_json::{Map, Value};

/// The unknown fields as text, which is kept with the timer; `None` without any.
pub(super) fn kept(fields: &Map<String, Value>) -> Option<String> {
    (!fields.is_empty()).then(|| Value::Object(fields.clone()).to_string())
}

/// The fields to write, from the text that [`kept`] has made of them.
pub(super) fn written(kept: Option<&str>) -> Map<String, Value> {
    // `kept` has printed it from such fields.
    kept.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}
