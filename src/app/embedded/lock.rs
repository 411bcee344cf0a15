//! The lock that keeps two nats-servers from writing to the same store.
//!
//! A lock belongs to the open file description. The guard takes the lock and hands the file to nats-server as its stdin, so no
//! other process holds it afterwards. The system drops the lock when that nats-server is gone, whether it is the child of a guard
//! or an orphan. The file stays; removing it would let two processes lock two different files of the same name.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// The locked file, or `None` if another process holds the lock.
pub(super) fn try_take(path: &Path) -> io::Result<Option<File>> {
    let file = File::options().create(true).truncate(false).read(true).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_lock_handed_over_as_stdin_is_held_until_the_child_ends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let lock = try_take(&path).unwrap().unwrap();

        let mut child = Command::new("sleep").arg("60").stdin(Stdio::from(lock)).spawn().unwrap();
        assert!(try_take(&path).unwrap().is_none());

        child.kill().unwrap();
        child.wait().unwrap();
        assert!(try_take(&path).unwrap().is_some());
    }
}
