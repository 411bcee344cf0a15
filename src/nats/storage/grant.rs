//! Measures how much a single server grants to streams without a limit of their own: its storage limit, which it tells only the
//! system account, less the reservations of streams with a limit.
//!
//! A stream with a limit reserves it when it is created, and the server refuses the stream if it has less left. So the node creates
//! an empty stream with one limit after another and deletes it at once, which takes a few milliseconds and stores nothing. It also
//! works when the store is full.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::nats::api::subject;
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::{ROOM_STREAM, ROOM_STREAM_SUBJECT, ROOM_SUBJECT};
use crate::nats::nodes::keys;
use crate::nats::requests::leader;

/// More than any server has, in bytes.
const TOO_MUCH: u64 = 1 << 50;

/// How exactly the grant is measured: to this many bytes, or to a 256th of the grant if that is more.
const STEP: u64 = 1 << 20;

#[derive(Deserialize)]
struct GrantedJson {
    v: u32,
    bytes: u64,
}

/// The version of the value under the key.
const VERSION: u32 = 1;

/// The next limit to try, between a granted and a refused one; `None` if they are close enough. A server with new room may grant more than
/// it has just refused: then the grant stands.
fn next(granted: u64, refused: u64) -> Option<u64> {
    let between = refused.saturating_sub(granted);
    (between > STEP.max(granted / 256)).then_some(granted + between / 2)
}

/// Measures the grant and tells all nodes, unless they know it. Gives the bytes; `None` if the server refuses for another
/// reason than its limit, or if another node measures at this moment.
///
/// # Errors
///
/// [`NatsError::Unclear`] if no answer comes, as when this node's user may not create or delete the stream.
pub async fn measure_grant(link: &Link) -> Result<Option<u64>, NatsError> {
    let (told, revision) = granted(link).await?;
    // Another node may have died while it measured, and left its stream.
    delete_room_stream(link).await?;
    let Some(granted) = measured(link, told).await? else { return Ok(None) };
    if told != Some(granted) {
        tell_granted(link, granted, revision).await?;
    }
    Ok(Some(granted))
}

/// The last grant that was measured of a single server, in bytes, with the revision of the key.
pub(in crate::nats) async fn granted(link: &Link) -> Result<(Option<u64>, u64), NatsError> {
    let (json, revision) = keys::read(link, ROOM_SUBJECT).await?;
    let granted = serde_json::from_slice::<GrantedJson>(&json).ok();
    Ok((granted.filter(|granted| granted.v == VERSION).map(|granted| granted.bytes), revision))
}

/// Tells all nodes the measured grant, in place of this revision.
async fn tell_granted(link: &Link, bytes: u64, revision: u64) -> Result<(), NatsError> {
    let json = serde_json::json!({ "v": VERSION, "bytes": bytes }).to_string();
    keys::put(link, ROOM_SUBJECT, json.into_bytes(), revision).await.map(|_| ())
}

async fn measured(link: &Link, told: Option<u64>) -> Result<Option<u64>, NatsError> {
    let (mut granted, mut refused) = (0, TOO_MUCH);
    // A larger number was not measured: any user that may publish there can store one.
    if let Some(told) = told.filter(|told| *told < TOO_MUCH) {
        // Most likely, the grant is unchanged.
        for bytes in [told, told + 2 * STEP.max(told / 256)] {
            match grants(link, bytes).await? {
                Some(true) => granted = granted.max(bytes),
                Some(false) => refused = refused.min(bytes),
                None => return Ok(None),
            }
        }
        if granted == told && refused < TOO_MUCH {
            return Ok(Some(told));
        }
    }
    while let Some(bytes) = next(granted, refused) {
        match grants(link, bytes).await? {
            Some(true) => granted = bytes,
            Some(false) => refused = bytes,
            None => return Ok(None),
        }
    }
    Ok(Some(granted))
}

/// Whether the server grants this many bytes; `None` if it refuses for another reason.
async fn grants(link: &Link, bytes: u64) -> Result<Option<bool>, NatsError> {
    let config = json!({
        "name": ROOM_STREAM,
        "description": "jettimer: measures how much may be stored, and is deleted at once",
        "subjects": [ROOM_STREAM_SUBJECT],
        "retention": "limits",
        "storage": "file",
        "discard": "old",
        "num_replicas": 1,
        "max_bytes": bytes,
    });
    match leader::ask::<IgnoredAny>(link, subject::create_stream(ROOM_STREAM), config.to_string()).await? {
        Ok(_) => {
            delete_room_stream(link).await?;
            Ok(Some(true))
        }
        Err(error) if error.is_no_room() => Ok(Some(false)),
        Err(error) => {
            tracing::debug!(error = error.description, "JetStream does not say how much it grants");
            Ok(None)
        }
    }
}

async fn delete_room_stream(link: &Link) -> Result<(), NatsError> {
    // An answer that the stream does not exist is an answer, too.
    link.ask(subject::delete_stream(ROOM_STREAM), None, Bytes::new()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_above_the_refused_limit_ends_the_search() {
        assert_eq!(next(3 * STEP, STEP), None);
        assert_eq!(next(u64::MAX, TOO_MUCH), None);
    }

    #[test]
    fn a_limit_is_found_with_few_tries_and_not_exceeded() {
        for limit in [0, 1, STEP, 39_000_000, 10 << 30, 1 << 45] {
            let (mut granted, mut refused, mut tries) = (0, TOO_MUCH, 0);
            while let Some(bytes) = next(granted, refused) {
                if bytes <= limit {
                    granted = bytes
                } else {
                    refused = bytes
                }
                tries += 1;
            }
            assert!(granted <= limit && limit - granted <= STEP.max(limit / 255), "{granted} of {limit}");
            assert!(tries <= 30, "{tries}");
        }
    }
}
