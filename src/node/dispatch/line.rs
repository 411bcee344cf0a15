//! The line in which wakes wait until a worker attends to them. Receivers take turns.
//!
//! Thousands of timers may be due at one instant for a slow receiver. A node attends to a bounded number of wakes, and to each until its
//! receiver has room or the timer is postponed. The other wakes wait here, behind earlier wakes of their receiver. They are unread,
//! so they take little memory. `rules::places` has the rule, which leaves room for a receiver that has no wake here yet.

use crate::node::places::{Callee, Places, Taken};

/// How many wakes may wait for each one that the node attends to.
const WAITING: usize = 3;

/// The line of a node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Line {
    places: Places,
    room: usize,
}

impl Line {
    /// Makes the line of a node that attends to `held` wakes at a time, at least one.
    pub fn new(held: usize) -> Self {
        Self { places: Places::alike(held), room: held.max(1).saturating_mul(1 + WAITING) }
    }

    /// How many wakes this node may have, in line or attended to.
    pub(super) fn room(&self) -> usize {
        self.room
    }

    /// Waits for the turn of a wake whose timer calls this receiver (host and port). The turn lasts until the returned value is dropped.
    pub(super) async fn turn(&self, receiver: Option<&str>) -> Option<Taken> {
        self.places.turn(Callee::named(receiver)).await
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const HELD: usize = 64;

    #[test]
    fn a_receiver_of_which_nothing_is_attended_to_comes_before_the_many_of_others() {
        let line = Line::new(HELD);
        let slow = [Some("slow.example.com:443"), Some("slow.example.com:80"), Some("127.0.0.1:80"), None];
        let mut attended_to = vec![];
        let mut waiting = vec![];
        for receiver in slow.into_iter().cycle().take(line.room()) {
            let mut turn = Box::pin(line.turn(receiver));
            match turn.as_mut().now_or_never() {
                Some(turn) => attended_to.push(turn),
                None => waiting.push(turn),
            }
        }
        assert!((HELD / 2..HELD).contains(&attended_to.len()), "{}", attended_to.len());
        for other in [Some("slow.example.com:8443"), Some("[::1]:80"), Some("example.org:443")] {
            attended_to.push(line.turn(other).now_or_never().expect("its turn is at once"));
        }
        // All have their turn in the end.
        while let Some(done) = attended_to.pop() {
            drop(done);
            waiting.retain_mut(|turn| turn.now_or_never().map(|turn| attended_to.push(turn)).is_none());
        }
        assert!(waiting.is_empty());
    }
}
