//! The broker brings an older version of a timer back after the timer was over. The high-water mark of a sweep distinguishes it
//! from a timer that is late.

use proptest::prelude::*;
use uuid::Uuid;

use super::actor::{Action, Actor, Cause};
use super::event::{Event, Wish};
use super::flaw::Flaw;
use super::world::{Revived, Version, World};
use super::{calm, events, four_attempts, policies, run, world};
use crate::domain::attempt::Delivery;
use crate::domain::high_water::{HighWater, Soundings};
use crate::domain::machine::{Input, step};
use crate::domain::timer::{State, Timer};

impl World {
    /// Notes the mark of a sweep that has looked at every record.
    pub(super) fn mark(&mut self) {
        let mut soundings = Soundings::new(self.now);
        if let Some(Version { timer, revision, .. }) = self.history.last() {
            soundings.count(&timer.state, *revision);
        }
        soundings.reach(self.history.iter().map(|version| version.revision).max().unwrap_or_default());
        let mark = soundings.finish(0);
        self.mark = Some(match self.flaw {
            Some(Flaw::MarkWithoutOpenTimers) => HighWater { open: vec![], ..mark },
            Some(Flaw::MarkOfLaterRecords) => HighWater { seq: u64::MAX, ..mark },
            _ => mark,
        });
    }

    /// Whether a mark says that this version was brought back.
    pub(super) fn is_restored(&self, timer: &Timer, revision: u64) -> bool {
        let believed = self.has(Flaw::RestoredIsBelieved);
        let mut marks = self.mark.iter().chain(&self.restored);
        !believed && marks.any(|mark| mark.is_restored(&timer.state, revision))
    }

    /// Whether an actor with this cause acts on a record although the broker brought it back: it knows the result of its call.
    pub(super) fn acts_on_restored(&self, cause: &Cause) -> bool {
        match cause {
            Cause::Event(input) => matches!(input, Input::Outcome { .. }),
            Cause::Command(_) => self.has(Flaw::CommandOnRestored),
        }
    }

    /// The actions by which a client ends a record that the broker brought back. Its command is obeyed after that. `None` for another
    /// actor or record, or if the record cannot be ended yet.
    pub(super) fn ends_first(&self, actor: &Actor, cause: &Cause) -> Option<Vec<Action>> {
        cause.command().filter(|_| !self.acts_on_restored(cause))?;
        let Version { timer, revision, .. } = &self.history[actor.seen.checked_sub(1)?];
        let restored = self.is_restored(timer, *revision);
        let effects = if restored { step(timer, Input::Restored, self.now).effects } else { vec![] };
        (!effects.is_empty()).then(|| Action::of_effects(effects))
    }

    /// Whether a mark says that the record was brought back.
    pub(super) fn is_brought_back(&self) -> bool {
        self.history.last().is_some_and(|version| self.is_restored(&version.timer, version.revision))
    }

    /// The versions that the broker may bring back: those of a timer that a sweep saw over after the last of its instants. Before
    /// that, its final version is still there, or nothing can tell. No claimant is still at work then, and no claimant's journal
    /// is unread: their reports would be believed, as a report is when it replaces `unknown`. The engine asks the guard before it
    /// believes a journal.
    pub(super) fn revivable(&self) -> Vec<Version> {
        let Some((last, _)) = self.history.split_last() else { return vec![] };
        let seen = |version: &&Version| match version.timer.state {
            State::Scheduled { at, .. } => self.mark.as_ref().is_some_and(|mark| at <= mark.upto),
            State::Firing { .. } => self.mark.is_some(),
            State::Delivered { .. }
            | State::Failed { .. }
            | State::Cancelled { .. }
            | State::Unknown { .. } => false,
        };
        let marked = self.mark.as_ref().is_some_and(|mark| last.revision <= mark.seq);
        if marked { self.older().filter(seen).cloned().collect() } else { vec![] }
    }

