//! The receivers that this node calls: it gives a call the place and the start that the rules allow, or postpones its timer. So a receiver
//! that is slow, dead or busy does not hold up the timers of others.
//!
//! `rules::receivers` decides; this module has the table, the clock, the waiting and the log. Each node relies on its own observations, in
//! bounded memory. Limits that hold for all nodes are divided evenly among the working nodes, as `heartbeat` counts them. This module makes
//! no calls and stores nothing. Nodes tell each other of receivers that have no room; that is shown to people and decides nothing.
//!
//! **Invariant:** a place is given back by being dropped.

mod place;
mod waits;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rules::receivers::candidate::{CallRequest, Candidate};
use rules::receivers::lane::{ALIKE, Entry, Lane, MAX_WAIT, Turn};
use rules::receivers::limit::Limits;
use rules::receivers::others::Others;
use rules::receivers::owner::forget;
use rules::receivers::paths::MAX_PATHS;
use rules::receivers::receiver::Receiver;
use rules::receivers::status::{self, ReceiverStatus};
use rules::receivers::{BreakerState, Postponed, Rules};

pub use place::Place;

/// The most receivers and the most flows that are remembered, except those that are called or waited for. Beyond that, entries
/// without anything to remember go first, then those of the token that has the most. A forgotten rate or breaker starts over.
const MAX_KNOWN: usize = 10_000;

/// The most paths that are remembered of all receivers together, at least 4 of each receiver. Each takes some 300 bytes.
const ALL_PATHS: usize = 20_000;

#[derive(Debug)]
pub enum Admission {
    /// The call may be made now.
    Enter(Place),
    /// There is no room; the timer has to come back after this time.
    Postpone(Duration, Postponed),
}

/// All receivers that this node calls. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Receivers {
    rules: Arc<Rules>,
    /// How many nodes work, this one included.
    nodes: Arc<AtomicUsize>,
    known: Arc<Mutex<ReceiverTable>>,
    /// The troubles that other nodes report.
    others: Arc<Mutex<Others>>,
}

#[derive(Debug, Default)]
struct ReceiverTable {
    receivers: HashMap<Arc<str>, Receiver>,
    flows: HashMap<String, Lane>,
}

impl Receivers {
    /// Makes an empty set of receivers with these rules.
    pub fn new(rules: Rules) -> Self {
        let nodes = Arc::new(AtomicUsize::new(1));
        Self { rules: Arc::new(rules), nodes, known: Arc::default(), others: Arc::default() }
    }

    /// Sets the number of nodes that share the common limits from now on.
    pub fn share_among(&self, nodes: usize) {
        self.nodes.store(nodes, Ordering::Relaxed);
    }

    /// Takes a place for this call, or says when its timer has to come back. Waits for at most a few seconds.
    pub async fn admit(&self, call: &CallRequest) -> Admission {
        let CallRequest { receiver: name, flow, owner, candidate } = call;
        let nodes = self.nodes.load(Ordering::Relaxed);
        // This comes first: nothing is taken yet that other timers could use during the pause.
        let mut place = Place::new(self.clone(), candidate.route);
        let begins = {
            let mut known = self.lock();
            let receiver = known.receiver(name);
            receiver.lane.named_by(*owner);
            receiver.begins(candidate, Instant::now())
        };
        match begins {
            Ok(pause) => place.waited(pause),
            Err(refused) => return self.hold_back(name, candidate, refused),
        }
        paused(place.has_waited()).await;
        let (of_receiver, shape) = (self.limits_of(name, nodes), candidate.route.shape);
        if let Some(flow) = flow {
            // The receiver is asked before the flow, whose place and start would be taken from timers for other receivers.
            let refused = self.lock().receiver(name).has_no_room(of_receiver, shape, Instant::now());
            if let Some(later) = refused {
                return self.postpone(name, later, Postponed::Receiver);
            }
            let limits = Limits::shared(flow.parallelism.map(|most| most as usize), flow.rate, nodes);
            let enter = || {
                let mut known = self.lock();
                let lane = known.flow(&flow.key);
                lane.named_by(*owner);
                lane.enter(limits, ALIKE, Instant::now())
            };
            let gave_up = || self.lock().flow(&flow.key).gave_up(Instant::now());
            match entered(enter, gave_up).await {
                Ok(waited) => place.took_flow(&flow.key, waited),
                Err(later) => return self.postpone(name, later, Postponed::Flow),
            }
        }
        let enter = || self.lock().receiver(name).enter(of_receiver, shape, Instant::now());
        let gave_up = || self.lock().receiver(name).lane.gave_up(Instant::now());
        match entered(enter, gave_up).await {
            Ok(waited) => place.took_receiver(name, waited),
            Err(later) => return self.postpone(name, later, Postponed::Receiver),
        }
        // The breakers come last, since a probe that waits for a place would keep others from probing.
        let asked = self.lock().receiver(name).ask(candidate, Instant::now());
        match asked {
            Ok(probes) => place.probes(probes),
            Err(refused) => return self.hold_back(name, candidate, refused),
        }
        place.begins();
        Admission::Enter(place)
    }

