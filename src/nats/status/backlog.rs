//! The broker's backlog that no node has taken yet, for metrics.
//!
//! NATS is asked only when a caller looks, and at most once a second for all callers.

use std::time::Duration;

use tokio::time::timeout;

use super::fresh::Fresh;
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::{BUCKET_STREAM, CONSUMER, STREAM};
use crate::nats::requests::leader;

/// How long one look may take: metrics of this process must not wait for NATS.
pub(in crate::nats) const LOOK_TIMEOUT: Duration = Duration::from_secs(1);

/// The broker's backlog, as far as the broker answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// The last change in the bucket: its sequence number.
    pub last_change: Option<u64>,
    /// Wakes that are due and that no worker has taken.
    pub wakes: Option<u64>,
}

/// Asks the broker for its backlog.
pub struct Backlog {
    link: Link,
    seen: Fresh<Waiting>,
}

impl Backlog {
    /// The backlog of the broker that `link` is connected to.
    pub fn new(link: Link) -> Self {
        Self { link, seen: Fresh::default() }
    }

    /// The backlog, at most a second old.
    pub async fn look(&self) -> Waiting {
        self.seen.get(Box::pin(self.ask())).await
    }

    async fn ask(&self) -> Waiting {
        if !self.link.is_up() {
            return Waiting::default();
        }
        let (changes, wakes) = tokio::join!(
            timeout(LOOK_TIMEOUT, last_change(&self.link)),
            timeout(LOOK_TIMEOUT, wakes_waiting(&self.link))
        );
        Waiting { last_change: changes.ok().and_then(Result::ok), wakes: wakes.ok().and_then(Result::ok) }
    }
}

/// The sequence number of the last change in the bucket.
pub async fn last_change(link: &Link) -> Result<u64, NatsError> {
    Ok(leader::stream_info(link, BUCKET_STREAM).await?.state.last_seq)
}

async fn wakes_waiting(link: &Link) -> Result<u64, NatsError> {
    Ok(leader::consumer_info(link, STREAM, CONSUMER).await?.num_pending)
}
