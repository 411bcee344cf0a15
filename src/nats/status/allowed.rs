//! Checks whether this node's user may do what its role needs, with requests that change nothing.
//!
//! NATS does not answer a request that the user may not make, so a request without an answer may have been refused.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;
use uuid::Uuid;

use crate::nats::api::subject;
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::{BUCKET_STREAM, CONSUMER, STREAM, record_subject};
use crate::nats::requests::leader;

/// How long a node may take to say whether it is ready; probes wait a few seconds.
pub(super) const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// A request for wakes that no server grants, since its heartbeat interval is longer than its lifetime. The server answers it with
/// 400 and gives no wake.
const PULL_IN_VAIN: &str = r#"{"batch":1,"expires":1000000,"idle_heartbeat":5000000000}"#;

/// Checks whether records can be read, from the leader and from any replica.
///
/// # Errors
///
/// A [`NatsError`] if a read is not answered, or if the leader refuses it.
pub(super) async fn reads(link: &Link) -> Result<(), NatsError> {
    // No timer has this id.
    let record = record_subject(Uuid::nil());
    let any = subject::direct_get_last(BUCKET_STREAM, &record);
    let any = answered(&any, link.ask(any.clone(), None, Bytes::new()));
    let leader = subject::get(BUCKET_STREAM);
    let leader = answered(&leader, leader::last_message(link, BUCKET_STREAM, &record));
    let (any, leader) = tokio::join!(any, leader);
    any.and(leader.map(drop))
}

/// Checks whether wakes can be pulled.
///
/// # Errors
///
/// A [`NatsError`] if the request is not answered.
pub(super) async fn pulls(link: &Link) -> Result<(), NatsError> {
    let subject = subject::pull(STREAM, CONSUMER);
    answered(&subject, link.ask(subject.clone(), None, PULL_IN_VAIN.into())).await.map(drop)
}

async fn answered<T>(
    subject: &str,
    asked: impl Future<Output = Result<T, NatsError>>,
) -> Result<T, NatsError> {
    timeout(CHECK_TIMEOUT, asked).await.unwrap_or_else(|_| {
        Err(NatsError::NotDone(format!(
            "NATS does not answer {subject} within {CHECK_TIMEOUT:?}: may this node's NATS user publish \
             to it (nats/permissions.conf)?"
        )))
    })
}
