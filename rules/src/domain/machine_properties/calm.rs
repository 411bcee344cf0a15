//! How a world goes on once nothing more goes wrong.

use crate::domain::attempt::CallResult;

use super::event::Event;
use super::promises::Promise;
use super::world::World;

/// More rounds than any timer of these checks takes to come to its end.
const ROUNDS: usize = 4_000;

impl World {
    /// From now on, no node dies, every answer is heard, every call is answered well, and time passes until all is quiet.
    pub(super) fn calm_down(&mut self) {
        let ok = CallResult::Answered { status: 200, retry_after: None };
        self.apply(Event::Applied { lost: false });
        for _ in 0..ROUNDS {
            if self.broken.is_some() {
                return;
            }
            while !self.actors.is_empty() {
                for actor in 0..self.actors.len() {
                    self.apply(Event::Proceed { actor, result: ok.clone() });
                }
                self.apply(Event::Advance { millis: 100 });
            }
            if !self.is_swept() {
                self.apply(Event::Sweep);
                continue;
            }
            let Some(next) = self.broker.next() else { return self.check_over() };
            self.now = self.now.max(next);
            self.apply(Event::ScheduleFires { which: 0, twice: false });
            self.apply(Event::Deliver { which: 0, stale_by: 0 });
        }
        self.demand(false, Promise::NeverLost);
    }
}
