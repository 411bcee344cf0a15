//! One node, from its start to its orderly end.

mod broker;
pub mod config;
pub mod descriptors;
pub mod dev;
pub mod embedded;
mod installation;
mod journal;
mod start;
mod stop;
mod welcome;

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::api::Inbox;
use crate::app::config::{Dev, Node, Role, Serve};
use crate::app::descriptors::Plan;
use crate::foundation::shutdown::Signals;
use crate::foundation::tasks::Tasks;

use broker::{OwnBroker, access};
use start::{Running, Setup, metrics};

/// Paths that `main` determines.
#[derive(Debug)]
pub struct Places {
    /// The cache of an installed nats-server.
    pub cache_dir: Option<PathBuf>,
    /// This executable, which is also the guard of an embedded nats-server.
    pub executable: PathBuf,
}

/// Runs `jettimer dev` until it is told to stop.
///
/// # Errors
///
/// The reason why it could not start, or what broke.
pub async fn dev(mut dev: Dev, places: Places) -> Result<()> {
    let mut signals = Signals::listen()?;
    fit(&mut dev.node)?;
    let permissions = dev.access.of_dev(dev.node.listen)?;
    let is_open = permissions.is_open();
    let mut targets = dev.node.calls(true)?;
    let data_dir = dev.embedded.data_dir.clone();
    if dev.reset {
        welcome::removed(&data_dir, &embedded::reset(&data_dir).await?);
    }
    let clock = dev::clock(&data_dir, dev.time_scale)?;
    let metrics = metrics(&dev.node, Role::All);
    let tasks = Tasks::new(metrics.clone());
    let starting = Box::pin(async {
        let (broker, mut access) = OwnBroker::start(dev.embedded, &dev.node, places, &tasks).await?;
        access.clock = clock;
        let secret_file = dev::sign(&mut targets, &data_dir)?;
        let inbox = Some(Inbox::new(targets.secrets.clone(), access.clock));
        let shape = dev.node.shape(1, None);
        let journal_dir = dev.node.journal.dir(&data_dir);
        let role = Role::All;
        let own_store = Some(data_dir.clone());
        let setup = Setup {
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
        };
        let node = Running::start(dev.node, setup).await?;
        anyhow::Ok((node, broker, secret_file))
    });
    let (node, broker, secret_file) = unless_told_to_stop(starting, &mut signals).await?;
    welcome::print(node.address, is_open, secret_file.as_deref(), clock);
    node.until(&mut signals, Some(broker)).await
}

/// Runs `jettimer serve` until it is told to stop.
///
/// # Errors
///
/// The reason why it could not start, or what broke.
pub async fn serve(mut serve: Serve, places: Places) -> Result<()> {
    let mut signals = Signals::listen()?;
    fit(&mut serve.node)?;
    // A node that only works has nothing to protect except its metrics.
    let permissions = if serve.role.serves() { serve.access.required() } else { serve.access.optional() }?;
    let targets = serve.node.calls(false)?;
    let metrics = metrics(&serve.node, serve.role);
    let tasks = Tasks::new(metrics.clone());
    let starting = Box::pin(async {
        let shape = serve.node.shape(serve.broker.replicas, serve.broker.durability.map(Into::into));
        let journal_dir = serve.node.journal.dir(&serve.embedded.data_dir);
        let own_store = serve.broker.nats.is_empty().then(|| serve.embedded.data_dir.clone());
        let (broker, access) = if serve.broker.nats.is_empty() {
            if shape.replicas > 1 {
                bail!("--replicas needs a cluster of NATS servers: name them with --nats");
            }
            dev::refuse_scaled(&serve.embedded.data_dir)?;
            let (broker, access) = OwnBroker::start(serve.embedded, &serve.node, places, &tasks).await?;
            (Some(broker), access)
        } else {
            (None, access(serve.broker, &serve.node))
        };
        let (role, inbox) = (serve.role, None);
        let setup = Setup {
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
        };
        let node = Running::start(serve.node, setup).await?;
        anyhow::Ok((node, broker))
    });
    let (node, broker) = unless_told_to_stop(starting, &mut signals).await?;
    tracing::info!(listen = %node.address, role = ?serve.role, node = node.name, "ready");
    node.until(&mut signals, broker).await
}

/// Limits the node's connections and calls to the number of files that this process may have open.
fn fit(node: &mut Node) -> Result<()> {
    let plan = Plan { connections: node.max_connections, calls: node.max_calls }.fitted()?;
    (node.max_connections, node.max_calls) = (plan.connections, plan.calls);
    Ok(())
}

/// Awaits `starting`, which may take as long as the node waits for NATS, unless a signal comes first.
async fn unless_told_to_stop<T>(
    starting: impl Future<Output = Result<T>>,
    signals: &mut Signals,
) -> Result<T> {
    tokio::select! {
        started = starting => started,
        signal = signals.next() => bail!("stopped by {signal} before the node was ready"),
    }
}
