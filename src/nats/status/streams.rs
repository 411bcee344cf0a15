//! The NATS server that this node is connected to, and the state of jettimer's streams, for people who look.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::backlog::LOOK_TIMEOUT;
use super::fresh::Fresh;
use crate::nats::api::ClusterInfo;
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::{BUCKET_STREAM, CONSUMER, STREAM};
use crate::nats::requests::leader;

/// NATS as this node sees it.
#[derive(Clone, Debug)]
pub struct NatsStatus {
    pub connected: bool,
    /// The name of the server that the connection is to, or was to last.
    pub server: String,
    /// That server's cluster, if it is in one with others.
    pub cluster: Option<String>,
    pub version: String,
    /// How long JetStream took for its quickest answer; `None` if it gave none.
    pub round_trip: Option<Duration>,
    /// The streams that JetStream answered about.
    pub streams: Arc<[StreamStatus]>,
    /// Wakes that are due and that no worker has taken.
    pub backlog: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct StreamStatus {
    pub name: &'static str,
    pub messages: u64,
    /// How many bytes they take.
    pub bytes: u64,
    /// The servers that have it, the leader first.
    pub replicas: Vec<Replica>,
    /// Its durable consumers.
    pub consumers: Vec<ConsumerStatus>,
}

/// A server that has a replica of a stream.
#[derive(Clone, Debug)]
pub struct Replica {
    pub server: String,
    pub leader: bool,
    /// Whether it has everything that the leader has.
    pub current: bool,
    /// How many changes it does not have yet.
    pub lag: u64,
}

#[derive(Clone, Debug)]
pub struct ConsumerStatus {
    pub name: &'static str,
    /// How many messages no worker has taken.
    pub pending: u64,
    /// How many messages workers have taken and not settled.
    pub ack_pending: u64,
}

/// Looks at NATS, at most once a second for all callers.
pub struct Streams {
    link: Link,
    seen: Fresh<NatsStatus>,
}

impl Streams {
    /// Looks at the broker that `link` is connected to.
    pub fn new(link: Link) -> Self {
        Self { link, seen: Fresh::default() }
    }

    /// The status, at most a second old.
    pub async fn look(&self) -> NatsStatus {
        self.seen.get(Box::pin(self.ask())).await
    }

    async fn ask(&self) -> NatsStatus {
        let connected = self.link.is_up();
        let info = self.link.client().server_info();
        let mut status = NatsStatus {
            connected,
            server: info.server_name,
            cluster: info.cluster,
            version: info.version,
            round_trip: None,
            streams: Arc::default(),
            backlog: None,
        };
        if !connected {
            return status;
        }
        let (records, wakes, workers) = tokio::join!(
            self.stream(BUCKET_STREAM),
            self.stream(STREAM),
            timed(leader::consumer_info(&self.link, STREAM, CONSUMER)),
        );
        let trips = [&records, &wakes].into_iter().flatten().map(|(_, took)| *took);
        status.round_trip = trips.chain(workers.as_ref().map(|(_, took)| *took)).min();
        status.backlog = workers.as_ref().map(|(workers, _)| workers.num_pending);
        let workers = workers.map(|(info, _)| ConsumerStatus {
            name: CONSUMER,
            pending: info.num_pending,
            ack_pending: info.num_ack_pending,
        });
        let streams = [records, wakes].into_iter().flatten().map(|(stream, _)| stream);
        let mut streams: Vec<StreamStatus> = streams.collect();
        if let Some(stream) = streams.iter_mut().find(|stream| stream.name == STREAM) {
            stream.consumers.extend(workers);
        }
        status.streams = streams.into();
        status
    }

    async fn stream(&self, name: &'static str) -> Option<(StreamStatus, Duration)> {
        let (info, took) = timed(leader::stream_info(&self.link, name)).await?;
        let (messages, bytes) = (info.state.messages, info.state.bytes);
        let replicas = info.cluster.map(replicas).unwrap_or_default();
        Some((StreamStatus { name, messages, bytes, replicas, consumers: vec![] }, took))
    }
}

/// JetStream's answer and how long it took, if it came within [`LOOK_TIMEOUT`].
async fn timed<T>(asking: impl Future<Output = Result<T, NatsError>>) -> Option<(T, Duration)> {
    let asked = Instant::now();
    let answer = timeout(LOOK_TIMEOUT, asking).await.ok()?.ok()?;
    Some((answer, asked.elapsed()))
}

fn replicas(cluster: ClusterInfo) -> Vec<Replica> {
    let leader = Replica { server: cluster.leader, leader: true, current: true, lag: 0 };
    // There is no leader during an election.
    let leader = (!leader.server.is_empty()).then_some(leader);
    let others = cluster.replicas.into_iter().map(|peer| Replica {
        server: peer.name,
        leader: false,
        current: peer.current && !peer.offline,
        lag: peer.lag,
    });
    let mut others: Vec<Replica> = others.collect();
    others.sort_by(|a, b| a.server.cmp(&b.server));
    leader.into_iter().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nats::api::StreamInfo;

    #[test]
    fn the_leader_is_first_and_a_server_that_is_away_is_not_current() {
        let info: StreamInfo = serde_json::from_str(
            r#"{"config": {"num_replicas": 3, "max_bytes": -1}, "state": {"messages": 3, "bytes": 90, "first_seq": 1, "last_seq": 4},
                "cluster": {"name": "c", "leader": "n-2", "replicas": [
                {"name": "n-3", "current": true, "offline": true, "active": 5000000000, "lag": 7},
                {"name": "n-1", "current": true, "active": 1000}]}}"#,
        )
        .unwrap();
        let seen = replicas(info.cluster.unwrap());
        let seen: Vec<_> = seen
            .iter()
            .map(|replica| (replica.server.as_str(), replica.leader, replica.current, replica.lag))
            .collect();
        assert_eq!(seen, [("n-2", true, true, 0), ("n-1", false, true, 0), ("n-3", false, false, 7)]);
        let electing: ClusterInfo = serde_json::from_str(r#"{"replicas": []}"#).unwrap();
        assert!(replicas(electing).is_empty());
    }
}
