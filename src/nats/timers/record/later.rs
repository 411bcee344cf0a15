//! Fields of a record that a later version has added: kept as they are, without being understood.

use serde_json::{Map, Value};

/// The fields of a record that this version does not know, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::nats) struct Later(Option<String>);

impl Later {
    pub(super) fn of(fields: Map<String, Value>) -> Self {
        Self((!fields.is_empty()).then(|| Value::Object(fields).to_string()))
    }

    /// The fields to write.
    pub(super) fn fields(&self) -> Map<String, Value> {
        // `of` has printed the text from such fields.
        self.0.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}
