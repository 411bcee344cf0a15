//! Checks whether NATS does its part: this node is connected, bucket, stream and consumer exist, records can be read, a node that
//! calls can pull wakes, and writes are stored.
//!
//! A full disk leaves everything readable, so writes are judged by their results.

use async_nats::Subject;
use serde::de::IgnoredAny;
use tokio::time::timeout;

use super::allowed::{CHECK_TIMEOUT, pulls, reads};
use crate::nats::api::advice::NOT_FOR_ACCOUNT;
use crate::nats::api::subject;
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::{BUCKET_STREAM, CONSUMER, STREAM};
use crate::nats::requests::leader;

/// The advice on a missing bucket.
const RESTORE: &str = "Every timer was in it, so jettimer does not create it again: restore it from a backup";
/// The advice on a missing stream of wakes or consumer.
const MENDED: &str = "A node creates it again within seconds and then arms every timer";

/// Checks whether this node can do its work; `works` if it calls receivers.
///
/// # Errors
///
/// The trouble, in a sentence for people.
pub async fn check_readiness(link: &Link, works: bool) -> Result<(), NatsError> {
    if !link.is_up() {
        return Err(link.not_connected());
    }
    if let Some(trouble) = link.trouble() {
        return Err(NatsError::NotDone(trouble));
    }
    let asked = async {
        tokio::try_join!(
            exists(link, subject::stream_info(BUCKET_STREAM), RESTORE),
            exists(link, subject::stream_info(STREAM), MENDED),
            exists(link, subject::consumer_info(STREAM, CONSUMER), MENDED),
        )
    };
    let pulls = async { if works { pulls(link).await } else { Ok(()) } };
    // Concurrently, since a probe waits for the slowest of them.
    let (asked, reads, pulls) = tokio::join!(timeout(CHECK_TIMEOUT, asked), reads(link), pulls);
    asked
        .map_err(|_| NatsError::NotDone(format!("NATS does not answer within {CHECK_TIMEOUT:?}")))?
        .map(|_| ())
        .and(reads)
        .and(pulls)
}

/// Whether this node's writes are stored, as far as it has written lately.
pub fn stores(link: &Link) -> bool {
    link.trouble().is_none()
}

async fn exists(link: &Link, subject: Subject, advice: &str) -> Result<(), NatsError> {
    match leader::ask::<IgnoredAny>(link, subject.clone(), "").await? {
        Ok(_) => Ok(()),
        Err(error) if error.is_off() => Err(NatsError::NotDone(NOT_FOR_ACCOUNT.to_owned())),
        Err(error) => {
            let name = subject::name(&subject);
            Err(NatsError::NotDone(format!("{name}: {}. {advice}", error.description)))
        }
    }
}
