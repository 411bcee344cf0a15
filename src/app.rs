//! One node, from its start to its orderly end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::access::Permissions;
use crate::alarm::Alarm;
use crate::api::{self, Api, ConnectionLimits, Inbox};
use crate::clock::Clock;
use crate::config::{Broker, Dev, Embedded, Node, Role, Serve};
use crate::dev;
use crate::dispatch;
use crate::durability::{Sync, Watch};
use crate::embedded;
use crate::engine::{Engine, Worker};
use crate::finder::Finder;
use crate::heartbeat::Heartbeat;
use crate::metrics::{Metrics, Parts};
use crate::nats::{Access, Backlog, Link, Shape, Store, Streams, Wakes};
use crate::presence;
use crate::receivers::Receivers;
use crate::shutdown::Signals;
use crate::sweep::Sweeper;
use crate::webhook::{Caller, Settings};
use crate::{crypto, nats, welcome};

/// How long outcomes may take to be stored after the last call has been given up.
const STORE_GRACE: Duration = Duration::from_secs(5);

/// Where the cache of an installed nats-server is, as the environment has it.
#[derive(Debug)]
pub struct Places {
    /// For an installed nats-server.
    pub cache_dir: Option<PathBuf>,
    /// This executable.
    pub executable: PathBuf,
}

/// Runs `jettimer dev` until it is told to stop.
///
/// # Errors
///
/// Why it could not start, or what broke.
pub async fn dev(dev: Dev, places: Places) -> Result<()> {
    let mut signals = Signals::listen()?;
    let permissions = dev.access.optional()?;
    let mut targets = dev.node.calls(true)?;
    let data_dir = dev.embedded.data_dir.clone();
    if dev.reset {
        welcome::removed(&data_dir, &embedded::reset(&data_dir).await?);
    }
    let clock = dev::clock(&data_dir, dev.time_scale)?;
    let starting = Box::pin(async {
        let (broker, mut access) = own_broker(dev.embedded, &dev.node, places).await?;
        access.clock = clock;
        let secret_file = dev::sign(&mut targets, &data_dir)?;
        let inbox = Some(Inbox::new(targets.secrets.clone(), access.clock));
        let shape = dev.node.shape(1, None);
        let setup = Setup { role: Role::All, permissions, targets, access, shape, inbox };
        let node = Running::start(dev.node, setup).await?;
        anyhow::Ok((node, broker, secret_file))
    });
    let (node, broker, secret_file) = unless_told_to_stop(starting, &mut signals).await?;
    welcome::print(node.address, secret_file.as_deref(), clock);
    node.until(&mut signals, Some(broker)).await
}

/// Runs `jettimer serve` until it is told to stop.
///
/// # Errors
///
/// Why it could not start, or what broke.
pub async fn serve(serve: Serve, places: Places) -> Result<()> {
    let mut signals = Signals::listen()?;
    // A node that only works has nothing to let anybody into, but its metrics.
    let permissions = if serve.role.serves() { serve.access.required() } else { serve.access.optional() }?;
    let targets = serve.node.calls(false)?;
    let starting = Box::pin(async {
        let shape = serve.node.shape(serve.broker.replicas, serve.broker.durability);
        let (broker, access) = if serve.broker.nats.is_empty() {
            if shape.replicas > 1 {
                bail!("--replicas needs a cluster of NATS servers: name them with --nats");
            }
            dev::refuse_scaled(&serve.embedded.data_dir)?;
            let (broker, access) = own_broker(serve.embedded, &serve.node, places).await?;
            (Some(broker), access)
        } else {
            (None, access(serve.broker, &serve.node))
        };
        let setup = Setup { role: serve.role, permissions, targets, access, shape, inbox: None };
        let node = Running::start(serve.node, setup).await?;
        anyhow::Ok((node, broker))
    });
    let (node, broker) = unless_told_to_stop(starting, &mut signals).await?;
    tracing::info!(listen = %node.address, role = ?serve.role, node = node.name, "ready");
    node.until(&mut signals, broker).await
}

/// Starting may take as long as NATS is waited for.
async fn unless_told_to_stop<T>(
    starting: impl Future<Output = Result<T>>,
    signals: &mut Signals,
) -> Result<T> {
    tokio::select! {
        started = starting => started,
        signal = signals.next() => bail!("told to stop by {signal} before it was ready"),
    }
}

