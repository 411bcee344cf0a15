//! Who else is told how a timer ended.

use crate::domain::target::TargetUrl;
use crate::domain::timer::{Doubt, State, Timer};

/// URLs that are told of the end of a timer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callbacks {
    /// Told once the receiver has answered with a 2xx.
    pub on_delivered: Option<TargetUrl>,
    /// Told once it will not be tried again, or nobody knows whether it was called.
    pub on_failed: Option<TargetUrl>,
}

impl Timer {
    /// Who is to be told of the state that the timer is in.
    pub fn callback(&self) -> Option<&TargetUrl> {
        match self.state {
            State::Delivered { .. } => self.callbacks.on_delivered.as_ref(),
            State::Failed { .. } | State::Unknown { doubt: Doubt::NoOutcome(_), .. } => {
                self.callbacks.on_failed.as_ref()
            }
            // The client that cancels knows. A restored timer ended before, and its callback was made then.
            State::Scheduled { .. }
            | State::Firing { .. }
            | State::Cancelled { .. }
            | State::Unknown { doubt: Doubt::Restored, .. } => None,
        }
    }
}
