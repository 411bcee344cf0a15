//! Requests that a leader of JetStream answers. A leader knows every write that was acknowledged before. `replica` has reads that are
//! a moment old.

use std::collections::HashMap;

use async_nats::Subject;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::nats::api::{
    self, AccountInfo, ApiError, ConsumerInfo, GetAnswer, Purged, StoredMessage, StreamInfo, subject,
};
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;

/// Sends a request, and reads the answer or the error that JetStream answers with.
///
/// # Errors
///
/// A [`NatsError`] if no answer comes, or one that cannot be read. With [`NatsError::Unclear`], the request may be done anyway.
pub(in crate::nats) async fn ask<T: DeserializeOwned>(
    link: &Link,
    subject: Subject,
    request: impl Into<Bytes>,
) -> Result<Result<T, ApiError>, NatsError> {
    let answer = link.ask(subject.clone(), None, request.into()).await?;
    api::read(&answer.payload)
        .map_err(|error| NatsError::Unclear(format!("the answer to {subject} cannot be read: {error}")))
}

/// As [`ask`], where JetStream's error is an error.
async fn answer<T: DeserializeOwned>(
    link: &Link,
    subject: Subject,
    request: impl Into<Bytes>,
) -> Result<T, NatsError> {
    ask(link, subject.clone(), request).await?.map_err(|error| error.on(&subject))
}

pub(in crate::nats) async fn account_info(link: &Link) -> Result<AccountInfo, NatsError> {
    answer(link, subject::account_info(), "").await
}

pub(in crate::nats) async fn stream_info(link: &Link, stream: &str) -> Result<StreamInfo, NatsError> {
    answer(link, subject::stream_info(stream), "").await
}

pub(in crate::nats) async fn consumer_info(
    link: &Link,
    stream: &str,
    consumer: &str,
) -> Result<ConsumerInfo, NatsError> {
    answer(link, subject::consumer_info(stream, consumer), "").await
}

/// The subjects of the stream's messages that match `filter`, and how many messages each has.
pub(in crate::nats) async fn subjects(
    link: &Link,
    stream: &str,
    filter: &str,
) -> Result<HashMap<String, u64>, NatsError> {
    let request = json!({ "subjects_filter": filter }).to_string();
    let info: StreamInfo = answer(link, subject::stream_info(stream), request).await?;
    Ok(info.state.subjects)
}

/// The last message of a subject; `None` without one.
pub(in crate::nats) async fn last_message(
    link: &Link,
    stream: &str,
    subject: &str,
) -> Result<Option<StoredMessage>, NatsError> {
    message(link, stream, &json!({ "last_by_subj": subject })).await
}

/// The first message from this sequence on whose subject matches `filter`; `None` without one.
pub(in crate::nats) async fn next_message(
    link: &Link,
    stream: &str,
    from: u64,
    filter: &str,
) -> Result<Option<StoredMessage>, NatsError> {
    message(link, stream, &json!({ "seq": from, "next_by_subj": filter })).await
}

async fn message(link: &Link, stream: &str, request: &Value) -> Result<Option<StoredMessage>, NatsError> {
    let subject = subject::get(stream);
    match ask::<GetAnswer>(link, subject.clone(), request.to_string()).await? {
        Ok(got) => Ok(Some(got.message)),
        Err(error) if error.is_no_message() => Ok(None),
        Err(error) => Err(error.on(&subject)),
    }
}

/// Removes the messages that the request describes; gives their number.
///
/// # Errors
///
/// With [`NatsError::Unclear`], they may be removed anyway.
pub(in crate::nats) async fn purge(link: &Link, stream: &str, request: &Value) -> Result<u64, NatsError> {
    let purged: Purged = answer(link, subject::purge(stream), request.to_string()).await?;
    Ok(purged.purged)
}
