//! The clients of the world: each asks for one thing, whenever the list of events says so.

use std::time::Duration;

use crate::domain::change::Change;
use crate::domain::machine::{Command, Effect};
use crate::domain::sample::DUE_IN;
use crate::domain::target::TargetUrl;
use crate::domain::timer::{State, Timer};

use super::actor::Actor;
use super::event::Wish;
use super::world::World;

impl World {
    /// A client's creation begins: it arms a wake, then stores the record, which does not exist yet.
    pub(super) fn create(&mut self) {
        if self.record().is_some() {
            return;
        }
        let due_at = self.now.saturating_add(DUE_IN);
        let state = State::Scheduled { attempt: 1, at: due_at };
        let timer = Timer { created_at: self.now, due_at, state, ..(*self.wanted).clone() };
        let effects = vec![Effect::Arm { at: due_at }, Effect::Store(Box::new(timer))];
        let name = self.fresh();
        self.actors.insert(name, Actor::client(0, effects, self.now));
    }

    pub(super) fn ask(&mut self, wish: Wish) {
        let change = |change| Command::Change(Box::new(change));
        let command = match wish {
            Wish::Create => return self.create(),
            Wish::Cancel => Command::Cancel,
            Wish::Move { in_millis } => {
                let due_at = self.now.saturating_add(Duration::from_millis(in_millis));
                change(Change { due_at: Some(due_at), ..Change::default() })
            }
            Wish::Elsewhere => {
                let url = TargetUrl::parse("https://elsewhere.example/").ok();
                change(Change { url, ..Change::default() })
            }
            Wish::Timeout { millis } => {
                change(Change { timeout: Some(Duration::from_millis(millis)), ..Change::default() })
            }
            Wish::Fire => Command::Fire,
            Wish::Replay => Command::Replay,
        };
        if self.record().is_some() {
            self.replays_wanted += usize::from(matches!(wish, Wish::Replay));
            let name = self.fresh();
            self.think(name, Actor::client(self.history.len(), vec![], self.now), command);
        }
    }
}
