//! The keys of the sweep's bucket: a few values that all nodes share, each changed by compare-and-swap.

use async_nats::{HeaderMap, HeaderValue, Subject};

use crate::nats::api::Published;
use crate::nats::api::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::SWEEP_STREAM;
use crate::nats::requests::leader;

/// The value of a key of the sweep's bucket, with its revision; empty and 0 without such a key.
pub(in crate::nats) async fn read(link: &Link, key: &str) -> Result<(Vec<u8>, u64), NatsError> {
    let kept = leader::last_message(link, SWEEP_STREAM, key).await?;
    Ok(kept.map(|kept| (kept.data, kept.seq)).unwrap_or_default())
}

/// Writes a key of the sweep's bucket in place of this revision; gives the new one, or `None` if another node was faster.
pub(in crate::nats) async fn put(
    link: &Link,
    key: &'static str,
    json: Vec<u8>,
    revision: u64,
) -> Result<Option<u64>, NatsError> {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, HeaderValue::from(revision));
    match link.publish(Subject::from(key), headers, json.into()).await? {
        Published::At(revision) => Ok(Some(revision)),
        Published::WrongLast => Ok(None),
    }
}
