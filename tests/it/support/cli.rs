//! The command line as a person or a script runs it: on pipes, or on its own terminal.

use std::io::Read as _;
use std::process::Stdio;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

use super::{Client, PATIENCE};

/// The result of a command.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The lines of its output, each parsed as JSON.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }
}

/// `jettimer` with these arguments, in an environment without settings for it.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jettimer"));
    for name in ["SERVER", "TOKEN", "PROFILE", "CONFIG", "CA", "OUTPUT"] {
        command.env_remove(format!("JETTIMER_{name}"));
    }
    command
        .env("HOME", "/nowhere")
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("NO_COLOR")
        .env("TERM", "xterm-256color");
    command.args(args).kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs `jettimer` against a node.
pub(crate) async fn run(client: &Client, args: &[&str]) -> Ran {
    finish(command(args).env("JETTIMER_SERVER", client.url("")).spawn().expect("it starts")).await
}

/// Runs `jettimer` against a node, with `input` on standard input.
pub(crate) async fn run_with(client: &Client, args: &[&str], input: &str) -> Ran {
    let mut command = command(args);
    let mut child =
        command.env("JETTIMER_SERVER", client.url("")).stdin(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).await.expect("it reads");
    drop(stdin);
    finish(child).await
}

/// Waits until the command ends.
pub(crate) async fn finish(child: Child) -> Ran {
    let output =
        tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("it ends").expect("an end");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Runs the command on a terminal that is `columns` wide, types `input`, and returns everything that the terminal showed.
pub(crate) async fn on_terminal(command: &mut Command, columns: u16, input: &str) -> (Option<i32>, String) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&terminal).expect("it is ours");
    unlockpt(&terminal).expect("it may be opened");
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&terminal, size).expect("it has a size");
    let name = ptsname(&terminal, vec![]).expect("it has a name");
    let side =
        || open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its other side");
    command.stdin(side()).stdout(side()).stderr(side());
    let mut child = command.spawn().expect("it starts");
    // The command drops its copies of the terminal, so that reading it ends with the program.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut terminal = std::fs::File::from(terminal);
    std::io::Write::write_all(&mut terminal, input.as_bytes()).expect("it is typed");
    let shown = tokio::task::spawn_blocking(move || {
        let mut shown = vec![];
        // Linux returns EIO once the other side is closed.
        let _ = terminal.read_to_end(&mut shown);
        String::from_utf8_lossy(&shown).into_owned()
    });
    let status = tokio::time::timeout(PATIENCE, child.wait()).await.expect("it ends").expect("a status");
    (status.code(), shown.await.expect("what it has shown"))
}
