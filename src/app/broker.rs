//! The NATS of a node: given servers, or a nats-server of its own.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio_util::sync::CancellationToken;

use super::Places;
use crate::app::config::{Broker, Embedded, Node};
use crate::app::embedded;
use crate::foundation::clock::Clock;
use crate::foundation::metrics::Task;
use crate::foundation::tasks::{Kept, Tasks};
use crate::nats::Access;
use rules::durability::SyncPolicy;

/// How a node reaches the servers that its settings name.
pub(super) fn access(broker: Broker, node: &Node) -> Access {
    Access {
        servers: broker.nats,
        creds: broker.nats_creds,
        nkey: broker.nats_nkey,
        ca: broker.nats_ca,
        cert: broker.nats_cert,
        key: broker.nats_key,
        wait: broker.nats_wait,
        own_sync: None,
        name: node.name(),
        clock: Clock::OF_THE_WORLD,
    }
}

/// A nats-server of our own, kept running by one of the node's tasks.
pub(super) struct OwnBroker {
    stop: CancellationToken,
    task: Kept,
}

impl OwnBroker {
    /// Starts the server, and returns it and how to reach it.
    pub(super) async fn start(
        own: Embedded,
        node: &Node,
        places: Places,
        tasks: &Tasks,
    ) -> Result<(Self, Access)> {
        let server = embedded::Server::start(embedded::Options {
            config: embedded::limited(embedded::DEV_CONFIG, &own.data_dir),
            data_dir: own.data_dir,
            port: own.nats_port,
            binary: own.nats_server,
            cache_dir: places.cache_dir,
            guard_exe: places.executable,
        })
        .await?;
        let url = server.url();
        tracing::info!(%url, pid = server.pid(), log = %server.log_path().display(), "nats-server runs");
        let servers = vec![url.parse().with_context(|| format!("{url} is not a NATS address"))?];
        // JetStream may still be recovering a large store when the port is open.
        let wait = Duration::from_secs(30);
        let own_sync = Some(SyncPolicy::Every(embedded::DEV_SYNC_INTERVAL));
        let access = Access { servers, wait, own_sync, name: node.name(), ..Access::default() };
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let task = tasks.keep(Task::NatsServer, stop.clone(), async move {
            if let Err(error) = embedded::supervise(server, stopped).await {
                tracing::warn!(%error, "nats-server did not stop cleanly");
            }
        });
        Ok((Self { stop, task }, access))
    }

    /// Ends the server in an orderly way.
    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        self.task.ended().await;
    }
}
