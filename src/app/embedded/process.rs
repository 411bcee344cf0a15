//! A running guard with its nats-server, as jettimer sees it: start it, give it orders, wait for its end.
//!
//! Whether nats-server is ready, and whether it is to be started again, is decided elsewhere. Dropping a [`Process`] closes the
//! pipe to the guard, which then stops nats-server without a caller that waits for it.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use tracing::{info, warn};

use super::error::Error;
use super::guard;
use super::layout::Layout;
use super::log::LogMark;
use super::orphan;
use super::protocol::{Order, Report};

/// How long the guard may take to report, in seconds: all of [`guard::LOCK_WAIT`], and then the start of two processes on a busy
/// machine.
const REPORT_WITHIN: Duration = guard::LOCK_WAIT.saturating_add(Duration::from_secs(12));

/// How long the guard may take to end after an order, in seconds: it kills nats-server itself after
/// [`guard::STOP_GRACE`], so only a guard that is stopped or gone takes longer.
const END_WITHIN: Duration = guard::STOP_GRACE.saturating_add(Duration::from_secs(3));

#[derive(Debug)]
pub(super) struct Process {
    guard: Child,
    orders: ChildStdin,
    pid: u32,
    layout: Layout,
    log: LogMark,
    /// Set once guard and nats-server are gone, so that the pid is not used again: it may then be another process's.
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts nats-server. The process runs when this returns, but does not listen yet.
    pub(super) async fn launch(
        guard_exe: &Path,
        binary: &Path,
        layout: &Layout,
        port: Option<u16>,
    ) -> Result<Self, Error> {
        let cannot = |reason: String| Error::Guard { exe: guard_exe.to_owned(), reason };
        let log_path = layout.log();
        let log = LogMark::at_end_of(log_path.clone());
        let log_file = std::fs::File::options().create(true).append(true).open(&log_path);

        let mut command = Command::new(guard_exe);
        command.arg(guard::SUBCOMMAND).arg("--binary").arg(binary).arg("--data-dir").arg(layout.data_dir());
        if let Some(port) = port {
            command.arg("--port").arg(port.to_string());
        }
        let mut guard = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log_file.map_err(Error::file("open the log", &log_path))?)
            // Keeps a Ctrl-C that is meant for jettimer away from the guard.
            .process_group(0)
            .spawn()
            .map_err(|error| cannot(error.to_string()))?;
        let (Some(orders), Some(reports)) = (guard.stdin.take(), guard.stdout.take()) else {
            return Err(cannot("it has no pipes".to_owned()));
        };

        let mut reports = BufReader::new(reports).lines();
        let report = match timeout(REPORT_WITHIN, last_report(&mut reports, layout)).await {
            Ok(report) => report.map_err(cannot)?,
            Err(_elapsed) => return Err(cannot(format!("it did not report within {REPORT_WITHIN:?}"))),
        };
        match report {
            Some(Report::Started(pid)) => {
                Ok(Self { guard, orders, pid, layout: layout.clone(), log, ended: None })
            }
            Some(Report::Failed(reason)) => Err(cannot(reason)),
            Some(Report::InUse | Report::Waiting) => {
                let pid =
                    std::fs::read_to_string(layout.pid()).ok().and_then(|text| text.trim().parse().ok());
                Err(Error::InUse { data_dir: layout.data_dir().to_owned(), pid })
            }
            None => Err(cannot(format!(
                "it ended without a report; {} says:\n{}",
                log_path.display(),
                log.complaints()
            ))),
        }
    }

    /// The pid of nats-server itself, not of its guard.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn log(&self) -> &LogMark {
        &self.log
    }

    /// Waits until nats-server is gone. The wait may be cancelled and started again.
    pub(super) async fn exited(&mut self) -> Result<ExitStatus, Error> {
        if let Some(status) = self.ended {
            return Ok(status);
        }
        let not_stopped =
            |error: std::io::Error| Error::NotStopped { pid: self.pid, reason: error.to_string() };
        let status = self.guard.wait().await.map_err(not_stopped)?;
        if status.signal().is_some() {
            // A signal killed the guard, so nats-server may still run.
            warn!(
                "the guard of nats-server was killed ({status}); ending the nats-server it left (pid {})",
                self.pid
            );
            orphan::end(&self.layout.lock(), self.pid).await?;
        }
        self.ended = Some(status);
        Ok(status)
    }

    /// Gives an order and waits until nats-server is gone. Returns at once if it is gone already.
    pub(super) async fn end(&mut self, order: Order) -> Result<ExitStatus, Error> {
        // A guard that is gone takes no orders, and needs no order.
        _ = self.orders.write_all(order.line().as_bytes()).await;
        if let Ok(ended) = timeout(END_WITHIN, self.exited()).await {
            return ended;
        }
        // Then `exited` sees a killed guard and ends nats-server without it. If the guard is already gone, there is
        // nothing to kill, and the same follows.
        _ = self.guard.start_kill();
        self.exited().await
    }
}

/// Reads up to the last report; `None` if the guard ended before it.
async fn last_report(
    reports: &mut Lines<BufReader<ChildStdout>>,
    layout: &Layout,
) -> Result<Option<Report>, String> {
    loop {
        let Some(line) = reports.next_line().await.map_err(|error| error.to_string())? else {
            return Ok(None);
        };
        match Report::parse(&line) {
            None => return Err(format!("it is not jettimer: it printed {line:?}")),
            Some(Report::Waiting) => {
                info!("waiting for the nats-server that still runs on {}", layout.data_dir().display());
            }
            last @ Some(Report::Started(_) | Report::Failed(_) | Report::InUse) => return Ok(last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn launch_failure(guard_exe: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path().to_owned());
        Process::launch(Path::new(guard_exe), Path::new("nats-server"), &layout, None)
            .await
            .unwrap_err()
            .to_string()
    }

    #[tokio::test]
    async fn an_executable_that_is_no_guard_is_told_apart() {
        assert!(launch_failure("echo").await.contains("it is not jettimer"));
        assert!(launch_failure("true").await.contains("it ended without a report"));
        assert!(launch_failure("/nonexistent/jettimer").await.contains("No such file"));
    }
}
