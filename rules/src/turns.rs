//! The turns of waiting items: group after group, and within a group in the order of their arrival.
//!
//! Pure: no clock, no waiting.

use std::collections::{HashMap, VecDeque};

/// The waiting items, by their groups.
#[derive(Debug)]
pub struct Turns<T> {
    /// Each group that has a queue, once. No queue is empty.
    groups: VecDeque<u64>,
    queues: HashMap<u64, VecDeque<T>>,
}

impl<T> Turns<T> {
    /// Puts an item behind the others of its group.
    pub fn push(&mut self, group: u64, one: T) {
        self.queue(group).push_back(one);
    }

    /// Takes the item whose turn it is. The next turn goes to another group.
    pub fn pop(&mut self) -> Option<(u64, T)> {
        let group = self.groups.pop_front()?;
        let queue = self.queues.get_mut(&group)?;
        let one = queue.pop_front()?;
        if queue.is_empty() {
            self.queues.remove(&group);
        } else {
            self.groups.push_back(group);
        }
        Some((group, one))
    }

    /// Puts an item that was taken back in front of the others of its group.
    pub fn put_back(&mut self, group: u64, one: T) {
        self.queue(group).push_front(one);
    }

    /// Forgets the items at the front of a group that have stopped waiting.
    pub fn forget_first(&mut self, group: u64, has_stopped: impl Fn(&T) -> bool) {
        let Some(queue) = self.queues.get_mut(&group) else { return };
        while queue.pop_front_if(|one| has_stopped(one)).is_some() {}
        if queue.is_empty() {
            self.queues.remove(&group);
            self.groups.retain(|other| *other != group);
        }
    }

    pub fn of_group(&self, group: u64) -> usize {
        self.queues.get(&group).map_or(0, VecDeque::len)
    }

    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// All waiting items, not in the order of their turns.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.queues.values().flatten()
    }

    fn queue(&mut self, group: u64) -> &mut VecDeque<T> {
        self.queues.entry(group).or_insert_with(|| {
            self.groups.push_back(group);
            VecDeque::new()
        })
    }
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { groups: VecDeque::new(), queues: HashMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_take_turns_and_those_of_a_group_keep_their_order() {
        let mut turns = Turns::default();
        for (group, one) in [(1, 10), (1, 11), (1, 12), (2, 20), (3, 30), (3, 31)] {
            turns.push(group, one);
        }
        assert_eq!(turns.pop(), Some((1, 10)));
        turns.put_back(1, 10);
        let all: Vec<u64> = std::iter::from_fn(|| turns.pop()).map(|(_, one)| one).collect();
        assert_eq!(all, [20, 30, 10, 31, 11, 12]);
        assert!(turns.groups.is_empty() && turns.queues.is_empty());
    }

    #[test]
    fn a_group_of_which_all_have_stopped_is_forgotten() {
        let mut turns = Turns::default();
        turns.push(1, 10);
        turns.push(2, 20);
        turns.forget_first(1, |_| true);
        assert_eq!((turns.of_group(1), turns.groups(), turns.iter().count()), (0, 1, 1));
        turns.push(1, 11);
        turns.push(1, 12);
        let all: Vec<u64> = std::iter::from_fn(|| turns.pop()).map(|(_, one)| one).collect();
        assert_eq!(all, [20, 11, 12]);
    }
}
