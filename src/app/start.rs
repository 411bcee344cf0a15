//! A node starts: each part is made once here, and given to the parts that use it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::{installation, journal};
use crate::api::access::Permissions;
use crate::api::{self, Api, ConnectionLimits, Inbox};
use crate::app::config::{Node, Role};
use crate::foundation::clock::Reference;
use crate::foundation::crypto;
use crate::foundation::metrics::{Metrics, Parts, Task};
use crate::foundation::tasks::{Kept, Tasks};
use crate::nats;
use crate::nats::{Access, Backlog, FeedHub, Founder, Keeping, Link, Shape, Stay, Store, Streams, Wakes};
use crate::node::alarm::Alarm;
use crate::node::dispatch::{self, Line};
use crate::node::durability::Watch;
use crate::node::engine::{self, Claims, Engine, Holds, Memory, Postponing, Worker};
use crate::node::finder::Finder;
use crate::node::guard::{self, Guard};
use crate::node::heartbeat::{self, Heartbeat};
use crate::node::places::Places;
use crate::node::receivers::Receivers;
use crate::node::room::Keeper;
use crate::node::sweep::{Means, Sweeper};
use crate::webhook::{Caller, Settings};
use rules::domain::high_water::covered_after;
use rules::policy::Others;
use rules::presence::{self, Digest, Life};

/// Connections of health checks if these have a listener of their own: an orchestrator, a balancer and a few people make a
/// handful.
const HEALTH_CONNECTIONS: usize = 32;

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

async fn bind(address: SocketAddr, option: &str) -> Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.with_context(|| format!("cannot listen on {address}: choose another address with {option}"))
}

