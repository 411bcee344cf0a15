//! What a node counts and measures, for whoever is on call. docs/metrics.md explains each number.
//!
//! One handle that is passed to whoever counts, no global: several nodes in a process would not mix, and
//! it is seen from a signature who counts. Knows no HTTP, no NATS and no clock: others observe. To count is an
//! atomic addition, to observe or to count a request also the library's own short lock.
//!
//! **Invariant:** no label has an id, a host, a token's name or anything else that clients choose, so the number
//! of series is known beforehand.

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

pub use busy::Busy;
pub use feed::{Dropped, Feed};
pub use http::{Closed, Http, Refused};
pub use index::{Index, Indexed, Known};
pub use journal::{Inherited, Journal};
pub use label::{Counters, Label};
pub use ledger::Ledger;
pub use nats::{Nats, Trouble, Turned};
pub use nodes::Nodes;
pub use receivers::Receivers;
pub use sweep::{SweepFinding, Sweeping, Swept};
pub use tasks::{Task, Tasks};
pub use timers::{Timers, Write, Written};
pub use work::{Call, Late, LostClaim, Outcome, Postponed, Wake, Work};

use register::Register;

/// What a node does, and so has numbers of: a number that it never counts is not shown, as it would be read as 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parts {
    /// It serves the API.
    pub serves: bool,
    /// It calls receivers.
    pub works: bool,
    /// It keeps an index of timers.
    pub indexes: bool,
}

/// The numbers of one node.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Of requests to this node.
    pub http: Http,
    /// Of readers of the feed.
    pub feed: Feed,
    /// Of what clients want of timers.
    pub timers: Timers,
    /// Of the timers that there are, as this node's index has them.
    pub index: Index,
    /// Of calls and what leads to them.
    pub work: Work,
    /// Of what it notes of its calls.
    pub journal: Journal,
    /// Of whom it calls.
    pub receivers: Receivers,
    /// Of what this node asks of NATS.
    pub nats: Nats,
    /// Of all nodes and their clocks.
    pub nodes: Nodes,
    /// Of sweeps.
    pub sweep: Sweeping,
    /// Of the ledger.
    pub ledger: Ledger,
    /// Of tasks that have failed.
    pub tasks: Tasks,
}

/// How the numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The text format of Prometheus, 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// Its media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => prometheus_text::CONTENT_TYPE,
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

impl Metrics {
    /// All numbers at zero, those of `parts` to be shown.
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

    /// All numbers, as a scraper reads them.
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