    /// The states of at most `most` receivers, those with the most trouble first.
    pub fn statuses(&self, most: usize) -> Vec<ReceiverStatus> {
        let now = Instant::now();
        let known = self.lock();
        let mut all: Vec<ReceiverStatus> =
            known.receivers.iter().map(|(name, receiver)| status::of(name, receiver, now)).collect();
        drop(known);
        all.sort_by(|a, b| {
            status::trouble(b).cmp(&status::trouble(a)).then_with(|| a.receiver.cmp(&b.receiver))
        });
        all.truncate(most);
        all
    }

    /// Counts the remembered receivers by the state of their breaker.
    pub fn count(&self) -> [(BreakerState, usize); BreakerState::ALL.len()] {
        let now = Instant::now();
        let mut counts = BreakerState::ALL.map(|state| (state, 0));
        for receiver in self.lock().receivers.values() {
            let is_in = status::breaker(receiver, now).0;
            counts.iter_mut().filter(|(state, _)| *state == is_in).for_each(|(_, count)| *count += 1);
        }
        counts
    }

    /// Postpones a timer that is not called before an instant.
    fn hold_back(&self, name: &Arc<str>, candidate: &Candidate, refused: (Postponed, Instant)) -> Admission {
        let mut known = self.lock();
        let room = known.room_for_paths();
        let wait = known.receiver(name).come_back(candidate, refused, room, Instant::now());
        Admission::Postpone(wait, refused.0)
    }

    fn postpone(&self, name: &Arc<str>, wait: Duration, why: Postponed) -> Admission {
        self.lock().receiver(name).postponed += 1;
        Admission::Postpone(wait, why)
    }

    fn limits_of(&self, receiver: &str, nodes: usize) -> Limits {
        let most = self.rules.parallelism;
        match self.rules.limits.iter().find(|limit| limit.is_for(receiver)) {
            None => Limits { parallelism: most, most, space: Duration::ZERO },
            Some(limit) => {
                let shared = Limits::shared(limit.parallelism, limit.rate, nodes);
                let most = shared.most.min(most);
                Limits { parallelism: most, most, ..shared }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, ReceiverTable> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Enters a lane. Waits for a place and for the start if need be, and returns how long it has waited, or as an error the time after
/// which to come back. Only a stopping node may drop this future halfway: a place that was just taken is not given back.
async fn entered(enter: impl Fn() -> Entry, gave_up: impl Fn() -> Duration) -> Result<Duration, Duration> {
    let mut waited = Duration::ZERO;
    let turn = match enter() {
        Entry::Now(turn) => turn,
        Entry::Wait(mut place) => {
            let began = Instant::now();
            let turn = match tokio::time::timeout(MAX_WAIT, &mut place).await {
                Ok(Ok(turn)) => turn,
                // The lane was forgotten, which never happens to a lane in which a call waits.
                Ok(Err(_)) => return Err(MAX_WAIT),
                Err(_) => {
                    place.close();
                    // The place may have been given at this very moment.
                    place.try_recv().ok().flatten().ok_or_else(&gave_up)?
                }
            };
            waited = began.elapsed();
            turn
        }
    };
    match turn {
        Turn::In(pause) => Ok(waited + paused(pause).await),
        Turn::Later(later) => Err(later),
    }
}

async fn paused(pause: Duration) -> Duration {
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
    pause
}

impl ReceiverTable {
    /// How many paths of each receiver are remembered.
    fn room_for_paths(&self) -> usize {
        (ALL_PATHS / self.receivers.len().max(1)).clamp(4, MAX_PATHS)
    }

    fn receiver(&mut self, name: &Arc<str>) -> &mut Receiver {
        let now = Instant::now();
        if self.receivers.len() >= MAX_KNOWN && !self.receivers.contains_key(name) {
            self.receivers.retain(|_, receiver| !receiver.lane.is_idle(now) || !receiver.is_well(now));
            let may_go = |receiver: &Receiver| !receiver.lane.is_used();
            forget(&mut self.receivers, MAX_KNOWN / 2, may_go, |receiver| receiver.lane.owner());
        }
        self.receivers.entry(name.clone()).or_insert_with(|| Receiver::new(now))
    }

    fn flow(&mut self, key: &str) -> &mut Lane {
        let now = Instant::now();
        if self.flows.len() >= MAX_KNOWN && !self.flows.contains_key(key) {
            self.flows.retain(|_, lane| !lane.is_idle(now));
            forget(&mut self.flows, MAX_KNOWN / 2, |lane| !lane.is_used(), Lane::owner);
        }
        self.flows.entry(key.to_owned()).or_insert_with(|| Lane::new(now))
    }
}

#[cfg(test)]
mod tests;
