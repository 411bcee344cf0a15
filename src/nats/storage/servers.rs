//! Asks servers about themselves. They answer if the system account exports that to this node's account (nats/accounts.conf does).

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use crate::nats::api::subject;
use crate::nats::connection::link::Link;
use crate::nats::connection::version::{is_new_enough, is_synced_enough};
use rules::durability::{Server, SyncPolicy, Version};
use rules::room::Part;

/// A server's answer about itself.
#[derive(Deserialize)]
pub(super) struct Answer {
    server: About,
    data: Option<Varz>,
}

#[derive(Deserialize)]
struct About {
    name: String,
    ver: String,
}

#[derive(Deserialize)]
struct Varz {
    jetstream: Option<JetStream>,
}

#[derive(Deserialize)]
struct JetStream {
    config: Option<JetStreamConfig>,
    stats: Option<JetStreamStats>,
}

#[derive(Deserialize)]
struct JetStreamStats {
    storage: u64,
}

#[derive(Deserialize)]
struct JetStreamConfig {
    #[serde(default)]
    sync_always: bool,
    #[serde(default)]
    sync_interval: u64,
    /// Absent, or below 0, without a limit.
    #[serde(default)]
    max_storage: Option<i64>,
}

impl Answer {
    /// The bytes that the server stores and may store.
    pub(super) fn storage(&self) -> Option<Part> {
        let JetStream { config, stats } = self.data.as_ref()?.jetstream.as_ref()?;
        let most = u64::try_from(config.as_ref()?.max_storage?).ok()?;
        Some(Part { used: stats.as_ref()?.storage, most })
    }

    pub(super) fn server(self) -> Server {
        let config = self.data.and_then(|varz| varz.jetstream).and_then(|jetstream| jetstream.config);
        let sync = config.map(|config| match config {
            JetStreamConfig { sync_always: true, .. } => SyncPolicy::Always,
            JetStreamConfig { sync_interval, .. } => SyncPolicy::Every(Duration::from_nanos(sync_interval)),
        });
        let version = Some(known_version(self.server.ver));
        Server { name: self.server.name, version, sync }
    }
}

pub(super) fn known_version(text: String) -> Version {
    let (works, syncs) = (is_new_enough(&text), is_synced_enough(&text));
    Version { text, works, syncs }
}

/// Asks these servers about themselves; empty if the system account does not export that to this node's account.
///
/// Waits at most `within` in all, and after each answer at most `then` for the next.
pub(super) async fn ask(link: &Link, names: &[String], within: Duration, then: Duration) -> Vec<Answer> {
    let inbox = link.client().new_inbox();
    let Ok(mut answers) = link.subscribe(inbox.clone()).await else { return Vec::new() };
    if !link.tell(subject::servers(), Some(inbox.into()), Bytes::new()).await {
        return Vec::new();
    }
    let mut until = Instant::now() + within;
    let mut servers: Vec<Answer> = Vec::new();
    while servers.len() < names.len() {
        let Ok(Some(answer)) = timeout_at(until, answers.next()).await else { break };
        // No responders: the system account does not export this subject to ours.
        if answer.status.is_some() {
            break;
        }
        let server = serde_json::from_slice::<Answer>(&answer.payload).ok();
        servers.extend(server.filter(|answer| names.contains(&answer.server.name)));
        until = until.min(Instant::now() + then);
    }
    servers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(config: &str) -> Server {
        let about = r#""server": {"name": "nats-1", "host": "h", "id": "N", "ver": "2.15.1", "flags": 7}"#;
        let data =
            format!(r#"{{{about}, "data": {{"server_id": "N", "port": 4222, "jetstream": {config}}}}}"#);
        serde_json::from_str::<Answer>(&data).unwrap().server()
    }

    #[test]
    fn a_server_says_what_it_stores_and_may_store() {
        let storage = |jetstream: &str| {
            let json = format!(
                r#"{{"server": {{"name": "n", "ver": "2.15.1"}}, "data": {{"jetstream": {jetstream}}}}}"#
            );
            serde_json::from_str::<Answer>(&json).unwrap().storage()
        };
        let limited = r#"{"config": {"max_storage": 50000000}, "stats": {"memory": 0, "storage": 7}}"#;
        assert_eq!(storage(limited), Some(Part { used: 7, most: 50_000_000 }));
        assert_eq!(storage(&limited.replace("50000000", "-1")), None);
        assert_eq!(storage("null"), None);
    }

    #[test]
    fn a_server_says_when_it_syncs() {
        let always = r#"{"config": {"max_memory": 1, "sync_interval": 120000000000, "sync_always": true}}"#;
        assert_eq!(server(always).sync, Some(SyncPolicy::Always));
        let interval = r#"{"config": {"max_memory": 1, "sync_interval": 1000000000}}"#;
        assert_eq!(server(interval).sync, Some(SyncPolicy::Every(Duration::from_secs(1))));
        assert_eq!(server("{}").sync, None);
        assert_eq!(
            server("null").version,
            Some(Version { text: "2.15.1".to_owned(), works: true, syncs: true })
        );
    }
}
