//! Turns a timer, as the API shows it, into the creation that makes one like it. Values are copied as they were written.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use rules::domain::state_kind::StateKind;

/// The fields that a timer and a creation share.
const COMMON: &[&str] = &[
    "url",
    "method",
    "headers",
    "body",
    "body_text",
    "body_base64",
    "timeout",
    "delivery",
    "retry",
    "flow",
    "on_delivered",
    "on_failed",
    "metadata",
    "created_by",
];

/// A timer with all fields of the answer.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Whole<'t>(#[serde(borrow)] BTreeMap<&'t str, &'t RawValue>);

impl<'t> Whole<'t> {
    /// Whether the node shows headers and body as digests. The node says so by a flag; the values are checked only if the node
    /// is too old to have the flag.
    pub(super) fn is_hidden(&self) -> bool {
        if let Some(redacted) = self.0.get("redacted") {
            return redacted.get() != "false";
        }
        let headers = self.0.get("headers").map(|headers| headers.get());
        let headers: BTreeMap<String, String> =
            headers.and_then(|headers| serde_json::from_str(headers).ok()).unwrap_or_default();
        self.0.contains_key("body_sha256") || headers.values().any(|value| is_digest(value))
    }

    /// The creation, in one line; `None` if the timer no longer waits.
    pub(super) fn creation(&self) -> serde_json::Result<Option<String>> {
        let state = self.0.get("state").map(|state| state.get().trim_matches('"'));
        if state.and_then(StateKind::from_name) != Some(StateKind::Scheduled) {
            return Ok(None);
        }
        let mut fields: BTreeMap<&str, &'t RawValue> = BTreeMap::new();
        // A timer between two attempts is due at the instant of the next one; its attempts start again at the first.
        if let Some(at) = self.0.get("next_attempt_at").or_else(|| self.0.get("due_at")) {
            fields.insert("at", at);
        }
        for name in COMMON {
            fields.extend(self.0.get(name).map(|value| (*name, *value)));
        }
        // A timer that another token has changed is signed as that token's, and so is its copy.
        fields.extend(self.0.get("set_by").map(|value| ("created_by", *value)));
        serde_json::to_string(&fields).map(Some)
    }
}

/// Whether the node shows this text in place of a header's value that the token may not see.
fn is_digest(value: &str) -> bool {
    value
        .strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Whole<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_waiting_timer_is_a_creation_and_no_other_is() {
        let timer = r#"{"id":"x","state":"scheduled","due_at":"2027-01-01T00:00:00.000000Z","created_at":"…","url":"http://a","body":{"b": 1.0},"created_by":"billing","attempt_log":[]}"#;
        let expected = r#"{"at":"2027-01-01T00:00:00.000000Z","body":{"b": 1.0},"created_by":"billing","url":"http://a"}"#;
        assert_eq!(read(timer).creation().unwrap().as_deref(), Some(expected));
        let changed = timer.replace("\"attempt_log\"", "\"set_by\":\"shipping\",\"attempt_log\"");
        let expected = expected.replace("billing", "shipping");
        assert_eq!(read(&changed).creation().unwrap(), Some(expected));
        let retried = timer.replace("\"url\"", "\"next_attempt_at\":\"2028\",\"url\"");
        assert!(read(&retried).creation().unwrap().unwrap().starts_with(r#"{"at":"2028""#));
        assert_eq!(read(&timer.replace("scheduled", "firing")).creation().unwrap(), None);
    }

    #[test]
    fn digests_are_no_headers_and_bodies() {
        let digest = format!("sha256:{}", "0".repeat(64));
        assert!(read(&format!(r#"{{"headers":{{"a":"{digest}"}}}}"#)).is_hidden());
        assert!(read(r#"{"body_sha256":"0"}"#).is_hidden());
        assert!(!read(r#"{"headers":{"a":"sha256:0"},"body":1}"#).is_hidden());
        // The flag of a node that has it is believed.
        assert!(!read(&format!(r#"{{"redacted":false,"headers":{{"a":"{digest}"}}}}"#)).is_hidden());
        assert!(read(r#"{"redacted":true,"headers":{"a":"x"}}"#).is_hidden());
    }
}
