//! Looking how much JetStream may still store: by the account's limits, by what servers say of themselves, and by what the
//! sweeper has measured of a single server that says nothing.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::durability::Answer;
use super::names::{BUCKET_STREAM, EVENTS, ROOM_SUBJECT, STREAM};
use crate::nats::{Link, NatsError};
use crate::room::{Account, Part, Server, Sight};

/// How long servers may take to answer: the first one, and each other one after the one before. One that is away does not
/// answer.
const FIRST_SERVER_WITHIN: Duration = Duration::from_secs(1);
const NEXT_SERVER_WITHIN: Duration = Duration::from_millis(200);

/// Who did not answer is asked again after this, and then twice as long, and so on: who may not ask is logged by NATS each time.
const ASK_AGAIN: Duration = Duration::from_secs(10);
/// At most.
const ASK_AGAIN_AT_MOST: Duration = Duration::from_secs(600);

/// What this node may ask, as far as it has found out.
#[derive(Debug, Default)]
pub struct MayAsk {
    account: Asking,
    servers: Asking,
}

/// Who has answered on a connection is taken to be away for a moment after this number of failures at most.
const MOMENT: u32 = 6;

/// Whether somebody answers.
#[derive(Debug, Default)]
struct Asking {
    /// The connection on which there was an answer last.
    answered: Option<u64>,
    /// Failures in a row.
    failures: u32,
    /// No answer on this connection, and when to ask again.
    silent: Option<(u64, Instant)>,
    pause: Duration,
}

impl Asking {
    fn is_worth_it(&self, connection: u64) -> bool {
        self.silent.is_none_or(|(on, again)| on != connection || Instant::now() >= again)
    }

    /// Notes whether there was an answer. Without one, somebody who has answered on this connection before is away for a
    /// moment: that is an error. Others are asked again later.
    fn note(&mut self, answered: bool, connection: u64) -> Result<(), NatsError> {
        if answered {
            *self = Self { answered: Some(connection), ..Self::default() };
            return Ok(());
        }
        self.failures += 1;
        if self.answered == Some(connection) && self.failures <= MOMENT {
            return Err(NatsError::NotDone("NATS does not say what it stores at this moment".to_owned()));
        }
        self.pause = (self.pause * 2).clamp(ASK_AGAIN, ASK_AGAIN_AT_MOST);
        self.silent = Some((connection, Instant::now() + self.pause));
        Ok(())
    }
}

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
    /// None where a server is single.
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

/// Below 0 where there is no limit.
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

/// Of the text under the key.
const VERSION: u32 = 1;

impl AccountJson {
    /// What is in force for streams of so many copies. The limit of a tier is of one copy, what is stored of all.
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
        // Without the feed there are none.
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

    /// What was measured last of a single server, with the revision of the key.
    pub(super) async fn granted(&self) -> Result<(Option<u64>, u64), NatsError> {
        let (json, revision) = self.kept(ROOM_SUBJECT).await?;
        let granted = serde_json::from_slice::<GrantedJson>(&json).ok();
        Ok((granted.filter(|granted| granted.v == VERSION).map(|granted| granted.bytes), revision))
    }

    /// Tells all nodes what was measured, in place of this revision.
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

    #[tokio::test(start_paused = true)]
    async fn who_does_not_answer_is_asked_less_and_less_often_and_at_once_on_a_new_connection() {
        let mut asking = Asking::default();
        assert!(asking.is_worth_it(1));
        let mut waited = vec![];
        for _ in 0..8 {
            asking.note(false, 1).unwrap();
            let from = Instant::now();
            while !asking.is_worth_it(1) {
                tokio::time::advance(Duration::from_secs(1)).await;
            }
            waited.push(from.elapsed().as_secs());
        }
        assert_eq!(waited, [10, 20, 40, 80, 160, 320, 600, 600]);
        asking.note(false, 1).unwrap();
        assert!(!asking.is_worth_it(1) && asking.is_worth_it(2));
        asking.note(true, 2).unwrap();
        assert!(asking.is_worth_it(1));
        // Who has answered is away for a moment.
        assert!((0..MOMENT).all(|_| asking.note(false, 2).is_err()) && asking.is_worth_it(2));
        assert!(asking.note(false, 2).is_ok() && !asking.is_worth_it(2));
    }
}
