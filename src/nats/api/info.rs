//! A stream and a consumer as JetStream describes them, as far as jettimer reads that.

use std::collections::HashMap;

use serde::Deserialize;

#[derive(Deserialize)]
pub(in crate::nats) struct StreamInfo {
    pub(in crate::nats) config: StreamConfig,
    pub(in crate::nats) state: StreamState,
    pub(in crate::nats) cluster: Option<ClusterInfo>,
    /// When the stream was created, as in RFC 3339.
    #[serde(default)]
    pub(in crate::nats) created: String,
    /// When the stream's leader gave this answer, as in RFC 3339.
    #[serde(default)]
    pub(in crate::nats) ts: String,
}

#[derive(Deserialize)]
pub(in crate::nats) struct StreamConfig {
    pub(in crate::nats) num_replicas: usize,
}

#[derive(Deserialize)]
pub(in crate::nats) struct StreamState {
    pub(in crate::nats) messages: u64,
    pub(in crate::nats) bytes: u64,
    /// The sequence of the oldest message, or one more than `last_seq` if messages were there and have left; 0 before the first one.
    #[serde(default)]
    pub(in crate::nats) first_seq: u64,
    pub(in crate::nats) last_seq: u64,
    /// When the newest message was stored, as in RFC 3339. In the year 1 before the first one.
    #[serde(default)]
    pub(in crate::nats) last_ts: String,
    /// How many messages each subject has; empty unless the request asks for subjects.
    #[serde(default)]
    pub(in crate::nats) subjects: HashMap<String, u64>,
}

#[derive(Deserialize)]
pub(in crate::nats) struct ClusterInfo {
    /// `None` for a single server.
    pub(in crate::nats) name: Option<String>,
    /// Empty during an election.
    #[serde(default)]
    pub(in crate::nats) leader: String,
    /// The servers with the other replicas.
    #[serde(default)]
    pub(in crate::nats) replicas: Vec<PeerInfo>,
}

#[derive(Deserialize)]
pub(in crate::nats) struct PeerInfo {
    pub(in crate::nats) name: String,
    /// Whether it has everything that the leader has.
    pub(in crate::nats) current: bool,
    #[serde(default)]
    pub(in crate::nats) offline: bool,
    /// How many changes it does not have yet.
    #[serde(default)]
    pub(in crate::nats) lag: u64,
}

#[derive(Deserialize)]
pub(in crate::nats) struct ConsumerInfo {
    /// How many messages no worker has taken.
    pub(in crate::nats) num_pending: u64,
    /// How many messages workers have taken and not settled.
    pub(in crate::nats) num_ack_pending: u64,
    pub(in crate::nats) ack_floor: AckFloor,
}

/// Every message up to here is settled.
#[derive(Deserialize)]
pub(in crate::nats) struct AckFloor {
    pub(in crate::nats) stream_seq: u64,
}

impl ClusterInfo {
    /// The names of the servers that have a replica.
    pub(in crate::nats) fn servers(self) -> impl Iterator<Item = String> {
        let leader = (!self.leader.is_empty()).then_some(self.leader);
        self.replicas.into_iter().map(|peer| peer.name).chain(leader)
    }
}
