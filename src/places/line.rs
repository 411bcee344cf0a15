//! Receivers that wait for places, in turn: sites one after the other, and the receivers of each in the order in which they came.

use std::collections::{HashMap, VecDeque};

/// Receivers that wait, by the sites that they belong to; all are hashes.
#[derive(Debug, Default)]
pub(super) struct Line {
    sites: VecDeque<u64>,
    receivers: HashMap<u64, VecDeque<u64>>,
}

impl Line {
    /// The receiver waits behind the others of its site.
    pub(super) fn push(&mut self, site: u64, receiver: u64) {
        let receivers = self.receivers.entry(site).or_default();
        receivers.push_back(receiver);
        if receivers.len() == 1 {
            self.sites.push_back(site);
        }
    }

    /// Takes the receiver whose turn it is. The next turn is another site's.
    pub(super) fn pop(&mut self) -> Option<(u64, u64)> {
        let site = self.sites.pop_front()?;
        let receivers = self.receivers.get_mut(&site)?;
        let receiver = receivers.pop_front()?;
        if receivers.is_empty() {
            self.receivers.remove(&site);
        } else {
            self.sites.push_back(site);
        }
        Some((site, receiver))
    }

    /// The receiver that was taken waits on, in front of the others of its site.
    pub(super) fn put_back(&mut self, site: u64, receiver: u64) {
        let receivers = self.receivers.entry(site).or_default();
        receivers.push_front(receiver);
        if receivers.len() == 1 {
            self.sites.push_back(site);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_take_turns_and_receivers_of_a_site_keep_their_order() {
        let mut line = Line::default();
        for (site, receiver) in [(1, 10), (1, 11), (1, 12), (2, 20), (3, 30), (3, 31)] {
            line.push(site, receiver);
        }
        assert_eq!(line.pop(), Some((1, 10)));
        line.put_back(1, 10);
        let all: Vec<u64> = std::iter::from_fn(|| line.pop()).map(|(_, receiver)| receiver).collect();
        assert_eq!(all, [20, 30, 10, 31, 11, 12]);
        assert!(line.sites.is_empty() && line.receivers.is_empty());
    }
}
