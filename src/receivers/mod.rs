//! Who may be called now: places and rates of receivers and flows, and a circuit breaker for each receiver, so
//! that one which is slow, dead or busy does not hold up the timers of others.
//!
//! Each node knows what it has seen itself, in memory and bounded; limits that hold for all nodes are shared out
//! evenly among the nodes that work, as `heartbeat` counts them. It makes no calls and stores nothing: what has no
//! place is postponed.

mod breaker;
mod concurrency;
mod lane;
mod limit;
mod place;
mod progress;
mod receiver;
mod status;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::machine::LEAD;
use crate::domain::timer::Timer;
use breaker::Pass;
use lane::{Entry, Lane, MAX_WAIT, Turn};
use limit::Limits;
use receiver::Receiver;

pub use breaker::BreakerState;
pub(crate) use concurrency::{Concurrency, Ended, LONG};
pub use limit::ReceiverLimit;
pub use place::Place;
pub use status::ReceiverStatus;

/// The most receivers and the most flows that are remembered, but for those that are called or waited for. Of more,
/// those go first of which there is nothing to remember, then any: a rate then begins anew, and so does a breaker.
const MAX_KNOWN: usize = 10_000;

/// What receivers are allowed.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The most calls in progress at one receiver by this node.
    pub parallelism: usize,
    /// Failures in a row that open a receiver's breaker; 0 for none.
    pub breaker_failures: u32,
    /// What some receivers are allowed by all nodes together.
    pub limits: Vec<ReceiverLimit>,
}

/// Whether a call may be made.
#[derive(Debug)]
pub enum Admission {
    /// It may, now.
    Enter(Place),
    /// There is no room; try again after this time.
    Postpone(Duration, Postponed),
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Postponed {
    /// The receiver's breaker is open.
    Breaker,
    /// The receiver has as many calls as it may have, or its rate is used up.
    Receiver,
    /// The timer's flow has, or its rate is used up.
    Flow,
}

/// All receivers that this node calls. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Receivers {
    rules: Arc<Rules>,
    /// How many nodes work, this one included.
    nodes: Arc<AtomicUsize>,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    receivers: HashMap<String, Receiver>,
    flows: HashMap<String, Lane>,
}

impl Receivers {
    /// No receiver is known yet.
    pub fn new(rules: Rules) -> Self {
        let nodes = Arc::new(AtomicUsize::new(1));
        Self { rules: Arc::new(rules), nodes, known: Arc::default() }
    }

    /// From now on, limits of all nodes are shared by so many.
    pub fn share_among(&self, nodes: usize) {
        self.nodes.store(nodes, Ordering::Relaxed);
    }

    /// Takes a place for a call of this timer, or says when to come back. Waits for at most a few seconds.
    pub async fn admit(&self, timer: &Timer) -> Admission {
        let receiver = timer.target.url.authority();
        let nodes = self.nodes.load(Ordering::Relaxed);
        if let Some(until) = self.breaker_says_no(&receiver) {
            return self.postpone(&receiver, until, Postponed::Breaker);
        }
        let of_receiver = self.limits_of(&receiver, nodes);
        let mut place = Place::new(self.clone());
        if let Some(flow) = &timer.flow {
            // First, since the flow's place and start would be taken from timers for other receivers.
            let refused = self.lock().receiver(&receiver).refuses(of_receiver, Instant::now());
            if let Some(later) = refused {
                return self.postpone(&receiver, later, Postponed::Receiver);
            }
            let limits = Limits::shared(flow.parallelism.map(|most| most as usize), flow.rate, nodes);
            let enter = || self.lock().flow(&flow.key).enter(limits, Instant::now());
            match entered(enter).await {
                Ok(()) => place.took_flow(&flow.key),
                Err(later) => return self.postpone(&receiver, later, Postponed::Flow),
            }
        }
        let enter = || self.lock().receiver(&receiver).enter(of_receiver, Instant::now());
        match entered(enter).await {
            Ok(()) => place.took_receiver(&receiver),
            Err(later) => return self.postpone(&receiver, later, Postponed::Receiver),
        }
        // Last, since a probe that waits for a place would keep others from probing.
        let pass = self.lock().receiver(&receiver).breaker.ask(Instant::now());
        match pass {
            Pass::Free => {}
            Pass::Probe => place.probes(),
            Pass::Not(until) => {
                let later = until.saturating_duration_since(Instant::now());
                return self.postpone(&receiver, later, Postponed::Breaker);
            }
        }
        place.begins();
        Admission::Enter(place)
    }

