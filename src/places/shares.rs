//! How a node's places for calls are shared among receivers, and among the groups that receivers belong to.
//!
//! The rule is that of dynamic thresholds, by which switches share buffers (Choudhury and Hahne, 1998): nobody takes more than a multiple of
//! what is left free. So one receiver alone has most places, many have equal parts, and there is always one for a receiver that comes now.
//! No list of tenants, no weights, and no call is taken back.
//!
//! A call that takes long counts against the slow part of the node, which leaves an eighth for receivers that answer quickly. A receiver of
//! which nothing is known yet counts as slow.
//!
//! Pure: no clock, no waiting.

use std::collections::{HashMap, VecDeque};

/// The slow part is all but this part of the node.
const QUICK_PART: usize = 8;
/// A receiver that answers quickly has at most this many times what is free in the node; a group, of what is free in the slow part.
const MOST_OF_FREE: usize = 7;
/// A slow receiver has at most this many times what is free in its group.
const LEAF_OF_GROUP: usize = 3;

/// So many of those that wait, and may not be let in, are looked at when a place becomes free.
const TRIES: usize = 16;

/// The receivers of which it is remembered whether they are quick; of more, those are forgotten that have no call.
const MOST_LEAVES: usize = 16_384;

/// One that waits for a place.
pub(super) trait Waiter {
    /// Whether it has stopped waiting.
    fn is_gone(&self) -> bool;
}

/// Who wants a place: a receiver, and the groups that it belongs to, by their hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) leaf: u64,
    pub(super) groups: [Option<u64>; 2],
}

/// A place that is taken.
#[derive(Debug)]
pub(super) struct Grant {
    wish: Wish,
    part: Part,
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
    taken: usize,
    /// How many of these count against the slow part. Calls that have become slow may be more than it has.
    slow: usize,
    leaves: HashMap<u64, Leaf<W>>,
    /// How many places of the slow part each group has.
    groups: HashMap<u64, usize>,
    /// Those that wait, in turn: the receivers that answer quickly, and the others.
    rings: [VecDeque<u64>; 2],
}

#[derive(Debug)]
struct Leaf<W> {
    quick: usize,
    slow: usize,
    /// Whether its last call ended quickly; `None` if it had none.
    is_quick: Option<bool>,
    waiting: VecDeque<(Wish, W)>,
    /// It has its turn in a ring.
    in_ring: bool,
}

impl<W: Waiter> Leaf<W> {
    /// The first that waits, without those that are gone.
    fn first(&mut self) -> Option<Wish> {
        while self.waiting.pop_front_if(|(_, waiter)| waiter.is_gone()).is_some() {}
        self.waiting.front().map(|(wish, _)| *wish)
    }

    fn is_idle(&self) -> bool {
        self.quick == 0 && self.slow == 0 && self.waiting.is_empty() && !self.in_ring
    }
}

impl<W: Waiter> Shares<W> {
    /// So many places, at least one.
    pub(super) fn new(size: usize) -> Self {
        Self {
            size: size.max(1),
            taken: 0,
            slow: 0,
            leaves: HashMap::new(),
            groups: HashMap::new(),
            rings: [VecDeque::new(), VecDeque::new()],
        }
    }

    /// Takes a place, or has `waiter` wait for one in turn.
    pub(super) fn enter(&mut self, wish: Wish, waiter: impl FnOnce() -> W) -> Entered {
        if self.leaves.len() >= MOST_LEAVES && !self.leaves.contains_key(&wish.leaf) {
            self.leaves.retain(|_, leaf| !leaf.is_idle());
        }
        // Whoever waits comes first.
        let nobody_waits = self.leaf(wish.leaf).first().is_none();
        if let Some(part) = self.part_for(wish).filter(|_| nobody_waits) {
            return Entered::Now(self.take(wish, part));
        }
        let leaf = self.leaf(wish.leaf);
        leaf.waiting.push_back((wish, waiter()));
        let (is_new, is_quick) = (!std::mem::replace(&mut leaf.in_ring, true), leaf.is_quick);
        if is_new {
            match is_quick {
                Some(true) => self.rings[0].push_back(wish.leaf),
                Some(false) => self.rings[1].push_back(wish.leaf),
                // It does not wait for a round of those that are known to be slow.
                None => self.rings[1].push_front(wish.leaf),
            }
        }
        Entered::Waits
    }

