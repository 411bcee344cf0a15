//! Metrics of clients' operations on timers, alone or many in a request, and their results.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::label::{Label as _, label};
use super::names;
use super::register::Register;

label! {
    /// A client's operation on a timer.
    Write = "operation" {
        Create = "create",
        Change = "change",
        Cancel = "cancel",
        Fire = "fire",
        /// Try a timer again that has failed, or whose result is unknown.
        Replay = "replay",
    }
}

label! {
    /// The result of an operation.
    Written = "result" {
        Done = "done",
        /// The operation was done before, by an earlier request with the same idempotency key.
        Repeated = "repeated",
        /// The client asked for something that is not allowed or not possible.
        Refused = "refused",
        /// NATS did not store it in time, or a fault of jettimer stopped it.
        Failed = "failed",
    }
}

#[derive(Debug)]
pub struct Timers {
    /// A counter for each operation and each result.
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

    /// Counts an operation with its result.
    pub fn count(&self, write: Write, result: Written) {
        if let Some(counter) = self.writes.get(write.place()).and_then(|of| of.get(result.place())) {
            counter.inc();
        }
    }
}