    /// What each receiver is up to, those with the most trouble first, at most so many.
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

    /// How many receivers are remembered whose breaker is in each state.
    pub fn count(&self) -> [(BreakerState, usize); BreakerState::ALL.len()] {
        let now = Instant::now();
        let known = self.lock();
        BreakerState::ALL.map(|state| {
            let in_it = |receiver: &&Receiver| receiver.breaker.state(now).0 == state;
            (state, known.receivers.values().filter(in_it).count())
        })
    }

    /// Before anything is waited for: how long the breaker stays open, if it is.
    fn breaker_says_no(&self, receiver: &str) -> Option<Duration> {
        let now = Instant::now();
        let known = self.lock();
        let (state, left) = known.receivers.get(receiver)?.breaker.state(now);
        (state == BreakerState::Open).then_some(left)
    }

    fn postpone(&self, receiver: &str, until: Duration, why: Postponed) -> Admission {
        let now = Instant::now();
        let mut known = self.lock();
        let receiver = known.receiver(receiver);
        receiver.postponed += 1;
        let wait = match why {
            // Not all at once when the breaker half-opens, and not before: a wake comes sooner than it is due.
            Postponed::Breaker => receiver.lane.come_back(Duration::ZERO, now).max(until + LEAD),
            Postponed::Receiver | Postponed::Flow => until,
        };
        Admission::Postpone(wait, why)
    }

    fn limits_of(&self, receiver: &str, nodes: usize) -> Limits {
        let most = self.rules.parallelism;
        match self.rules.limits.iter().find(|limit| limit.is_for(receiver)) {
            None => Limits { parallelism: most, space: Duration::ZERO },
            Some(limit) => {
                let shared = Limits::shared(limit.parallelism, limit.rate, nodes);
                Limits { parallelism: shared.parallelism.min(most), ..shared }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Enters a lane, waiting for a place and for the start if need be; or says after which time to come back. Not to be
/// given up in the middle but by a node that stops: a place that was just taken is not given back.
async fn entered(enter: impl Fn() -> Entry) -> Result<(), Duration> {
    let turn = match enter() {
        Entry::Now(turn) => turn,
        Entry::Wait(mut place) => match tokio::time::timeout(MAX_WAIT, &mut place).await {
            Ok(Ok(turn)) => turn,
            // The lane was forgotten, which no lane is that somebody waits in.
            Ok(Err(_)) => return Err(MAX_WAIT),
            Err(_) => {
                place.close();
                // It may have been given in this very moment.
                place.try_recv().map_err(|_| MAX_WAIT)?
            }
        },
    };
    match turn {
        Turn::In(pause) if pause.is_zero() => Ok(()),
        Turn::In(pause) => {
            tokio::time::sleep(pause).await;
            Ok(())
        }
        Turn::Later(later) => Err(later),
    }
}

impl Known {
    fn receiver(&mut self, name: &str) -> &mut Receiver {
        let now = Instant::now();
        if !self.receivers.contains_key(name) && self.receivers.len() >= MAX_KNOWN {
            let closed = |receiver: &Receiver| receiver.breaker.state(now).0 == BreakerState::Closed;
            self.receivers.retain(|_, receiver| !receiver.lane.is_idle(now) || !closed(receiver));
            forget(&mut self.receivers, |receiver| !receiver.lane.is_used());
        }
        self.receivers.entry(name.to_owned()).or_insert_with(|| Receiver::new(now))
    }

    fn flow(&mut self, key: &str) -> &mut Lane {
        let now = Instant::now();
        if !self.flows.contains_key(key) && self.flows.len() >= MAX_KNOWN {
            self.flows.retain(|_, lane| !lane.is_idle(now));
            forget(&mut self.flows, |lane| !lane.is_used());
        }
        self.flows.entry(key.to_owned()).or_insert_with(|| Lane::new(now))
    }
}

/// Forgets some of which that is allowed until half are left, so that it is not to be done again for each new one.
fn forget<T>(known: &mut HashMap<String, T>, may_go: impl Fn(&T) -> bool) {
    let mut surplus = known.len().saturating_sub(MAX_KNOWN / 2);
    known.retain(|_, one| {
        let goes = surplus > 0 && may_go(one);
        surplus -= usize::from(goes);
        !goes
    });
}

#[cfg(test)]
mod tests;
