//! The part of a node that answers requests: its listeners, and the API with its index and its feed.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::shared::Shared;
use super::{Ends, Setup, indexes};
use crate::api::{self, Api, ConnectionLimits, Hosts};
use crate::app::config::Node;
use crate::foundation::metrics::Task;
use crate::foundation::tasks::Kept;
use crate::nats::{Backlog, FeedHub, Streams};
use crate::node::finder::Finder;

/// Connections of health checks if these have a listener of their own: an orchestrator, a balancer and a few people make a
/// handful.
const HEALTH_CONNECTIONS: usize = 32;

/// The listening sockets of a node.
pub(super) struct Listeners {
    pub(super) address: SocketAddr,
    api: TcpListener,
    /// The one of health checks, if they have their own.
    health: Option<TcpListener>,
}

impl Listeners {
    pub(super) async fn bind(node: &Node) -> Result<Self> {
        let api = bind(node.listen, "--listen").await?;
        let health = match node.health_listen {
            Some(address) => Some(bind(address, "--health-listen").await?),
            None => None,
        };
        let address = api.local_addr().context("the listening socket has no address")?;
        Ok(Self { address, api, health })
    }
}

async fn bind(address: SocketAddr, option: &str) -> Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.with_context(|| format!("cannot listen on {address}: choose another address with {option}"))
}

/// Starts the loops that answer requests. Returns the one of the API.
pub(super) fn start(node: &Node, setup: &Setup, shared: &Shared, listeners: Listeners, ends: &Ends) -> Kept {
    let limits = ConnectionLimits {
        count: node.max_connections,
        per_address: node.max_connections_per_address,
        timeout: node.client_timeout,
        idle: node.idle_timeout,
    };
    let (metrics, tasks, closed) = (&setup.metrics, &setup.tasks, &ends.closed);
    let answering = answering(node, setup, shared, ends);
    if let Some(listener) = listeners.health {
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, "health checks are answered here too");
        }
        let routes = api::health_routes(answering.clone());
        let limits = ConnectionLimits { count: HEALTH_CONNECTIONS, per_address: None, ..limits };
        let health = api::serve(listener, routes, limits, metrics.clone(), tasks.clone(), closed.clone());
        tasks.keep(Task::Health, closed.clone(), health);
    }
    metrics.http.limit_connections(limits.count);
    let routes = api::routes(answering);
    let api = api::serve(listeners.api, routes, limits, metrics.clone(), tasks.clone(), closed.clone());
    tasks.keep(Task::Api, closed.clone(), api)
}

/// The API of this node. Starts to fill its index and to follow the feed, if it has them.
fn answering(node: &Node, setup: &Setup, shared: &Shared, ends: &Ends) -> Api {
    let (link, role, stop) = (&shared.link, setup.role, &ends.stop);
    let finder = indexes(node, role).then(|| {
        let (limit, retention) = (node.index_limit, node.retention);
        Finder::start(link.clone(), shared.clock, limit, retention, &setup.tasks, stop.clone())
    });
    let hub = feed(node, setup, shared, ends);
    Api {
        finder,
        page: !node.no_ui,
        feed: Arc::new(Semaphore::new(api::MAX_READERS)),
        hub,
        inbox: setup.inbox.clone(),
        receivers: shared.receivers.clone(),
        heartbeat: shared.heartbeat.clone(),
        durability: shared.durability.clone(),
        room: shared.room.clone(),
        works: role.works(),
        max_clock_skew: node.max_clock_skew,
        engine: role.serves().then(|| shared.engine.clone()),
        permissions: setup.permissions.clone(),
        origins: node.cors_origins.clone(),
        hosts: hosts(node, setup),
        link: link.clone(),
        backlog: Arc::new(Backlog::new(link.clone())),
        streams: Arc::new(Streams::new(link.clone())),
        metrics: setup.metrics.clone(),
        tasks: setup.tasks.clone(),
        stop: stop.clone(),
        client_timeout: node.client_timeout,
        event_heartbeat: node.events.event_heartbeat,
        max_delay: node.max_delay,
        retry: node.retry.policy(),
        targets: setup.targets.policy.clone(),
        max_body: node.max_body,
        memory: api::Budget::of_bodies(setup.metrics.clone()),
        reads: api::Reads::default(),
        parsing: api::Parsing::default(),
        bulk_places: api::BulkPlaces::default(),
        patience: node.request_timeout,
    }
}

/// The feed, which a node that serves the API follows.
fn feed(node: &Node, setup: &Setup, shared: &Shared, ends: &Ends) -> FeedHub {
    setup.metrics.feed.limit(api::MAX_READERS);
    let hub = FeedHub::new(shared.link.clone(), node.retention);
    if setup.role.serves() {
        setup.tasks.keep(Task::Feed, ends.stop.clone(), hub.clone().run(ends.stop.clone()));
    }
    hub
}

/// The names by which clients may address the node. A web page cannot make a browser send a token that it does not have, so only an open
/// `dev` checks them without being told to.
fn hosts(node: &Node, setup: &Setup) -> Hosts {
    let is_open_dev = setup.inbox.is_some() && setup.permissions.is_open();
    if is_open_dev { node.hosts.clone().checked() } else { node.hosts.clone() }
}
