//! The key of the high-water mark, and what tells one bucket from another.

use async_nats::jetstream;
use tokio::time::timeout;

use super::link::REQUEST_TIMEOUT;
use super::names::{BUCKET_STREAM, MARK_SUBJECT};
use crate::nats::{Link, NatsError};

/// What is known of the bucket at one moment, as its leader has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketState {
    /// When it was created, which tells it from another of its name: nanoseconds since the epoch.
    pub born: i128,
    /// The sequence of the last change in it.
    pub last: u64,
    /// How many servers have a copy of it.
    pub replicas: usize,
}

impl Link {
    /// The state of the bucket.
    ///
    /// # Errors
    ///
    /// A [`NatsError`].
    pub async fn bucket_state(&self) -> Result<BucketState, NatsError> {
        let context = jetstream::new(self.client().clone());
        // A leader may just be lost: asking again soon beats waiting long.
        let stream = timeout(REQUEST_TIMEOUT, context.get_stream(BUCKET_STREAM)).await;
        let failed = |error: &dyn std::fmt::Display| {
            self.counted(NatsError::NotDone(format!("cannot look at {BUCKET_STREAM}: {error}")))
        };
        let stream = stream.map_err(|_| failed(&"no answer"))?.map_err(|error| failed(&error))?;
        let info = stream.cached_info();
        Ok(BucketState {
            born: info.created.unix_timestamp_nanos(),
            last: info.state.last_sequence,
            replicas: info.config.num_replicas,
        })
    }

    /// The text of the high-water mark with its revision; nothing and 0 if there is none yet.
    ///
    /// # Errors
    ///
    /// A [`NatsError`].
    pub async fn mark(&self) -> Result<(Vec<u8>, u64), NatsError> {
        self.kept(MARK_SUBJECT).await
    }

    /// Stores the text of the high-water mark in place of this revision; says whether no other node was faster.
    ///
    /// # Errors
    ///
    /// A [`NatsError`]; it may be stored all the same.
    pub async fn put_mark(&self, json: Vec<u8>, revision: u64) -> Result<bool, NatsError> {
        Ok(self.keep_as(MARK_SUBJECT, json, revision).await?.is_some())
    }

    /// The number of this connection: another number means another connection, perhaps to a server with older data.
    pub fn connection_number(&self) -> u64 {
        self.connection()
    }
}
