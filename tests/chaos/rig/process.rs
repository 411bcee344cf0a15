//! A process of the run, which faults can signal, kill and start again.

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
    /// Starts the program, and appends its output to a file. It ends when the process that started it is gone, for whatever reason.
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

    /// Sends a signal. The run has not waited for the process yet, so its pid cannot belong to another process.
    pub(crate) fn signal(&self, signal: Signal) {
        // `runs` finds a process that has ended by itself.
        let _ = kill_process(self.pid, signal);
    }

    /// SIGKILL; returns once the process is gone.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("it is killed");
    }

    /// SIGTERM; returns, once the process is gone, whether it ended in time or had to be killed.
    pub(crate) async fn terminate(mut self, within: Duration) -> bool {
        self.signal(Signal::TERM);
        let ended = timeout(within, self.child.wait()).await.is_ok();
        if !ended {
            self.kill().await;
        }
        ended
    }
}
