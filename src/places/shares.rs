//! How a node's places for calls are shared among receivers, and among the groups that receivers belong to.
//!
//! The rule is that of dynamic thresholds, by which switches share buffers (Choudhury and Hahne, 1998): nobody takes more than a multiple of
//! what is left free. So one receiver alone has most places, many have equal parts, and there is always one for a receiver that comes now.
//! No list of tenants, and no call is taken back. A call takes as many places as its timer is large: what hangs would hold memory too.
//!
//! A call that takes long counts against the slow part of the node, which leaves an eighth for receivers that answer quickly. A receiver of
//! which nothing is known yet counts as slow. Those that wait have turns by receiver, and those that answer come first.
//!
//! Pure: no clock, no waiting.

use std::collections::HashMap;

use super::receiver::{Made, Receiver, Waiter, Wish};
use crate::turns::Turns;

/// The slow part is all but this part of the node, where receivers are told apart by that.
const QUICK_PART: usize = 8;
/// A receiver that answers quickly has at most this many times what is free in the node; a group, of what is free in the slow part.
const MOST_OF_FREE: usize = 15;
/// A slow receiver has at most this many times what is free in its group.
const RECEIVER_OF_GROUP: usize = 7;

/// A receiver that has a place leaves one of its group to receivers that come now, and one more for so many places of the node.
const FOR_NEW_PART: usize = 32;

/// So many receivers of a line that may not be let in are looked at when a place becomes free.
const TRIES: usize = 16;

/// The receivers of which it is remembered whether they are quick; of more, those are forgotten that have no call.
const MOST_RECEIVERS: usize = 16_384;

/// The places of a call, which are taken.
#[derive(Debug)]
pub(super) struct Grant {
    wish: Wish,
    part: Part,
}

impl Grant {
    /// How many they are.
    pub(super) fn places(&self) -> usize {
        self.wish.places
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Quick,
    Slow,
}

/// What came of asking.
#[derive(Debug)]
pub(super) enum Entered {
    Now(Grant),
    Waits,
}

/// The places of a node.
#[derive(Debug)]
pub(super) struct Shares<W> {
    size: usize,
    /// The slow part is all but these.
    for_quick: usize,
    taken: usize,
    /// How many of these count against the slow part. Calls that have become slow may be more than it has.
    slow: usize,
    receivers: HashMap<u64, Receiver<W>>,
    /// How many places of the slow part each group has.
    groups: HashMap<u64, usize>,
    /// Those that wait, in turn: receivers that answer quickly; others that answer; others that have no place; and the rest.
    lines: [Turns<u64>; 4],
    /// With this number of receivers, those are forgotten that are not needed.
    forget_at: usize,
}

impl<W: Waiter> Shares<W> {
    /// So many places, at least one, of which an eighth is for receivers that answer quickly.
    pub(super) fn new(size: usize) -> Self {
        Self { for_quick: size.max(1) / QUICK_PART, ..Self::alike(size) }
    }

    /// So many places, at least one, where no receiver is known to be quick.
    pub(super) fn alike(size: usize) -> Self {
        Self {
            size: size.max(1),
            for_quick: 0,
            taken: 0,
            slow: 0,
            receivers: HashMap::new(),
            groups: HashMap::new(),
            lines: Default::default(),
            forget_at: MOST_RECEIVERS,
        }
    }

    /// Takes the places of a call, or has `waiter` wait for them in turn.
    pub(super) fn enter(&mut self, wish: Wish, waiter: impl FnOnce() -> W) -> Entered {
        if self.receivers.len() >= self.forget_at && !self.receivers.contains_key(&wish.receiver) {
            // One that is forgotten in a line has nothing to do at its turn.
            self.receivers.retain(|_, receiver| receiver.is_needed());
            // Not to be done again for each new one.
            self.forget_at = MOST_RECEIVERS.max(2 * self.receivers.len());
        }
        // Whoever waits comes first.
        let nobody_waits = self.receiver(wish.receiver).first().is_none();
        if let Some(part) = self.part_for(wish).filter(|_| nobody_waits) {
            return Entered::Now(self.take(wish, part));
        }
        let receiver = self.receiver(wish.receiver);
        receiver.waiting.push_back((wish, waiter()));
        if receiver.in_line.is_none() {
            self.line_up(wish.site, wish.receiver);
        }
        Entered::Waits
    }

    /// The call takes long: from now on it counts against the slow part. Says who is let in since then.
    pub(super) fn ages(&mut self, grant: &mut Grant) -> Vec<(W, Grant)> {
        if std::mem::replace(&mut grant.part, Part::Slow) == Part::Quick {
            self.count(grant.wish, Part::Quick, false);
            self.count(grant.wish, Part::Slow, true);
        }
        self.receiver(grant.wish.receiver).took_long();
        self.let_in()
    }

