//! What jettimer keeps on the broker: each stream and the consumer, with their limits.
//!
//! At the start, what is missing is created and what is there is compared. A difference is
//! explained and never mended by itself, since changing a stream's limits or retention can delete
//! timers.

use std::time::Duration;

use anyhow::{Context as _, Result};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, Republish, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, ErrorCode};
use tokio::time::Instant;

use crate::nats::Link;
use crate::nats::compare;
use crate::nats::names::{
    BUCKET, BUCKET_STREAM, CONSUMER, EVENT_SUBJECTS, EVENTS, FIRE_SUBJECTS, REPUBLISH_FROM, REPUBLISH_TO,
    SCHEDULE_SUBJECTS, STREAM,
};

/// A wake that is not acknowledged for so long is given to another worker. Short, since it is how
/// late a timer is that a killed worker held; workers send progress acks while they are busy with
/// one.
pub const ACK_WAIT: Duration = Duration::from_secs(5);

/// How many wakes may be out at workers, over all nodes: room for 32 nodes that each hold 8,192.
const MAX_ACK_PENDING: i64 = 262_144;

/// How long JetStream recognises a repeated publish of a wake by its id. It only has to cover the
/// tries of one publish; every id in the window costs memory in the server.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(30);

/// What an operator says about the streams, for when they are created.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Copies of each stream: 1, 3 or 5.
    pub replicas: usize,
    /// How long events are kept; zero for no events at all.
    pub event_retention: Duration,
    /// How many bytes of them, the oldest leaving first.
    pub event_max_bytes: i64,
}

/// Every stream that is needed.
fn wanted(shape: Shape) -> impl Iterator<Item = Config> {
    let events = (!shape.event_retention.is_zero()).then(|| events_config(shape));
    [bucket_config(shape), stream_config(shape)].into_iter().chain(events)
}

fn bucket_config(shape: Shape) -> Config {
    Config {
        name: BUCKET_STREAM.to_owned(),
        description: Some("jettimer: one record per timer".to_owned()),
        subjects: vec![format!("$KV.{BUCKET}.>")],
        retention: RetentionPolicy::Limits,
        max_messages_per_subject: 1,
        max_messages: -1,
        max_bytes: -1,
        // A full store refuses new timers and never drops old ones.
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        num_replicas: shape.replicas,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        // Finished timers leave by themselves after their retention.
        allow_message_ttl: true,
        republish: (!shape.event_retention.is_zero()).then(republish),
        ..Config::default()
    }
}

fn republish() -> Republish {
    Republish { source: REPUBLISH_FROM.to_owned(), destination: REPUBLISH_TO.to_owned(), headers_only: false }
}

fn events_config(shape: Shape) -> Config {
    Config {
        name: EVENTS.to_owned(),
        description: Some("jettimer: each version of each record, for a while".to_owned()),
        subjects: vec![EVENT_SUBJECTS.to_owned()],
        retention: RetentionPolicy::Limits,
        max_messages: -1,
        max_messages_per_subject: -1,
        // Whoever reads too late has missed something, and is told.
        discard: DiscardPolicy::Old,
        max_age: shape.event_retention,
        // The last version of a record carries its time to live, and would be refused without this. So no event
        // of a finished timer outlives the timer.
        allow_message_ttl: true,
        max_bytes: shape.event_max_bytes,
        storage: StorageType::File,
        num_replicas: shape.replicas,
        allow_direct: true,
        ..Config::default()
    }
}

fn stream_config(shape: Shape) -> Config {
    Config {
        name: STREAM.to_owned(),
        description: Some("jettimer: wakes that wait, and wakes that are due".to_owned()),
        subjects: vec![SCHEDULE_SUBJECTS.to_owned(), FIRE_SUBJECTS.to_owned()],
        retention: RetentionPolicy::WorkQueue,
        max_messages_per_subject: -1,
        max_messages: -1,
        max_bytes: -1,
        // The only policy that schedules are allowed with. It never applies, since there is no limit
        // to discard for: the server's max_file_store is what refuses new timers.
        discard: DiscardPolicy::Old,
        storage: StorageType::File,
        num_replicas: shape.replicas,
        duplicate_window: DUPLICATE_WINDOW,
        allow_message_schedules: true,
        ..Config::default()
    }
}

fn consumer_config() -> pull::Config {
    pull::Config {
        durable_name: Some(CONSUMER.to_owned()),
        description: Some("jettimer: all workers pull from here".to_owned()),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_deliver: -1,
        filter_subject: FIRE_SUBJECTS.to_owned(),
        max_ack_pending: MAX_ACK_PENDING,
        ..pull::Config::default()
    }
}

/// The pause between two tries while JetStream is not ready.
const PAUSE: Duration = Duration::from_millis(500);

/// Creates what is missing and compares what is there. Any number of nodes may do so at once. A cluster
/// that is just starting has no leader yet and is asked again, for up to `wait`.
///
/// # Errors
///
/// JetStream's own, or a list of what differs and what to do.
pub async fn prepare(link: &Link, shape: Shape, wait: Duration) -> Result<()> {
    let deadline = Instant::now() + wait;
    loop {
        match create_or_compare(link, shape).await {
            Err(Trouble::NotNow(error)) if Instant::now() < deadline => {
                tracing::info!(error = format!("{error:#}"), "JetStream is not ready yet, trying again");
                tokio::time::sleep(PAUSE).await;
            }
            Err(Trouble::NotNow(error) | Trouble::Mismatch(error)) => return Err(error),
            Ok(()) => return Ok(()),
        }
    }
}

enum Trouble {
    /// JetStream did not do it; it may later.
    NotNow(anyhow::Error),
    /// What is there is not what is needed; waiting does not help.
    Mismatch(anyhow::Error),
}

impl From<anyhow::Error> for Trouble {
    fn from(error: anyhow::Error) -> Self {
        Self::NotNow(error)
    }
}

async fn create_or_compare(link: &Link, shape: Shape) -> Result<(), Trouble> {
    let context = jetstream::new(link.client().clone());
    for want in wanted(shape) {
        let name = want.name.clone();
        let have = match context.get_stream(&name).await {
            Ok(stream) => stream.cached_info().config.clone(),
            Err(error) if is_missing(&error) => {
                let created = context
                    .create_stream(&want)
                    .await
                    .with_context(|| format!("cannot create the stream {name}"))?;
                tracing::info!(stream = name, replicas = shape.replicas, "created the stream");
                created.cached_info().config.clone()
            }
            Err(error) => {
                return Err(anyhow::Error::new(error)
                    .context(format!("cannot look at the stream {name}"))
                    .into());
            }
        };
        compare::stream(&have, &want).map_err(Trouble::Mismatch)?;
        if have.republish.is_none() && want.republish.is_some() {
            // The one change that is ever made to a stream that is there: it takes nothing away.
            let changed = Config { republish: want.republish, ..have };
            context
                .update_stream(changed)
                .await
                .with_context(|| format!("cannot add republish to {name}"))?;
            tracing::info!(stream = name, "records are republished from now on, for the feed of events");
        }
    }
    let stream = context.get_stream(STREAM).await.context("cannot look at the stream TIMERS")?;
    let consumer = stream
        .get_or_create_consumer::<pull::Config>(CONSUMER, consumer_config())
        .await
        .context("cannot create the consumer workers")?;
    compare::consumer(&consumer.cached_info().config, &consumer_config()).map_err(Trouble::Mismatch)
}

fn is_missing(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(inner) if inner.error_code() == ErrorCode::STREAM_NOT_FOUND)
}
