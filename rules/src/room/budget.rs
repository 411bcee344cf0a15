//! The bytes that a node may give to new timers until it looks again.
//!
//! Several nodes create timers at once, and each sees the others' timers only when it looks. So a node has at most half of its
//! share of the room for new timers on the way, and then looks again: together, the nodes have half of that room on the way.

use super::Room;

/// The bytes that one node may still give away. Room that cannot be seen has no limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Budget {
    room: Option<Room>,
    left: u64,
    /// Bytes given away, and not yet known to be stored or refused.
    pending: u64,
}

impl Budget {
    /// The room as of the last look.
    pub fn room(&self) -> Option<Room> {
        self.room
    }

    /// Divides the room that a look has shown among this many nodes.
    pub fn divide(&mut self, room: Option<Room>, nodes: u64) {
        self.room = room;
        let for_new = room.map_or(0, |room| room.free.saturating_sub(room.kept));
        self.left = (for_new / nodes.max(1).saturating_mul(2)).saturating_sub(self.pending);
    }

    /// Takes this many bytes, and returns whether they were available.
    pub fn take(&mut self, bytes: u64) -> bool {
        if self.room.is_some() {
            let Some(left) = self.left.checked_sub(bytes) else { return false };
            self.left = left;
        }
        self.pending = self.pending.saturating_add(bytes);
        true
    }

    /// Settles bytes that were taken: they are stored by now, or never will be.
    pub fn settle(&mut self, bytes: u64) {
        self.pending = self.pending.saturating_sub(bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn without_a_sight_there_is_no_limit() {
        let mut budget = Budget::default();
        assert!(budget.take(u64::MAX) && budget.take(u64::MAX));
        budget.divide(Some(Room { free: 10, kept: 20 }), 1);
        budget.settle(u64::MAX);
        assert!(!budget.take(1));
    }

    proptest! {
        /// Whatever nodes do, and whichever of them look and when, or never again, they do not take more than there is.
        #[test]
        fn nodes_together_never_fill_the_store(
            store in 1_000_u64..100_000,
            nodes in 1_usize..5,
            acts in prop::collection::vec((0_usize..5, 0_u64..4_000, 0..4), 1..200),
        ) {
            let kept = store / 3;
            let mut used = 0;
            let mut budgets = vec![Budget::default(); nodes];
            let mut pending: Vec<Vec<u64>> = vec![vec![]; nodes];
            let look = |used: u64| Some(Room { free: store - used, kept });
            for budget in &mut budgets {
                budget.divide(look(used), nodes as u64);
            }
            for (node, bytes, what) in acts {
                let node = node % nodes;
                match what {
                    0 => budgets[node].divide(look(used), nodes as u64),
                    1 => if let Some(bytes) = pending[node].pop() {
                        used += bytes;
                        budgets[node].settle(bytes);
                    },
                    _ => if budgets[node].take(bytes) {
                        pending[node].push(bytes);
                    },
                }
                let all = used + pending.iter().flatten().sum::<u64>();
                prop_assert!(all <= store, "{all} of {store}");
            }
        }
    }
}