    /// The versions that an older copy of the data may have, and that nodes notice if they were running meanwhile: those of a
    /// timer that is over and that was due by now.
    pub(super) fn restorable(&self) -> Vec<Version> {
        let was_due = |version: &&Version| match version.timer.state {
            State::Scheduled { at, .. } => at <= self.now,
            State::Firing { .. } => true,
            State::Delivered { .. }
            | State::Failed { .. }
            | State::Cancelled { .. }
            | State::Unknown { .. } => false,
        };
        self.older().filter(was_due).cloned().collect()
    }

    /// The versions of a timer that is over, except the last one.
    fn older(&self) -> impl Iterator<Item = &Version> {
        let claimed = |id: &Uuid| self.names.contains(&id.as_u64_pair().1);
        let quiet = !self.actors.values().any(|actor| claimed(&actor.claim));
        let over = self.history.last().is_some_and(|last| last.timer.state.is_final());
        let over = over && self.revived.is_none() && quiet && self.left.is_empty();
        let (_, older) = self.history.split_last().filter(|_| over).unzip();
        older.into_iter().flatten()
    }

    /// Puts an older copy of the data back, perhaps with a wake. Nodes were in contact with the newer data until now.
    pub(super) fn restore(&mut self, which: usize, woken: bool) {
        let versions = self.restorable();
        let Some(version) = which.checked_rem(versions.len()).and_then(|which| versions.get(which)) else {
            return;
        };
        let open = match &self.mark {
            Some(mark) if self.has(Flaw::RestoreLeavesOutOpenTimers) => mark.open.clone(),
            _ => vec![],
        };
        self.restored = Some(HighWater { bucket_born: 0, upto: self.now, seq: version.revision, open });
        self.bring_back(version, woken);
    }

    /// Brings a version back, perhaps with a wake.
    pub(super) fn revive(&mut self, which: usize, woken: bool) {
        let versions = self.revivable();
        let Some(version) = which.checked_rem(versions.len()).and_then(|which| versions.get(which)) else {
            return;
        };
        self.bring_back(version, woken);
    }

    fn bring_back(&mut self, version: &Version, woken: bool) {
        let (calls, versions) = (self.calls.len(), self.history.len());
        // The server that brings it back knows of no proposals.
        self.proposed = None;
        self.revived = Some(Revived { calls, replays: self.replays, versions });
        self.history.push(version.clone());
        if woken {
            self.arm(self.now);
        }
    }
}

/// Events after which the timer is over, swept and brought back, and more events.
fn revivals() -> impl Strategy<Value = Vec<Event>> {
    let back = (any::<bool>(), any::<usize>(), any::<bool>()).prop_map(|(copied, which, woken)| {
        if copied { Event::Restore { which, woken } } else { Event::Revive { which, woken } }
    });
    (events(), events(), events(), back).prop_map(|(first, quiet, last, back)| {
        let seen = [Event::Advance { millis: 10_000 }, Event::Sweep];
        let back = [back];
        [first, quiet, seen.to_vec(), back.to_vec(), last].concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_timer_that_the_broker_brings_back_is_not_called_at_most_once(
        events in revivals(), policy in policies()
    ) {
        run(Delivery::AtMostOnce, policy, events);
    }

    #[test]
    fn a_timer_that_the_broker_brings_back_is_not_called_at_least_once(
        events in revivals(), policy in policies()
    ) {
        run(Delivery::AtLeastOnce, policy, events);
    }
}

#[test]
fn a_client_that_replays_a_timer_which_was_brought_back_ends_it_first() {
    let mut world = world(Delivery::AtMostOnce, four_attempts(), None);
    calm(&mut world);
    world.apply(Event::Sweep);
    world.apply(Event::Revive { which: 0, woken: false });
    world.apply(Event::Ask(Wish::Replay));
    calm(&mut world);
    let states: Vec<_> = world.history.iter().map(|version| version.timer.state.name()).collect();
    let first = ["scheduled", "firing", "delivered"];
    assert_eq!(states, [first.as_slice(), &["scheduled", "unknown"], &first].concat());
    assert_eq!((world.calls.len(), world.replays), (2, 1));
}
