//! Reads that any replica of a stream answers: direct gets of one message, or of many at once (ADR-31).
//!
//! The messages may be a moment old: good for finding candidates and for a swap, not for believing them. `leader` asks the leader.

use std::time::Duration;

use async_nats::header::IntoHeaderName;
use async_nats::{HeaderValue, Message};
use bytes::Bytes;
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::time::timeout;

use crate::foundation::rfc3339;
use crate::nats::api::header::{NATS_NUM_PENDING, NATS_SEQUENCE, NATS_SUBJECT, NATS_TIME_STAMP};
use crate::nats::api::subject;
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use rules::domain::time::Timestamp;

/// How long the next message of an answer may take: a server reads messages that it does not have in memory from the disk.
const SILENCE: Duration = Duration::from_secs(5);

/// The statuses of an answer: its message is here, or no message matches; `END` is the status after the last of many.
const OK: u16 = 200;
const NONE: u16 = 404;
const END: u16 = 204;
/// The status of a request that would give more messages than the server gives at once.
const TOO_MANY: u16 = 413;

pub(in crate::nats) struct Batch {
    pub(in crate::nats) messages: Vec<Got>,
    /// Whether the request asked for more than the server gives at once; then there are no messages.
    pub(in crate::nats) too_many: bool,
    /// How many more messages match the request.
    pub(in crate::nats) pending: u64,
}

pub(in crate::nats) struct Got(Message);

impl Got {
    /// The last value of this header. A direct get puts its own headers after the message's, which may have the same names.
    pub(in crate::nats) fn header(&self, name: impl IntoHeaderName) -> Option<&str> {
        self.0.headers.as_ref()?.get_all(name).last().map(HeaderValue::as_str)
    }

    pub(in crate::nats) fn subject(&self) -> &str {
        self.header(NATS_SUBJECT).unwrap_or_default()
    }

    pub(in crate::nats) fn sequence(&self) -> u64 {
        self.header(NATS_SEQUENCE).and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// When the server stored the message. If the server does not say, the end of time, so that the message does not count as old.
    pub(in crate::nats) fn stored_at(&self) -> Timestamp {
        let stored_at = self.header(NATS_TIME_STAMP).and_then(|text| rfc3339::parse(text).ok());
        stored_at.unwrap_or(Timestamp::from_micros(u64::MAX))
    }

    pub(in crate::nats) fn payload(&self) -> &[u8] {
        &self.0.payload
    }
}

/// The last message of a subject; `None` without one.
pub(in crate::nats) async fn last_message(
    link: &Link,
    stream: &str,
    subject: &str,
) -> Result<Option<Got>, NatsError> {
    one(link.ask(subject::direct_get_last(stream, subject), None, Bytes::new()).await?)
}

/// The first message from this sequence on; `None` after the last.
pub(in crate::nats) async fn next_message(
    link: &Link,
    stream: &str,
    from: u64,
) -> Result<Option<Got>, NatsError> {
    let request = json!({ "seq": from, "next_by_subj": ">" }).to_string();
    one(link.ask(subject::direct_get(stream), None, request.into()).await?)
}

/// The answer to a request for one message.
fn one(answer: Message) -> Result<Option<Got>, NatsError> {
    match answer.status.map(|status| status.as_u16()) {
        None | Some(OK) => Ok(Some(Got(answer))),
        Some(NONE) => Ok(None),
        Some(status) => Err(NatsError::NotDone(format!("a direct get was answered with status {status}"))),
    }
}

impl Batch {
    /// Asks any replica of `stream`. Fails if the next message takes longer than [`SILENCE`].
    pub(in crate::nats) async fn read(
        link: &Link,
        stream: &str,
        request: &serde_json::Value,
    ) -> Result<Self, NatsError> {
        link.counting(Self::ask(link, stream, request)).await
    }

    async fn ask(link: &Link, stream: &str, request: &serde_json::Value) -> Result<Self, NatsError> {
        let inbox = link.client().new_inbox();
        let mut answers = link.subscribe(inbox.clone()).await?;
        if !link.tell(subject::direct_get(stream), Some(inbox.into()), request.to_string().into()).await {
            return Err(link.not_connected());
        }
        let mut batch = Self { messages: Vec::new(), too_many: false, pending: 0 };
        loop {
            let message = match timeout(SILENCE, answers.next()).await {
                Ok(Some(message)) => message,
                Ok(None) => return Err(NatsError::NotDone("the connection was given up".to_owned())),
                Err(_) => return Err(NatsError::Unclear(format!("nothing more within {SILENCE:?}"))),
            };
            let status = message.status.map(|status| status.as_u16());
            let got = Got(message);
            match status {
                None => batch.messages.push(got),
                Some(END | NONE) => {
                    let pending = got.header(NATS_NUM_PENDING).and_then(|text| text.parse().ok());
                    batch.pending = pending.unwrap_or_default();
                    return Ok(batch);
                }
                Some(TOO_MANY) => return Ok(Self { too_many: true, ..batch }),
                Some(status) => {
                    return Err(NatsError::NotDone(format!(
                        "{stream}: a direct get was answered with status {status}"
                    )));
                }
            }
        }
    }
}
