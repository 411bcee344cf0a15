//! The world of one timer: its record with every version, the broker's wakes, workers and clients in
//! the middle of their effects, and a receiver that notes each call.
//!
//! It does each effect as the engine does, one at a time, so that anything can come in between.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use uuid::Uuid;

use crate::domain::attempt::{CallResult, Delivery};
use crate::domain::machine::{ARM_FRESH, Effect, Input, LEAD, step};
use crate::domain::retry::RetryPolicy;
use crate::domain::target::{Body, Method, Target, TargetUrl};
use crate::domain::time::Timestamp;
use crate::domain::timer::{ClaimId, State, Timer};

#[derive(Clone, Debug)]
pub(super) enum Event {
    Advance { millis: u64 },
    ScheduleFires { which: usize, twice: bool },
    Deliver { which: usize, stale_by: usize },
    Proceed { actor: usize, result: CallResult },
    Die { actor: usize },
    Cancel,
    Reschedule { in_millis: u64 },
}

/// A worker with a message, or a client's request (without one), in the middle of its effects.
struct Actor {
    message: Option<u64>,
    input: Input,
    revision: usize,
    timer: Timer,
    effects: VecDeque<Effect>,
    tries: u32,
    began: Timestamp,
    armed: Option<(Timestamp, Timestamp)>,
    /// The claim under which a call is in progress, and that call's place in the list.
    calling: Option<(ClaimId, usize)>,
}

/// A fire message that is not acknowledged.
struct Message {
    not_before: Timestamp,
    tries: u32,
}

pub(super) struct Call {
    at: Timestamp,
    due: Timestamp,
    /// `None` if the caller died during the call.
    pub(super) result: Option<CallResult>,
}

pub(super) struct World {
    pub(super) now: Timestamp,
    /// Every version ever stored; the last one is the record, its place the revision.
    pub(super) history: Vec<Timer>,
    schedules: Vec<Timestamp>,
    queue: BTreeMap<u64, Message>,
    actors: Vec<Actor>,
    pub(super) calls: Vec<Call>,
    pub(super) cancelled_with_calls: Option<usize>,
    counter: u64,
}

/// As the consumer is configured; the exact value does not matter.
const ACK_WAIT: Duration = Duration::from_secs(5);
/// A client's request is given up after this time, wherever it is.
const CLIENT_DEADLINE: Duration = Duration::from_secs(10);
const START: Timestamp = Timestamp::from_micros(1_000_000_000_000);

impl World {
    pub(super) fn new(delivery: Delivery, max_attempts: u32) -> Self {
        let due = START.saturating_add(Duration::from_secs(2));
        let timer = Timer {
            id: Uuid::from_u128(7),
            created_at: START,
            due_at: due,
            target: Target {
                url: TargetUrl::parse("http://localhost/").unwrap(),
                method: Method::Post,
                headers: vec![],
                body: Body::Default,
            },
            delivery,
            timeout: Duration::from_secs(1),
            retry: RetryPolicy { max_attempts, ..RetryPolicy::default() },
            metadata: BTreeMap::new(),
            fingerprint: None,
            attempts: vec![],
            state: State::Scheduled { attempt: 1, at: due },
        };
        Self {
            now: START,
            history: vec![timer],
            schedules: vec![due],
            queue: BTreeMap::new(),
            actors: vec![],
            calls: vec![],
            cancelled_with_calls: None,
            counter: 0,
        }
    }

    pub(super) fn record(&self) -> &Timer {
        self.history.last().unwrap()
    }

