//! The names of the files in a data directory, and nothing else.

use std::path::{Path, PathBuf};

#[derive(Debug, Clone)]
pub(super) struct Layout {
    data_dir: PathBuf,
}

impl Layout {
    pub(super) fn new(data_dir: PathBuf) -> Self {
        Self { data_dir }
    }

    pub(super) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// JetStream's store; nats-server adds a `jetstream` directory of its own below it.
    pub(super) fn store(&self) -> PathBuf {
        self.data_dir.join("nats")
    }

    /// The file that the running nats-server has locked. Its content means nothing.
    pub(super) fn lock(&self) -> PathBuf {
        self.data_dir.join("nats.lock")
    }

    /// A copy of the embedded configuration, because nats-server reads it from a file.
    pub(super) fn config(&self) -> PathBuf {
        self.data_dir.join("nats-server.conf")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.data_dir.join("nats-server.log")
    }

    /// The file with the pid, which nats-server writes when it starts, and leaves behind if it is killed.
    pub(super) fn pid(&self) -> PathBuf {
        self.data_dir.join("nats-server.pid")
    }

    /// Where nats-server writes its ports file, `nats-server_<pid>.ports`, once it listens.
    pub(super) fn ports(&self) -> PathBuf {
        self.data_dir.join("nats-server.ports")
    }
}
