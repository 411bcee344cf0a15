//! One small world to explore: its timer, its faults, and its possible events.

use std::collections::BTreeMap;
use std::time::Duration;

use stateright::{Checker, HasDiscoveries, Model};

use super::super::actor::Action;
use super::super::event::{Event, Wish};
use super::super::flaw::Flaw;
use super::super::journal::Mark;
use super::super::promises::Promise;
use super::Explored;
use super::faults::Faults;
use crate::domain::attempt::{CallResult, Delivery};
use crate::domain::callbacks::Callbacks;
use crate::domain::machine::Effect;
use crate::domain::sample::{START, a_timer};
use crate::domain::timer::Timer;

/// The instants at which things happen, in milliseconds from the start. They are chosen so that each span of the rules lies
/// between two of them: the creation; the wake, half a second early; the due instant; past the ack wait, while calls may still
/// start and wakes are fresh; past the lease of a claim of the due instant; past the wait of a wake that is not needed; and past
/// the leases of claims made then.
const INSTANTS: [u64; 8] = [0, 1_500, 2_000, 8_000, 19_000, 36_000, 54_000, 90_000];

/// How long a receiver without room is left alone.
const POSTPONED_MILLIS: u64 = 5_000;

#[derive(Clone)]
pub(super) struct Scenario {
    pub(super) timer: Timer,
    pub(super) flaw: Option<Flaw>,
    /// Whether nodes keep a journal, and successors read it.
    pub(super) journaled: bool,
    /// How many workers attend to wakes at a time.
    pub(super) workers: usize,
    pub(super) faults: Faults,
    /// The requests that clients may make.
    pub(super) wishes: Vec<Wish>,
    /// The results that calls may have.
    pub(super) results: Vec<CallResult>,
}

/// The findings of an exploration.
pub(super) struct Found {
    pub(super) states: usize,
    /// The ends that timers came to.
    pub(super) ends: Vec<&'static str>,
    /// The first promise that is broken on a shortest way, and that way.
    pub(super) broken: Option<(Promise, Vec<String>)>,
}

impl Scenario {
    /// A timer that is called at most twice, two workers, and no faults.
    pub(super) fn of(delivery: Delivery) -> Self {
        Self {
            timer: a_timer(delivery, 2),
            flaw: None,
            journaled: false,
            workers: 2,
            faults: Faults::NONE,
            wishes: vec![],
            results: vec![CallResult::Answered { status: 200, retry_after: None }],
        }
    }

    /// The events that may happen next.
    pub(super) fn possible(&self, state: &Explored, events: &mut Vec<Event>) {
        self.of_actors(state, events);
        self.of_the_broker(state, events);
        of_journals(state, events);
        if state.left.wishes > 0 {
            events.extend(self.wishes.iter().copied().map(Event::Ask));
        }
        if state.left.sweeps > 0 {
            events.push(Event::Sweep);
        }
        of_accidents(state, events);
        let passed = state.world.now.since(START);
        let next = INSTANTS.iter().map(|millis| Duration::from_millis(*millis)).find(|next| *next > passed);
        if let Some(next) = next
            && (state.left.slow > 0 || !state.world.is_busy())
        {
            events.push(Event::Advance { millis: (next - passed).as_millis() as u64 });
        }
    }

    /// Actors go on, are held up, give up, or die.
    fn of_actors(&self, Explored { world, left }: &Explored, events: &mut Vec<Event>) {
        for (which, actor) in world.actors.values().enumerate() {
            if actor.calling.is_some() {
                let heard = self.results.iter().cloned();
                events.extend(heard.map(|result| Event::Proceed { actor: which, result }));
            } else if !actor.holds_beyond(world.now) {
                events.push(Event::Proceed { actor: which, result: CallResult::Interrupted });
            }
        }
        for (which, actor) in world.actors.values().enumerate() {
            let writes = matches!(
                actor.next(),
                Some(Action::Do(Effect::Arm { .. } | Effect::Store(_) | Effect::Notify(_)))
            );
            if left.unheard > 0 && writes && actor.calling.is_none() {
                events.push(Event::ProceedUnheard { actor: which });
            }
            if left.proposed > 0 && world.may_propose(actor) {
                events.push(Event::Propose { actor: which });
            }
            if world.may_give_way(actor) {
                events.push(Event::GiveWay { actor: which });
            }
            if left.clocks > 0 && world.may_put_aside(actor) {
                events.push(Event::PutAside { actor: which });
            }
            if left.deaths > 0 {
                events.push(Event::Die { actor: which });
            }
            let calls = actor.calling.is_some() || actor.calls();
            if left.stops > 0 && calls {
                events.push(Event::GiveUp { actor: which });
            }
            if actor.claims() && actor.may_be_stored {
                events.push(Event::LookAgain { actor: which });
            }
            if left.postponed > 0 && world.may_postpone(actor) {
                events.push(Event::Postpone { actor: which, millis: POSTPONED_MILLIS });
            }
        }
    }

