//! Metrics of all nodes and of their clocks. They are set when a scraper asks.

use prometheus_client::metrics::family::Family;

use super::names;
use super::register::{Float, Register, set_known};
use rules::presence::{Difference, Offset, Role};

type ByLabel = Family<[(&'static str, &'static str); 1], Float>;

#[derive(Debug)]
pub struct Nodes {
    by_role: ByLabel,
    otherwise: ByLabel,
    offset: ByLabel,
}

impl Nodes {
    pub(super) fn new(register: &mut Register<'_>) -> Self {
        let nodes = Self {
            by_role: register.gauge(&names::NODES),
            otherwise: register.gauge(&names::NODES_OTHERWISE),
            offset: register.gauge(&names::CLOCK_OFFSET),
        };
        nodes.show(&Role::EACH.map(|role| (role, 0)), None, None);
        nodes.show_otherwise(&Difference::EACH.map(|difference| (difference, 0)));
        nodes
    }

    /// Shows how many other nodes differ from this node in each way.
    pub fn show_otherwise(&self, counts: &[(Difference, usize)]) {
        for (difference, count) in counts {
            let gauge = self.otherwise.get_or_create(&[("difference", difference.name())]);
            set_known(&gauge, u64::try_from(*count).ok());
        }
    }

    /// Shows how many nodes have each role, and how far the clocks of NATS and of other nodes are from this node's.
    pub fn show(&self, counts: &[(Role, usize)], nats: Option<Offset>, peers: Option<Offset>) {
        for (role, count) in counts {
            let gauge = self.by_role.get_or_create(&[("role", role.name())]);
            set_known(&gauge, u64::try_from(*count).ok());
        }
        for (of, offset) in [("nats", nats), ("peers", peers)] {
            let seconds = offset.map_or(f64::NAN, |offset| offset.as_micros() as f64 / 1e6);
            self.offset.get_or_create(&[("of", of)]).set(seconds);
        }
    }
}
