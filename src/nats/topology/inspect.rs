//! Looks at the streams and the consumer on the broker without changing any of them, for `jettimer doctor`.

use anyhow::{Context as _, Result};
use async_nats::jetstream::stream::ClusterInfo;
use async_nats::jetstream::{self, stream};

use super::compare;
use super::wanted::{Shape, consumer_config, wanted};
use crate::nats::api::is_missing;
use crate::nats::connection::link::Link;
use crate::nats::names::{CONSUMER, STREAM};
use crate::nats::requests::may_ask::MayAsk;
use crate::nats::storage::room::room;
use rules::room::Sight;

/// The result of a look at the broker.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The version of the server that this program is connected to.
    pub version: String,
    /// Each stream that is needed.
    pub streams: Vec<StreamSight>,
    /// The workers' consumer; `None` if it is missing.
    pub consumer: Option<ConsumerSight>,
    /// How much JetStream may still store, as far as it can be seen; `None` if the streams are missing, or JetStream does not say.
    pub sight: Option<Sight>,
}

/// A stream that jettimer needs.
#[derive(Clone, Debug)]
pub struct StreamSight {
    pub name: String,
    /// The stream as it is; `None` if it is missing.
    pub there: Option<StreamThere>,
}

#[derive(Clone, Debug)]
pub struct StreamThere {
    pub messages: u64,
    /// How many bytes they take.
    pub bytes: u64,
    /// How many replicas it is configured to have.
    pub replicas: usize,
    /// Replicas that are away or behind, each with its state.
    pub not_current: Vec<String>,
    /// In a cluster: whether it has no leader.
    pub leaderless: bool,
    /// Differences from the stream that is needed.
    pub differences: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct ConsumerSight {
    /// Wakes that are due and that no worker has taken.
    pub waiting: u64,
    /// Wakes that workers have taken and not settled.
    pub out: usize,
    /// Open pull requests of workers.
    pub pulls: usize,
    /// Differences from the consumer that is needed.
    pub differences: Vec<String>,
}

impl Inspection {
    /// Looks at the streams, the consumer and the room.
    ///
    /// # Errors
    ///
    /// An error if JetStream does not answer.
    pub async fn of(link: &Link, shape: Shape) -> Result<Self> {
        let context = jetstream::new(link.client().clone());
        let mut streams = Vec::new();
        for want in wanted(shape) {
            let there = match context.get_stream(&want.name).await {
                Ok(stream) => Some(there(stream.cached_info(), &want)),
                Err(error) if is_missing(&error) => None,
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot look at the stream {}", want.name));
                }
            };
            streams.push(StreamSight { name: want.name, there });
        }
        let wakes = context.get_stream_no_info(STREAM).await.context("cannot look at TIMERS")?;
        let consumer = wakes.consumer_info(CONSUMER).await.ok().map(|info| ConsumerSight {
            waiting: info.num_pending,
            out: info.num_ack_pending,
            pulls: info.num_waiting,
            differences: compare::consumer_differences(&info.config, &consumer_config()),
        });
        let sight = Box::pin(room(link, &mut MayAsk::default())).await.ok();
        let version = link.client().server_info().version;
        Ok(Self { version, streams, consumer, sight })
    }
}

fn there(info: &stream::Info, want: &stream::Config) -> StreamThere {
    StreamThere {
        messages: info.state.messages,
        bytes: info.state.bytes,
        replicas: info.config.num_replicas,
        not_current: info.cluster.as_ref().map(not_current).unwrap_or_default(),
        leaderless: info.cluster.as_ref().is_some_and(|cluster| cluster.leader.is_none()),
        differences: compare::stream_differences(&info.config, want),
    }
}

fn not_current(cluster: &ClusterInfo) -> Vec<String> {
    let behind = cluster.replicas.iter().filter(|peer| peer.offline || !peer.current);
    behind
        .map(|peer| {
            let how = if peer.offline { "away" } else { "behind" };
            format!("{} is {how}{}", peer.name, peer.lag.map_or(String::new(), |lag| format!(" by {lag}")))
        })
        .collect()
}
