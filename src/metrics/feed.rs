//! Numbers of the readers of the feed of events.

use prometheus_client::metrics::gauge::Gauge;

use super::label::{Counters, label};
use super::register::{Register, set};
use super::{Busy, names};

label! {
    /// Why a reader of the feed was sent away.
    Dropped = "reason" {
        /// It did not read.
        Slow = "slow",
        /// The node stops.
        Stopping = "stopping",
    }
}

/// Numbers of readers of the feed.
#[derive(Debug)]
pub struct Feed {
    readers: Gauge,
    limit: Gauge,
    /// Readers that were sent away.
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

    /// A reader follows the feed for as long as this lives.
    pub fn reader(&self) -> Busy {
        Busy::new(&self.readers)
    }

    /// The most readers; 0 if there is no feed.
    pub fn limit(&self, limit: usize) {
        set(&self.limit, limit);
    }
}
