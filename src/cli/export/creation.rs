//! A timer as it is shown, turned into the creation that makes one like it. Values go over as they were written.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The fields that are the same in both.
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

/// A timer with all that is sent.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Whole<'t>(#[serde(borrow)] BTreeMap<&'t str, &'t RawValue>);

impl<'t> Whole<'t> {
    /// Whether headers and body are shown as digests. The node says so by a flag; values are looked at only if the node is too
    /// old to have the flag.
    pub(super) fn is_hidden(&self) -> bool {
        if let Some(redacted) = self.0.get("redacted") {
            return redacted.get() != "false";
        }
        let headers = self.0.get("headers").map(|headers| headers.get());
        let headers: BTreeMap<String, String> =
            headers.and_then(|headers| serde_json::from_str(headers).ok()).unwrap_or_default();
        self.0.contains_key("body_sha256") || headers.values().any(|value| is_digest(value))
    }

    /// The creation, in one line; nothing if the timer does not wait any more.
    pub(super) fn creation(&self) -> serde_json::Result<Option<String>> {
        if self.0.get("state").map(|state| state.get()) != Some("\"scheduled\"") {
            return Ok(None);
        }
        let mut fields: BTreeMap<&str, &'t RawValue> = BTreeMap::new();
        // One that is between two attempts is called at the next one's instant; its attempts begin anew.
        if let Some(at) = self.0.get("next_attempt_at").or_else(|| self.0.get("due_at")) {
            fields.insert("at", at);
        }
        for name in COMMON {
            fields.extend(self.0.get(name).map(|value| (*name, *value)));
        }
        // What another token has set is signed as that one, and so is what is made of it.
        fields.extend(self.0.get("set_by").map(|value| ("created_by", *value)));
        serde_json::to_string(&fields).map(Some)
    }
}

/// Whether this is what stands for a header's value that may not be seen.
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
        // A node that has the flag is believed.
        assert!(!read(&format!(r#"{{"redacted":false,"headers":{{"a":"{digest}"}}}}"#)).is_hidden());
        assert!(read(r#"{"redacted":true,"headers":{"a":"x"}}"#).is_hidden());
    }
}
