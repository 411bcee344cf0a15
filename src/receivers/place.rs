//! A place for one call: given back when it is dropped, with its start if no call was made, and the breaker hears what
//! came of the call.

use std::time::Instant;

use super::Receivers;
use super::lane::Lane;
use crate::domain::attempt::CallResult;

/// The right to call a receiver now.
#[derive(Debug)]
pub struct Place {
    receivers: Receivers,
    receiver: Option<String>,
    flow: Option<String>,
    probe: bool,
    /// Whether a call was made.
    called: bool,
}

impl Place {
    pub(super) fn new(receivers: Receivers) -> Self {
        Self { receivers, receiver: None, flow: None, probe: false, called: false }
    }

    pub(super) fn took_flow(&mut self, key: &str) {
        self.flow = Some(key.to_owned());
    }

    pub(super) fn took_receiver(&mut self, name: &str) {
        self.receiver = Some(name.to_owned());
    }

    pub(super) fn probes(&mut self) {
        self.probe = true;
    }

    /// Tells the breaker what came of the call.
    pub fn report(&mut self, result: &CallResult) {
        self.called = true;
        let Some(name) = &self.receiver else { return };
        let failed = match result {
            CallResult::Answered { status, .. } => matches!(status, 429 | 500..=599),
            CallResult::NotSent { .. } | CallResult::NoAnswer { .. } => true,
            // That says nothing about the receiver.
            CallResult::Forbidden { .. } | CallResult::Interrupted => return,
        };
        let mut known = self.receivers.lock();
        let receiver = known.receiver(name);
        if failed {
            let threshold = self.receivers.rules.breaker_failures;
            let opened = receiver.breaker.failed(self.probe, threshold, Instant::now());
            if opened {
                tracing::warn!(receiver = name, failures = threshold, "left alone: it fails over and over");
            }
        } else {
            if !receiver.breaker.is_idle()
                && receiver.breaker.state(Instant::now()).0 != super::BreakerState::Closed
            {
                tracing::info!(receiver = name, postponed = receiver.postponed, "called again: it answers");
            }
            receiver.breaker.succeeded();
            receiver.postponed = 0;
        }
        self.probe = false;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut known = self.receivers.lock();
        if let Some(name) = &self.receiver {
            let receiver = known.receiver(name);
            if self.probe {
                receiver.breaker.abandoned();
            }
            give_back(&mut receiver.lane, self.called, now);
        }
        if let Some(key) = &self.flow {
            give_back(known.flow(key), self.called, now);
        }
    }
}

fn give_back(lane: &mut Lane, called: bool, now: Instant) {
    if !called {
        lane.unused(now);
    }
    lane.leave(now);
}
