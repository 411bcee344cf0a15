//! The URLs that are told how a timer ended.

use crate::domain::target::TargetUrl;
use crate::domain::timer::{Doubt, State, Timer};

/// The URLs that are told of the end of a timer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callbacks {
    /// Told once the receiver has answered with a 2xx.
    pub on_delivered: Option<TargetUrl>,
    /// Told once the timer has failed for good, or has ended and it is not known whether the receiver was called.
    pub on_failed: Option<TargetUrl>,
}

impl Timer {
    /// The URL to tell of the state that the timer is in, if any.
    pub fn callback(&self) -> Option<&TargetUrl> {
        match self.state {
            State::Delivered { .. } => self.callbacks.on_delivered.as_ref(),
            State::Failed { .. } | State::Unknown { doubt: Doubt::NoOutcome(_), .. } => {
                self.callbacks.on_failed.as_ref()
            }
            // A client that cancels a timer knows of its end. A restored timer ended before, and its callback was made then.
            State::Scheduled { .. }
            | State::Firing { .. }
            | State::Cancelled { .. }
            | State::Unknown { doubt: Doubt::Restored, .. } => None,
        }
    }
}
