//! A `jettimer dev` process with its own nats-server.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::{Client, PATIENCE};

/// A running `jettimer dev`. Dropping it kills it and its nats-server.
pub(crate) struct Dev {
    child: Child,
    client: Client,
    welcome: String,
}

/// The command that starts `jettimer dev` on a directory.
pub(crate) fn command(data_dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jettimer"));
    command
        .args(["dev", "--log", "warn", "--data-dir"])
        .arg(data_dir)
        .args(if args.contains(&"--listen") { &[][..] } else { &["--listen", "127.0.0.1:0"] })
        .args(args)
        .kill_on_drop(true);
    command
}

impl Dev {
    /// Starts `jettimer dev` and waits until it has printed its address.
    pub(crate) async fn start(data_dir: &Path, args: &[&str]) -> Self {
        let mut child = command(data_dir, args).stdout(Stdio::piped()).spawn().expect("jettimer starts");
        let mut lines = BufReader::new(child.stdout.take().expect("standard output")).lines();
        let mut welcome = String::new();
        let reading = async {
            while let Some(line) = lines.next_line().await.expect("text") {
                welcome += &line;
                welcome.push('\n');
                if line.contains("Ctrl-C stops it") {
                    return;
                }
            }
            panic!("jettimer dev ended before it was ready: {welcome}");
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("dev gets ready");
        let (_, address) = welcome.split_once("ready at http://").expect("its address");
        let address = address.lines().next().expect("an address").trim().to_owned();
        Self { child, client: Client::new(&address), welcome }
    }

    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// The text that it printed at its start.
    pub(crate) fn welcome(&self) -> &str {
        &self.welcome
    }

    /// SIGKILL; returns once the process is gone.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("jettimer is killed");
    }

    /// Ctrl-C; returns the exit code.
    pub(crate) async fn interrupt(mut self) -> Option<i32> {
        let pid = self.child.id().and_then(|pid| rustix::process::Pid::from_raw(pid.try_into().ok()?));
        rustix::process::kill_process(pid.expect("it runs"), rustix::process::Signal::INT).expect("a signal");
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("Ctrl-C stops it");
        status.expect("a status").code()
    }
}
