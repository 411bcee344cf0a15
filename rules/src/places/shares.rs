//! How a node's places for calls are shared among receivers, and among the groups that receivers belong to.
//!
//! The rule is that of dynamic thresholds, by which switches share buffers (Choudhury and Hahne, 1998): no receiver takes more than a
//! multiple of the free places. So one receiver alone has most places, many have equal parts, and a receiver that comes now always finds
//! one. The rule needs no list of tenants and takes back no call. A large timer's call takes several places, since a call that hangs would
//! hold memory, too.
//!
//! A call that takes long counts against the slow part of the node, which leaves an eighth for receivers that answer quickly. An unknown
//! receiver counts as slow. Waiting calls take turns by receiver, and receivers that answer come first.
//!
//! The levels are the node; its slow part, seven eighths; a domain, address or flow, at most fifteen times the free places of the slow
//! part; and a receiver, at most seven times the places that its group may still have. So of 512 places, one domain has 420 at most,
//! however many of its names hang, and four receivers that hang at one address have 100 or 101 each. Without shares, four receivers that
//! hang take all places, since a call that hangs keeps its place until its timeout.
//!
//! **Invariant:** no more places are taken than there are, and calls that hang leave an eighth to receivers that answer quickly.
//! **Invariant:** none of the first 16 receivers in a line waits if the rule would let it in.
//!
//! Pure: no clock, no waiting.

use std::collections::HashMap;

use super::receiver::{Made, PlaceRequest, Receiver, Waiter};
use crate::turns::Turns;

/// The slow part is all but this part of the node, where quick receivers are told apart from slow ones.
const QUICK_PART: usize = 8;
/// A receiver that answers quickly has at most this many times the free places of the node; a group, of the slow part's free places.
const MOST_OF_FREE: usize = 15;
/// A slow receiver has at most this many times the places that its group may still have.
const RECEIVER_OF_GROUP: usize = 7;

/// A receiver that has a place leaves one of its group to new receivers, and one more for each this many places of the node.
const FOR_NEW_PART: usize = 32;

/// How many receivers in a row that may not be let in are looked at in a line when a place becomes free.
const TRIES: usize = 16;

/// How many receivers are remembered as quick or slow. Beyond that, receivers without a call or a waiting one are forgotten.
const MOST_RECEIVERS: usize = 16_384;

/// The places that a call has taken.
#[derive(Debug)]
pub struct Grant {
    wish: PlaceRequest,
    part: Part,
}

impl Grant {
    pub fn places(&self) -> usize {
        self.wish.places
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Quick,
    Slow,
}

/// The answer to a call that asks for places.
#[derive(Debug)]
pub enum Entered {
    Now(Grant),
    Waits,
}

/// The places of a node.
#[derive(Debug)]
pub struct Shares<W> {
    size: usize,
    /// The slow part is all but these.
    for_quick: usize,
    taken: usize,
    /// How many of these count against the slow part. With calls that have become slow, they may exceed its size.
    slow: usize,
    receivers: HashMap<u64, Receiver<W>>,
    /// How many places of the slow part each group has.
    groups: HashMap<u64, usize>,
    /// The waiting receivers, in turn: those that answer quickly; others that answer; others that have no place; and the rest.
    lines: [Turns<u64>; 4],
    /// At this number of receivers, the ones that are not needed are forgotten.
    forget_at: usize,
}

impl<W: Waiter> Shares<W> {
    /// Makes this number of places, at least one, of which an eighth is for receivers that answer quickly.
    pub fn new(size: usize) -> Self {
        Self { for_quick: size.max(1) / QUICK_PART, ..Self::alike(size) }
    }

