//! A place for one call. Dropping it gives it back, and its start too if no call was made. The breakers hear the result of
//! the call, and the limit of calls at once follows from how long places are needed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Receivers;
use rules::domain::attempt::CallResult;
use rules::domain::called::Phases;
use rules::receivers::concurrency::Ended;
use rules::receivers::evidence::Evidence;
use rules::receivers::lane::{ALIKE, Lane};
use rules::receivers::paths::News;
use rules::receivers::receiver::{Probes, Receiver};
use rules::receivers::route::Route;

/// The right to call a receiver now.
#[derive(Debug)]
pub struct Place {
    receivers: Receivers,
    receiver: Option<Arc<str>>,
    flow: Option<String>,
    route: Route,
    probes: Probes,
    /// How long the call has waited for the room of its receiver and its flow, and for its receiver's name.
    waited: Duration,
    /// Whether a call was made.
    called: bool,
    /// Whether the call has taken long.
    took_long: bool,
    /// Since when the place is needed.
    began: Instant,
    /// How many calls the receiver had then, this one included.
    at_once: usize,
    said: Option<Said>,
}

/// The information of a call about its receiver.
#[derive(Clone, Copy, Debug)]
struct Said {
    failed: bool,
    /// How long it took to make the connection.
    connecting: Duration,
}

impl Place {
    pub(super) fn new(receivers: Receivers, route: Route) -> Self {
        let began = Instant::now();
        Self {
            receivers,
            receiver: None,
            flow: None,
            route,
            probes: Probes::default(),
            waited: Duration::ZERO,
            called: false,
            took_long: false,
            began,
            at_once: 0,
            said: None,
        }
    }

    pub(super) fn took_flow(&mut self, key: &str, waited: Duration) {
        self.flow = Some(key.to_owned());
        self.waited += waited;
    }

    pub(super) fn took_receiver(&mut self, name: &Arc<str>, waited: Duration) {
        self.receiver = Some(name.clone());
        self.waited += waited;
    }

    pub(super) fn waited(&mut self, waited: Duration) {
        self.waited += waited;
    }

    pub(super) fn probes(&mut self, probes: Probes) {
        self.probes = probes;
    }

    /// Notes that the receiver and the flow have room: from now on the place is needed. A wait for this node's own
    /// places counts, since more calls to this receiver would only wait there.
    pub(super) fn begins(&mut self) {
        self.began = Instant::now();
        self.at_once = self.of_receiver(|receiver, _| receiver.lane.in_flight()).unwrap_or_default();
    }

    /// Notes that the receiver's name was looked up since the place began to be needed. That says nothing about how long calls take.
    pub fn looked_up(&mut self) {
        self.waited += self.began.elapsed();
        self.begins();
    }

    /// Gives this place back, since this node had no place of its own for the call in time. Says when the timer comes back.
    pub fn come_back(self) -> Duration {
        let come_back = |receiver: &mut Receiver, now| {
            receiver.postponed += 1;
            receiver.lane.gave_up(now)
        };
        self.of_receiver(come_back).unwrap_or_default()
    }

    /// Notes that the call has been in progress for a quarter of a second.
    pub fn takes_long(&mut self) {
        let shape = self.route.shape;
        self.took_long = self.of_receiver(|receiver, now| receiver.takes_long(shape, now)).is_some();
    }

    /// Reports the result of the call and the duration of its parts. If nothing was sent, `its_own` says whether that was the call's own
    /// failure: it had a connection, or its timer's timeout left no time for one.
    pub fn report(&mut self, result: &CallResult, phases: &Phases, its_own: bool) {
        self.called = true;
        let Some(name) = &self.receiver else { return };
        let Some(evidence) = Evidence::of(result, its_own) else { return };
        let connecting = [phases.resolve, phases.connect, phases.tls].into_iter().flatten().sum();
        self.said = Some(Said { failed: evidence != Evidence::Well, connecting });
        let threshold = self.receivers.rules.breaker_failures;
        let mut known = self.receivers.lock();
        let room = known.room_for_paths();
        let told = (evidence, std::mem::take(&mut self.probes));
        let news =
            known.receiver(name).heard(self.route, told, (threshold, room), self.began, Instant::now());
        drop(known);
        news.iter().for_each(|news| log(*news, name, self.route));
    }

    /// How long the call has waited for the room of its receiver and its flow, and for its receiver's name.
    pub(super) fn has_waited(&self) -> Duration {
        self.waited
    }

    /// Whether timers of this path, receiver or flow were held back at an instant or later.
    pub(super) fn was_held_back(&self, since: Option<Instant>) -> bool {
        let mut known = self.receivers.lock();
        let by_receiver = |name: &Arc<str>| known.receiver(name).has_held_back(self.route, since);
        self.receiver.as_ref().is_some_and(by_receiver)
            || self.flow.as_ref().is_some_and(|key| known.flow(key).has_postponed_since(since))
    }

    pub(super) fn of_all(&self) -> &Receivers {
        &self.receivers
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
            if self.probes.reach {
                receiver.reach.abandoned();
            }
            if self.probes.path {
                receiver.paths.abandoned(self.route);
            }
            if self.probes.shape {
                receiver.paths.tried(self.route, None);
            }
            if let Some(Said { failed, connecting }) = self.said {
                let at_once = self.at_once.max(receiver.lane.in_flight());
                receiver
                    .ended(&Ended { began: self.began, ended: now, once: connecting, at_once, failed }, now);
            }
            give_back(&mut receiver.lane, self.called, (self.route.shape, self.took_long), now);
        }
        if let Some(key) = &self.flow {
            give_back(known.flow(key), self.called, (ALIKE, false), now);
        }
    }
}

/// Gives back the place of a call of this shape, which took long or not.
fn give_back(lane: &mut Lane, called: bool, (shape, took_long): (u64, bool), now: Instant) {
    if !called {
        lane.unused(now);
    }
    lane.leave(shape, took_long, now);
}

/// Logs a change. It names paths by their hashes, since a path may be a secret.
fn log(news: News, receiver: &str, route: Route) {
    let (path, shape) = (format!("{:016x}", route.path), format!("{:016x}", route.shape));
    match news {
        News::Left => {
            tracing::warn!(receiver, "circuit breaker opened: connections to the receiver fail over and over")
        }
        News::Back => {
            tracing::info!(receiver, "circuit breaker closed: the receiver takes connections again")
        }
        News::PathLeft => {
            tracing::warn!(
                receiver,
                path,
                "circuit breaker opened for one path of a receiver: it fails over and over"
            );
        }
        News::PathBack => {
            tracing::info!(
                receiver,
                path,
                "circuit breaker closed for one path of a receiver: it answers well again"
            )
        }
        News::ShapeLeft => tracing::warn!(
            receiver,
            shape,
            "circuit breaker opened for paths of a receiver that look alike: they fail one after the other"
        ),
        News::ShapeBack => {
            tracing::info!(
                receiver,
                shape,
                "circuit breaker closed for paths of a receiver that look alike: one answers well again"
            );
        }
    }
}
