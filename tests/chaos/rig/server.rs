//! A nats-server: the only one, or one of three.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::Command;
use tokio::sync::Mutex;

use super::config::config;
use super::disk::Disk;
use super::net::Net;
use super::process::Process;
use super::secrets::Secrets;
use crate::plan::Profile;

/// How long an orderly stop may take, in seconds: no longer than an orchestrator waits.
const STOPS_WITHIN: Duration = Duration::from_secs(10);

/// A nats-server, which may be down at the moment.
pub(crate) struct Server {
    /// The server's name in the cluster.
    pub(crate) name: String,
    binary: PathBuf,
    config: PathBuf,
    log: PathBuf,
    data: PathBuf,
    process: Mutex<Option<Process>>,
    disk: Result<Disk, String>,
}

impl Server {
    /// Writes the server's configuration and starts it, if needed on a disk that a fault can fill.
    pub(crate) async fn start(
        net: &Net,
        secrets: &Secrets,
        profile: Profile,
        binary: &Path,
        run: &Path,
        index: usize,
        small_disk: bool,
    ) -> Self {
        let name = name(index);
        let directory = run.join(&name);
        std::fs::create_dir_all(&directory).expect("a directory");
        let data = directory.join("data");
        let disk = if small_disk { Disk::mount(&data) } else { Err("not needed".to_owned()) };
        // Next to the files that it includes.
        let config_file = run.join(format!("{name}.conf"));
        std::fs::write(&config_file, config(net, secrets, profile, index, &data)).expect("a file");
        let binary = binary.to_owned();
        let server = Self {
            name,
            binary,
            config: config_file,
            log: directory.join("log"),
            data,
            process: Mutex::default(),
            disk,
        };
        server.up().await;
        server
    }

    /// Starts the server if it does not run.
    pub(crate) async fn up(&self) {
        let mut process = self.process.lock().await;
        if !process.as_mut().is_some_and(Process::runs) {
            let with = |command: &mut Command| {
                command.arg("-c").arg(&self.config);
            };
            *process = Some(Process::start(&self.binary, with, &self.log));
        }
    }

    /// SIGKILL.
    pub(crate) async fn kill(&self) {
        if let Some(process) = self.process.lock().await.take() {
            process.kill().await;
        }
    }

    /// SIGTERM.
    pub(crate) async fn terminate(&self) {
        if let Some(process) = self.process.lock().await.take() {
            process.terminate(STOPS_WITHIN).await;
        }
    }

    /// SIGSTOP or SIGCONT.
    pub(crate) async fn signal(&self, signal: Signal) {
        if let Some(process) = &*self.process.lock().await {
            process.signal(signal);
        }
    }

    /// The directory of its data.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Its disk, if a fault can fill that, or the reason why not.
    pub(crate) fn disk(&self) -> Result<&Disk, &str> {
        self.disk.as_ref().map_err(String::as_str)
    }
}

/// The server's name in the cluster.
pub(super) fn name(index: usize) -> String {
    format!("nats-{}", index + 1)
}
