//! Numbers of what clients want of timers, alone or many in a request, and what came of it.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::label::{Label as _, label};
use super::names;
use super::register::Register;

label! {
    /// What a client wants of a timer.
    Write = "operation" {
        /// That there is one.
        Create = "create",
        /// That it is otherwise.
        Change = "change",
        /// That it does not fire.
        Cancel = "cancel",
        /// That it fires now.
        Fire = "fire",
        /// That it is tried again.
        Replay = "replay",
    }
}

label! {
    /// What came of it.
    Written = "result" {
        /// It is done.
        Done = "done",
        /// It was done before, by an earlier request with the same idempotency key.
        Repeated = "repeated",
        /// The client asked for what it may not or cannot have.
        Refused = "refused",
        /// NATS did not take it in time, or it met a fault of jettimer.
        Failed = "failed",
    }
}

/// Numbers of what clients want of timers.
#[derive(Debug)]
pub struct Timers {
    /// For each kind of wish, for each result.
    writes: Vec<Vec<Counter>>,
}

impl Timers {
    pub(super) fn new(register: &mut Register<'_>) -> Self {
        let family = Family::<[(&'static str, &'static str); 2], Counter>::default();
        let writes = Write::VALUES.iter().map(|write| {
            let results = Written::VALUES.iter();
            let labels = results.map(|result| [(Write::NAME, *write), (Written::NAME, *result)]);
            labels.map(|labels| family.get_or_create_owned(&labels)).collect()
        });
        let writes = writes.collect();
        register.counters(&names::WRITES, family);
        Self { writes }
    }

    /// Counts what came of a wish.
    pub fn count(&self, write: Write, result: Written) {
        if let Some(counter) = self.writes.get(write.place()).and_then(|of| of.get(result.place())) {
            counter.inc();
        }
    }
}
