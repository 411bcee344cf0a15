//! The process between jettimer and nats-server, which ends nats-server when jettimer is gone.
//!
//! jettimer starts its own executable again as `jettimer nats-guard`. The guard starts nats-server and then
//! waits for whatever comes first: an order on its stdin, the end of its stdin (jettimer died, even by
//! SIGKILL), SIGTERM, or the end of nats-server. It shares a process group with nats-server and no other process,
//! so that Ctrl-C at the terminal reaches jettimer only, which needs NATS to finish its work.
//!
//! It restarts nothing, and it is plain threads and channels: no runtime, no logging, nothing that could fail
//! later.
//!
//! **Invariant:** nats-server is signalled before it is reaped, never after, so its pid cannot be someone
//! else's.

use std::fs;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::events::{self, Event};
use super::layout::Layout;
use super::lock;
use super::protocol::{Order, Report};

/// The hidden subcommand that the executable has to answer with [`run`].
pub const SUBCOMMAND: &str = "nats-guard";

/// How long nats-server may take to end after SIGTERM, in seconds. It writes out its state within one, even
/// with a large store, and what it cannot write out it rebuilds at the next start.
pub const STOP_GRACE: Duration = Duration::from_secs(5);

/// How long to wait for the lock of an earlier nats-server, in seconds: one that is stopping holds it no
/// longer than [`STOP_GRACE`], and then comes the time that the system takes to end a killed process.
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(8);

/// Milliseconds between two looks at the lock, and one step of the wait for a stopping nats-server.
pub(super) const STEP: Duration = Duration::from_millis(50);

/// The exit code when nats-server was never started. The reason is in the report.
const NOT_STARTED: u8 = 70;

/// Runs nats-server for as long as the jettimer that asked for it (not for people)
#[derive(Debug, clap::Args)]
pub struct GuardArgs {
    /// The nats-server to run: a path, or a name on PATH
    #[arg(long)]
    binary: PathBuf,
    /// The data directory, which must exist
    #[arg(long)]
    data_dir: PathBuf,
    /// The port to listen on; any free one if absent
    #[arg(long)]
    port: Option<u16>,
}

/// Runs nats-server to its end and passes on its exit code. To be called before a runtime or logging is set
/// up.
pub fn run(args: GuardArgs) -> ExitCode {
    match guard(&args) {
        Ok(Some(status)) => exit_code(status),
        Ok(None) => ExitCode::from(NOT_STARTED),
        Err(reason) => {
            report(&Report::Failed(reason));
            ExitCode::from(NOT_STARTED)
        }
    }
}

/// `None` if nats-server was not started because the data directory is in use or because it is no longer needed.
fn guard(args: &GuardArgs) -> Result<Option<ExitStatus>, String> {
    let layout = Layout::new(args.data_dir.clone());
    let (events, inbox) = events::channel();
    events::watch_orders(events.clone())
        .map_err(|error| format!("cannot read jettimer's orders: {error}"))?;
    events::watch_signals(events.clone()).map_err(|error| format!("cannot watch for signals: {error}"))?;

    let Some(lock) = take_lock(&layout, &inbox)? else { return Ok(None) };
    let mut child = start(args, &layout, lock)?;
    report(&Report::Started(child.id()));
    let ended = events::watch_exit(&child, events).and_then(|()| attend(&mut child, &inbox));
    if ended.is_err() {
        // No process would be left to stop it.
        _ = child.kill();
    }
    ended.map(Some).map_err(|error| format!("cannot supervise nats-server: {error}"))
}

fn take_lock(layout: &Layout, inbox: &Receiver<Event>) -> Result<Option<fs::File>, String> {
    let path = layout.lock();
    for step in 0..LOCK_WAIT.as_millis() / STEP.as_millis() {
        let taken =
            lock::try_take(&path).map_err(|error| format!("cannot lock {}: {error}", path.display()))?;
        if taken.is_some() {
            return Ok(taken);
        }
        if step == 0 {
            report(&Report::Waiting);
        }
        if !matches!(inbox.recv_timeout(STEP), Err(RecvTimeoutError::Timeout)) {
            return Ok(None);
        }
    }
    report(&Report::InUse);
    Ok(None)
}

fn start(args: &GuardArgs, layout: &Layout, lock: fs::File) -> Result<Child, String> {
    // A killed nats-server leaves its ports file behind, and the next one may get the same pid.
    let ports = layout.ports();
    _ = fs::remove_dir_all(&ports);
    fs::create_dir(&ports).map_err(|error| format!("cannot create {}: {error}", ports.display()))?;

    Command::new(&args.binary)
        .arg("-c")
        .arg(layout.config())
        .arg("-sd")
        .arg(layout.store())
        .arg("-p")
        // -1 is nats-server's word for any free port.
        .arg(args.port.map_or("-1".to_owned(), |port| port.to_string()))
        .arg("-P")
        .arg(layout.pid())
        .arg("-l")
        .arg(layout.log())
        .arg("--ports_file_dir")
        .arg(&ports)
        .stdin(Stdio::from(lock))
        // What goes wrong before the log is open, and panics, are printed. The guard's stderr is the log; its
        // stdout is for reports and must end with the guard.
        .stdout(Stdio::from(io::stderr()))
        .spawn()
        .map_err(|error| format!("cannot run {}: {error}", args.binary.display()))
}

/// Waits for the end of nats-server, or brings it about.
fn attend(child: &mut Child, inbox: &Receiver<Event>) -> io::Result<ExitStatus> {
    match inbox.recv() {
        Ok(Event::Exited) => return child.wait(),
        Ok(Event::Ordered(Order::Kill)) => {}
        Ok(Event::Ordered(Order::Stop)) | Err(_) => {
            if let Some(pid) = Pid::from_raw(child.id().cast_signed()) {
                kill_process(pid, Signal::TERM)?;
            }
            // Further orders to stop, such as the end of the pipe after an order, use up a step each.
            for _ in 0..STOP_GRACE.as_millis() / STEP.as_millis() {
                match inbox.recv_timeout(STEP) {
                    Ok(Event::Exited) => return child.wait(),
                    Ok(Event::Ordered(Order::Kill)) => break,
                    Ok(Event::Ordered(Order::Stop)) | Err(_) => {}
                }
            }
        }
    }
    child.kill()?;
    child.wait()
}

/// A report that is no longer read is not a failure: the end of stdin says the same, and the guard acts on that.
fn report(report: &Report) {
    let mut stdout = io::stdout();
    _ = writeln!(stdout, "{report}").and_then(|()| stdout.flush());
}

/// As a shell would say it: the code, or 128 and the number of the signal.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}