/// A node that has started.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) name: String,
    pub(super) link: Link,
    pub(super) stop: CancellationToken,
    pub(super) abort: CancellationToken,
    /// Cancelled when the node takes no more connections.
    pub(super) closed: CancellationToken,
    /// Cancelled when this node has no call in progress, so that others may have its share.
    pub(super) gone: CancellationToken,
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
        let Setup {
            role,
            permissions,
            targets,
            access,
            shape,
            inbox,
            own_store,
            journal_dir,
            metrics,
            tasks,
        } = setup;
        crypto::install();
        let rules = node.receivers.rules()?;
        // A web page cannot make a browser send a token that it does not have.
        let is_open_dev = inbox.is_some() && permissions.is_open();
        let hosts = if is_open_dev { node.hosts.clone().checked() } else { node.hosts.clone() };
        // Before the node connects anywhere, so that a port in use costs nothing.
        let listener = bind(node.listen, "--listen").await?;
        let for_health = match node.health_listen {
            Some(address) => Some(bind(address, "--health-listen").await?),
            None => None,
        };
        let address = listener.local_addr().context("the listening socket has no address")?;
        let name = access.name.clone();
        let clock = access.clock;
        let link = nats::connect(&access, &metrics).await?;
        let instance = Uuid::new_v4();
        let itself = presence::Node {
            instance,
            name: name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            role: role.told(),
            setup: Some(presence::Setup {
                rules: Digest::of(&crypto::sha256_hex(targets.policy.meaning().as_bytes())),
                access: role.serves().then(|| Digest::of(&permissions.digest())),
                dev: inbox.is_some(),
                installation: node.installation.clone(),
            }),
        };
        let file = journal_dir.as_ref().map(|dir| dir.join(guard::FILE));
        let founder = Founder {
            remembers: file.clone().filter(|file| guard::remembers_timers(file)),
            greeting: presence::Beat {
                node: itself.clone(),
                life: Life::Running,
                clock: clock.world(),
                seen: 0,
            },
        };
        let standing = Box::pin(nats::prepare(&link, shape, access.wait, &founder)).await?;
        installation::join(&link, node.installation.as_deref(), access.wait).await?;
        let wakes = Wakes::new(link.clone());
        // Nothing is known about the sweeps yet.
        let sweep_interval = node.sweep.sweep_interval;
        let stay = Stay::new(covered_after(Duration::ZERO, sweep_interval));
        let keeping = Keeping { retention: node.retention, until_swept: Some(stay.clone()) };
        let store = Store::new(link.clone(), keeping);
        let reference = Reference::new(node.max_clock_skew);
        let stay = Some((stay, sweep_interval));
        let guard = Guard::new(link.clone(), clock, metrics.clone(), reference.clone(), file, stay);
        let room = Keeper::new(link.clone(), own_store, metrics.clone());
        let means = engine::Means {
            store: store.clone(),
            wakes: wakes.clone(),
            guard: guard.clone(),
            room: room.clone(),
            clock,
        };
        let engine = Engine::new(means, &name, node.retry.policy(), metrics.clone());

        let stop = CancellationToken::new();
        let durability = Watch::new(link.clone(), shape.durability, shape.replicas, access.own_sync);
        tasks.keep(Task::Durability, stop.clone(), durability.clone().run(stop.clone()));
        tasks.keep(Task::Guard, stop.clone(), guard.clone().follow(stop.clone()));
        let [abort, closed, gone] = [(); 3].map(|()| CancellationToken::new());
        let receivers = Receivers::new(rules);
        let others = Others::default();
        let means = heartbeat::Means {
            link: link.clone(),
            clock,
            reference,
            receivers: receivers.clone(),
            others: others.clone(),
            guard: guard.clone(),
        };
        let heartbeat = Heartbeat::new(means, itself, stop.clone());
        // Before the first readiness check.
        heartbeat.ask_nats().await;
        tasks.keep(Task::Room, stop.clone(), room.clone().run(heartbeat.clone(), stop.clone()));
        let beating = tasks.keep(Task::Heartbeat, gone.clone(), heartbeat.clone().run(gone.clone()));
        let in_hand = TaskTracker::new();
        in_hand.close();
        if role.works() {
            let (journal, left) = journal::open(journal_dir, node.max_calls, &metrics);
            let claims = Claims::new(node.max_calls);
            metrics.work.limit_storing(claims.limit());
            let worker = Worker {
                caller: Caller::new(clock, &targets, &tasks)?,
                alarm: Alarm::start(clock, &tasks)?,
                others,
                receivers: receivers.clone(),
                calls: Places::new(node.max_calls),
                journal,
                claims,
                holds: Holds::default(),
                memory: Memory::new(node.max_held),
                postponing: Postponing::default(),
                stop: stop.clone(),
                abort: abort.clone(),
            };
            let hands = in_hand.clone();
            let work = dispatch::Work {
                engine: engine.clone(),
                wakes,
                line: Line::new(node.max_held),
                worker,
                tasks: tasks.clone(),
                in_hand: hands,
            };
            let run = dispatch::run(work, link.clone(), left);
            tasks.keep(Task::Worker, stop.clone(), in_hand.track_future(run));
        }
        let settings = node.sweep.settings(shape.event_retention, node.retention);
        let means = Means { link: link.clone(), store, guard, clock, shape, metrics: metrics.clone() };
        let sweeper = Sweeper::new(means, instance, &name, settings);
        let sweeper = sweeper.run(standing.has_lost_wakes(), stop.clone());
        let sweeper = tasks.keep(Task::Sweeper, stop.clone(), sweeper);
        let limits = ConnectionLimits {
            count: node.max_connections,
            per_address: node.max_connections_per_address,
            timeout: node.client_timeout,
            idle: node.idle_timeout,
        };
        let finder = indexes(&node, role).then(|| {
            Finder::start(link.clone(), clock, node.index_limit, node.retention, &tasks, stop.clone())
        });
        let feed = (!shape.event_retention.is_zero()).then(|| Arc::new(Semaphore::new(api::MAX_READERS)));
        metrics.feed.limit(feed.as_ref().map_or(0, |_| api::MAX_READERS));
        let hub = FeedHub::new(link.clone());
        if role.serves() && feed.is_some() {
            tasks.keep(Task::Feed, stop.clone(), hub.clone().run(stop.clone()));
        }
        let answering = Api {
            finder,
            page: !node.no_ui,
            feed,
            hub,
            inbox,
            receivers,
            heartbeat,
            durability,
            room,
            works: role.works(),
            max_clock_skew: node.max_clock_skew,
            engine: role.serves().then_some(engine),
            permissions,
            origins: node.cors_origins,
            hosts,
            link: link.clone(),
            backlog: Arc::new(Backlog::new(link.clone())),
            streams: Arc::new(Streams::new(link.clone())),
            metrics: metrics.clone(),
            tasks: tasks.clone(),
            stop: stop.clone(),
            client_timeout: node.client_timeout,
            event_heartbeat: node.events.event_heartbeat,
            max_delay: node.max_delay,
            retry: node.retry.policy(),
            targets: targets.policy,
            max_body: node.max_body,
            memory: api::Budget::of_bodies(metrics.clone()),
            reads: api::Reads::default(),
            patience: node.request_timeout,
        };
        if let Some(listener) = for_health {
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
        let api = api::serve(listener, routes, limits, metrics, tasks.clone(), closed.clone());
        let api = tasks.keep(Task::Api, closed.clone(), api);
        let drain_timeout = node.drain_timeout;
        Ok(Self {
            address,
            name,
            link,
            stop,
            abort,
            closed,
            gone,
            drain_timeout,
            tasks,
            api,
            worker: in_hand,
            heartbeat: beating,
            sweeper,
        })
    }
}
