//! What `jettimer dev` has beside what every node has: each with the real process on a directory of its own.

mod inbox;
mod reach;
mod reset;
mod time_scale;

use std::path::Path;

use crate::support::dev::command;

/// What a `jettimer dev` says that does not start.
async fn refused(data_dir: &Path, args: &[&str]) -> String {
    let output = command(data_dir, args).output().await.expect("jettimer runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}
