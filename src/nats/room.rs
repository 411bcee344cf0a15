//! Looks how much JetStream may still store: by the account's limits, by the answers of servers about themselves, and by the
//! sweeper's measurement of a single server that does not answer.

use std::time::Duration;

use super::durability::Answer;
use super::may_ask::MayAsk;
use super::names::{BUCKET_STREAM, EVENTS, ROOM_SUBJECT, STREAM};
use crate::nats::{Link, NatsError};
use rules::room::{Account, Part, Server, Sight};
use serde::Deserialize;

/// How long all servers together may take to answer, and each of them after the one before. A server that is away does not answer.
const FIRST_SERVER_WITHIN: Duration = Duration::from_secs(1);
const NEXT_SERVER_WITHIN: Duration = Duration::from_millis(200);

#[derive(Deserialize)]
struct StreamJson {
    config: ConfigJson,
    state: StateJson,
    cluster: Option<ClusterJson>,
}

#[derive(Deserialize)]
struct ConfigJson {
    num_replicas: u64,
    max_bytes: i64,
}

#[derive(Deserialize)]
struct StateJson {
    bytes: u64,
}

#[derive(Deserialize)]
struct ClusterJson {
    /// `None` for a single server.
    name: Option<String>,
    #[serde(default)]
    leader: String,
    #[serde(default)]
    replicas: Vec<PeerJson>,
}

#[derive(Deserialize)]
struct PeerJson {
    name: String,
}

#[derive(Default, Deserialize)]
struct AccountJson {
    #[serde(default)]
    memory: u64,
    #[serde(default)]
    storage: u64,
    #[serde(default)]
    reserved_storage: u64,
    #[serde(default)]
    streams: u64,
    #[serde(default)]
    consumers: u64,
    #[serde(default)]
    limits: LimitsJson,
    #[serde(default)]
    tiers: std::collections::BTreeMap<String, TierJson>,
}

#[derive(Deserialize)]
struct TierJson {
    #[serde(default)]
    memory: u64,
    #[serde(default)]
    storage: u64,
    #[serde(default)]
    streams: u64,
    #[serde(default)]
    consumers: u64,
    limits: LimitsJson,
}

/// Limits of an account or a tier. A value below 0 means unlimited.
#[derive(Deserialize)]
struct LimitsJson {
    max_memory: i64,
    max_storage: i64,
    max_streams: i64,
    max_consumers: i64,
}

impl Default for LimitsJson {
    fn default() -> Self {
        Self { max_memory: -1, max_storage: -1, max_streams: -1, max_consumers: -1 }
    }
}

#[derive(Deserialize)]
struct GrantedJson {
    v: u32,
    bytes: u64,
}

/// The version of the value under the key.
const VERSION: u32 = 1;

impl AccountJson {
    /// The limits in force for streams with this many replicas. A tier's limit counts one replica, and its use counts all.
    fn account(self, replicas: u64) -> Account {
        let (stored, reserved) = (self.storage, self.reserved_storage);
        let tier = self.tiers.into_iter().find(|(name, _)| *name == format!("R{replicas}"));
        let (used, limits, copies) = match tier {
            Some((_, tier)) => {
                ([tier.storage, tier.memory, tier.streams, tier.consumers], tier.limits, replicas)
            }
            None => ([self.storage, self.memory, self.streams, self.consumers], self.limits, 1),
        };
        let part = |used, most: i64, copies: u64| {
            let most = u64::try_from(most).ok()?;
            Some(Part { used, most: most.saturating_mul(copies) })
        };
        let [storage, memory, streams, consumers] = used;
        Account {
            stored,
            reserved,
            storage: part(storage, limits.max_storage, copies),
            memory: part(memory, limits.max_memory, copies),
            streams: part(streams, limits.max_streams, 1),
            consumers: part(consumers, limits.max_consumers, 1),
        }
    }
}

