//! Ends a nats-server whose guard was killed while jettimer lives on.
//!
//! This is the one place that signals a process that is not a child: the lock of the data directory shows that it still runs. A
//! nats-server that another jettimer left behind is reported and not touched.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

use super::error::Error;
use super::guard::STOP_GRACE;
use super::lock;

/// How long a killed nats-server may take to vanish, in seconds: the system has to release its memory and files.
const VANISH_WITHIN: Duration = Duration::from_secs(3);

/// Milliseconds between two looks at the lock.
const STEP: Duration = Duration::from_millis(50);

/// Sends SIGTERM, then SIGKILL; returns once the lock is free: at once if nats-server is already gone.
pub(super) async fn end(lock_path: &Path, pid: u32) -> Result<(), Error> {
    for (signal, wait) in [(Signal::TERM, STOP_GRACE), (Signal::KILL, VANISH_WITHIN)] {
        if is_free(lock_path)? {
            return Ok(());
        }
        if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
            // The process may end between the look at the lock and this line. In the end only the lock matters.
            _ = kill_process(pid, signal);
        }
        for _ in 0..wait.as_millis() / STEP.as_millis() {
            if is_free(lock_path)? {
                return Ok(());
            }
            sleep(STEP).await;
        }
    }
    Err(Error::NotStopped { pid, reason: format!("{} is still locked after SIGKILL", lock_path.display()) })
}

fn is_free(lock_path: &Path) -> Result<bool, Error> {
    lock::try_take(lock_path).map(|lock| lock.is_some()).map_err(Error::file("lock", lock_path))
}
