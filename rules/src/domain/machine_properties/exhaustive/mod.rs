//! The promises, checked on every course that a small world can take.
//!
//! The properties next to this check draw long, wild lists of events at random. This check tries all lists, in every order, for a
//! few actors, a few faults and a few instants: a flaw that it does not find is not there, up to that size. Both drive the same
//! world, and thereby the real [`step`](crate::domain::machine::step) and [`obey`](crate::domain::machine::obey). So both check the code
//! as it is.
//!
//! Time goes from one instant of a list to the next, at any moment, even while actors are in the middle of something. So each
//! actor may be as slow as it likes. The scenario says which faults there are, and how many at most.

mod faults;
mod flaws;
mod scenario;
mod scenarios;

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash, Hasher};

use stateright::{Model, Property};

use super::actor::Actor;
use super::event::Event;
use super::promises::Promise;
use super::world::World;
use crate::domain::timer::State;
use faults::Faults;
use scenario::{KEPT, Scenario};

/// A world, and the faults that may still happen in it.
#[derive(Clone)]
struct Explored {
    world: World,
    left: Faults,
}

impl Hash for Explored {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.world.hash(hasher);
        self.left.hash(hasher);
    }
}

/// Compares the hashes, as the checker does.
impl PartialEq for Explored {
    fn eq(&self, other: &Self) -> bool {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        hasher.hash_one(self) == hasher.hash_one(other)
    }
}

impl Model for Scenario {
    type State = Explored;
    type Action = Event;

    fn init_states(&self) -> Vec<Explored> {
        let world = World { journaled: self.journaled, ..World::new(self.timer.clone(), self.flaw) };
        vec![Explored { world, left: self.faults }]
    }

    fn actions(&self, state: &Explored, events: &mut Vec<Event>) {
        // Events after a broken promise teach nothing.
        if state.world.broken.is_none() && !state.is_over() {
            self.possible(state, events);
        }
    }

    fn next_state(&self, before: &Explored, event: Event) -> Option<Explored> {
        let mut after = before.clone();
        after.left.use_up(&event, &before.world);
        after.world.apply(event);
        let unknown = after.world.record().is_some_and(|timer| matches!(timer.state, State::Unknown { .. }));
        after.world.demand(!unknown || self.has_a_cause(&after), Promise::UnknownHasACause);
        // No actor is in the middle of anything, so the broker's wakes must be enough.
        if after.world.broken.is_none() && (after.world.actors.is_empty() || after.is_over()) {
            let mut calm = after.world.clone();
            calm.calm_down();
            after.world.broken = calm.broken;
        }
        Some(after)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(KEPT, |_, state: &Explored| state.world.broken.is_none()),
            Property::sometimes("delivered", |_, state: &Explored| state.is("delivered")),
            Property::sometimes("failed", |_, state: &Explored| state.is("failed")),
            Property::sometimes("cancelled", |_, state: &Explored| state.is("cancelled")),
            Property::sometimes("unknown", |_, state: &Explored| state.is("unknown")),
            Property::sometimes("never created", |_, state: &Explored| {
                state.world.broker.is_empty()
                    && state.world.actors.is_empty()
                    && state.world.record().is_none()
            }),
        ]
    }
}

impl Explored {
    /// The timer has ended for good, no actor is about to write or call, and no actor can read another version of the timer. Only
    /// wakes remain, and their settling is tried in one order.
    fn is_over(&self) -> bool {
        let Some(timer) = self.world.record() else { return false };
        matches!(timer.state, State::Delivered { .. } | State::Cancelled { .. })
            && self.left.stale == 0
            && self.left.revivals == 0
            && self.left.restores == 0
            && self.world.proposed.is_none()
            && self.world.actors.values().all(Actor::is_harmless)
    }

    fn is(&self, name: &str) -> bool {
        self.world.record().is_some_and(|timer| timer.state.name() == name)
    }
}