    /// The broker applies a proposed write, moves schedules onto the queue, and delivers messages of it.
    fn of_the_broker(&self, Explored { world, left }: &Explored, events: &mut Vec<Event>) {
        if world.proposed.is_some() {
            events.extend([false, true].map(|lost| Event::Applied { lost }));
        }
        for which in 0..world.broker.ripe(world.now).len() {
            events.push(Event::ScheduleFires { which, twice: false });
            if left.twice > 0 {
                events.push(Event::ScheduleFires { which, twice: true });
            }
        }
        if world.actors.values().filter(|actor| actor.message.is_some()).count() < self.workers {
            for which in 0..world.broker.ready(world.now).len() {
                let oldest = left.oldest(world);
                events.extend((0..=oldest).map(|stale_by| Event::Deliver { which, stale_by }));
                if left.unread > 0 {
                    events.push(Event::LookFails { which });
                }
            }
        }
    }

    /// Whether a fault has happened that may leave the result of a call unknown: a node died, stopped or was late, or the broker
    /// lost wakes or brought data back.
    pub(super) fn has_a_cause(&self, state: &Explored) -> bool {
        let left = |faults: &Faults| (faults.deaths, faults.slow, faults.stops);
        let broker = state.world.wiped || state.world.revived.is_some();
        left(&state.left) != left(&self.faults) || broker
    }

    /// Explores all states, or stops at the first broken promise.
    pub(super) fn explore(self, threads: usize) -> Found {
        let checker =
            self.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        let mut discoveries: BTreeMap<_, _> = checker.discoveries().into_iter().collect();
        let broken = discoveries.remove(KEPT).map(|path| {
            let promise = path.last_state().world.broken.expect("a broken promise");
            let events = path.into_actions().iter().map(|event| format!("{event:?}")).collect();
            (promise, events)
        });
        Found { states: checker.unique_state_count(), ends: discoveries.into_keys().collect(), broken }
    }
}

/// Successors read the journals of dead nodes, and a journal turns up that no node of this world has written.
fn of_journals(Explored { world, left }: &Explored, events: &mut Vec<Event>) {
    for which in 0..world.left.len() {
        events.push(Event::Inherit { which, kept: false });
        if left.read_twice > 0 {
            events.push(Event::Inherit { which, kept: true });
        }
    }
    if left.forged > 0 {
        // The claim of each version, except the present one, and a claim that never was.
        let marks = [Mark::Claimed, Mark::Written];
        let claims = 0..=world.names.len();
        events.extend(claims.flat_map(|which| marks.clone().map(|mark| Event::Forge { which, mark })));
    }
}

/// The broker loses its wakes, or brings back older data.
fn of_accidents(Explored { world, left }: &Explored, events: &mut Vec<Event>) {
    let woken_or_not = |count: usize| (0..count).flat_map(|which| [(which, false), (which, true)]);
    if left.wipes > 0 && !world.broker.is_empty() {
        events.extend([false, true].map(|strands| Event::Wipe { strands }));
    }
    if left.revivals > 0 {
        let ways = woken_or_not(world.revivable().len());
        events.extend(ways.map(|(which, woken)| Event::Revive { which, woken }));
    }
    if left.restores > 0 {
        let ways = woken_or_not(world.restorable().len());
        events.extend(ways.map(|(which, woken)| Event::Restore { which, woken }));
    }
}

/// The same scenario with callbacks for the timer.
pub(super) fn tells(mut scenario: Scenario) -> Scenario {
    let told = Some(scenario.timer.target.url.clone());
    scenario.timer.callbacks = Callbacks { on_delivered: told.clone(), on_failed: told };
    scenario
}

/// The name of the property that no promise is broken.
pub(super) const KEPT: &str = "every promise is kept";
