//! Makes sure that the streams, buckets and the consumer that jettimer needs exist, at the start and while nodes run.
//!
//! Missing parts are created and existing ones are compared. A difference is explained and never repaired automatically, since
//! changing a stream's limits or retention can delete timers.
//!
//! **Invariant:** a lost bucket is not created again next to the remains of its timers, or where this node's file or another node
//! remembers timers (`founding`). A running node never creates it again. The loss of every timer must not look like a quiet day.

use std::time::Duration;

use anyhow::{Context as _, Result};
use async_nats::jetstream;
use async_nats::jetstream::consumer;
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use async_nats::jetstream::stream::{Config, Info};
use tokio::time::Instant;

use super::compare;
use super::founding::Founder;
use super::wanted::{Shape, consumer_config, wanted};
use crate::nats::api::{advice, is_missing};
use crate::nats::connection::link::Link;
use crate::nats::names::{BUCKET, BUCKET_STREAM, CONSUMER, STREAM};

/// The pause between two tries while JetStream is not ready.
const PAUSE: Duration = Duration::from_millis(500);

/// A part that is needed on the broker, and was missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The bucket of the records, and with it every timer.
    Bucket,
    /// The stream of the wakes. It is rebuilt from the records.
    Wakes,
    /// The bucket of the sweep.
    Sweep,
    Consumer,
}

/// The streams, buckets and the consumer, once all of them exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopologyState {
    /// The parts that were missing and were created just now.
    pub created: Vec<Missing>,
    /// When the bucket was created, in nanoseconds since the epoch. Distinguishes it from another bucket of its name.
    pub bucket_born: i128,
    /// The last change in it.
    pub bucket_seq: u64,
    /// When the stream of the wakes was created.
    pub wakes_born: i128,
    /// Whether the bucket is on a single server: no other one is in a cluster with it.
    pub is_single: bool,
}

impl TopologyState {
    /// Whether the wakes were lost and the bucket was not: timers have to be armed again.
    pub fn has_lost_wakes(&self) -> bool {
        self.created.contains(&Missing::Wakes) && !self.created.contains(&Missing::Bucket)
    }

    /// Notes the facts about a stream that stands.
    fn note(&mut self, info: &Info) {
        let born = info.created.unix_timestamp_nanos();
        match info.config.name.as_str() {
            BUCKET_STREAM => {
                self.bucket_born = born;
                self.bucket_seq = info.state.last_sequence;
                self.is_single = info.cluster.as_ref().is_none_or(|cluster| cluster.name.is_none());
            }
            STREAM => self.wakes_born = born,
            _ => {}
        }
    }
}

/// Creates missing parts and compares existing ones; creates the bucket only if the `founder` allows it. Any number of nodes may do
/// so at once. A cluster that is just starting has no leader yet and is asked again, for up to `wait`.
///
/// # Errors
///
/// JetStream's own error, or a list of the differences and what to do.
pub async fn prepare(link: &Link, shape: Shape, wait: Duration, founder: &Founder) -> Result<TopologyState> {
    let deadline = Instant::now() + wait;
    loop {
        match create_or_compare(link, shape, Some(founder)).await {
            Err(SetupError::NotNow(error)) if Instant::now() < deadline => {
                tracing::info!(error = format!("{error:#}"), "JetStream is not ready yet; trying again");
                tokio::time::sleep(PAUSE).await;
            }
            Err(SetupError::NotNow(error) | SetupError::Mismatch(error) | SetupError::NoBucket(error)) => {
                return Err(error);
            }
            Ok(topology) => return Ok(topology),
        }
    }
}

/// Creates parts that were lost while nodes run, except the bucket: its loss is that of every timer.
///
/// # Errors
///
/// As for [`prepare`], at once.
pub async fn mend(link: &Link, shape: Shape) -> Result<TopologyState, SetupError> {
    create_or_compare(link, shape, None).await
}