    /// Gives a place back, with what came of its call if one was made. Says who is let in instead.
    pub(super) fn give_back(&mut self, grant: Grant, made: Option<Made>) -> Vec<(W, Grant)> {
        self.count(grant.wish, grant.part, false);
        if let Some(made) = made {
            let receiver = self.receiver(grant.wish.receiver);
            receiver.was_called(made);
            // Those that are slow are not looked at while there is no place for them.
            if receiver.in_line.is_some_and(|line| line > receiver.line()) {
                self.line_up(grant.wish.site, grant.wish.receiver);
            }
        }
        self.let_in()
    }

    /// Lets in who waits, as far as there is room: since places came back, or since one has stopped waiting that wanted more of them
    /// than those behind it.
    pub(super) fn let_in(&mut self) -> Vec<(W, Grant)> {
        let mut let_in = vec![];
        // One that has changed its line may be let in from there.
        while (0..self.lines.len()).any(|line| self.let_in_from(line, &mut let_in)) {}
        let_in
    }

    /// Lets in who waits in this line. Says whether one has changed its line.
    fn let_in_from(&mut self, line: usize, let_in: &mut Vec<(W, Grant)>) -> bool {
        let (mut refused, mut moved) = (0, false);
        while refused < TRIES && self.has_room(line) {
            let Some((site, name)) = self.lines[line].pop() else { return moved };
            let receiver = self.receiver(name);
            if receiver.in_line != Some(line) {
                continue;
            }
            let Some(wish) = receiver.first() else {
                receiver.in_line = None;
                continue;
            };
            // It may have come to a place, or turned out to be slow, since it began to wait.
            if receiver.line() != line {
                self.line_up(site, name);
                moved = true;
                continue;
            }
            match self.part_for(wish) {
                Some(part) => {
                    refused = 0;
                    let waiter = self.receiver(name).waiting.pop_front();
                    let_in.extend(waiter.map(|(_, waiter)| (waiter, self.take(wish, part))));
                    moved |= self.line_up(site, name) != line;
                }
                None => {
                    refused += 1;
                    // One that has its share, or wants much, makes way for the next one of its site.
                    if wish.places > 1 || self.receiver(name).has_places() {
                        self.lines[line].push(site, name);
                    } else {
                        self.lines[line].put_back(site, name);
                    }
                }
            }
        }
        moved
    }

    /// The receiver waits behind the others of its line; says which one that is.
    fn line_up(&mut self, site: u64, name: u64) -> usize {
        let receiver = self.receiver(name);
        let line = receiver.line();
        receiver.in_line = Some(line);
        self.lines[line].push(site, name);
        line
    }

    /// Whether anyone of this line can be let in.
    fn has_room(&self, line: usize) -> bool {
        self.taken < self.size && (line == 0 || self.free_for_slow() > 0)
    }

    fn free_for_slow(&self) -> usize {
        let slow_size = self.size - self.for_quick;
        slow_size.saturating_sub(self.slow).min(self.size.saturating_sub(self.taken))
    }

    /// The part in which there is a place for this wish.
    fn part_for(&mut self, wish: Wish) -> Option<Part> {
        // The last of its places is looked at, as if it had the others already.
        let others = wish.places - 1;
        let free = self.size.saturating_sub(self.taken).checked_sub(others).filter(|free| *free > 0)?;
        let receiver = self.receiver(wish.receiver);
        let (quick, slow, is_quick) = (receiver.quick, receiver.slow, receiver.is_quick);
        if is_quick {
            return (quick + others <= MOST_OF_FREE * free).then_some(Part::Quick);
        }
        let free = self.free_for_slow().checked_sub(others)?;
        // What a group may still have of what it has and what is free, in parts of a place.
        let left = |group: &u64| {
            let has = self.groups.get(group).copied().unwrap_or_default();
            (MOST_OF_FREE * free).saturating_sub(has + others)
        };
        let left = wish.groups().map(|group| left(&group)).min().unwrap_or_default();
        // A place more is one of what is free, and one of what the group may have.
        let place = MOST_OF_FREE + 1;
        let for_new = place * (1 + self.size / FOR_NEW_PART);
        let is_fair = place * (slow + others) <= RECEIVER_OF_GROUP * left && left > for_new;
        (left > 0 && (slow == 0 || is_fair)).then_some(Part::Slow)
    }

    fn take(&mut self, wish: Wish, part: Part) -> Grant {
        self.count(wish, part, true);
        Grant { wish, part }
    }

    /// Counts places that are taken or given back.
    fn count(&mut self, wish: Wish, part: Part, taken: bool) {
        let change = |count: &mut usize| {
            *count = if taken { *count + wish.places } else { count.saturating_sub(wish.places) };
        };
        change(&mut self.taken);
        let receiver = self.receiver(wish.receiver);
        if part == Part::Quick {
            return change(&mut receiver.quick);
        }
        change(&mut receiver.slow);
        change(&mut self.slow);
        for group in wish.groups() {
            let count = self.groups.entry(group).or_default();
            change(count);
            if *count == 0 {
                self.groups.remove(&group);
            }
        }
    }

    fn receiver(&mut self, name: u64) -> &mut Receiver<W> {
        self.receivers.entry(name).or_default()
    }
}

#[cfg(test)]
mod tests;
