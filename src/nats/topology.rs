//! What jettimer keeps on the broker: each name, subject and limit once.
//!
//! At the start, what is missing is created and what is there is compared. A difference is
//! explained and never mended by itself, since changing a stream's limits or retention can delete
//! timers.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use async_nats::Subject;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, ErrorCode};
use tokio::time::Instant;

use crate::domain::time::Timestamp;
use crate::domain::timer::TimerId;
use crate::nats::Link;

/// The KV bucket of the records.
const BUCKET: &str = "timers";
/// The bucket's stream, named as every KV bucket's is (ADR-8).
pub(super) const BUCKET_STREAM: &str = "KV_timers";
/// The stream of the wakes.
pub(super) const STREAM: &str = "TIMERS";
/// The durable consumer that all workers share.
pub(super) const CONSUMER: &str = "workers";

const SCHEDULE_SUBJECTS: &str = "timers.schedule.>";
const FIRE_SUBJECTS: &str = "timers.fire.*";
const FIRE_PREFIX: &str = "timers.fire.";

/// A wake that is not acknowledged for so long is given to another worker. Short, since it is how
/// late a timer is that a killed worker held; workers send progress acks while they are busy with
/// one.
pub const ACK_WAIT: Duration = Duration::from_secs(5);

/// How many wakes may be out at workers, over all nodes: room for 32 nodes that each hold 8,192.
const MAX_ACK_PENDING: i64 = 262_144;

/// How long JetStream recognises a repeated publish of a wake by its id. It only has to cover the
/// tries of one publish; every id in the window costs memory in the server.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(30);

/// How much the broker is to survive.
#[derive(Clone, Copy, Debug)]
pub struct Durability {
    /// Copies of each stream: 1, 3 or 5.
    pub replicas: usize,
}

/// The subject of a timer's record.
pub(super) fn record_subject(id: TimerId) -> Subject {
    format!("$KV.{BUCKET}.{id}").into()
}

/// The subject on which a timer's wakes come to the workers.
pub(super) fn fire_subject(id: TimerId) -> Subject {
    format!("{FIRE_PREFIX}{id}").into()
}

/// The subject under which a wake waits. The instant is part of it, so that arming for another
/// instant adds a wake and never takes one away.
pub(super) fn schedule_subject(id: TimerId, at: Timestamp) -> Subject {
    format!("timers.schedule.{id}.{}", at.as_micros()).into()
}

/// All waiting wakes of a timer.
pub(super) fn schedule_subjects_of(id: TimerId) -> String {
    format!("timers.schedule.{id}.*")
}

/// The timer that a fire subject names.
pub(super) fn timer_of(fire_subject: &str) -> Option<TimerId> {
    fire_subject.strip_prefix(FIRE_PREFIX)?.parse().ok()
}

fn bucket_config(durability: Durability) -> Config {
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
        num_replicas: durability.replicas,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        // Finished timers leave by themselves after their retention.
        allow_message_ttl: true,
        ..Config::default()
    }
}

fn stream_config(durability: Durability) -> Config {
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
        num_replicas: durability.replicas,
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
pub async fn prepare(link: &Link, durability: Durability, wait: Duration) -> Result<()> {
    let deadline = Instant::now() + wait;
    loop {
        match create_or_compare(link, durability).await {
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

async fn create_or_compare(link: &Link, durability: Durability) -> Result<(), Trouble> {
    let context = jetstream::new(link.client().clone());
    for want in [bucket_config(durability), stream_config(durability)] {
        let name = want.name.clone();
        let have = match context.get_stream(&name).await {
            Ok(stream) => stream.cached_info().config.clone(),
            Err(error) if is_missing(&error) => {
                let created = context
                    .create_stream(&want)
                    .await
                    .with_context(|| format!("cannot create the stream {name}"))?;
                tracing::info!(stream = name, replicas = durability.replicas, "created the stream");
                created.cached_info().config.clone()
            }
            Err(error) => {
                return Err(anyhow::Error::new(error)
                    .context(format!("cannot look at the stream {name}"))
                    .into());
            }
        };
        compare(&have, &want).map_err(Trouble::Mismatch)?;
    }
    let stream = context.get_stream(STREAM).await.context("cannot look at the stream TIMERS")?;
    let consumer = stream
        .get_or_create_consumer::<pull::Config>(CONSUMER, consumer_config())
        .await
        .context("cannot create the consumer workers")?;
    compare_consumer(&consumer.cached_info().config).map_err(Trouble::Mismatch)
}

fn is_missing(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(inner) if inner.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

/// One property of a stream or consumer that must be as it is.
fn check<T: PartialEq + std::fmt::Debug>(findings: &mut Vec<String>, what: &str, have: T, want: T) {
    if have != want {
        findings.push(format!("{what} is {have:?} and must be {want:?}"));
    }
}

fn compare(have: &Config, want: &Config) -> Result<()> {
    let mut findings = Vec::new();
    let f = &mut findings;
    check(f, "retention", have.retention, want.retention);
    check(f, "subjects", &have.subjects, &want.subjects);
    check(f, "storage", have.storage, want.storage);
    check(f, "discard", have.discard, want.discard);
    check(f, "max_msgs_per_subject", have.max_messages_per_subject, want.max_messages_per_subject);
    check(f, "max_msgs", have.max_messages, want.max_messages);
    check(f, "max_bytes", have.max_bytes, want.max_bytes);
    check(f, "max_age", have.max_age, Duration::ZERO);
    check(f, "allow_msg_schedules", have.allow_message_schedules, want.allow_message_schedules);
    check(f, "allow_msg_ttl", have.allow_message_ttl, want.allow_message_ttl);
    check(f, "allow_direct", have.allow_direct, want.allow_direct);
    check(f, "sealed", have.sealed, false);
    check(f, "sources", have.sources.is_some(), false);
    check(f, "mirror", have.mirror.is_some(), false);
    if !findings.is_empty() {
        bail!(
            "the stream {} is not as jettimer needs it: {}. It is left alone, since changing it may delete \
             timers. If it is not jettimer's, use another NATS account; if it is, see docs/nats.md",
            have.name,
            findings.join("; ")
        );
    }
    if have.num_replicas != want.num_replicas {
        tracing::warn!(
            stream = have.name,
            replicas = have.num_replicas,
            wanted = want.num_replicas,
            "the stream has another number of replicas than --replicas says; to change it: \
             nats stream edit {} --replicas={}",
            have.name,
            want.num_replicas
        );
    }
    Ok(())
}

fn compare_consumer(have: &async_nats::jetstream::consumer::Config) -> Result<()> {
    let want = consumer_config();
    let mut findings = Vec::new();
    let f = &mut findings;
    check(f, "filter_subject", have.filter_subject.as_str(), FIRE_SUBJECTS);
    check(f, "ack_policy", have.ack_policy, want.ack_policy);
    check(f, "ack_wait", have.ack_wait, want.ack_wait);
    check(f, "max_deliver", have.max_deliver, want.max_deliver);
    check(f, "max_ack_pending", have.max_ack_pending, want.max_ack_pending);
    check(f, "deliver_subject", have.deliver_subject.is_some(), false);
    if findings.is_empty() {
        return Ok(());
    }
    bail!(
        "the consumer {CONSUMER} of the stream {STREAM} is not as jettimer needs it: {}. Stop all nodes, \
         remove it with: nats consumer rm {STREAM} {CONSUMER}, and start again: it is made anew, and no timer \
         is lost by that",
        findings.join("; ")
    )
}
