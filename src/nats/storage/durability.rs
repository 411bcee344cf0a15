//! Finds the facts about servers and streams that decide how much an acknowledged write survives, as far as a node's user can see
//! them.
//!
//! Any user who may ask sees how many replicas a stream has. Servers describe themselves to the system account only. It answers
//! `$SYS.REQ.SERVER.PING.VARZ` if it exports that to this node's account (nats/accounts.conf does). If it does not, the node sees
//! the version of the one server that it is connected to, and knows nothing of the others.

use std::time::Duration;

use super::servers::{self, Answer, known_version};
use crate::nats::api::ClusterInfo;
use crate::nats::connection::link::Link;
use crate::nats::names::{BUCKET_STREAM, STREAM};
use crate::nats::requests::leader;
use rules::durability::{Seen, Server, Stream, SyncPolicy};

/// How long all servers together may take to answer: a server that is away does not answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// Looks at servers and streams; `None` without a connection, or if a stream does not answer. `own` says when the server syncs,
/// if this process configured it.
pub async fn durability(link: &Link, own: Option<SyncPolicy>) -> Option<Seen> {
    if !link.is_up() {
        return None;
    }
    let mut streams = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for name in [BUCKET_STREAM, STREAM] {
        let info = leader::stream_info(link, name).await.ok()?;
        streams.push(Stream { name, replicas: info.config.num_replicas });
        names.extend(info.cluster.into_iter().flat_map(ClusterInfo::servers));
    }
    let here = link.client().server_info();
    names.push(here.server_name.clone());
    names.sort();
    names.dedup();
    let said = servers::ask(link, &names, ANSWERS_WITHIN, ANSWERS_WITHIN).await;
    let mut servers: Vec<Server> = said.into_iter().map(Answer::server).collect();
    if !servers.iter().any(|server| server.name == here.server_name) {
        let version = Some(known_version(here.version));
        servers.push(Server { name: here.server_name, version, sync: own });
    }
    for name in names {
        if !servers.iter().any(|server| server.name == name) {
            servers.push(Server { name, version: None, sync: None });
        }
    }
    servers.sort_by(|a, b| a.name.cmp(&b.name));
    Some(Seen { servers, streams })
}
