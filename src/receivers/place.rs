//! A place for one call: given back when it is dropped, with its start if no call was made. The breaker hears what came of
//! the call, and how many there may be at once follows from how long the place was needed.

use std::time::{Duration, Instant};

use super::concurrency::Ended;
use super::lane::Lane;
use super::receiver::Receiver;
use super::{BreakerState, Receivers};
use crate::domain::attempt::CallResult;
use crate::domain::called::Phases;

/// The right to call a receiver now.
#[derive(Debug)]
pub struct Place {
    receivers: Receivers,
    receiver: Option<String>,
    flow: Option<String>,
    probe: bool,
    /// Whether a call was made.
    called: bool,
    /// Since when it is needed.
    began: Instant,
    /// How many there were at the receiver then, this one included.
    at_once: usize,
    said: Option<Said>,
}

/// What a call says about its receiver.
#[derive(Clone, Copy, Debug)]
struct Said {
    failed: bool,
    /// How long it took to make the connection.
    connecting: Duration,
}

impl Place {
    pub(super) fn new(receivers: Receivers) -> Self {
        let began = Instant::now();
        Self {
            receivers,
            receiver: None,
            flow: None,
            probe: false,
            called: false,
            began,
            at_once: 0,
            said: None,
        }
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

    /// All is there that the receiver and the flow ask for: from now on the place is needed. A wait for this node's own
    /// places counts, since more of this receiver's would only wait there.
    pub(super) fn begins(&mut self) {
        self.began = Instant::now();
        self.at_once = self.of_receiver(|receiver, _| receiver.lane.in_flight()).unwrap_or_default();
    }

    /// The call has been in progress for a quarter of a second.
    pub fn takes_long(&self) {
        self.of_receiver(Receiver::takes_long);
    }

    /// Tells what came of the call, and how long its parts took.
    pub fn report(&mut self, result: &CallResult, phases: &Phases) {
        self.called = true;
        let Some(name) = &self.receiver else { return };
        let failed = match result {
            CallResult::Answered { status, .. } => matches!(status, 429 | 500..=599),
            CallResult::NotSent { .. } | CallResult::NoAnswer { .. } => true,
            // That says nothing about the receiver.
            CallResult::Forbidden { .. } | CallResult::Interrupted => return,
        };
        let connecting = [phases.resolve, phases.connect, phases.tls].into_iter().flatten().sum();
        self.said = Some(Said { failed, connecting });
        let mut known = self.receivers.lock();
        let receiver = known.receiver(name);
        if failed {
            let threshold = self.receivers.rules.breaker_failures;
            let opened = receiver.breaker.failed(self.probe, threshold, Instant::now());
            if opened {
                tracing::warn!(receiver = name, failures = threshold, "left alone: it fails over and over");
            }
        } else {
            if !receiver.breaker.is_idle() && receiver.breaker.state(Instant::now()).0 != BreakerState::Closed
            {
                tracing::info!(receiver = name, postponed = receiver.postponed, "called again: it answers");
            }
            receiver.breaker.succeeded();
            receiver.postponed = 0;
        }
        self.probe = false;
    }

    fn of_receiver<T>(&self, of: impl FnOnce(&mut Receiver, Instant) -> T) -> Option<T> {
        let name = self.receiver.as_ref()?;
        Some(of(self.receivers.lock().receiver(name), Instant::now()))
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
            if let Some(Said { failed, connecting }) = self.said {
                let at_once = self.at_once.max(receiver.lane.in_flight());
                receiver
                    .ended(&Ended { began: self.began, ended: now, once: connecting, at_once, failed }, now);
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
