//! Metrics of the journal of calls: whether there is one, and the entries that it found in the journals of dead nodes.

use prometheus_client::metrics::gauge::Gauge;

use super::label::{Counters, label};
use super::names;
use super::register::{Register, set};

label! {
    /// The fate of a call that a dead node had noted.
    Inherited = "as" {
        /// No byte of it was written: its timer fires again.
        NotSent = "not_sent",
        /// It was answered, and the answer was stored.
        Answered = "answered",
        /// It was on its way: its timer is unknown, or was called again with at_least_once.
        OnItsWay = "on_its_way",
        /// Its timer had moved on already.
        Over = "over",
    }
}

#[derive(Debug)]
pub struct Journal {
    on: Gauge,
    /// Calls that dead nodes had noted, by their fate.
    pub inherited: Counters<Inherited>,
}

impl Journal {
    pub(super) fn new(register: &mut Register<'_>) -> Self {
        Self {
            on: register.gauge(&names::JOURNAL),
            inherited: Counters::new(register, &names::JOURNAL_INHERITED),
        }
    }

    /// Shows whether this node has a journal.
    pub fn is_on(&self, is_it: bool) {
        set(&self.on, usize::from(is_it));
    }
}
