//! A timer for tests, of this crate and of the others.

use std::time::Duration;

use uuid::Uuid;

use super::attempt::Delivery;
use super::retry::RetryPolicy;
use super::target::{Body, Method, Target, TargetUrl};
use super::time::Timestamp;
use super::timer::Timer;

/// When a client asks for the timer.
pub const START: Timestamp = Timestamp::from_micros(1_000_000_000_000);
/// The time from that request until the timer is due.
pub const DUE_IN: Duration = Duration::from_secs(2);

/// A timer that is due two seconds after the start.
#[expect(clippy::unwrap_used, reason = "the URL is valid")]
pub fn a_timer(delivery: Delivery, max_attempts: u32) -> Timer {
    let due = START.saturating_add(DUE_IN);
    let target = Target {
        url: TargetUrl::parse("http://localhost/").unwrap(),
        method: Method::Post,
        headers: [].into(),
        body: Body::Default,
    };
    Timer {
        delivery,
        timeout: Duration::from_secs(1),
        retry: RetryPolicy { max_attempts, ..RetryPolicy::default() },
        ..Timer::waiting(Uuid::from_u128(7), START, due, target)
    }
}
