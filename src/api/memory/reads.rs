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
    /// Takes room for this many bytes, until the permit is dropped; `None` if there is no room within `patience`. A read whose size is not
    /// known takes all of the room, since its record may be as large as a message of NATS.
    pub(in crate::api) async fn room(
        &self,
        bytes: Option<usize>,
        patience: Duration,
    ) -> Option<OwnedSemaphorePermit> {
        let units = bytes.unwrap_or(READ_BYTES).div_ceil(UNIT).clamp(1, READ_BYTES / UNIT);
        let room = self.0.clone().acquire_many_owned(u32::try_from(units).unwrap_or(u32::MAX));
        tokio::time::timeout(patience, room).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_record_of_unknown_size_is_read_alone_and_small_ones_together() {
        let (reads, patience) = (Reads::default(), Duration::from_secs(1));
        let small = reads.room(Some(0), patience).await;
        assert!(small.is_some() && reads.room(Some(READ_BYTES / 2), patience).await.is_some());
        assert!(reads.room(None, patience).await.is_none());
        drop(small);
        let unknown = reads.room(None, patience).await;
        assert!(unknown.is_some() && reads.room(Some(0), patience).await.is_none());
    }
}
