//! Metrics of the readers of the feed of events.

use prometheus_client::metrics::gauge::Gauge;

use super::label::{Counters, label};
use super::register::{Register, set};
use super::{Busy, names};

label! {
    /// Why the node ended a reader's feed.
    Dropped = "reason" {
        /// The reader read too slowly.
        Slow = "slow",
        Stopping = "stopping",
    }
}

#[derive(Debug)]
pub struct Feed {
    readers: Gauge,
    limit: Gauge,
    /// Readers whose feed the node ended.
    pub dropped: Counters<Dropped>,
}

impl Feed {
    pub(super) fn new(register: &mut Register<'_>) -> Self {
        Self {
            readers: register.gauge(&names::FEED_READERS),
            limit: register.gauge(&names::FEED_READERS_LIMIT),
            dropped: Counters::new(register, &names::FEED_DROPPED),
        }
    }

    /// A reader follows the feed for as long as the returned value lives.
    pub fn reader(&self) -> Busy {
        Busy::new(&self.readers)
    }

    /// Shows the most readers at once; 0 if there is no feed.
    pub fn limit(&self, limit: usize) {
        set(&self.limit, limit);
    }
}
