//! A jettimer process.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::{Broker, Client, PATIENCE, spawn};

const JETTIMER: &str = env!("CARGO_BIN_EXE_jettimer");

/// The jettimer program, limited to this many open files.
pub(crate) fn few_files(most: u32) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -n {most}; exec \"$0\" \"$@\""), JETTIMER]);
    shell
}

/// A running `jettimer serve`. Dropping it kills it.
pub(crate) struct Node {
    child: Child,
    client: Client,
    log: Arc<Mutex<Vec<Value>>>,
    may_be_refused: bool,
}

impl Node {
    /// Starts a node with all roles.
    pub(crate) async fn start(broker: &Broker) -> Self {
        Self::with(broker, &[]).await
    }

    /// Starts a node with more arguments, and waits until it is ready.
    pub(crate) async fn with(broker: &Broker, args: &[&str]) -> Self {
        Self::with_env(broker, args, &[]).await
    }

    /// Starts a node that is limited to this many open files.
    pub(crate) async fn with_open_files(broker: &Broker, most: u32, args: &[&str]) -> Self {
        Self::launch(few_files(most), &broker.args("node"), args, &[]).await
    }

    /// Starts a node in an environment with more variables.
    pub(crate) async fn with_env(broker: &Broker, args: &[&str], env: &[(&str, &str)]) -> Self {
        // The node connects as the NATS user of its role, so that every test stays within the permissions of that role.
        let role = args.iter().position(|arg| *arg == "--role").and_then(|at| args.get(at + 1));
        let user = role.filter(|role| **role != "all").unwrap_or(&"node");
        Self::launch(Command::new(JETTIMER), &broker.args(user), args, env).await
    }

    /// Starts a node on NATS servers that these arguments name.
    pub(crate) async fn at(nats: &[String], args: &[&str]) -> Self {
        Self::launch(Command::new(JETTIMER), nats, args, &[]).await
    }

    async fn launch(mut program: Command, nats: &[String], args: &[&str], env: &[(&str, &str)]) -> Self {
        let policy = args.iter().any(|arg| arg.contains("-targets"));
        let journal = args.contains(&"--journal-dir");
        let open = !args.iter().any(|arg| arg.starts_with("--tokens"));
        let mut child = program
            .args(["serve", "--log-format", "json"])
            // A node that replaces another one uses the address of the old one.
            .args(if args.contains(&"--listen") { &[][..] } else { &["--listen", "127.0.0.1:0"] })
            .args(nats)
            .args(args)
            // The receivers are on this machine, where `serve` calls no target unless it is told to.
            .args(if policy { &[][..] } else { &["--allow-targets", "127.0.0.0/8,::1"] })
            // A node must not find the journal that the node of another test left.
            .args(if journal { &[][..] } else { &["--journal-dir", "off"] })
            .envs(env.iter().copied())
            .args(open.then_some("--insecure-no-auth"))
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("jettimer starts");
        let mut lines = BufReader::new(child.stderr.take().expect("standard error")).lines();
        let log = Arc::new(Mutex::new(Vec::new()));
        let ready = async {
            while let Ok(Some(line)) = lines.next_line().await {
                let entry: Value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                let address = (entry["message"] == "ready").then(|| entry["listen"].clone());
                log.lock().unwrap().push(entry);
                if let Some(address) = address {
                    return address.as_str().expect("an address").to_owned();
                }
            }
            panic!("jettimer ended before it was ready: {:?}", log.lock().unwrap());
        };
        let address = tokio::time::timeout(PATIENCE, ready).await.expect("jettimer gets ready");
        let rest = log.clone();
        spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let entry = serde_json::from_str(&line).unwrap_or(Value::String(line));
                rest.lock().unwrap().push(entry);
            }
        });
        Self { child, client: Client::new(&address), log, may_be_refused: false }
    }

    /// Allows refusals by NATS, for a test that has taken permissions away.
    pub(crate) fn may_be_refused(mut self) -> Self {
        self.may_be_refused = true;
        self
    }

    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// The id of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// SIGKILL; returns once the process is gone.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("jettimer is killed");
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// SIGSTOP: the node hangs, and its connections stay open.
    pub(crate) fn pause(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    /// SIGCONT.
    pub(crate) fn resume(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = self.child.id().and_then(|pid| rustix::process::Pid::from_raw(pid.try_into().ok()?));
        rustix::process::kill_process(pid.expect("it runs"), signal).expect("a signal");
    }

    /// Waits until the node ends and returns its exit code.
    pub(crate) async fn exit_code(&mut self) -> Option<i32> {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends");
        status.expect("a status").code()
    }

    /// The log entries of this level.
    pub(crate) fn logged(&self, level: &str) -> Vec<Value> {
        self.log.lock().unwrap().iter().filter(|entry| entry["level"] == level).cloned().collect()
    }

    /// The lines on standard error that are not JSON: the node's last words to the program that started it.
    pub(crate) fn said(&self) -> Vec<Value> {
        self.log.lock().unwrap().iter().filter(|entry| entry.is_string()).cloned().collect()
    }
}

impl Drop for Node {
    /// Checks that the node asked for nothing that nats/permissions.conf forbids, even where no caller waits for the answer.
    fn drop(&mut self) {
        let log = self.log.lock().unwrap();
        let refused =
            log.iter().find(|entry| entry.to_string().to_lowercase().contains("permissions violation"));
        if let (Some(entry), false) = (refused, self.may_be_refused || std::thread::panicking()) {
            panic!("NATS has refused something: {entry}");
        }
    }
}
