//! Limits how many bytes of records this node reads for its clients at the same time.
//!
//! The record of a large timer has 1.4 MB, and takes as much again once it is parsed, until its answer is made. Reads that do not fit wait
//! for each other in turn: they end by themselves, unlike requests and answers, which depend on the client.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most bytes of records that are read at the same time. More would not be read sooner: NATS answers one read after the other, and
/// the writes of other requests wait behind them.
const READ_BYTES: usize = 256 * 1_024;

/// The unit in which room is counted, in bytes: a small record takes one.
const UNIT: usize = 4 * 1_024;

/// Room for reads of records. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reads(Arc<Semaphore>);

impl Default for Reads {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(READ_BYTES / UNIT)))
    }
}

impl Reads {
    /// Takes room for this many bytes, until the permit is dropped; `None` if there is no room within `patience`.
    pub(in crate::api) async fn room(
        &self,
        bytes: usize,
        patience: Duration,
    ) -> Option<OwnedSemaphorePermit> {
        let units = bytes.div_ceil(UNIT).clamp(1, READ_BYTES / UNIT);
        let room = self.0.clone().acquire_many_owned(u32::try_from(units).unwrap_or(u32::MAX));
        tokio::time::timeout(patience, room).await.ok()?.ok()
    }
}
