//! One call of a receiver: its result, and the meaning of that result under each delivery mode.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::called::Called;
use crate::domain::statuses::StatusSet;
use crate::domain::time::Timestamp;

/// The promise of a timer about calls whose result is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// No receiver sees the timer twice: a call of unknown result is not repeated.
    AtMostOnce,
    /// The call is repeated until it is answered with a 2xx or attempts run out.
    AtLeastOnce,
}

/// The result of one call, as far as the caller can know it. A `reason` is a text for people.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CallResult {
    /// The receiver answered with this HTTP status.
    Answered {
        /// 100 to 599.
        status: u16,
        /// How long the receiver asks to be left alone, in whole milliseconds.
        retry_after: Option<Duration>,
    },
    /// Nothing of the request can have reached the receiver: its name did not resolve, no
    /// connection was made, or the TLS handshake failed.
    NotSent { reason: String },
    /// The target must not be called, so the node connected to nothing. Only a change of the policy helps; retries do not.
    Forbidden { reason: String },
    /// The request may have been sent, and no answer came: a timeout, or a broken connection.
    NoAnswer { reason: String },
    /// The node gave the call up before it ended, because the node had to stop.
    Interrupted,
}

/// The meaning of a result for the timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    /// Try again, if attempts are left.
    Retry,
    /// Never try again, even if attempts are left.
    Failed,
    /// Never try again. It is not known whether the receiver was called.
    Unknown,
}

impl CallResult {
    /// The meaning of this result under `delivery`. The answers in `retried` mean "not now".
    pub fn verdict(&self, delivery: Delivery, retried: &StatusSet) -> Verdict {
        match (self, delivery) {
            (Self::Answered { status: 200..=299, .. }, _) => Verdict::Delivered,
            (Self::NotSent { .. }, _) => Verdict::Retry,
            (Self::Forbidden { .. }, _) => Verdict::Failed,
            (Self::Answered { .. } | Self::NoAnswer { .. }, Delivery::AtMostOnce) => Verdict::Failed,
            (Self::Interrupted, Delivery::AtMostOnce) => Verdict::Unknown,
            (Self::Answered { status, .. }, Delivery::AtLeastOnce) => {
                if retried.contains(*status) {
                    Verdict::Retry
                } else {
                    Verdict::Failed
                }
            }
            (Self::NoAnswer { .. } | Self::Interrupted, Delivery::AtLeastOnce) => Verdict::Retry,
        }
    }

    /// How long the receiver asked to be left alone, if it did.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answered { retry_after, .. } => *retry_after,
            Self::NotSent { .. } | Self::Forbidden { .. } | Self::NoAnswer { .. } | Self::Interrupted => None,
        }
    }

    /// Whether the receiver can have seen this call.
    pub fn may_have_arrived(&self) -> bool {
        !matches!(self, Self::NotSent { .. } | Self::Forbidden { .. })
    }
}

/// One finished call, kept in the timer's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// From 1. A number may be missing, such as that of an attempt that was due when its record was brought back.
    pub number: u32,
    /// The name of the node that called.
    pub node: Arc<str>,
    /// When the attempt was due.
    pub due_at: Timestamp,
    /// When the call was claimed, by that node's clock.
    pub claimed_at: Timestamp,
    /// When its result was known, by the same clock.
    pub finished_at: Timestamp,
    /// The call's result, answer and duration, shared between all later versions of the timer.
    pub called: Arc<Called>,
}

impl Attempt {
    /// How late the attempt was claimed.
    pub fn lateness(&self) -> Duration {
        self.claimed_at.since(self.due_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_result_means_what_the_delivery_mode_says() {
        use Delivery::{AtLeastOnce, AtMostOnce};
        let answered = |status| CallResult::Answered { status, retry_after: None };
        let retried = StatusSet::default();
        let not_sent = CallResult::NotSent { reason: "refused".into() };
        let no_answer = CallResult::NoAnswer { reason: "timeout".into() };
        let forbidden = CallResult::Forbidden { reason: "loopback".into() };
        for (result, once, at_least_once) in [
            (answered(200), Verdict::Delivered, Verdict::Delivered),
            (answered(299), Verdict::Delivered, Verdict::Delivered),
            (answered(199), Verdict::Failed, Verdict::Failed),
            (answered(302), Verdict::Failed, Verdict::Failed),
            (answered(404), Verdict::Failed, Verdict::Failed),
            (answered(410), Verdict::Failed, Verdict::Failed),
            (answered(408), Verdict::Failed, Verdict::Retry),
            (answered(429), Verdict::Failed, Verdict::Retry),
            (answered(500), Verdict::Failed, Verdict::Retry),
            (answered(599), Verdict::Failed, Verdict::Retry),
            (not_sent, Verdict::Retry, Verdict::Retry),
            (forbidden, Verdict::Failed, Verdict::Failed),
            (no_answer, Verdict::Failed, Verdict::Retry),
            (CallResult::Interrupted, Verdict::Unknown, Verdict::Retry),
        ] {
            assert_eq!(result.verdict(AtMostOnce, &retried), once, "{result:?}");
            assert_eq!(result.verdict(AtLeastOnce, &retried), at_least_once, "{result:?}");
        }
    }
}
