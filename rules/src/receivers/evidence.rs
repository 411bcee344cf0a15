//! Evidence about a receiver from the end of a call.

use std::time::Duration;

use crate::domain::attempt::CallResult;

/// Evidence about a receiver and the path that was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The receiver takes calls of this path. An answer that rejects this call concerns only its timer.
    Well,
    /// The receiver can be reached, and this path is not well: 429, 5xx, or no answer. That is no evidence about other paths.
    Ill {
        /// For how long the receiver asks to be left alone, if it does.
        wait: Option<Duration>,
    },
    /// No connection was made, which is evidence about every path: the strongest evidence that there is.
    Unreached,
}

impl Evidence {
    /// The evidence in a call's result, if it says anything about the receiver. A call that sent nothing is evidence about the whole
    /// receiver, unless that was `its_own` failure: it had a connection, or its timer's timeout left no time for one.
    pub fn of(result: &CallResult, its_own: bool) -> Option<Self> {
        Some(match result {
            CallResult::Answered { status: 429 | 503, retry_after } => Self::Ill { wait: *retry_after },
            CallResult::Answered { status: 500..=599, .. } | CallResult::NoAnswer { .. } => {
                Self::Ill { wait: None }
            }
            CallResult::Answered { .. } => Self::Well,
            CallResult::NotSent { .. } if its_own => Self::Ill { wait: None },
            CallResult::NotSent { .. } => Self::Unreached,
            CallResult::Forbidden { .. } | CallResult::Interrupted => return None,
        })
    }
}
