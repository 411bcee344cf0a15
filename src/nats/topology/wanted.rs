//! The streams and the consumer that jettimer keeps on the broker, with their limits. `setup` makes sure that they exist.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, Republish, RetentionPolicy, StorageType};

use crate::nats::names::{
    BUCKET, BUCKET_STREAM, CONSUMER, FIRE_SUBJECTS, REPUBLISH_FROM, REPUBLISH_TO, SCHEDULE_SUBJECTS, STREAM,
    SWEEP_STREAM, SWEEP_SUBJECTS,
};
use rules::durability::Level;

/// A wake that is not acknowledged for this long is given to another worker. Short, since a timer whose worker was killed is late
/// by this much; workers send progress acks while they are busy with a wake.
pub const ACK_WAIT: Duration = Duration::from_secs(5);

/// How many wakes workers may hold, over all nodes: room for 8 nodes that each hold 32,768.
const MAX_ACK_PENDING: i64 = 262_144;

/// How long JetStream recognises a repeated publish of a wake by its id. It only has to cover the
/// tries of one publish; every id in the window costs memory in the server.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(30);

/// The operator's settings for the streams, for when they are created.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Replicas of each stream: 1, 3 or 5.
    pub replicas: usize,
    /// The level of durability, if the operator asked for one.
    pub durability: Option<Level>,
}

/// Every stream that is needed.
pub(in crate::nats) fn wanted(shape: Shape) -> impl Iterator<Item = Config> {
    [bucket_config(shape), stream_config(shape), sweep_config(shape)].into_iter()
}

fn bucket_config(shape: Shape) -> Config {
    Config {
        description: Some("jettimer: one record per timer".to_owned()),
        // Finished timers leave by themselves after their retention.
        allow_message_ttl: true,
        republish: Some(republish()),
        ..bucket(BUCKET_STREAM, &format!("$KV.{BUCKET}.>"), shape)
    }
}

/// The bucket of the sweep: a few keys.
fn sweep_config(shape: Shape) -> Config {
    Config {
        description: Some("jettimer: who sweeps, and what was seen".to_owned()),
        ..bucket(SWEEP_STREAM, SWEEP_SUBJECTS, shape)
    }
}

/// A bucket as NATS' clients make one (ADR-8), with a history of one.
fn bucket(name: &str, subjects: &str, shape: Shape) -> Config {
    Config {
        name: name.to_owned(),
        subjects: vec![subjects.to_owned()],
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
        ..Config::default()
    }
}

/// Tells those who follow the feed of each version of each record. No stream stores it.
fn republish() -> Republish {
    Republish { source: REPUBLISH_FROM.to_owned(), destination: REPUBLISH_TO.to_owned(), headers_only: false }
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
        // Schedules are allowed only with this policy. It never applies, since the stream has no limit to discard for: the server's
        // max_file_store refuses new timers.
        discard: DiscardPolicy::Old,
        storage: StorageType::File,
        num_replicas: shape.replicas,
        duplicate_window: DUPLICATE_WINDOW,
        allow_message_schedules: true,
        // A sweep looks at many wakes at once.
        allow_direct: true,
        ..Config::default()
    }
}

pub(in crate::nats) fn consumer_config() -> pull::Config {
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