    /// The call takes long: from now on it counts against the slow part. Says who is let in since then.
    pub(super) fn ages(&mut self, grant: &mut Grant) -> Vec<(W, Grant)> {
        if std::mem::replace(&mut grant.part, Part::Slow) == Part::Quick {
            self.count(grant.wish, Part::Quick, false);
            self.count(grant.wish, Part::Slow, true);
        }
        self.leaf(grant.wish.leaf).is_quick = Some(false);
        self.let_in()
    }

    /// Gives a place back, `was_quick` if its call was made and did not take long. Says who is let in instead.
    pub(super) fn give_back(&mut self, grant: Grant, was_quick: bool) -> Vec<(W, Grant)> {
        self.count(grant.wish, grant.part, false);
        if was_quick {
            self.leaf(grant.wish.leaf).is_quick = Some(true);
        }
        self.let_in()
    }

    fn let_in(&mut self) -> Vec<(W, Grant)> {
        let mut let_in = vec![];
        for ring in 0..self.rings.len() {
            let mut refused = 0;
            while self.taken < self.size && refused < TRIES.min(self.rings[ring].len()) {
                let Some(name) = self.rings[ring].pop_front() else { break };
                let leaf = self.leaf(name);
                let Some(wish) = leaf.first() else {
                    leaf.in_ring = false;
                    continue;
                };
                match self.part_for(wish) {
                    Some(part) => {
                        refused = 0;
                        let waiter = self.leaf(name).waiting.pop_front();
                        let_in.extend(waiter.map(|(_, waiter)| (waiter, self.take(wish, part))));
                    }
                    None => refused += 1,
                }
                self.rings[ring].push_back(name);
            }
        }
        let_in
    }

    /// The part in which there is a place for this wish.
    fn part_for(&mut self, wish: Wish) -> Option<Part> {
        let free = self.size.saturating_sub(self.taken);
        if free == 0 {
            return None;
        }
        let leaf = self.leaf(wish.leaf);
        let (quick, slow, is_quick) = (leaf.quick, leaf.slow, leaf.is_quick);
        if is_quick == Some(true) {
            return (quick <= MOST_OF_FREE * free).then_some(Part::Quick);
        }
        let slow_size = self.size - self.size / QUICK_PART;
        let free = free.min(slow_size.saturating_sub(self.slow));
        // What a group may still have of what it has and what is free, times eight.
        let left = |group: &u64| {
            (MOST_OF_FREE * free).saturating_sub(self.groups.get(group).copied().unwrap_or_default())
        };
        let left = wish.groups.iter().flatten().map(left).min().unwrap_or((MOST_OF_FREE + 1) * free);
        // A place more takes one of what is free, and one of what the group may have.
        let place = MOST_OF_FREE + 1;
        // With few places, parts are smaller than a place: one is left to a receiver that comes now.
        let is_fair = place * slow <= LEAF_OF_GROUP * left && left > place;
        (left > 0 && (slow == 0 || is_fair)).then_some(Part::Slow)
    }

    fn take(&mut self, wish: Wish, part: Part) -> Grant {
        self.count(wish, part, true);
        Grant { wish, part }
    }

    /// Counts a place that is taken or given back.
    fn count(&mut self, wish: Wish, part: Part, taken: bool) {
        let change = |count: &mut usize| *count = if taken { *count + 1 } else { count.saturating_sub(1) };
        change(&mut self.taken);
        let leaf = self.leaf(wish.leaf);
        if part == Part::Quick {
            return change(&mut leaf.quick);
        }
        change(&mut leaf.slow);
        change(&mut self.slow);
        for group in wish.groups.into_iter().flatten() {
            let count = self.groups.entry(group).or_default();
            change(count);
            if *count == 0 {
                self.groups.remove(&group);
            }
        }
    }

    fn leaf(&mut self, name: u64) -> &mut Leaf<W> {
        self.leaves.entry(name).or_insert_with(|| Leaf {
            quick: 0,
            slow: 0,
            is_quick: None,
            waiting: VecDeque::new(),
            in_ring: false,
        })
    }
}

#[cfg(test)]
mod tests;
