//! README's path for a newcomer: the test takes the commands of "Try it", runs them in
//! order, and compares their output with README.
//!
//! Three things differ from a person's run. `cargo run … --` runs the program that is built for the tests. The port is a
//! free one, so `127.0.0.1:8000` is replaced everywhere. `cargo test` is left out: this is one of its tests.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::support::{PATIENCE, eventually, spawn};

const README: &str = include_str!("../../README.md");
const HEADING: &str = "## Try it\n";

/// The placeholder for any value in the output that README shows.
const ANY: &str = "…";

/// A fenced block: its language and its text.
struct Block {
    language: &'static str,
    text: &'static str,
}

/// The section, up to the next heading of its level.
fn section() -> &'static str {
    let (_, rest) = README.split_once(HEADING).expect("README has the section");
    rest.split("\n## ").next().expect("it has text")
}

fn blocks(section: &'static str) -> Vec<Block> {
    let fenced = section.split("```").skip(1).step_by(2);
    let blocks = fenced.map(|block| block.split_once('\n').expect("a block has lines"));
    blocks.map(|(language, text)| Block { language, text }).collect()
}

/// A newcomer's environment: a directory, and a `cargo` that has built already.
struct Newcomer {
    home: TempDir,
    address: String,
}

impl Newcomer {
    fn arrive() -> Self {
        let home = TempDir::new().expect("a directory");
        let cargo = home.path().join("cargo");
        let shim = format!(
            "#!/bin/sh\n[ \"$1\" = run ] || {{ echo \"cargo $1 is not run here\" >&2; exit 64; }}\n\
             while [ \"$1\" != -- ]; do shift; done\nshift\nexec '{}' \"$@\"\n",
            env!("CARGO_BIN_EXE_jettimer")
        );
        std::fs::write(&cargo, shim).expect("a file");
        std::fs::set_permissions(&cargo, std::fs::Permissions::from_mode(0o755)).expect("it may run");
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr());
        Self { home, address: free.expect("a free port").to_string() }
    }

    fn shell(&self, script: &str) -> Command {
        let script = script.replace("127.0.0.1:8000", &self.address);
        let mut command = std::process::Command::new("sh");
        // A process group of its own, so that everything that it starts can be ended with it.
        command.args(["-e", "-c", &script]).current_dir(self.home.path()).process_group(0);
        let mut command = Command::from(command);
        let path = format!("{}:{}", self.home.path().display(), path());
        command
            .env("PATH", path)
            .env("JETTIMER_LISTEN", &self.address)
            .env("JETTIMER_SERVER", format!("http://{}", self.address));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        command
    }

    /// Runs the script to its end, which must be a success.
    async fn run(&self, script: &str) -> String {
        let output = tokio::time::timeout(PATIENCE, self.shell(script).output()).await.expect("it ends");
        let output = output.expect("a shell");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(output.status.success(), "{script}: {:?}: {text}", output.status);
        text
    }

    /// Runs a script that does not end, until it says that it is ready.
    async fn serve(&self, script: &str) -> Serving {
        let mut child = self.shell(script).spawn().expect("a shell");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let ready = async {
            while let Some(line) = lines.next_line().await.expect("text") {
                if line.contains("ready at http://") {
                    return;
                }
            }
            panic!("{script} has ended");
        };
        tokio::time::timeout(PATIENCE, ready).await.expect("it gets ready");
        // The later output is read, so that the program can go on writing.
        spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Serving(child)
    }
}

#[expect(clippy::disallowed_methods, reason = "where programs are is the system's setting")]
fn path() -> String {
    std::env::var("PATH").expect("a path")
}

/// A script that goes on running.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let group = self.0.id().and_then(|id| rustix::process::Pid::from_raw(id.try_into().ok()?));
        if let Some(group) = group {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

/// Checks that the output has everything that README shows, and returns it.
fn compare(printed: &str, shown: &str) -> Value {
    let read = |text: &str| {
        serde_json::from_str::<Value>(text.trim()).unwrap_or_else(|error| panic!("{text}: {error}"))
    };
    let (printed, shown) = (read(printed), read(shown));
    for (name, value) in shown.as_object().expect("an object") {
        let found = &printed[name];
        assert!(!found.is_null(), "{name} is shown by README and not printed: {printed}");
        if name != "id" && value != ANY {
            assert_eq!(found, value, "{name}");
        }
    }
    printed
}

#[tokio::test]
async fn the_path_of_readme_leads_where_it_says() {
    let newcomer = Newcomer::arrive();
    let section = section();
    let (mut serving, mut printed, mut timer, mut ran) = (vec![], None, Value::Null, 0);
    for Block { language, text } in blocks(section) {
        match (language, printed.take()) {
            ("sh", _) if text.trim() == "cargo test" => continue,
            ("sh", _) if text.trim().ends_with(" dev") => serving.push(newcomer.serve(text).await),
            ("sh", _) => printed = Some(newcomer.run(text).await),
            ("json", Some(printed)) => timer = compare(&printed, text),
            (other, _) => panic!("README shows {other} where no command has printed it: {text}"),
        }
        ran += 1;
    }
    assert!(ran >= 3 && !serving.is_empty(), "README shows how to start it, a timer, and what comes of it");

    // The commands within the text, with the id from the output.
    let id = timer["id"].as_str().expect("README creates a timer");
    let inline: Vec<&str> = section.split('`').filter(|code| code.starts_with("curl http")).collect();
    assert!(!inline.is_empty(), "README says how to look at the timer");
    for command in inline {
        let command = command.replace("<id>", id);
        eventually(&format!("{command} says delivered"), async || {
            newcomer.run(&command).await.contains("\"delivered\"").then_some(())
        })
        .await;
    }
    // The addresses in the section.
    for link in section.split("<http://127.0.0.1:8000").skip(1).filter_map(|rest| rest.split('>').next()) {
        let shown = newcomer.run(&format!("curl --fail --silent http://127.0.0.1:8000{link}")).await;
        assert!(shown.contains(id), "{link} does not show the timer: {shown}");
    }
}
