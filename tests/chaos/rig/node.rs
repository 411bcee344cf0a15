//! One node of jettimer: a process with its own clock and network.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::Command;
use tokio::sync::Mutex;

use super::process::Process;
use crate::history::{ClockSet, Ended};
use crate::record::Record;
use crate::support::{WrongClock, now_micros};

/// How long an orderly stop may take, in seconds: the node's calls take 3 s at most, and storing their outcomes may take a
/// change of leader. A node that takes longer is killed, and its timers may be unknown.
const STOPS_WITHIN: Duration = Duration::from_secs(15);

/// A node, which may be down at the moment.
pub(crate) struct Node {
    program: PathBuf,
    index: usize,
    args: Vec<String>,
    clock: WrongClock,
    output: PathBuf,
    record: Record,
    process: Mutex<Option<Running>>,
}

struct Running {
    process: Process,
    name: String,
}

impl Node {
    /// Starts the node.
    pub(crate) async fn start(
        program: &Path,
        index: usize,
        args: Vec<String>,
        run: &Path,
        record: Record,
    ) -> Self {
        let node = Self {
            program: program.to_owned(),
            index,
            args,
            clock: WrongClock::ahead(0),
            output: run.join(format!("node-{index}.log")),
            record,
            process: Mutex::default(),
        };
        node.up().await;
        node
    }

    /// Starts the node if it does not run. Each process has its own name, which its claims show.
    pub(crate) async fn up(&self) {
        let mut running = self.process.lock().await;
        if let Some(running) = &mut *running {
            if running.process.runs() {
                return;
            }
            self.ended(&running.name, Ended::Died(now_micros()));
        }
        let name = self.record.life(self.index, |before| format!("node-{}.{before}", self.index));
        let with = |command: &mut Command| {
            command.arg("serve").args(&self.args).args(["--node-name", &name]).envs(self.clock.env());
            // All processes of this node share the journal.
            command.arg("--journal-dir").arg(self.output.with_extension("journal"));
        };
        let process = Process::start(&self.program, with, &self.output);
        *running = Some(Running { process, name });
    }

    /// SIGKILL.
    pub(crate) async fn kill(&self) {
        if let Some(running) = self.process.lock().await.take() {
            running.process.kill().await;
            self.ended(&running.name, Ended::Killed(now_micros()));
        }
    }

    /// SIGTERM.
    pub(crate) async fn terminate(&self) {
        if let Some(running) = self.process.lock().await.take() {
            let in_order = running.process.terminate(STOPS_WITHIN).await;
            let at = now_micros();
            self.ended(&running.name, if in_order { Ended::Stopped(at) } else { Ended::Killed(at) });
        }
    }

    /// SIGSTOP or SIGCONT.
    pub(crate) async fn signal(&self, signal: Signal) {
        if let Some(running) = &*self.process.lock().await {
            running.process.signal(signal);
        }
    }

    /// Sets its clock this far ahead of this machine's.
    pub(crate) fn set_clock(&self, ahead_ms: i64) {
        let after = now_micros();
        self.clock.set(ahead_ms);
        let before = now_micros();
        self.record.clock(ClockSet { node: self.index, after, before, ahead_us: ahead_ms * 1_000 });
    }

    /// Whether the node runs; notes it if the node has ended by itself.
    pub(crate) async fn runs(&self) -> bool {
        let mut running = self.process.lock().await;
        let Some(current) = &mut *running else { return false };
        let runs = current.process.runs();
        if !runs {
            self.ended(&current.name, Ended::Died(now_micros()));
            *running = None;
        }
        runs
    }

    /// The file with its output.
    pub(crate) fn output(&self) -> &Path {
        &self.output
    }

    fn ended(&self, name: &str, how: Ended) {
        self.record.ended(name, how);
    }
}
