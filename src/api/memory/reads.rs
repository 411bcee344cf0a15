//! How much of records this node reads for its clients at once.
//!
//! A record of a large timer is 1.4 MB, and as much again once it is taken apart, for the moment until its answer is made. Reads
//! that do not fit wait for each other in turn: unlike what clients send and read, they end by themselves.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is read at once, in bytes of records.
const READ_BYTES: usize = 16 * 1_024 * 1_024;

/// What is counted, in bytes: a small record is one of these.
const UNIT: usize = 4 * 1_024;

/// Room for what is read. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reads(Arc<Semaphore>);

impl Default for Reads {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(READ_BYTES / UNIT)))
    }
}

impl Reads {
    /// Room for so many bytes, until it is dropped; `None` if there is none within `patience`.
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
