//! Numbers of what this node asks of NATS.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::label::{Counters, label};
use super::names;
use super::register::{Float, Register, set, set_known};
use crate::durability::{Check, Verdict};

label! {
    /// What is known of a request that failed.
    Trouble = "result" {
        /// It was not done: not connected, no leader, no room.
        NotDone = "not_done",
        /// It may or may not have been done: no answer came in time.
        Unclear = "unclear",
        /// It never can be done.
        Impossible = "impossible",
    }
}

/// Numbers of NATS.
#[derive(Debug)]
pub struct Nats {
    up: Gauge,
    stores: Gauge,
    /// Connections made.
    pub connects: Counter,
    /// Requests.
    pub requests: Counter,
    /// Requests that failed.
    pub failures: Counters<Trouble>,
    durability: Family<[(&'static str, &'static str); 1], Float>,
    wakes_waiting: Float,
}

impl Nats {
    pub(super) fn new(register: &mut Register<'_>) -> Self {
        let nats = Self {
            up: register.gauge(&names::NATS_UP),
            stores: register.gauge(&names::NATS_STORES),
            connects: register.counter(&names::NATS_CONNECTS),
            requests: register.counter(&names::NATS_REQUESTS),
            failures: Counters::new(register, &names::NATS_FAILURES),
            durability: register.gauge(&names::DURABILITY),
            wakes_waiting: register.gauge(&names::WAKES_WAITING),
        };
        for check in Check::EACH {
            nats.show_durability(check, Verdict::Unseen);
        }
        nats
    }

    /// Shows whether NATS is what was asked for.
    pub fn show_durability(&self, check: Check, verdict: Verdict) {
        let met = match verdict {
            Verdict::Met => Some(1),
            Verdict::Weaker => Some(0),
            Verdict::Unseen => None,
        };
        set_known(&self.durability.get_or_create(&[("check", check.name())]), met);
    }

    /// Shows how NATS is.
    pub fn show(&self, up: bool, stores: bool, wakes_waiting: Option<u64>) {
        set(&self.up, usize::from(up));
        set(&self.stores, usize::from(stores));
        set_known(&self.wakes_waiting, wakes_waiting);
    }
}
