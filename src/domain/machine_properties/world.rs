//! The world of one timer: its record with every version, the broker's wakes, workers and clients in
//! the middle of their effects, and a receiver that notes each call.
//!
//! `actor` does effects one at a time, so that anything can come in between; `promises` watches.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use uuid::Uuid;

use crate::domain::attempt::{CallResult, Delivery};
use crate::domain::callbacks::Callbacks;
use crate::domain::change::Change;
use crate::domain::machine::{Effect, Input, LEAD, linger_delay, step, unneeded};
use crate::domain::retry::RetryPolicy;
use crate::domain::sweep::{Armed, Look, judge};
use crate::domain::target::{Body, Method, Target, TargetUrl};
use crate::domain::time::Timestamp;
use crate::domain::timer::Timer;

use super::actor::Actor;

#[derive(Clone, Debug)]
pub(super) enum Event {
    /// Time passes.
    Advance { millis: u64 },
    /// The server moves a schedule whose time has come onto the queue.
    ScheduleFires { which: usize, twice: bool },
    /// A worker gets a message and reads the record, perhaps an old version of it.
    Deliver { which: usize, stale_by: usize },
    /// A worker gets a message and cannot read the record.
    LookFails { which: usize },
    /// An actor does its next effect, or hears what came of its call.
    Proceed { actor: usize, result: CallResult },
    /// An actor's next write is done, and it does not hear of that.
    ProceedUnheard { actor: usize },
    /// An actor that is about to claim finds no room for the receiver.
    Postpone { actor: usize, millis: u64 },
    /// A node dies.
    Die { actor: usize },
    /// A client cancels.
    Cancel,
    /// A client moves the timer.
    Reschedule { in_millis: u64 },
    /// A client changes something else about it.
    ChangeTimeout { millis: u64 },
    /// A client fires it at once.
    Fire,
    /// A client replays it.
    Replay,
    /// A sweeper looks at the timer.
    Sweep,
    /// An accident removes every wake.
    Wipe,
}

/// A fire message that is not acknowledged.
pub(super) struct Message {
    pub(super) not_before: Timestamp,
    tries: u32,
}

pub(super) struct Call {
    pub(super) at: Timestamp,
    /// When the timer was due, by the version that was claimed.
    pub(super) due: Timestamp,
    /// `None` if the caller died during the call.
    pub(super) result: Option<CallResult>,
}

pub(super) struct World {
    pub(super) now: Timestamp,
    /// Every version ever stored; the last one is the record, their number the revision.
    pub(super) history: Vec<Timer>,
    pub(super) schedules: Vec<Timestamp>,
    /// For when wakes were armed in place of ones that came in time and found no room.
    pub(super) postponed: Vec<Timestamp>,
    pub(super) queue: BTreeMap<u64, Message>,
    pub(super) actors: Vec<Actor>,
    pub(super) calls: Vec<Call>,
    /// How many calls there were when a cancel succeeded.
    pub(super) cancelled_with_calls: Option<usize>,
    /// The versions of which the callback was told.
    pub(super) told: BTreeSet<usize>,
    /// The last version that a postponement made.
    pub(super) given_up: Option<usize>,
    /// How often a client's replay was stored.
    pub(super) replays: usize,
    /// The broker has lost wakes, so that only a sweeper can make up for it.
    pub(super) wiped: bool,
    counter: u64,
}

/// As the consumer is configured; the exact value does not matter.
const ACK_WAIT: Duration = Duration::from_secs(5);
/// As dispatch waits after it could not look at a record.
const TROUBLE_DELAY: Duration = Duration::from_secs(1);
/// As the sweeper has it by default.
const SWEEP_GRACE: Duration = Duration::from_secs(30);
const START: Timestamp = Timestamp::from_micros(1_000_000_000_000);

