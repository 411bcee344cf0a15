//! Follows a stream: its messages in order, each once, over reconnections, until the follower is dropped.
//!
//! An ordered consumer (ADR-17): the client notices gaps and missing heartbeats, and starts again after the last message that it
//! has seen. The server sends no more than the client has room for.

use async_nats::header::IntoHeaderName;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::push::{Ordered, OrderedConfig};
use async_nats::{HeaderMap, HeaderName, HeaderValue, jetstream};
use bytes::Bytes;
use futures_util::StreamExt as _;

use crate::foundation::clock::Clock;
use crate::foundation::rfc3339;
use crate::nats::api::advice;
use crate::nats::api::header::{NATS_SEQUENCE, NATS_SUBJECT, NATS_TIME_STAMP};
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use rules::domain::time::Timestamp;

/// A message of a stream.
pub(in crate::nats) struct Seen {
    pub(in crate::nats) subject: String,
    pub(in crate::nats) headers: HeaderMap,
    pub(in crate::nats) payload: Bytes,
    /// Its sequence in the stream.
    pub(in crate::nats) sequence: u64,
    /// Its number among the messages that its consumer has delivered, from 1; 0 without a consumer.
    pub(in crate::nats) delivery: u64,
    /// How many messages follow it in the stream at this moment.
    pub(in crate::nats) pending: u64,
    /// When the server stored it, by the server's clock, as this node's clock shows it.
    pub(in crate::nats) stored_at: Timestamp,
}

impl Seen {
    /// A message that a consumer has delivered to a node with this clock.
    pub(in crate::nats) fn read(message: jetstream::Message, clock: Clock) -> Result<Self, NatsError> {
        let info = message.info().map_err(|error| {
            NatsError::Unreadable(format!("a message without its place in the stream: {error}"))
        })?;
        let micros = info.published.unix_timestamp_nanos() / 1_000;
        let (sequence, delivery, pending) = (info.stream_sequence, info.consumer_sequence, info.pending);
        let message = message.message;
        Ok(Self {
            subject: message.subject.to_string(),
            headers: message.headers.unwrap_or_default(),
            payload: message.payload,
            sequence,
            delivery,
            pending,
            stored_at: clock.shown(Timestamp::from_micros(u64::try_from(micros).unwrap_or_default())),
        })
    }

    /// A message of a stream that the server has republished (ADR-28); `None` for any other message.
    pub(in crate::nats) fn republished(message: async_nats::Message, clock: Clock) -> Option<Self> {
        let headers = message.headers?;
        // The server's headers come after those of the message.
        let last = |name: HeaderName| headers.get_all(name).last().map(HeaderValue::as_str);
        let sequence = last(NATS_SEQUENCE)?.parse().ok()?;
        let stored_at = clock.shown(rfc3339::parse(last(NATS_TIME_STAMP)?).ok()?);
        let subject = last(NATS_SUBJECT)?.to_owned();
        Some(Self {
            subject,
            headers,
            payload: message.payload,
            sequence,
            delivery: 0,
            pending: 0,
            stored_at,
        })
    }

    pub(in crate::nats) fn header(&self, name: impl IntoHeaderName) -> Option<&str> {
        self.headers.get(name).map(HeaderValue::as_str)
    }
}

/// A stream that is followed.
pub(in crate::nats) struct Tail {
    messages: Ordered,
    clock: Clock,
}

impl Tail {
    /// Follows `stream` from where `policy` says; also gives how many messages are already there.
    pub(in crate::nats) async fn open(
        link: &Link,
        stream: &str,
        policy: DeliverPolicy,
    ) -> Result<(Self, u64), NatsError> {
        let not_done =
            |error: &dyn std::fmt::Display| NatsError::NotDone(format!("cannot follow {stream}: {error}"));
        let context = jetstream::new(link.client().clone());
        let handle = context.get_stream_no_info(stream).await.map_err(|error| not_done(&error))?;
        let config = OrderedConfig {
            deliver_subject: link.client().new_inbox(),
            deliver_policy: policy,
            ..OrderedConfig::default()
        };
        let consumer = handle.create_consumer(config).await.map_err(|error| {
            NatsError::NotDone(format!("cannot follow {stream}: {error}{}", advice::for_consumer(&error)))
        })?;
        let pending = consumer.cached_info().num_pending;
        let messages = consumer.messages().await.map_err(|error| not_done(&error))?;
        Ok((Self { messages, clock: link.clock() }, pending))
    }

    /// Waits for the next message.
    pub(in crate::nats) async fn next(&mut self) -> Result<Seen, NatsError> {
        let message = match self.messages.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => {
                return Err(NatsError::NotDone(format!("cannot follow the stream any longer: {error}")));
            }
            None => return Err(NatsError::NotDone("the subscription to the stream has ended".to_owned())),
        };
        Seen::read(message, self.clock)
    }
}
