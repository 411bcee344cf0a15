//! The additions of `jettimer dev` to other nodes, each tested with the real process on its own directory.

mod inbox;
mod reach;
mod reset;
mod time_scale;

use std::path::Path;

use crate::support::dev::command;

/// The error message of a `jettimer dev` that does not start.
async fn refused(data_dir: &Path, args: &[&str]) -> String {
    let output = command(data_dir, args).output().await.expect("jettimer runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}
