//! The one request body that every request of a run sends, and the due instant that its timers should have.
//!
//! The body is the same for all requests, so it is written once and shared.

use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::args::Delivery;
use super::clock::micros;
use crate::foundation::rfc3339;
use rules::domain::time::Timestamp;

/// How far a due instant may be from the one that was asked for, in microseconds: a service may keep time in whole milliseconds.
const ROUNDING_US: u64 = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Each timer this long after its own creation.
    In(Duration),
    /// All timers at one instant, in microseconds since the Unix epoch.
    Together { at_us: u64 },
}

impl Due {
    /// The due instants that are right for a request under way between the two instants given.
    pub(super) fn right_for(self, sent_us: u64, answered_us: u64) -> RangeInclusive<u64> {
        let (first, last) = match self {
            Self::In(delay) => {
                (sent_us.saturating_add(micros(delay)), answered_us.saturating_add(micros(delay)))
            }
            Self::Together { at_us } => (at_us, at_us),
        };
        first.saturating_sub(ROUNDING_US)..=last.saturating_add(ROUNDING_US)
    }
}

/// The body of a request for one timer, or for this many.
pub(super) fn body(due: Due, hook: &str, delivery: Delivery, per_request: u32) -> Bytes {
    let order = match due {
        Due::In(delay) => {
            json!({ "delay": crate::foundation::duration::format(delay), "url": hook, "delivery": delivery.name() })
        }
        Due::Together { at_us } => {
            let at = rfc3339::format(Timestamp::from_micros(at_us));
            json!({ "at": at, "url": hook, "delivery": delivery.name() })
        }
    };
    let one = order.to_string();
    if per_request == 1 {
        one.into()
    } else {
        format!("[{}]", vec![one; per_request as usize].join(",")).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOOK: &str = "http://127.0.0.1:9/hook";

    fn read(body: &Bytes) -> serde_json::Value {
        serde_json::from_slice(body).unwrap()
    }

    #[test]
    fn a_delay_is_sent_as_the_service_reads_it() {
        let body = body(Due::In(Duration::from_millis(90_500)), HOOK, Delivery::AtMostOnce, 1);
        assert_eq!(read(&body), json!({"delay": "1m 30s 500ms", "url": HOOK, "delivery": "at_most_once"}));
    }

    #[test]
    fn a_request_for_many_timers_has_the_same_order_for_each() {
        let one = body(Due::In(Duration::from_secs(1)), HOOK, Delivery::AtMostOnce, 1);
        let three = body(Due::In(Duration::from_secs(1)), HOOK, Delivery::AtMostOnce, 3);
        assert_eq!(read(&three), json!([read(&one), read(&one), read(&one)]));
    }

    #[test]
    fn a_common_instant_is_sent_to_the_microsecond() {
        let body = body(Due::Together { at_us: 1_735_689_600_123_456 }, HOOK, Delivery::AtLeastOnce, 1);
        assert_eq!(
            read(&body),
            json!({"at": "2025-01-01T00:00:00.123456Z", "url": HOOK, "delivery": "at_least_once"})
        );
    }

    #[test]
    fn a_due_instant_is_right_between_sending_and_answer_give_or_take_a_millisecond() {
        let right = Due::In(Duration::from_secs(1)).right_for(5_000_000, 5_004_000);
        assert_eq!(right, 5_999_000..=6_005_000);
        assert_eq!(Due::Together { at_us: 7_000_000 }.right_for(0, 1), 6_999_000..=7_001_000);
    }
}
