//! A process of the run: started, signalled, killed, started again.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// A running process. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    pid: Pid,
}

impl Process {
    /// Starts it, with what it prints at the end of a file. It ends when whoever started it is gone, however that went.
    pub(crate) fn start(program: &Path, with: impl FnOnce(&mut Command), output: &Path) -> Self {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        with(&mut command);
        let file = OpenOptions::new().create(true).append(true).open(output).expect("a file for its output");
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a file"))
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .expect("setpriv, of util-linux, starts it");
        let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())).expect("it runs");
        Self { child, pid }
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal. It is not waited for, so its pid is not anybody else's.
    pub(crate) fn signal(&self, signal: Signal) {
        // One that has ended by itself is found out by `runs`.
        let _ = kill_process(self.pid, signal);
    }

    /// SIGKILL, and waits until it is gone.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("it is killed");
    }

    /// SIGTERM, and waits until it is gone; says whether that came about in time, or it had to be killed.
    pub(crate) async fn terminate(mut self, within: Duration) -> bool {
        self.signal(Signal::TERM);
        let ended = timeout(within, self.child.wait()).await.is_ok();
        if !ended {
            self.kill().await;
        }
        ended
    }
}