    /// Makes this number of places, at least one, where no receiver is known to be quick.
    pub fn alike(size: usize) -> Self {
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
    pub fn enter(&mut self, wish: PlaceRequest, waiter: impl FnOnce() -> W) -> Entered {
        if self.receivers.len() >= self.forget_at && !self.receivers.contains_key(&wish.receiver) {
            // A receiver that is forgotten while it stands in a line is passed over at its turn.
            self.receivers.retain(|_, receiver| receiver.is_needed());
            // Otherwise each new receiver would repeat this.
            self.forget_at = MOST_RECEIVERS.max(2 * self.receivers.len());
        }
        // Calls that wait already come first.
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

    /// Notes that the call takes long: from now on it counts against the slow part. Returns the waiters that this lets in.
    pub fn ages(&mut self, grant: &mut Grant) -> Vec<(W, Grant)> {
        if std::mem::replace(&mut grant.part, Part::Slow) == Part::Quick {
            self.count(grant.wish, Part::Quick, false);
            self.count(grant.wish, Part::Slow, true);
        }
        self.receiver(grant.wish.receiver).took_long();
        self.let_in()
    }

    /// Gives the places back, with the result of the call if it was made. Returns the waiters that are let in instead.
    pub fn give_back(&mut self, grant: Grant, made: Option<Made>) -> Vec<(W, Grant)> {
        self.count(grant.wish, grant.part, false);
        if let Some(made) = made {
            let receiver = self.receiver(grant.wish.receiver);
            receiver.was_called(made);
            // Otherwise it would stay in a line of slow receivers, which is not looked at while the slow part has no place.
            if receiver.in_line.is_some_and(|line| line > receiver.line()) {
                self.line_up(grant.wish.site, grant.wish.receiver);
            }
        }
        self.let_in()
    }

    /// Lets in waiting calls as far as there is room: after places came back, or after a call has stopped waiting that wanted more
    /// places than the calls behind it.
    pub fn let_in(&mut self) -> Vec<(W, Grant)> {
        let mut let_in = vec![];
        // A receiver that has changed its line may be let in from there.
        while (0..self.lines.len()).any(|line| self.let_in_from(line, &mut let_in)) {}
        let_in
    }

    /// Lets in waiting calls of this line. Says whether a receiver has changed its line.
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
            // It may have got a place, or turned out to be slow, since it began to wait.
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
                    // A receiver that has places, or wants several, makes way for the next one of its site.
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

    /// Puts the receiver behind the others of its line, and returns that line.
    fn line_up(&mut self, site: u64, name: u64) -> usize {
        let receiver = self.receiver(name);
        let line = receiver.line();
        receiver.in_line = Some(line);
        self.lines[line].push(site, name);
        line
    }

    /// Whether any receiver of this line can be let in.
    fn has_room(&self, line: usize) -> bool {
        self.taken < self.size && (line == 0 || self.free_for_slow() > 0)
    }

    fn free_for_slow(&self) -> usize {
        let slow_size = self.size - self.for_quick;
        slow_size.saturating_sub(self.slow).min(self.size.saturating_sub(self.taken))
    }

    /// The part in which there is a place for this wish.
    fn part_for(&mut self, wish: PlaceRequest) -> Option<Part> {
        // The last of the wanted places is judged as if the receiver had the others already.
        let others = wish.places - 1;
        let free = self.size.saturating_sub(self.taken).checked_sub(others).filter(|free| *free > 0)?;
        let receiver = self.receiver(wish.receiver);
        let (quick, slow, is_quick) = (receiver.quick, receiver.slow, receiver.is_quick);
        if is_quick {
            return (quick + others <= MOST_OF_FREE * free).then_some(Part::Quick);
        }
        let free = self.free_for_slow().checked_sub(others)?;
        // How much a group may still have, given its places and the free ones, in parts of a place.
        let left = |group: &u64| {
            let has = self.groups.get(group).copied().unwrap_or_default();
            (MOST_OF_FREE * free).saturating_sub(has + others)
        };
        let left = wish.groups().map(|group| left(&group)).min().unwrap_or_default();
        // Another place costs one of the free ones, and one of those that the group may have.
        let place = MOST_OF_FREE + 1;
        let for_new = place * (1 + self.size / FOR_NEW_PART);
        let is_fair = place * (slow + others) <= RECEIVER_OF_GROUP * left && left > for_new;
        (left > 0 && (slow == 0 || is_fair)).then_some(Part::Slow)
    }

    fn take(&mut self, wish: PlaceRequest, part: Part) -> Grant {
        self.count(wish, part, true);
        Grant { wish, part }
    }

    /// Counts places that are taken or given back.
    fn count(&mut self, wish: PlaceRequest, part: Part, taken: bool) {
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
