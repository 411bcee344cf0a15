//! The key of the high-water mark, and the state by which one bucket is distinguished from another.

use async_nats::jetstream;
use tokio::time::timeout;

use super::keys;
use crate::nats::connection::link::{Link, REQUEST_TIMEOUT};
use crate::nats::error::NatsError;
use crate::nats::names::{BUCKET_STREAM, MARK_SUBJECT};

/// The state of the bucket at one moment, as its leader has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketState {
    /// When it was created, in nanoseconds since the epoch. Distinguishes it from another bucket of its name.
    pub born: i128,
    /// The sequence of the last change in it.
    pub last: u64,
    /// How many replicas it has.
    pub replicas: usize,
}

impl BucketState {
    /// The state of the bucket.
    ///
    /// # Errors
    ///
    /// [`NatsError::NotDone`], also if the bucket is missing.
    pub async fn of(link: &Link) -> Result<Self, NatsError> {
        let context = jetstream::new(link.client().clone());
        // The leader may just have been lost: asking again soon beats waiting long.
        let stream = timeout(REQUEST_TIMEOUT, context.get_stream(BUCKET_STREAM)).await;
        let failed = |error: &dyn std::fmt::Display| {
            link.counted(NatsError::NotDone(format!("cannot look at {BUCKET_STREAM}: {error}")))
        };
        let stream = stream.map_err(|_| failed(&"no answer"))?.map_err(|error| failed(&error))?;
        let info = stream.cached_info();
        Ok(Self {
            born: info.created.unix_timestamp_nanos(),
            last: info.state.last_sequence,
            replicas: info.config.num_replicas,
        })
    }
}

/// The text of the high-water mark with its revision; empty and 0 before there is one.
pub async fn read_mark(link: &Link) -> Result<(Vec<u8>, u64), NatsError> {
    keys::read(link, MARK_SUBJECT).await
}

/// Stores the text of the high-water mark in place of this revision; `false` if another node was faster.
///
/// # Errors
///
/// With [`NatsError::Unclear`], the mark may be stored anyway: read it before it is stored again.
pub async fn put_mark(link: &Link, json: Vec<u8>, revision: u64) -> Result<bool, NatsError> {
    Ok(keys::put(link, MARK_SUBJECT, json, revision).await?.is_some())
}