/// A timer that is due two seconds after the start.
pub(crate) fn a_timer(delivery: Delivery, max_attempts: u32) -> Timer {
    let due = START.saturating_add(Duration::from_secs(2));
    let target = Target {
        url: TargetUrl::parse("http://localhost/").unwrap(),
        method: Method::Post,
        headers: vec![],
        body: Body::Default,
    };
    Timer {
        delivery,
        timeout: Duration::from_secs(1),
        retry: RetryPolicy { max_attempts, ..RetryPolicy::default() },
        ..Timer::waiting(Uuid::from_u128(7), START, due, target)
    }
}

impl World {
    /// A world in which a client has just begun to create the timer.
    pub(super) fn new(delivery: Delivery, retry: RetryPolicy) -> Self {
        let mut timer = Timer { retry, ..a_timer(delivery, retry.max_attempts) };
        let told = Some(timer.target.url.clone());
        timer.callbacks = Callbacks { on_delivered: told.clone(), on_failed: told };
        let effects = [Effect::Arm { at: timer.due_at }, Effect::Store(Box::new(timer))].into();
        let creator = Actor::new(None, None, Uuid::nil(), 0, effects, START);
        Self {
            now: START,
            history: vec![],
            told: BTreeSet::new(),
            given_up: None,
            schedules: vec![],
            postponed: vec![],
            queue: BTreeMap::new(),
            actors: vec![creator],
            calls: vec![],
            cancelled_with_calls: None,
            replays: 0,
            wiped: false,
            counter: 0,
        }
    }

    pub(super) fn record(&self) -> Option<&Timer> {
        self.history.last()
    }

