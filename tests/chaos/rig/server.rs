//! One of three nats-servers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::Command;
use tokio::sync::Mutex;

use super::disk::Disk;
use super::net::Net;
use super::process::Process;
use super::secrets::Secrets;
use crate::plan::SERVERS;

/// How long it may take to stop in order, in seconds: no longer than an orchestrator waits.
const STOPS_WITHIN: Duration = Duration::from_secs(10);

/// What production runs.
const PROFILE: &str = include_str!("../../../nats/cluster.conf");

/// A nats-server, which may be down at the moment.
pub(crate) struct Server {
    /// As the cluster knows it.
    pub(crate) name: String,
    binary: PathBuf,
    config: PathBuf,
    log: PathBuf,
    process: Mutex<Option<Process>>,
    disk: Result<Disk, String>,
}

impl Server {
    /// Writes its configuration and starts it; on a disk that can be filled if that is needed.
    pub(crate) async fn start(
        net: &Net,
        secrets: &Secrets,
        binary: &Path,
        run: &Path,
        index: usize,
        small_disk: bool,
    ) -> Self {
        let name = name(index);
        let directory = run.join(&name);
        std::fs::create_dir_all(&directory).expect("a directory");
        let disk =
            if small_disk { Disk::mount(&directory.join("data")) } else { Err("not needed".to_owned()) };
        // Beside the files that it includes.
        let config_file = run.join(format!("{name}.conf"));
        std::fs::write(&config_file, config(net, secrets, index, &directory.join("data"))).expect("a file");
        let binary = binary.to_owned();
        let server = Self {
            name,
            binary,
            config: config_file,
            log: directory.join("log"),
            process: Mutex::default(),
            disk,
        };
        server.up().await;
        server
    }

    /// Starts it if it does not run.
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

    /// Its disk, if that can be filled, or why it cannot.
    pub(crate) fn disk(&self) -> Result<&Disk, &str> {
        self.disk.as_ref().map_err(String::as_str)
    }
}

/// The production profile, with other addresses and files: clients and other servers come through links, so none is told
/// any other way.
fn config(net: &Net, secrets: &Secrets, index: usize, store: &Path) -> String {
    // One way between each two, and itself, since JetStream wants a route in the file; a server skips the one to itself.
    let routes: Vec<String> = (index..SERVERS)
        .map(|other| if other == index { net.route(other) } else { net.route_link(index, other) })
        .map(|address| format!("\"tls://{address}\""))
        .collect();
    let mut config = PROFILE.to_owned();
    let mut set = |from: &str, to: String| {
        assert!(config.contains(from), "nats/cluster.conf has no {from}");
        config = config.replace(from, &to);
    };
    set("$NATS_SERVER_NAME", name(index));
    set("port: 4222", format!("listen: \"{}\"", net.server(index)));
    set("http: \"127.0.0.1:8222\"", String::new());
    let route = net.route(index);
    set("port: 6222", format!("listen: \"{route}\"\n  no_advertise: true\n  advertise: \"127.0.0.1:1\""));
    for file in ["cert.pem", "key.pem", "ca.pem"] {
        set(&format!("\"/etc/nats/secrets/{file}\""), format!("{:?}", secrets.file(file)));
    }
    set("store_dir: /data", format!("store_dir: {store:?}"));
    set("max_file_store: 10GB", "max_file_store: 1GB".to_owned());
    let (before, rest) = config.split_once("routes: [").expect("routes");
    let (_, after) = rest.split_once(']').expect("routes");
    format!("{before}routes: [{}]{after}", routes.join(", "))
}

/// As the cluster knows it.
fn name(index: usize) -> String {
    format!("nats-{}", index + 1)
}