fn access(broker: Broker, node: &Node) -> Access {
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

/// A nats-server of our own, kept running by a task.
struct OwnBroker {
    stop: CancellationToken,
    task: JoinHandle<Result<(), embedded::Error>>,
}

async fn own_broker(own: Embedded, node: &Node, places: Places) -> Result<(OwnBroker, Access)> {
    let server = embedded::Server::start(embedded::Options {
        data_dir: own.data_dir,
        config: embedded::DEV_CONFIG.to_owned(),
        port: own.nats_port,
        binary: own.nats_server,
        cache_dir: places.cache_dir,
        guard_exe: places.executable,
    })
    .await?;
    let url = server.url();
    tracing::info!(%url, pid = server.pid(), log = %server.log_path().display(), "nats-server runs");
    let servers = vec![url.parse().with_context(|| format!("{url} is no NATS address"))?];
    // JetStream may still be recovering a large store when the port is open.
    let wait = Duration::from_secs(30);
    let own_sync = Some(Sync::Every(embedded::DEV_SYNC_INTERVAL));
    let access = Access { servers, wait, own_sync, name: node.name(), ..Access::default() };
    let stop = CancellationToken::new();
    let task = tokio::spawn(embedded::supervise(server, stop.clone().cancelled_owned()));
    Ok((OwnBroker { stop, task }, access))
}

/// What a node is started with beside its settings.
struct Setup {
    role: Role,
    permissions: Permissions,
    targets: Settings,
    access: Access,
    shape: Shape,
    inbox: Option<Inbox>,
}

/// A node that has started.
struct Running {
    address: SocketAddr,
    name: String,
    link: Link,
    stop: CancellationToken,
    abort: CancellationToken,
    /// This node has no call in progress any more, and others may have its share.
    gone: CancellationToken,
    drain_timeout: Duration,
    api: JoinHandle<()>,
    worker: JoinHandle<()>,
    heartbeat: JoinHandle<()>,
    sweeper: JoinHandle<()>,
}

impl Running {
    async fn start(node: Node, setup: Setup) -> Result<Self> {
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
        let store = Store::new(link.clone(), node.retention);
        let engine = Engine::new(store, wakes.clone(), clock, &name, node.retry.policy(), metrics.clone());

        let stop = CancellationToken::new();
        let durability = Watch::new(link.clone(), shape.durability, shape.replicas, access.own_sync);
        tokio::spawn(durability.clone().run(stop.clone()));
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
        let sweeper = Sweeper::new(link.clone(), clock, shape, instance, &name, settings, metrics.clone());
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

    /// Runs until a signal comes, then stops in order: take nothing new, finish calls, hand back.
    async fn until(mut self, signals: &mut Signals, broker: Option<OwnBroker>) -> Result<()> {
        let signal = tokio::select! {
            signal = signals.next() => signal,
            ended = &mut self.api => bail!("the HTTP server has ended by itself: {ended:?}"),
            ended = &mut self.worker => bail!("the worker has ended by itself: {ended:?}"),
        };
        tracing::info!(signal, "stopping: finishing calls in progress, for at most {:?}", self.drain_timeout);
        self.stop.cancel();
        let stopped = tokio::select! {
            stored = self.finish() => stored,
            signal = signals.next() => {
                tracing::warn!(signal, "stopping at once; calls in progress become unknown");
                false
            }
        };
        self.gone.cancel();
        if let Err(error) = self.heartbeat.await {
            tracing::warn!(%error, "other nodes were not told that this one has left");
        }
        if let Err(error) = self.sweeper.await {
            tracing::warn!(%error, "the sweep did not stop in order");
        }
        self.link.flush().await;
        if let Some(broker) = broker {
            broker.stop.cancel();
            match broker.task.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "nats-server did not stop in order"),
                Err(error) => tracing::warn!(%error, "nats-server was not watched to its end"),
            }
        }
        if !stopped {
            bail!("stopped before every outcome was stored");
        }
        tracing::info!("stopped");
        Ok(())
    }

    /// Waits for the calls in progress; gives them up at the deadline, and then waits until what came
    /// of them is stored. Says whether it was.
    async fn finish(&mut self) -> bool {
        let mut stored = true;
        if tokio::time::timeout(self.drain_timeout, &mut self.worker).await.is_err() {
            tracing::warn!("giving up the calls that are still in progress");
            self.abort.cancel();
            if tokio::time::timeout(STORE_GRACE, &mut self.worker).await.is_err() {
                tracing::error!(
                    "not every outcome could be stored; those timers are found when their leases end"
                );
                stored = false;
            }
        }
        if let Err(error) = (&mut self.api).await {
            tracing::warn!(%error, "the HTTP server did not stop in order");
        }
        stored
    }
}
