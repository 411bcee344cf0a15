//! A nats-server of a test's own.

use std::path::PathBuf;

use jettimer::embedded::{Options, Server, default_cache_dir};
use tempfile::TempDir;

/// A nats-server with its own port and data; both stay the same over kills and restarts.
pub(crate) struct Broker {
    server: Server,
    _data: TempDir,
}

impl Broker {
    pub(crate) async fn start() -> Self {
        let data = TempDir::new().expect("a temporary directory");
        let server = Server::start(options(data.path().to_owned())).await.expect("nats-server starts");
        Self { server, _data: data }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// SIGKILL.
    pub(crate) async fn kill(&mut self) {
        self.server.kill().await.expect("nats-server is killed");
    }

    /// SIGSTOP: it hangs, and its connections stay open.
    pub(crate) fn pause(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    /// SIGCONT.
    pub(crate) fn resume(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = self.server.pid().try_into().ok().and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.expect("it runs"), signal).expect("a signal");
    }

    pub(crate) async fn restart(&mut self) {
        self.server.restart().await.expect("nats-server starts again");
    }

    /// A client of this server, for looking behind the curtain.
    pub(crate) async fn client(&self) -> async_nats::Client {
        async_nats::connect(self.url()).await.expect("nats-server takes clients")
    }
}

#[expect(clippy::disallowed_methods, reason = "where caches are is the system's setting")]
fn options(data_dir: PathBuf) -> Options {
    let var = |name| std::env::var_os(name);
    Options {
        data_dir,
        port: None,
        binary: var("JETTIMER_NATS_SERVER").map(PathBuf::from),
        cache_dir: default_cache_dir(var("XDG_CACHE_HOME"), var("HOME")),
        guard_exe: env!("CARGO_BIN_EXE_jettimer").into(),
    }
}
