//! A node starts: each part is made once here, and given to whoever uses it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::access::Permissions;
use crate::alarm::Alarm;
use crate::api::{self, Api, ConnectionLimits, Inbox};
use crate::config::{Node, Role};
use crate::dispatch;
use crate::durability::Watch;
use crate::engine::{Engine, Worker};
use crate::finder::Finder;
use crate::guard::Guard;
use crate::heartbeat::Heartbeat;
use crate::metrics::{Metrics, Parts};
use crate::nats::{Access, Backlog, Keeping, Link, Shape, Store, Streams, Wakes};
use crate::presence;
use crate::receivers::Receivers;
use crate::sweep::Sweeper;
use crate::webhook::{Caller, Settings};
use crate::{crypto, nats};

/// On a single nats-server, the record of a timer that is over stays for this many sweep intervals at least. A sweep may be
/// cut off once, and the next one then leaves the high-water mark.
const SWEEPS: u32 = 3;

/// What a node is started with beside its settings.
pub(super) struct Setup {
    pub(super) role: Role,
    pub(super) permissions: Permissions,
    pub(super) targets: Settings,
    pub(super) access: Access,
    pub(super) shape: Shape,
    pub(super) inbox: Option<Inbox>,
}

/// A node that has started.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) name: String,
    pub(super) link: Link,
    pub(super) stop: CancellationToken,
    pub(super) abort: CancellationToken,
    /// This node has no call in progress any more, and others may have its share.
    pub(super) gone: CancellationToken,
    pub(super) drain_timeout: Duration,
    pub(super) api: JoinHandle<()>,
    pub(super) worker: JoinHandle<()>,
    pub(super) heartbeat: JoinHandle<()>,
    pub(super) sweeper: JoinHandle<()>,
}

impl Running {
    pub(super) async fn start(node: Node, setup: Setup) -> Result<Self> {
        let Setup { role, permissions, targets, access, shape, inbox } = setup;
        crypto::install();
        // Before anything is connected, so that a port in use costs nothing.
        let listener = TcpListener::bind(node.listen).await.with_context(|| {
            format!("cannot listen on {}: choose another address with --listen", node.listen)
        })?;
        let address = listener.local_addr().context("the listening socket has no address")?;
        let name = access.name.clone();
        let clock = access.clock;
        let parts = Parts {
            serves: role.serves(),
            works: role.works(),
            indexes: role.serves() && node.index_limit > 0,
        };
        let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION"), parts));
        metrics.work.limit(node.max_calls, node.max_held);
        let link = nats::connect(&access, &metrics).await?;
        let standing = nats::prepare(&link, shape, access.wait).await?;
        let wakes = Wakes::new(link.clone());
        let until_swept = (shape.replicas == 1).then(|| node.sweep.sweep_interval * SWEEPS);
        let keeping = Keeping { retention: node.retention, until_swept };
        let store = Store::new(link.clone(), keeping);
        let guard = Guard::new(link.clone(), clock, None);
        let engine = Engine::new(
            store.clone(),
            wakes.clone(),
            guard.clone(),
            clock,
            &name,
            node.retry.policy(),
            metrics.clone(),
        );

        let stop = CancellationToken::new();
        let durability = Watch::new(link.clone(), shape.durability, shape.replicas, access.own_sync);
        tokio::spawn(durability.clone().run(stop.clone()));
        tokio::spawn(guard.clone().follow(stop.clone()));
        let abort = CancellationToken::new();
        let gone = CancellationToken::new();
        let receivers = Receivers::new(node.receivers.rules());
        let instance = Uuid::new_v4();
        let itself = presence::Node {
            instance,
            name: name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            role: role.told(),
        };
        let heartbeat = Heartbeat::new(link.clone(), clock, receivers.clone(), itself, stop.clone());
        // Before it is asked whether it is ready.
        heartbeat.ask_nats().await;
        let beating = tokio::spawn(heartbeat.clone().run(gone.clone()));
        let worker = if role.works() {
            let worker = Worker {
                caller: Caller::new(clock, &targets)?,
                alarm: Alarm::start(clock)?,
                receivers: receivers.clone(),
                calls: Arc::new(Semaphore::new(node.max_calls)),
                stop: stop.clone(),
                abort: abort.clone(),
            };
            tokio::spawn(dispatch::run(engine.clone(), wakes, link.clone(), worker, node.max_held))
        } else {
            tokio::spawn(stop.clone().cancelled_owned())
        };
        let settings = node.sweep.settings(shape.event_retention, node.retention);
        let sweeper = Sweeper::new(
            link.clone(),
            clock,
            shape,
            instance,
            &name,
            settings,
            store,
            guard,
            metrics.clone(),
        );
        let sweeper = tokio::spawn(sweeper.run(standing.has_lost_wakes(), stop.clone()));
        let limits = ConnectionLimits { count: node.max_connections, timeout: node.client_timeout };
        let finder = parts
            .indexes
            .then(|| Finder::start(link.clone(), clock, node.index_limit, node.retention, stop.clone()));
        let feed = (!shape.event_retention.is_zero()).then(|| Arc::new(Semaphore::new(api::MAX_READERS)));
        metrics.feed.limit(feed.as_ref().map_or(0, |_| api::MAX_READERS));
        let routes = api::routes(Api {
            finder,
            page: !node.no_ui,
            feed,
            inbox,
            receivers,
            heartbeat,
            durability,
            max_clock_skew: node.max_clock_skew,
            engine: role.serves().then_some(engine),
            permissions,
            origins: node.cors_origins,
            link: link.clone(),
            backlog: Arc::new(Backlog::new(link.clone())),
            streams: Arc::new(Streams::new(link.clone())),
            metrics: metrics.clone(),
            stop: stop.clone(),
            client_timeout: node.client_timeout,
            event_heartbeat: node.events.event_heartbeat,
            max_delay: node.max_delay,
            retry: node.retry.policy(),
            targets: targets.policy,
            max_body: node.max_body,
            patience: node.request_timeout,
        });
        let api = tokio::spawn(api::serve(listener, routes, limits, metrics, stop.clone()));
        let drain_timeout = node.drain_timeout;
        Ok(Self {
            address,
            name,
            link,
            stop,
            abort,
            gone,
            drain_timeout,
            api,
            worker,
            heartbeat: beating,
            sweeper,
        })
    }
}
