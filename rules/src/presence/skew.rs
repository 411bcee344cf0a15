//! The consequences of clocks that differ: a warning, once, and no readiness beyond a limit.

use std::time::Duration;

use super::offset::{Offset, middle};

/// A larger difference between clocks is worth a warning: it is a hundred times what NTP leaves, and more than a quick answer of
/// NATS can be wrong by.
const WARN_PAST: Duration = Duration::from_millis(100);

/// A warning is over once the difference is below this; the gap between the two limits keeps it from coming and going.
const OVER_BELOW: Duration = Duration::from_millis(50);

/// The offsets of other clocks from this node's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skew {
    /// The offset of NATS' clock, if NATS has told its time lately.
    pub nats: Option<Offset>,
    /// The middle one of the other nodes' offsets.
    pub peers: Option<Offset>,
    /// The middle one of all known offsets, including this node's own.
    majority: Option<Offset>,
}

impl Skew {
    /// The skew, from the offsets of NATS and of each other node.
    pub fn of(nats: Option<Offset>, peers: Vec<Offset>) -> Self {
        let all = peers.iter().copied().chain(nats).chain([Offset::ZERO]).collect();
        Self { nats, peers: middle(peers), majority: middle(all) }
    }

    /// The offset of most clocks, if NATS and at least one other node can be compared with this node. NATS is always one of them, so
    /// that nodes alone, or clients that pretend to be nodes, stop no node.
    pub fn of_most(&self) -> Option<Offset> {
        let (nats, _, majority) = (self.nats?, self.peers?, self.majority?);
        let is_one_side = (nats < Offset::ZERO) == (majority < Offset::ZERO);
        Some(if !is_one_side {
            Offset::ZERO
        } else if nats.distance() < majority.distance() {
            nats
        } else {
            majority
        })
    }

    /// The reason why a node whose clocks may differ by `limit` takes no new work, if there is one. NATS' clock decides when timers
    /// come to workers; other nodes' clocks outweigh this node's and NATS' only as a majority.
    pub fn refusal(&self, limit: Duration) -> Option<String> {
        let beyond = |offset: &Offset| offset.distance() > limit;
        let (whose, offset) = match (self.nats.filter(beyond), self.majority.filter(beyond)) {
            (Some(offset), _) => ("that of NATS", offset),
            (None, Some(offset)) => ("those of most other nodes", offset),
            (None, None) => return None,
        };
        let side = if offset > Offset::ZERO { "behind" } else { "ahead of" };
        Some(format!(
            "this node's clock is {:.3} s {side} {whose}, and {:.3} s are allowed (--max-clock-skew): synchronise \
             the clocks of all nodes and NATS servers, with NTP",
            offset.distance().as_secs_f64(),
            limit.as_secs_f64()
        ))
    }
}

/// Whether clocks differ so much that an operator should know.
#[derive(Debug, Default)]
pub struct SkewAlarm {
    on: bool,
}

/// A change of the alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Clocks differ too much from now on.
    Worse,
    /// Clocks no longer differ too much.
    Better,
}

impl SkewAlarm {
    /// Looks at an offset; an unknown one changes nothing.
    pub fn look(&mut self, offset: Option<Offset>) -> Option<Turn> {
        let distance = offset?.distance();
        let turn = match self.on {
            false if distance > WARN_PAST => Turn::Worse,
            true if distance < OVER_BELOW => Turn::Better,
            true | false => return None,
        };
        self.on = turn == Turn::Worse;
        Some(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(2);

    fn seconds(seconds: i64) -> Offset {
        Offset::from_micros(seconds * 1_000_000)
    }

    fn refusal(nats: Option<i64>, peers: &[i64]) -> Option<String> {
        Skew::of(nats.map(seconds), peers.iter().copied().map(seconds).collect()).refusal(LIMIT)
    }

    #[test]
    fn a_node_that_is_off_from_nats_is_refused_and_is_told_to_which_side() {
        assert_eq!(refusal(None, &[]), None);
        assert_eq!(refusal(Some(2), &[]), None);
        assert!(refusal(Some(3), &[]).unwrap().contains("3.000 s behind that of NATS, and 2.000 s"));
        assert!(refusal(Some(-3), &[3]).unwrap().contains("3.000 s ahead of that of NATS"));
    }

    #[test]
    fn one_node_that_is_off_takes_no_other_with_it() {
        // As seen by the good one of two nodes, by the bad one, and by each good one of three.
        assert_eq!(refusal(Some(0), &[9]), None);
        assert!(refusal(Some(9), &[9]).is_some());
        assert_eq!(refusal(Some(0), &[9, 0]), None);
        assert_eq!(refusal(None, &[9]), None);
    }

    #[test]
    fn a_majority_of_nodes_is_believed() {
        assert_eq!(refusal(Some(0), &[9, 9]), None);
        assert!(refusal(Some(0), &[9, 9, 8]).unwrap().contains("8.000 s behind those of most other nodes"));
        assert!(refusal(None, &[-9, -9]).unwrap().contains("ahead of those of most other nodes"));
        assert_eq!(refusal(Some(0), &[9, -9, 9]), None);
    }

    #[test]
    fn a_node_is_the_odd_one_out_if_nats_and_most_nodes_differ_from_it_to_one_side() {
        let of_most = |nats: Option<i64>, peers: &[i64]| {
            let skew = Skew::of(nats.map(seconds), peers.iter().copied().map(seconds).collect());
            skew.of_most().map(|offset| offset.as_micros() / 1_000_000)
        };
        for unknown in [of_most(None, &[9, 9]), of_most(Some(9), &[]), of_most(None, &[])] {
            assert_eq!(unknown, None, "two clocks that differ do not say which of them is wrong");
        }
        assert_eq!(of_most(Some(9), &[8]), Some(8));
        assert_eq!(of_most(Some(-9), &[-8, -10, 0]), Some(-8));
        for right in [
            of_most(Some(9), &[0]),
            of_most(Some(0), &[9]),
            of_most(Some(0), &[9, 9]),
            of_most(Some(-9), &[9, 9, 9]),
            of_most(Some(9), &[0, 0]),
        ] {
            assert_eq!(right, Some(0));
        }
    }

    #[test]
    fn a_warning_is_said_once_and_once_that_it_is_over() {
        let mut alarm = SkewAlarm::default();
        let mut turns = vec![];
        for millis in [0, 99, -101, 300, 99, 101, 51, -49, 0, 99, 101] {
            turns.extend(alarm.look(Some(Offset::from_micros(millis * 1_000))).map(|turn| (millis, turn)));
            assert_eq!(alarm.look(None), None);
        }
        assert_eq!(turns, [(-101, Turn::Worse), (-49, Turn::Better), (101, Turn::Worse)]);
    }
}
