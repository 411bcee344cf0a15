//! Checks that are run on arbitrary bytes of a client.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use super::draft::{self, Rules};
use super::json::Json;
use super::problem::FieldError;
use crate::nats::fuzzing::comes_back;
use rules::domain::retry::RetryPolicy;
use rules::domain::time::Timestamp;
use rules::domain::timer::Timer;

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

/// A creation without anything special.
const PLAIN: &[u8] = br#"{"delay": "1h", "url": "http://example.com/"}"#;

/// Reads the bytes as the body of a creation and of a change. Either the body is accepted, and the timer comes back from its record
/// unchanged; or it is refused with its errors.
pub(crate) fn a_body(bytes: &[u8]) {
    let Ok(json) = Json::read(Bytes::copy_from_slice(bytes)) else { return };
    let rules = Rules {
        max_delay: Duration::from_secs(3_650 * 86_400),
        retry: RetryPolicy::default(),
        targets: Arc::default(),
    };
    match created(&json, &rules) {
        Ok(timer) => {
            assert!(timer.due_at <= NOW.saturating_add(rules.max_delay), "beyond the horizon");
            comes_back(&timer);
        }
        Err(errors) => assert!(!errors.is_empty(), "refused without a word"),
    }
    match draft::read_change(&json, &rules, NOW) {
        Ok(change) => {
            let plain = Json::read(Bytes::from_static(PLAIN)).map(|json| created(&json, &rules));
            let Ok(Ok(timer)) = plain else { unreachable!("it is a good creation") };
            if !change.has_a_body_in_vain(&timer) {
                comes_back(&change.applied_to(&timer));
            }
        }
        Err(errors) => assert!(!errors.is_empty(), "refused without a word"),
    }
}

fn created(json: &Json, rules: &Rules) -> Result<Timer, Vec<FieldError>> {
    draft::read(json, rules, Uuid::nil(), Some(Uuid::max()), NOW)
}
