//! Evidence about a receiver from the end of a call.

use std::time::Duration;

use crate::domain::attempt::CallResult;

/// Evidence about a receiver and the path that was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// The receiver takes calls of this path. Whether it likes this one is between it and the timer.
    Well,
    /// The receiver is there, and this path is not well: 429, 5xx, or no answer. That is no evidence about other paths.
    Ill {
        /// For how long the receiver asks to be left alone, if it does.
        wait: Option<Duration>,
    },
    /// There was no connection, and none to any other path either: the strongest evidence that there is.
    Unreached,
}

impl Evidence {
    /// Nothing if the call says nothing about its receiver. A call that sent nothing says so of the whole receiver, unless that is
    /// `its_own` failure: it had a connection, or its timer's timeout left no time for one.
    pub(super) fn of(result: &CallResult, its_own: bool) -> Option<Self> {
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
