//! Counts and measures a node's work, for the person on call. docs/metrics.md explains each metric.
//!
//! There is one handle, passed to each part that counts, and no global: several nodes in a process do not mix their numbers, and
//! a signature shows which part counts. This module knows no HTTP, no NATS and no clock: other parts observe. Counting is an
//! atomic addition; observing, or counting a request, also takes the library's own short lock.
//!
//! **Invariant:** no label has an id, a host, a token's name or any other value that clients choose, so the number of series is
//! known beforehand.

mod busy;
mod feed;
mod http;
mod index;
mod journal;
mod label;
mod ledger;
pub mod names;
mod nats;
mod nodes;
mod receivers;
mod register;
mod sweep;
mod tasks;
mod timers;
mod work;

use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;

pub use prometheus_client::metrics::counter::Counter;

pub use busy::Busy;
pub use feed::{Dropped, Feed};
pub use http::{Closed, Http, Refused};
pub use index::{Index, IndexContents, Indexed};
pub use journal::{Inherited, Journal};
pub use label::{Counters, Label};
pub use ledger::Ledger;
pub use nats::{FailureKind, Nats, Turned};
pub use nodes::Nodes;
pub use receivers::Receivers;
pub use sweep::{SweepFinding, Sweeping, Swept};
pub use tasks::{Task, Tasks};
pub use timers::{Timers, Write, Written};
pub use work::{Call, Late, LostClaim, Outcome, Postponed, Wake, Work};

use register::Register;

/// The parts of a node's work. Metrics that a node never counts are not shown, since a reader would take them for 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parts {
    pub serves: bool,
    pub works: bool,
    pub indexes: bool,
}

#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    pub http: Http,
    pub feed: Feed,
    pub timers: Timers,
    /// All timers, as this node's index has them.
    pub index: Index,
    /// Calls, and the steps that lead to them.
    pub work: Work,
    pub journal: Journal,
    pub receivers: Receivers,
    pub nats: Nats,
    /// All nodes and their clocks.
    pub nodes: Nodes,
    pub sweep: Sweeping,
    pub ledger: Ledger,
    pub tasks: Tasks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The text format of Prometheus, 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => prometheus_text::CONTENT_TYPE,
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

impl Metrics {
    /// All metrics at zero; those of `parts` are shown.
    pub fn new(version: &'static str, parts: Parts) -> Self {
        let mut registry = Registry::default();
        let all = &mut Register::of(&mut registry, true);
        all.info(&names::BUILD_INFO, [("version", version)]);
        let (http, nats, nodes) = (Http::new(all), Nats::new(all), Nodes::new(all));
        let (sweep, ledger) = (Sweeping::new(all), Ledger::new(all));
        let tasks = Tasks::new(all);
        let of_api = &mut Register::of(&mut registry, parts.serves);
        let (feed, timers) = (Feed::new(of_api), Timers::new(of_api));
        let index = Index::new(&mut Register::of(&mut registry, parts.indexes));
        let of_worker = &mut Register::of(&mut registry, parts.works);
        let (work, journal, receivers) =
            (Work::new(of_worker), Journal::new(of_worker), Receivers::new(of_worker));
        Self {
            registry,
            http,
            feed,
            timers,
            index,
            work,
            journal,
            receivers,
            nats,
            nodes,
            sweep,
            ledger,
            tasks,
        }
    }

    /// All metrics in this format, for a scraper.
    pub fn write(&self, format: Format) -> String {
        let mut written = String::new();
        // Writing to a string does not fail.
        let _ = match format {
            Format::Prometheus => prometheus_text::encode(&mut written, &self.registry),
            Format::OpenMetrics => text::encode(&mut written, &self.registry),
        };
        written
    }
}

#[cfg(test)]
mod tests;