impl Link {
    /// Looks how much JetStream stores and may store, as far as this node's user may see it.
    ///
    /// # Errors
    ///
    /// A [`NatsError`] if the streams cannot be looked at.
    pub async fn room(&self, may_ask: &mut MayAsk) -> Result<Sight, NatsError> {
        let connection = self.connection();
        let stream = |name| self.info::<StreamJson>(format!("$JS.API.STREAM.INFO.{name}"));
        let (records, wakes, events) = tokio::join!(stream(BUCKET_STREAM), stream(STREAM), stream(EVENTS));
        let (records, wakes) = (records?, wakes?);
        let replicas = records.config.num_replicas;
        // Without the feed, there are no events.
        let events_grow = events.ok().map_or(0, |events| {
            u64::try_from(events.config.max_bytes).unwrap_or(0).saturating_sub(events.state.bytes)
        });
        let mut sight = Sight {
            replicas,
            used: records.state.bytes.saturating_add(wakes.state.bytes),
            events_grow,
            ..Sight::default()
        };
        if may_ask.account.is_worth_it(connection) {
            let account = self.info::<AccountJson>("$JS.API.INFO".to_owned()).await.ok();
            may_ask.account.note(account.is_some(), connection)?;
            sight.account = account.map(|account| account.account(replicas));
        }
        let clusters = [records.cluster, wakes.cluster];
        let is_single = clusters.iter().flatten().all(|cluster| cluster.name.is_none());
        if may_ask.servers.is_worth_it(connection) {
            let mut names: Vec<String> =
                clusters.into_iter().flatten().flat_map(ClusterJson::servers).collect();
            if is_single {
                names = vec![self.client().server_info().server_name];
            }
            names.sort();
            names.dedup();
            let said = self.varz(&names, FIRST_SERVER_WITHIN, NEXT_SERVER_WITHIN).await;
            sight.servers =
                said.iter().filter_map(Answer::storage).map(|storage| Server { storage }).collect();
            may_ask.servers.note(!sight.servers.is_empty(), connection)?;
        }
        if is_single {
            sight.granted = self.granted().await?.0;
        }
        Ok(sight)
    }

    /// The last grant that was measured of a single server, in bytes, with the revision of the key.
    pub(super) async fn granted(&self) -> Result<(Option<u64>, u64), NatsError> {
        let (json, revision) = self.kept(ROOM_SUBJECT).await?;
        let granted = serde_json::from_slice::<GrantedJson>(&json).ok();
        Ok((granted.filter(|granted| granted.v == VERSION).map(|granted| granted.bytes), revision))
    }

    /// Tells all nodes the measured grant, in place of this revision.
    pub(super) async fn tell_granted(&self, bytes: u64, revision: u64) -> Result<(), NatsError> {
        let json = serde_json::json!({ "v": VERSION, "bytes": bytes }).to_string();
        self.keep_as(ROOM_SUBJECT, json.into_bytes(), revision).await.map(|_| ())
    }
}

impl ClusterJson {
    fn servers(self) -> impl Iterator<Item = String> {
        let leader = (!self.leader.is_empty()).then_some(self.leader);
        self.replicas.into_iter().map(|peer| peer.name).chain(leader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(json: &str, replicas: u64) -> Account {
        serde_json::from_str::<AccountJson>(json).unwrap().account(replicas)
    }

    #[test]
    fn limits_are_those_of_the_account_or_of_its_tier_and_below_zero_is_none() {
        let flat = r#"{"type": "t", "memory": 1, "storage": 600, "reserved_storage": 8, "streams": 4, "consumers": 1, "limits":
            {"max_memory": 0, "max_storage": 1000, "max_streams": -1, "max_consumers": 9}, "api": {"total": 7}}"#;
        let seen = account(flat, 3);
        assert_eq!((seen.stored, seen.reserved), (600, 8));
        assert_eq!(seen.storage, Some(Part { used: 600, most: 1_000 }));
        assert_eq!(seen.memory, Some(Part { used: 1, most: 0 }));
        assert_eq!((seen.streams, seen.consumers), (None, Some(Part { used: 1, most: 9 })));
        let tiered = r#"{"memory": 0, "storage": 900, "limits": {"max_memory": 0, "max_storage": 0, "max_streams": 0,
            "max_consumers": 0}, "tiers": {"R1": {"storage": 300, "limits": {"max_memory": -1, "max_storage": 400,
            "max_streams": 2, "max_consumers": -1}}, "R3": {"storage": 600, "streams": 4, "limits": {"max_memory": -1,
            "max_storage": 500, "max_streams": 5, "max_consumers": -1}}}}"#;
        assert_eq!(account(tiered, 3).storage, Some(Part { used: 600, most: 1_500 }));
        assert_eq!(account(tiered, 3).streams, Some(Part { used: 4, most: 5 }));
        assert_eq!(account(tiered, 1).storage, Some(Part { used: 300, most: 400 }));
    }
}