    fn fresh(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    fn enqueue(&mut self) {
        let message = self.fresh();
        self.queue.insert(message, Message { not_before: self.now, tries: 0 });
    }

    pub(super) fn arm(&mut self, at: Timestamp) {
        if at.saturating_sub(LEAD) <= self.now {
            self.enqueue();
        } else if !self.schedules.contains(&at) {
            self.schedules.push(at);
        }
    }

    /// Delivers a message that is ready; it comes again after the ack wait, even if whoever gets it now
    /// lives on.
    fn deliver(&mut self, which: usize) -> Option<(u64, u32)> {
        let now = self.now;
        let ready: Vec<u64> =
            self.queue.iter().filter(|(_, m)| m.not_before <= now).map(|(id, _)| *id).collect();
        let id = pick(&ready, which)?;
        let message = self.queue.get_mut(&id)?;
        message.not_before = now.saturating_add(ACK_WAIT);
        message.tries += 1;
        Some((id, message.tries))
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
                if let Some((message, tries)) = self.deliver(which) {
                    let claim = Uuid::from_u128(u128::from(self.fresh()));
                    let seen = self.history.len().saturating_sub(stale_by);
                    self.attend(message, tries, claim, seen);
                }
            }
            Event::LookFails { which } => {
                if let Some((id, tries)) = self.deliver(which)
                    && let Some(message) = self.queue.get_mut(&id)
                {
                    message.not_before = self.now.saturating_add(linger_delay(tries).max(TROUBLE_DELAY));
                }
            }
            Event::Proceed { actor, result } => {
                if let Some(actor) = self.take_actor(actor) {
                    self.proceed(actor, result, true);
                }
            }
            Event::ProceedUnheard { actor } => {
                if let Some(actor) = self.take_actor(actor) {
                    self.proceed(actor, CallResult::Interrupted, false);
                }
            }
            Event::Postpone { actor, millis } => {
                if let Some(actor) = self.take_actor(actor) {
                    self.postpone(actor, Duration::from_millis(millis));
                }
            }
            Event::Die { actor } => drop(self.take_actor(actor)),
            Event::Cancel => self.request(Input::Cancel),
            Event::Reschedule { in_millis } => {
                let due_at = self.now.saturating_add(Duration::from_millis(in_millis));
                self.request(Input::Change(Box::new(Change { due_at: Some(due_at), ..Change::default() })));
            }
            Event::ChangeTimeout { millis } => {
                let timeout = Some(Duration::from_millis(millis));
                self.request(Input::Change(Box::new(Change { timeout, ..Change::default() })));
            }
            Event::Fire => self.request(Input::Fire),
            Event::Replay => self.request(Input::Replay),
            Event::Sweep => self.sweep(),
            Event::Wipe => {
                self.wiped = true;
                self.queue.clear();
                self.schedules.clear();
            }
        }
    }

    /// Looks at the record and the wakes, and arms what is missing.
    fn sweep(&mut self) {
        let Some(timer) = self.record() else { return };
        let waiting = self.schedules.iter().map(|at| Armed::Waiting { at: *at });
        let wakes: Vec<Armed> = self.queue.values().map(|_| Armed::Due).chain(waiting).collect();
        let look = Look { now: self.now.into(), grace: SWEEP_GRACE, after_loss: self.wiped };
        let Some(damage) = judge(timer, &wakes, look) else { return };
        // The server of this world may be later than any grace; a real one that is has forgotten the schedule.
        let late = |at: &Timestamp| at.saturating_sub(LEAD).saturating_add(SWEEP_GRACE) < self.now;
        assert!(self.wiped || self.schedules.iter().any(late), "a false alarm: {damage:?}");
        self.arm(damage.arm);
    }

    fn take_actor(&mut self, which: usize) -> Option<Actor> {
        (!self.actors.is_empty()).then(|| self.actors.swap_remove(which % self.actors.len()))
    }

    /// A worker attends to a message, having seen this many versions.
    fn attend(&mut self, message: u64, tries: u32, claim: Uuid, seen: usize) {
        let input = Input::Wake { claim, node: "n".into(), tries };
        let mut effects: VecDeque<Effect> = match seen.checked_sub(1) {
            None => unneeded(tries, self.now).into(),
            Some(version) => step(&self.history[version], input.clone(), self.now).unwrap().into(),
        };
        // What is only settled is looked at again where reads are never stale.
        if effects == [Effect::Settle] && seen != self.history.len() {
            let latest = self.history.last().unwrap();
            effects = step(latest, input.clone(), self.now).unwrap().into();
            return self.actors.push(
                Actor::new(Some(message), Some(input), claim, self.history.len(), effects, self.now)
                    .tried(tries),
            );
        }
        self.actors.push(Actor::new(Some(message), Some(input), claim, seen, effects, self.now).tried(tries));
    }

    /// A client's request begins.
    fn request(&mut self, input: Input) {
        let Some(timer) = self.record() else { return };
        if let Ok(effects) = step(timer, input.clone(), self.now) {
            let seen = self.history.len();
            self.actors.push(Actor::new(None, Some(input), Uuid::nil(), seen, effects.into(), self.now));
        }
    }

    /// Whether nothing is left to be found by a sweep, if wakes were lost.
    fn is_over(&self) -> bool {
        !self.wiped || self.record().is_none_or(|timer| timer.state.is_final())
    }

    /// No node dies any more, every answer is heard, and time passes.
    pub(super) fn calm_down(&mut self) {
        for _ in 0..4_000 {
            if self.wiped {
                self.sweep();
            }
            while !self.actors.is_empty() {
                for _ in 0..self.actors.len() {
                    if self.actors.is_empty() {
                        break;
                    }
                    let actor = self.actors.remove(0);
                    self.proceed(actor, CallResult::Answered { status: 200, retry_after: None }, true);
                    self.assert_always();
                }
                self.now = self.now.saturating_add(Duration::from_millis(100));
            }
            self.apply(Event::ScheduleFires { which: 0, twice: false });
            self.apply(Event::Deliver { which: 0, stale_by: 0 });
            self.apply(Event::Advance { millis: 1_000 });
            if self.queue.is_empty() && self.schedules.is_empty() && self.actors.is_empty() && self.is_over()
            {
                return;
            }
        }
        panic!("never quiet: {:?}, {} messages", self.record().map(|timer| &timer.state), self.queue.len());
    }
}

fn pick<T: Copy>(items: &[T], which: usize) -> Option<T> {
    (!items.is_empty()).then(|| items[which % items.len()])
}
