//! Numbers of the journal of calls: whether there is one, and what was found in those of nodes that are gone.

use prometheus_client::metrics::gauge::Gauge;

use super::label::{Counters, label};
use super::names;
use super::register::{Register, set};

label! {
    /// What became of a call that a node that is gone had noted.
    Inherited = "as" {
        /// Nothing of it was written: its timer fires again.
        NotSent = "not_sent",
        /// It was answered, and that was stored.
        Answered = "answered",
        /// It was on its way: its timer is unknown, or was called again with at_least_once.
        OnItsWay = "on_its_way",
        /// Its timer had gone on already.
        Over = "over",
    }
}

/// Numbers of the journal.
#[derive(Debug)]
pub struct Journal {
    on: Gauge,
    /// Calls that others had noted, by what became of them.
    pub inherited: Counters<Inherited>,
}

impl Journal {
    pub(super) fn new(register: &mut Register<'_>) -> Self {
        Self {
            on: register.gauge(&names::JOURNAL),
            inherited: Counters::new(register, &names::JOURNAL_INHERITED),
        }
    }

    /// Whether there is one.
    pub fn is_on(&self, is_it: bool) {
        set(&self.on, usize::from(is_it));
    }
}