    fn fresh(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    fn wake(&mut self, tries: u32) -> Input {
        Input::Wake { claim: Uuid::from_u128(u128::from(self.fresh())), node: "n".into(), tries }
    }

    fn enqueue(&mut self) {
        let message = self.fresh();
        self.queue.insert(message, Message { not_before: self.now, tries: 0 });
    }

    fn begin(&mut self, message: Option<u64>, tries: u32, input: Input, revision: usize) {
        let timer = self.history[revision].clone();
        if let Ok(effects) = step(&timer, input.clone(), self.now) {
            self.actors.push(Actor {
                message,
                input,
                revision,
                timer,
                effects: effects.into(),
                tries,
                began: self.now,
                armed: None,
                calling: None,
            });
        }
    }

    pub(super) fn apply(&mut self, event: Event) {
        match event {
            Event::Advance { millis } => self.now = self.now.saturating_add(Duration::from_millis(millis)),
            Event::ScheduleFires { which, twice } => {
                let ripe: Vec<usize> = (0..self.schedules.len())
                    .filter(|n| self.schedules[*n].saturating_sub(LEAD) <= self.now)
                    .collect();
                if let Some(n) = pick(&ripe, which) {
                    if !twice {
                        self.schedules.remove(n);
                    }
                    self.enqueue();
                }
            }
            Event::Deliver { which, stale_by } => {
                let now = self.now;
                let ready: Vec<u64> =
                    self.queue.iter().filter(|(_, m)| m.not_before <= now).map(|(id, _)| *id).collect();
                let Some(id) = pick(&ready, which) else { return };
                let Some(message) = self.queue.get_mut(&id) else { return };
                // After this, a message is delivered again even if a living worker still holds it.
                message.not_before = now.saturating_add(ACK_WAIT);
                message.tries += 1;
                let tries = message.tries;
                let input = self.wake(tries);
                let revision = (self.history.len() - 1).saturating_sub(stale_by);
                self.begin(Some(id), tries, input, revision);
            }
            Event::Proceed { actor, result } => {
                if !self.actors.is_empty() {
                    let n = actor % self.actors.len();
                    let actor = self.actors.swap_remove(n);
                    self.proceed(actor, result);
                }
            }
            Event::Die { actor } => {
                if !self.actors.is_empty() {
                    let n = actor % self.actors.len();
                    self.actors.swap_remove(n);
                }
            }
            Event::Cancel => self.begin(None, 0, Input::Cancel, self.history.len() - 1),
            Event::Reschedule { in_millis } => {
                let due_at = self.now.saturating_add(Duration::from_millis(in_millis));
                self.begin(None, 0, Input::Reschedule { due_at }, self.history.len() - 1);
            }
        }
    }

    /// Does one effect of the actor, as the engine does.
    fn proceed(&mut self, mut actor: Actor, result: CallResult) {
        if let Some((claim, call)) = actor.calling.take() {
            self.calls[call].result = Some(result.clone());
            return self.restep(actor, Input::Outcome { claim, result }, None);
        }
        if actor.message.is_none() && self.now.since(actor.began) > CLIENT_DEADLINE {
            return;
        }
        let Some(effect) = actor.effects.pop_front() else { return };
        match effect {
            Effect::Arm { at } => {
                self.arm(at);
                actor.armed = Some((at, self.now));
            }
            Effect::Store(timer) => {
                if let Some((at, armed_at)) = actor.armed
                    && self.now.since(armed_at) > ARM_FRESH
                {
                    self.arm(at);
                    actor.armed = Some((at, self.now));
                }
                if actor.revision + 1 != self.history.len() {
                    let input = match actor.input.clone() {
                        Input::Wake { .. } => self.wake(actor.tries),
                        other @ (Input::Outcome { .. } | Input::Cancel | Input::Reschedule { .. }) => other,
                    };
                    return self.restep(actor, input, Some(self.history.len() - 1));
                }
                self.assert_may_follow(self.record(), &timer);
                if matches!(timer.state, State::Cancelled { .. }) {
                    self.cancelled_with_calls = Some(self.calls.len());
                }
                self.history.push((*timer).clone());
                actor.revision += 1;
                actor.timer = *timer;
            }
            Effect::Call { claim, attempt } => {
                let stored = State::Firing { attempt, claim: claim.clone() };
                assert!(
                    self.history.iter().any(|version| version.state == stored),
                    "called without a stored claim"
                );
                let due = self
                    .history
                    .iter()
                    .rev()
                    .find_map(|version| match version.state {
                        State::Scheduled { at, .. } => Some(at),
                        State::Firing { .. }
                        | State::Delivered { .. }
                        | State::Failed { .. }
                        | State::Cancelled { .. }
                        | State::Unknown { .. } => None,
                    })
                    .unwrap();
                self.calls.push(Call { at: self.now, due, result: None });
                actor.calling = Some((claim.id, self.calls.len() - 1));
            }
            Effect::Disarm => self.schedules.clear(),
            Effect::Hold { until } => {
                if until <= self.now {
                    let input = self.wake(actor.tries);
                    return self.restep(actor, input, None);
                }
                actor.effects.push_front(effect);
            }
            Effect::Later { until } => {
                if let Some(message) = actor.message.and_then(|message| self.queue.get_mut(&message)) {
                    message.not_before = until;
                }
                return;
            }
            Effect::Settle => {
                if let Some(message) = actor.message {
                    self.queue.remove(&message);
                }
                return;
            }
        }
        self.actors.push(actor);
    }

    fn arm(&mut self, at: Timestamp) {
        if at.saturating_sub(LEAD) <= self.now {
            self.enqueue();
        } else if !self.schedules.contains(&at) {
            self.schedules.push(at);
        }
    }

    fn restep(&mut self, mut actor: Actor, input: Input, reread: Option<usize>) {
        if let Some(revision) = reread {
            actor.revision = revision;
            actor.timer = self.history[revision].clone();
        }
        if let Ok(effects) = step(&actor.timer, input.clone(), self.now) {
            actor.input = input;
            actor.armed = None;
            actor.effects = effects.into();
            self.actors.push(actor);
        }
    }

    fn assert_may_follow(&self, old: &Timer, new: &Timer) {
        match old.state {
            State::Delivered { .. } | State::Failed { .. } | State::Cancelled { .. } => {
                panic!("{:?} became {:?}", old.state, new.state)
            }
            State::Unknown { .. } => assert!(
                new.attempts.len() > old.attempts.len(),
                "only the claimant's own outcome may replace an unknown one"
            ),
            State::Scheduled { .. } | State::Firing { .. } => {}
        }
    }

    /// Holds after every single effect.
    pub(super) fn assert_always(&self) {
        match self.record().state {
            State::Scheduled { at, .. } => assert!(
                !self.queue.is_empty() || self.schedules.iter().any(|armed| *armed <= at),
                "nobody will wake the timer in time"
            ),
            State::Firing { .. } => {
                assert!(!self.queue.is_empty() || !self.schedules.is_empty(), "nobody watches the claim");
            }
            State::Delivered { .. }
            | State::Failed { .. }
            | State::Cancelled { .. }
            | State::Unknown { .. } => {}
        }
        for call in &self.calls {
            assert!(call.at >= call.due, "called before it was due");
        }
        if let Some(calls) = self.cancelled_with_calls {
            assert_eq!(calls, self.calls.len(), "called after a cancel that was answered with success");
        }
    }

    /// No node dies any more, and time passes.
    pub(super) fn calm_down(&mut self) {
        for _ in 0..1_000 {
            while !self.actors.is_empty() {
                let waiting = self.actors.len();
                for _ in 0..waiting {
                    let actor = self.actors.remove(0);
                    self.proceed(actor, CallResult::Answered { status: 200 });
                    self.assert_always();
                }
                self.now = self.now.saturating_add(Duration::from_millis(100));
            }
            self.apply(Event::ScheduleFires { which: 0, twice: false });
            self.apply(Event::Deliver { which: 0, stale_by: 0 });
            self.apply(Event::Advance { millis: 1_000 });
            if self.queue.is_empty() && self.schedules.is_empty() && self.actors.is_empty() {
                return;
            }
        }
        panic!("never quiet: {:?}, {} messages", self.record().state, self.queue.len());
    }
}

fn pick<T: Copy>(items: &[T], which: usize) -> Option<T> {
    (!items.is_empty()).then(|| items[which % items.len()])
}
