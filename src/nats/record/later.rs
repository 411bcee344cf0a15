//! Fields of a record that a later version has added: kept as they are, without being understood.

use std::sync::OnceLock;

use serde_json::{Map, Value};

/// What this program stores beside, if it stands for a later version.
static BESIDE: OnceLock<(&'static str, Value)> = OnceLock::new();

/// From now on, this process stores a field in every record as a later version might. For the test of upgrades, which has
/// a program that does it; nothing in jettimer calls this.
#[doc(hidden)]
pub fn store_beside(name: &'static str, value: &str) {
    // The first one stays.
    let _ = BESIDE.set((name, value.into()));
}

/// What is kept with the timer of the fields that nobody here knows.
pub(super) fn kept(fields: &Map<String, Value>) -> Option<String> {
    (!fields.is_empty()).then(|| Value::Object(fields.clone()).to_string())
}

/// The fields to be written.
pub(super) fn written(kept: Option<&str>) -> Map<String, Value> {
    // It was printed from such fields.
    let mut fields: Map<String, Value> =
        kept.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    fields.extend(BESIDE.get().map(|(name, value)| ((*name).to_owned(), value.clone())));
    fields
}
