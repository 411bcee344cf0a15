//! Collects the acts after a change of the bucket, which are read in any order and some of them twice.

use super::{Act, Deed};

/// The acts after a change.
#[derive(Debug)]
pub struct Acts {
    after: u64,
    acts: Vec<Act>,
}

impl Acts {
    /// No act yet after this change.
    pub fn after(seq: u64) -> Self {
        Self { after: seq, acts: Vec::new() }
    }

    /// How many acts are held, some of them twice.
    pub fn held(&self) -> usize {
        self.acts.len()
    }

    /// Adds an act, unless it is earlier.
    pub fn add(&mut self, act: Act) {
        if act.seq > self.after {
            self.acts.push(act);
        }
    }

    /// The acts in order until this one, and those that follow it without a gap; `None` if one until then is missing.
    pub fn until(&mut self, seq: u64) -> Option<&[Act]> {
        // The same act may be read from a version that names it and from one that names only later ones.
        self.acts.sort_unstable_by_key(|act| (act.seq, act.deed == Deed::Unsaid));
        self.acts.dedup_by_key(|act| act.seq);
        let follows = |(place, act): &(usize, &Act)| act.seq - self.after == *place as u64 + 1;
        let count = self.acts.iter().enumerate().take_while(follows).count();
        (self.after + count as u64 >= seq).then_some(&self.acts[..count])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::state_kind::StateKind;

    #[test]
    fn acts_come_in_order_once_and_up_to_the_first_gap() {
        let act = |seq| Act { seq, over: 0, deed: Deed::Stored { was: None, is: StateKind::Scheduled } };
        let mut acts = Acts::after(4);
        for seq in [7, 5, 4, 3, 9, 5] {
            acts.add(act(seq));
        }
        assert_eq!(acts.until(4), Some(&[act(5)][..]));
        assert_eq!(acts.until(6), None);
        acts.add(Act { deed: Deed::Unsaid, ..act(6) });
        acts.add(act(6));
        assert_eq!(acts.until(6), Some(&[act(5), act(6), act(7)][..]));
        assert_eq!(acts.held(), 4);
        assert_eq!(Acts::after(4).until(4), Some(&[][..]));
    }
}
