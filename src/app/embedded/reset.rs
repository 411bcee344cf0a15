//! Removes the data of a nats-server of our own, and no file that another program or a person may have put there.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::Error;
use super::guard::{LOCK_WAIT, STEP};
use super::layout::Layout;
use super::lock;

/// The names that are removed; they also identify a data directory as ours.
const DATA: [&str; 8] = [
    "nats",
    "nats-server.conf",
    "nats-server.log",
    "nats-server.pid",
    "nats-server.ports",
    TIME_SCALE_FILE,
    TIME_SCALE_FILE_NEW,
    JOURNAL_DIR,
];

/// The names that are ours and stay: the lock, since removing it would let two processes lock two files of one name; the
/// installed nats-server; and the secret, which receivers may already have.
const KEPT: [&str; 3] = ["nats.lock", "cache", SIGNING_SECRET_FILE];

/// The file with the clock of `jettimer dev --time-scale`.
pub const TIME_SCALE_FILE: &str = "time-scale";

/// The name of that file while it is written.
pub const TIME_SCALE_FILE_NEW: &str = "time-scale.new";

/// The directory in which a node notes how far its calls have come.
pub const JOURNAL_DIR: &str = "journal";

/// The file with the secret that `jettimer dev` signs with.
pub const SIGNING_SECRET_FILE: &str = "signing-secret";

/// Whether a nats-server has kept data in this directory.
pub fn has_data(data_dir: &Path) -> bool {
    Layout::new(data_dir.to_owned()).store().exists()
}

/// Removes the data in a directory, and gives the removed paths.
///
/// # Errors
///
/// If a nats-server runs on the directory, or something in it is not ours; then nothing is removed. Or if a file cannot be
/// removed.
pub async fn reset(data_dir: &Path) -> Result<Vec<PathBuf>, Error> {
    reset_within(data_dir, LOCK_WAIT).await
}

async fn reset_within(data_dir: &Path, wait: Duration) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(data_dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(vec![]),
        entries => entries.map_err(Error::file("look into", data_dir))?,
    };
    let mut names = vec![];
    for entry in entries {
        let entry = entry.map_err(Error::file("look into", data_dir))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let foreign: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| !DATA.contains(name) && !KEPT.contains(name))
        .collect();
    // An empty directory was made for a nats-server. Every nats-server that ran in a directory has left its lock file.
    let is_ours = names.is_empty() || names.iter().any(|name| name == "nats.lock" || name == TIME_SCALE_FILE);
    if !foreign.is_empty() || !is_ours {
        let names = if foreign.is_empty() { names.join(", ") } else { foreign.join(", ") };
        return Err(Error::NotOurs { data_dir: data_dir.to_owned(), names });
    }
    if names.is_empty() {
        return Ok(vec![]);
    }
    let layout = Layout::new(data_dir.to_owned());
    let lock_path = layout.lock();
    // A nats-server that was told to stop a moment ago is about to end.
    let deadline = Instant::now() + wait;
    let mut lock = try_take(&lock_path)?;
    while lock.is_none() && Instant::now() < deadline {
        sleep(STEP).await;
        lock = try_take(&lock_path)?;
    }
    let Some(_lock) = lock else {
        let pid = fs::read_to_string(layout.pid()).ok().and_then(|text| text.trim().parse().ok());
        return Err(Error::InUse { data_dir: data_dir.to_owned(), pid });
    };
    let mut removed = vec![];
    for name in DATA.into_iter().filter(|name| names.iter().any(|there| there == name)) {
        let path = data_dir.join(name);
        let is_dir = fs::symlink_metadata(&path).is_ok_and(|data| data.is_dir());
        let gone = if is_dir { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        gone.map_err(Error::file("remove", &path))?;
        removed.push(path);
    }
    Ok(removed)
}

fn try_take(path: &Path) -> Result<Option<fs::File>, Error> {
    lock::try_take(path).map_err(Error::file("lock", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(names: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            let path = dir.path().join(name);
            if ["nats", "cache", "nats-server.ports"].contains(name) {
                fs::create_dir_all(path.join("inside")).unwrap();
            } else {
                fs::write(path, "x").unwrap();
            }
        }
        dir
    }

    fn left(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn data_is_removed_and_what_is_no_data_stays() {
        let dir = filled(&[&DATA[..], &KEPT[..]].concat());
        let removed = reset(dir.path()).await.unwrap();
        assert_eq!(removed, DATA.map(|name| dir.path().join(name)));
        assert_eq!(left(dir.path()), ["cache", "nats.lock", "signing-secret"]);
        assert!(reset(dir.path()).await.unwrap().is_empty());
        assert!(reset(&dir.path().join("none")).await.unwrap().is_empty());
        assert!(reset(tempfile::tempdir().unwrap().path()).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_directory_with_anything_else_in_it_is_not_removed() {
        for (names, said) in [
            (&["nats", "nats.lock", "Cargo.toml", "src"][..], "Cargo.toml, src"),
            (&["nats", "nats-server.conf"], "nats, nats-server.conf"),
        ] {
            let dir = filled(names);
            let before = left(dir.path());
            let error = reset(dir.path()).await.unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("nothing was removed"), "{error}");
            assert_eq!(left(dir.path()), before);
        }
    }

    #[tokio::test]
    async fn a_directory_that_is_in_use_is_not_removed() {
        let dir = filled(&["nats", "nats.lock"]);
        let lock = lock::try_take(&dir.path().join("nats.lock")).unwrap().unwrap();
        let refused = reset_within(dir.path(), Duration::ZERO).await;
        assert!(refused.unwrap_err().to_string().contains("is in use"));
        assert_eq!(left(dir.path()), ["nats", "nats.lock"]);
        drop(lock);
        assert_eq!(reset(dir.path()).await.unwrap().len(), 1);
    }

    #[test]
    fn the_names_are_those_of_the_layout() {
        let layout = Layout::new("d".into());
        for path in [layout.store(), layout.config(), layout.log(), layout.pid(), layout.ports()] {
            assert!(DATA.iter().any(|name| path == Path::new("d").join(name)), "{}", path.display());
        }
        assert_eq!(layout.lock(), Path::new("d").join(KEPT[0]));
    }
}
