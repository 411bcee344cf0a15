//! A node starts: each part is made once here, and given to the parts that use it.

mod itself;
mod serve;
mod shared;
mod work;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::installation;
use crate::api::Inbox;
use crate::api::access::Permissions;
use crate::app::config::{Node, Role};
use crate::foundation::crypto;
use crate::foundation::metrics::{Metrics, Parts, Task};
use crate::foundation::tasks::{Kept, Tasks};
use crate::nats;
use crate::nats::{Access, Link, Shape};
use crate::node::guard;
use crate::node::receivers::Receivers;
use crate::node::sweep::{Means, Sweeper};
use crate::webhook::Settings;
use serve::Listeners;
use shared::Shared;

/// The inputs of a start, in addition to the node's settings.
pub(super) struct Setup {
    pub(super) role: Role,
    pub(super) permissions: Permissions,
    pub(super) targets: Settings,
    pub(super) access: Access,
    pub(super) shape: Shape,
    pub(super) inbox: Option<Inbox>,
    /// Where the node's own nats-server stores, if it has one.
    pub(super) own_store: Option<PathBuf>,
    /// The directory for the journal of calls; `None` for no journal.
    pub(super) journal_dir: Option<PathBuf>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) tasks: Tasks,
}

impl Setup {
    /// The file in which the node remembers the bucket, if it has a directory for it.
    fn guard_file(&self) -> Option<PathBuf> {
        self.journal_dir.as_ref().map(|dir| dir.join(guard::FILE))
    }
}

/// The metrics of a node with this role.
pub(super) fn metrics(node: &Node, role: Role) -> Arc<Metrics> {
    let parts = Parts { serves: role.serves(), works: role.works(), indexes: indexes(node, role) };
    let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION"), parts));
    metrics.work.limit(node.max_calls, node.max_held);
    metrics
}

fn indexes(node: &Node, role: Role) -> bool {
    role.serves() && node.index_limit > 0
}

/// The tokens that a stopping node cancels one after another.
#[derive(Default)]
pub(super) struct Ends {
    /// Cancelled when the node takes no new work.
    pub(super) stop: CancellationToken,
    /// Cancelled when the calls that are still in progress are given up.
    pub(super) abort: CancellationToken,
    /// Cancelled when the node takes no more connections.
    pub(super) closed: CancellationToken,
    /// Cancelled when this node has no call in progress, so that others may have its share.
    pub(super) gone: CancellationToken,
}

/// A node that has started.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) name: String,
    pub(super) link: Link,
    pub(super) ends: Ends,
    pub(super) drain_timeout: Duration,
    pub(super) tasks: Tasks,
    pub(super) api: Kept,
    /// The loop that pulls wakes, and the tasks that attend to them; empty on a node that does not work.
    pub(super) worker: TaskTracker,
    pub(super) heartbeat: Kept,
    pub(super) sweeper: Kept,
}

impl Running {
    pub(super) async fn start(node: Node, setup: Setup) -> Result<Self> {
        crypto::install();
        let receivers = Receivers::new(node.receivers.rules()?);
        // Before the node connects anywhere, so that a port in use costs nothing.
        let listeners = Listeners::bind(&node).await?;
        let address = listeners.address;
        let link = nats::connect(&setup.access, &setup.metrics).await?;
        let itself = itself::of(&node, &setup);
        let founder = itself::founder(&itself, &setup);
        let wait = setup.access.wait;
        let topology = Box::pin(nats::prepare(&link, setup.shape, wait, &founder)).await?;
        installation::join(&link, node.installation.as_deref(), wait).await?;

        let ends = Ends::default();
        let instance = itself.instance;
        let shared = Shared::new(&node, &setup, link.clone(), receivers, itself, &ends);
        let heartbeat = shared.keep(&setup.tasks, &ends).await;
        let worker = work::start(&node, &setup, &shared, &ends)?;
        let sweeper = sweep(&node, &setup, &shared, instance, topology.has_lost_wakes(), &ends);
        let api = serve::start(&node, &setup, &shared, listeners, &ends);
        Ok(Self {
            address,
            name: setup.access.name,
            link,
            ends,
            drain_timeout: node.drain_timeout,
            tasks: setup.tasks,
            api,
            worker,
            heartbeat,
            sweeper,
        })
    }
}

/// Starts the sweeper; `lost` says that wakes were lost before this node started.
fn sweep(node: &Node, setup: &Setup, shared: &Shared, instance: Uuid, lost: bool, ends: &Ends) -> Kept {
    let means = Means {
        link: shared.link.clone(),
        store: shared.store.clone(),
        guard: shared.guard.clone(),
        clock: shared.clock,
        shape: setup.shape,
        metrics: setup.metrics.clone(),
    };
    let settings = node.sweep.settings(node.retention);
    let sweeper = Sweeper::new(means, instance, &setup.access.name, settings);
    setup.tasks.keep(Task::Sweeper, ends.stop.clone(), sweeper.run(lost, ends.stop.clone()))
}
