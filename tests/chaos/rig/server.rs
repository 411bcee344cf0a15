//! One of three nats-servers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::Command;
use tokio::sync::Mutex;

use super::disk::Disk;
use super::net::Net;
use super::process::Process;
use crate::plan::SERVERS;

/// How long it may take to stop in order, in seconds: no longer than an orchestrator waits.
const STOPS_WITHIN: Duration = Duration::from_secs(10);

/// A nats-server, which may be down at the moment.
pub(crate) struct Server {
    /// As the cluster knows it.
    pub(crate) name: String,
    binary: PathBuf,
    directory: PathBuf,
    process: Mutex<Option<Process>>,
    disk: Result<Disk, String>,
}

impl Server {
    /// Writes its configuration and starts it; on a disk that can be filled if that is needed.
    pub(crate) async fn start(net: &Net, binary: &Path, run: &Path, index: usize, small_disk: bool) -> Self {
        let name = format!("nats-{}", index + 1);
        let directory = run.join(&name);
        std::fs::create_dir_all(&directory).expect("a directory");
        let disk =
            if small_disk { Disk::mount(&directory.join("data")) } else { Err("not needed".to_owned()) };
        std::fs::write(directory.join("nats.conf"), config(net, &name, index, &directory)).expect("a file");
        let binary = binary.to_owned();
        let server = Self { name, binary, directory, process: Mutex::default(), disk };
        server.up().await;
        server
    }

    /// Starts it if it does not run.
    pub(crate) async fn up(&self) {
        let mut process = self.process.lock().await;
        if !process.as_mut().is_some_and(Process::runs) {
            let config = self.directory.join("nats.conf");
            let with = |command: &mut Command| {
                command.arg("-c").arg(config);
            };
            *process = Some(Process::start(&self.binary, with, &self.directory.join("log")));
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

/// The production profile (`nats/cluster.conf`) with other addresses: clients and other servers come through links, so
/// none is told any other way.
fn config(net: &Net, name: &str, index: usize, directory: &Path) -> String {
    // One way between each two, and itself, since JetStream wants a route in the file; a server skips the one to itself.
    let routes: Vec<String> = (index..SERVERS)
        .map(|other| if other == index { net.route(other) } else { net.route_link(index, other) })
        .map(|address| format!("\"nats://{address}\""))
        .collect();
    format!(
        r#"server_name: {name}
listen: "{client}"
max_payload: 1MB
cluster {{
  name: jettimer
  listen: "{route}"
  advertise: "127.0.0.1:1"
  no_advertise: true
  routes: [{routes}]
}}
jetstream {{
  store_dir: "{store}"
  sync_interval: always
  max_file_store: 1GB
  max_memory_store: 64MB
}}
"#,
        client = net.server(index),
        route = net.route(index),
        routes = routes.join(", "),
        store = directory.join("data").display(),
    )
}
