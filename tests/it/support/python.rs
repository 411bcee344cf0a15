//! Python with a package from PyPI, in an environment of the tests' own.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;
use tokio::sync::OnceCell;

/// The reference library of Standard Webhooks, so that signatures are judged by somebody else's code.
const PACKAGE: &str = "standardwebhooks==1.1.0";

/// The interpreter that has [`PACKAGE`]; it is installed once and kept beside the build.
async fn python() -> &'static Path {
    static PYTHON: OnceCell<PathBuf> = OnceCell::const_new();
    PYTHON
        .get_or_init(|| async {
            let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PACKAGE.replace("==", "-"));
            let python = home.join("bin").join("python");
            if !home.join("ready").exists() {
                run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home), "").await;
                let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE];
                run(Command::new(&python).args(pip), "").await;
                tokio::fs::write(home.join("ready"), "").await.expect("a file");
            }
            python
        })
        .await
}

/// Runs a script and gives what it prints; it must end well.
pub(crate) async fn script(script: &str, input: &str) -> String {
    run(Command::new(python().await).args(["-c", script]), input).await
}

async fn run(command: &mut Command, input: &str) -> String {
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
