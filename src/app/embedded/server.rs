//! One nats-server on one data directory, as the rest of jettimer sees it.
//!
//! It does not restart by itself: [`supervise`](super::supervise()) starts it again, or a test by [`Server::restart`].

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use tokio::fs;

use super::error::Error;
use super::layout::Layout;
use super::process::Process;
use super::protocol::Order;
use super::provision::provision;
use super::ready;

/// The configuration that development and the tests share.
pub const DEV_CONFIG: &str = include_str!("../../../nats/dev.conf");

/// How often nats-server syncs acknowledged writes to the disk, as [`DEV_CONFIG`] says.
pub const DEV_SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// Mode of a new data directory: no other user of the machine may read the payloads and secrets of timers.
const DATA_DIR_MODE: u32 = 0o700;

/// How to run a nats-server.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory for all of its files; created if it does not exist.
    pub data_dir: PathBuf,
    /// The text of its configuration: [`DEV_CONFIG`], or that and more. Included files are looked for in `data_dir`.
    pub config: String,
    /// The port on the loopback interface; `None` for any free one.
    pub port: Option<u16>,
    /// The nats-server to run; `None` to find or install one.
    pub binary: Option<PathBuf>,
    /// The directory of an installed nats-server (see [`default_cache_dir`](super::default_cache_dir)); `None` for a
    /// place in the data directory.
    pub cache_dir: Option<PathBuf>,
    /// The jettimer executable, which answers [`guard::SUBCOMMAND`](super::guard::SUBCOMMAND).
    pub guard_exe: PathBuf,
}

/// A nats-server that was started here. Dropping it stops it too, but without waiting for its end.
#[derive(Debug)]
pub struct Server {
    binary: PathBuf,
    guard_exe: PathBuf,
    layout: Layout,
    port: u16,
    process: Process,
}

impl Server {
    /// Starts nats-server, and returns once it takes clients.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let Options { data_dir, config, port, binary, cache_dir, guard_exe } = options;
        let data_dir =
            std::path::absolute(&data_dir).map_err(Error::file("find the data directory", &data_dir))?;
        let layout = Layout::new(data_dir);
        prepare(&layout, &config).await?;
        let cache_dir = cache_dir.unwrap_or_else(|| layout.data_dir().join("cache"));
        let binary = provision(binary.as_deref(), &cache_dir).await?;
        let mut process = Process::launch(&guard_exe, &binary, &layout, port).await?;
        let port = ready_or_stopped(&mut process, &layout).await?;
        Ok(Self { binary, guard_exe, layout, port, process })
    }

    /// The URL for a NATS client. It stays the same over restarts.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The pid of nats-server itself, not of its guard. Each restart changes it.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub fn log_path(&self) -> &Path {
        self.process.log().path()
    }

    /// The last warnings and errors that nats-server logged since it was started, for a person to read.
    pub fn complaints(&self) -> String {
        self.process.log().complaints()
    }

    /// Waits until nats-server is gone, for any reason. Safe to cancel.
    pub async fn exited(&mut self) -> Result<ExitStatus, Error> {
        self.process.exited().await
    }

    /// Stops nats-server: SIGTERM, and SIGKILL after [`guard::STOP_GRACE`](super::guard::STOP_GRACE).
    pub async fn stop(&mut self) -> Result<ExitStatus, Error> {
        self.process.end(Order::Stop).await
    }

    /// Ends nats-server by SIGKILL, as a crash would. Its data stays.
    pub async fn kill(&mut self) -> Result<(), Error> {
        self.process.end(Order::Kill).await.map(drop)
    }

    /// Starts nats-server again on the same data and port; stops it first if it runs. If this fails, or is cancelled,
    /// no nats-server runs, and it may be called again.
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.stop().await?;
        self.process = Process::launch(&self.guard_exe, &self.binary, &self.layout, Some(self.port)).await?;
        self.port = ready_or_stopped(&mut self.process, &self.layout).await?;
        Ok(())
    }
}

/// Creates a data directory, unless it exists.
///
/// # Errors
///
/// If it cannot be created.
pub fn create_data_dir(dir: &Path) -> Result<(), Error> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(DATA_DIR_MODE)
        .create(dir)
        .map_err(Error::file("create the data directory", dir))
}

async fn prepare(layout: &Layout, text: &str) -> Result<(), Error> {
    create_data_dir(layout.data_dir())?;
    let config = layout.config();
    fs::write(&config, text).await.map_err(Error::file("write", &config))
}

async fn ready_or_stopped(process: &mut Process, layout: &Layout) -> Result<u16, Error> {
    let ready = ready::port(process, &layout.ports()).await;
    if ready.is_err() {
        process.end(Order::Stop).await?;
    }
    ready
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_the_configuration() {
        let line = format!("    sync_interval: {}\n", humantime::format_duration(DEV_SYNC_INTERVAL));
        assert!(DEV_CONFIG.contains(&line), "{line}");
    }
}
