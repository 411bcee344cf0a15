//! Fields of a record that a later version has added: kept as they are, without being understood.

use std::sync::OnceLock;

use serde_json::{Map, Value};

/// A field that this program stores in addition, if it stands for a later version.
static BESIDE: OnceLock<(&'static str, Value)> = OnceLock::new();

/// Makes this process store a field in every record, as a later version might. A program in the test of upgrades calls this;
/// nothing in jettimer does.
#[doc(hidden)]
pub fn store_beside(name: &'static str, value: &str) {
    // Only the first call counts.
    let _ = BESIDE.set((name, value.into()));
}

/// The unknown fields as text, which is kept with the timer; `None` without any.
pub(super) fn kept(fields: &Map<String, Value>) -> Option<String> {
    (!fields.is_empty()).then(|| Value::Object(fields.clone()).to_string())
}

/// The fields to write, from the text that [`kept`] has made of them.
pub(super) fn written(kept: Option<&str>) -> Map<String, Value> {
    // `kept` has printed it from such fields.
    let mut fields: Map<String, Value> =
        kept.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    fields.extend(BESIDE.get().map(|(name, value)| ((*name).to_owned(), value.clone())));
    fields
}
