//! The records: one key per timer in the KV bucket, changed by compare-and-swap only.

use std::time::Duration;

use async_nats::{HeaderMap, HeaderValue, Message};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde::Deserialize;

use crate::domain::timer::{MAX_ATTEMPTS_KEPT, State, Timer, TimerId};
use crate::nats::link::{ApiError, Link, Published};
use crate::nats::names::{BUCKET_STREAM, WAS, WAS_NOTHING, record_subject};
use crate::nats::{NatsError, record};

/// The most that an attempt adds to a record, in bytes: 4 KiB of an answer in Base64, a reason of 512 bytes of which
/// each may have to be escaped, and its other fields.
pub(super) const ATTEMPT_BYTES: usize = 10 * 1_024;

/// What a record may need besides: the claim, and a final reason.
const STATE_BYTES: usize = 8 * 1_024;

/// More than the headers of a write ever have, in bytes.
const HEADERS_BYTES: usize = 1_024;

/// A timer as it is stored, with the revision that a change of it must name.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The timer.
    pub timer: Timer,
    /// The sequence number of the record in the bucket's stream.
    pub revision: u64,
}

/// What became of a [`Store::put`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is stored under this revision.
    Done(u64),
    /// The record is not at the expected revision any more.
    Lost,
}

/// The bucket of records. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    link: Link,
    retention: Duration,
}

impl Store {
    /// The bucket behind `link`; a record whose state is final stays for `retention`.
    pub fn new(link: Link, retention: Duration) -> Self {
        Self { link, retention }
    }

    /// Reads a record from any replica: fast, spread over the servers, and possibly a moment old.
    /// For readers whose next step is a compare-and-swap.
    ///
    /// # Errors
    ///
    /// A [`NatsError`].
    pub async fn peek(&self, id: TimerId) -> Result<Option<Stored>, NatsError> {
        let subject = format!("$JS.API.DIRECT.GET.{BUCKET_STREAM}.{}", record_subject(id)).into();
        let answer = self.link.ask(subject, None, Bytes::new()).await?;
        match answer.status.map(|status| status.as_u16()) {
            None | Some(200) => {}
            Some(404) => return Ok(None),
            Some(status) => return Err(NatsError::NotDone(format!("direct get answered {status}"))),
        }
        if header(&answer, "KV-Operation").is_some() {
            return Ok(None);
        }
        let revision = header(&answer, "Nats-Sequence").and_then(|text| text.parse().ok());
        let revision = revision
            .ok_or_else(|| NatsError::Unclear("a direct get without a sequence number".to_owned()))?;
        decode(id, &answer.payload, revision).map(Some)
    }

    /// Reads a record from the leader: never older than any write that was answered before.
    ///
    /// # Errors
    ///
    /// A [`NatsError`].
    pub async fn read(&self, id: TimerId) -> Result<Option<Stored>, NatsError> {
        let subject = format!("$JS.API.STREAM.MSG.GET.{BUCKET_STREAM}").into();
        let request = serde_json::json!({ "last_by_subj": record_subject(id).as_str() });
        let answer = self.link.ask(subject, None, request.to_string().into()).await?;
        let answer: GetAnswer = serde_json::from_slice(&answer.payload)
            .map_err(|error| NatsError::Unclear(format!("an answer that is no message: {error}")))?;
        match (answer.message, answer.error) {
            (Some(message), _) if message.data.is_empty() => Ok(None),
            (Some(message), _) => {
                let json = BASE64
                    .decode(message.data)
                    .map_err(|error| NatsError::Unclear(format!("an answer that is no message: {error}")))?;
                decode(id, &json, message.seq).map(Some)
            }
            (None, Some(error)) if error.is_no_message() => Ok(None),
            (None, Some(error)) => Err(error.into_error()),
            (None, None) => Err(NatsError::Unclear("an empty answer".to_owned())),
        }
    }

    /// Stores `timer` in place of the record `over`, or of none.
    ///
    /// # Errors
    ///
    /// A [`NatsError`]; if it is [`NatsError::Unclear`], the record may be stored all the same.
    pub async fn put(&self, timer: &Timer, over: Option<&Stored>) -> Result<Put, NatsError> {
        let mut headers = HeaderMap::new();
        let expected = over.map_or(0, |over| over.revision);
        headers.insert("Nats-Expected-Last-Subject-Sequence", HeaderValue::from(expected));
        // True if it is stored at all, since it is stored over this revision only.
        headers.insert(WAS, over.map_or(WAS_NOTHING, |over| over.timer.state.name()));
        if timer.state.is_final() {
            let retention = self.link.clock().pace().in_the_world(self.retention);
            // Whole seconds, and no sooner.
            let seconds = retention.as_secs() + u64::from(retention.subsec_nanos() > 0);
            headers.insert("Nats-TTL", HeaderValue::from(seconds.max(1)));
        }
        let json = record::to_json(timer);
        // What is taken must be able to come to its end.
        let room = match timer.state {
            State::Scheduled { .. } => {
                STATE_BYTES
                    + ATTEMPT_BYTES * (MAX_ATTEMPTS_KEPT - timer.attempts.len().min(MAX_ATTEMPTS_KEPT))
            }
            State::Firing { .. }
            | State::Delivered { .. }
            | State::Failed { .. }
            | State::Cancelled { .. }
            | State::Unknown { .. } => 0,
        };
        let limit = self.link.max_payload().saturating_sub(HEADERS_BYTES + room);
        if json.len() > limit {
            return Err(NatsError::TooLarge { bytes: json.len(), limit });
        }
        match self.link.publish(record_subject(timer.id), headers, json.into()).await? {
            Published::At(revision) => Ok(Put::Done(revision)),
            Published::WrongLast => Ok(Put::Lost),
        }
    }
}

#[derive(Deserialize)]
struct GetAnswer {
    message: Option<GetMessage>,
    error: Option<ApiError>,
}

#[derive(Deserialize)]
struct GetMessage {
    seq: u64,
    /// Base64; empty or absent in the marker that `nats kv del` leaves.
    #[serde(default)]
    data: String,
}

fn header<'m>(message: &'m Message, name: &str) -> Option<&'m str> {
    message.headers.as_ref()?.get(name).map(HeaderValue::as_str)
}

fn decode(id: TimerId, json: &[u8], revision: u64) -> Result<Stored, NatsError> {
    match record::from_json(json) {
        Ok(timer) => Ok(Stored { timer, revision }),
        Err(why) => Err(NatsError::Unreadable(format!("the record of timer {id} cannot be read: {why}"))),
    }
}