/// The reason why a part of the topology is missing or unusable.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// JetStream did not do it; it may later.
    #[error("{0:#}")]
    NotNow(#[source] anyhow::Error),
    /// A part differs from the one that is needed; waiting does not help.
    #[error("{0:#}")]
    Mismatch(#[source] anyhow::Error),
    /// The bucket is missing, though there was one.
    #[error("{0:#}")]
    NoBucket(#[source] anyhow::Error),
}

impl From<anyhow::Error> for SetupError {
    fn from(error: anyhow::Error) -> Self {
        Self::NotNow(error)
    }
}

/// Creates and compares once, with a `founder` if the node is starting.
async fn create_or_compare(
    link: &Link,
    shape: Shape,
    founder: Option<&Founder>,
) -> Result<TopologyState, SetupError> {
    let context = jetstream::new(link.client().clone());
    // Looked at before the bucket, which is created first: a node that sees the wakes sees the bucket too, unless it is lost.
    let wakes = look(link, &context, STREAM).await?;
    let mut topology =
        TopologyState { created: Vec::new(), bucket_born: 0, bucket_seq: 0, wakes_born: 0, is_single: true };
    for want in wanted(shape) {
        let is_bucket = want.name == BUCKET_STREAM;
        let info = match look(link, &context, &want.name).await? {
            Some(info) => info,
            None if is_bucket && (wakes.is_some() || founder.is_none()) => {
                return Err(no_bucket(shape, wakes.as_ref()));
            }
            None => {
                if let Some(founder) = founder.filter(|_| is_bucket) {
                    founder.may_found(link).await.map_err(SetupError::NoBucket)?;
                }
                create(&context, &want, &mut topology.created).await?
            }
        };
        topology.note(&info);
        let have = complete(&context, info.config, &want).await?;
        compare::stream(&have, &want).map_err(SetupError::Mismatch)?;
    }
    let have = consumer(&context, &mut topology.created).await?;
    compare::consumer(&have, &consumer_config()).map_err(SetupError::Mismatch)?;
    Ok(topology)
}

/// Creates a stream that is missing.
async fn create(
    context: &jetstream::Context,
    want: &Config,
    made: &mut Vec<Missing>,
) -> Result<Info, SetupError> {
    let name = want.name.as_str();
    let created = context.create_stream(want).await.map_err(|error| {
        let text = format!("cannot create the stream {name}{}", advice::for_stream(&error));
        anyhow::Error::new(error).context(text)
    })?;
    tracing::info!(stream = name, replicas = want.num_replicas, "created the stream");
    made.push(match name {
        BUCKET_STREAM => Missing::Bucket,
        STREAM => Missing::Wakes,
        _ => Missing::Sweep,
    });
    Ok(created.cached_info().clone())
}

/// Adds the settings that an existing stream lacks, and returns those that it has then.
async fn complete(context: &jetstream::Context, have: Config, want: &Config) -> Result<Config, SetupError> {
    let Some(changed) = completed(&have, want) else { return Ok(have) };
    let name = want.name.as_str();
    context.update_stream(&changed).await.with_context(|| format!("cannot change {name}"))?;
    tracing::info!(
        stream = name,
        "added settings to the stream that older versions of jettimer did not need"
    );
    Ok(changed)
}

/// The settings of the workers' consumer, which is created if it is missing.
async fn consumer(
    context: &jetstream::Context,
    made: &mut Vec<Missing>,
) -> Result<consumer::Config, SetupError> {
    let stream = context.get_stream_no_info(STREAM).await.context("cannot look at the stream TIMERS")?;
    match stream.consumer_info(CONSUMER).await {
        Ok(info) => Ok(info.config),
        Err(error) if matches!(error.kind(), ConsumerInfoErrorKind::NotFound) => {
            let created = stream.create_consumer(consumer_config()).await;
            let created = created.map_err(|error| {
                let text = format!("cannot create the consumer workers{}", advice::for_consumer(&error));
                anyhow::Error::new(error).context(text)
            })?;
            tracing::info!(consumer = CONSUMER, "created the consumer");
            made.push(Missing::Consumer);
            Ok(created.cached_info().config.clone())
        }
        Err(error) => Err(anyhow::Error::new(error).context("cannot look at the consumer workers").into()),
    }
}

async fn look(link: &Link, context: &jetstream::Context, name: &str) -> Result<Option<Info>, SetupError> {
    match context.get_stream(name).await {
        Ok(stream) => Ok(Some(stream.cached_info().clone())),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => {
            let advice = advice::for_look(&error, link.client().server_info().jetstream);
            let text = format!("cannot look at the stream {name}{advice}");
            Err(anyhow::Error::new(error).context(text).into())
        }
    }
}

/// A stream with the settings that it lacks; `None` if it lacks none. These are the only changes that are ever made to an existing
/// stream, and they take nothing away.
fn completed(have: &Config, want: &Config) -> Option<Config> {
    let republish = have.republish.clone().or_else(|| want.republish.clone());
    // For the wakes, so that a sweep can look at many of them at once.
    let allow_direct = have.allow_direct || (want.name == STREAM && want.allow_direct);
    let differs = republish.is_some() != have.republish.is_some() || allow_direct != have.allow_direct;
    differs.then(|| Config { republish, allow_direct, ..have.clone() })
}

/// The meaning of a stream of wakes without a bucket: if it is jettimer's at all, timers are lost.
fn no_bucket(shape: Shape, wakes: Option<&Info>) -> SetupError {
    let want = wanted(shape).find(|want| want.name == STREAM);
    let compared = wakes.zip(want).map(|(wakes, want)| compare::stream(&wakes.config, &want));
    if let Some(Err(foreign)) = compared {
        return SetupError::Mismatch(foreign);
    }
    SetupError::NoBucket(anyhow::anyhow!(
        "the bucket {BUCKET} (the stream {BUCKET_STREAM}) is gone, and with it every timer. jettimer does not create \
         it again, since that would look as if there had never been any: restore it from a backup (docs/nats.md, \
         \"Backup and restore\"); or, to start without timers, stop all nodes, remove the remaining stream with: nats \
         stream rm {STREAM}, and start again"
    ))
}
