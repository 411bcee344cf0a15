//! Asks a nats-server program for its version.

use std::fmt;
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// The oldest nats-server that is used. Message schedules came with 2.14, and the bugs in them and in
/// work-queue streams that would lose or repeat a timer, or leave the bucket read-only, were fixed up to this patch.
pub(super) const MIN_VERSION: Version = Version { major: 2, minor: 14, patch: 4, release: true };

/// How long `nats-server --version` may take, in seconds. It reads nothing and prints one line, so only another program, or a
/// machine that swaps, takes this long.
const ASK_WITHIN: Duration = Duration::from_secs(10);

/// `release` is last: of two equal numbers the pre-release (`-RC.1`) is the older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    major: u32,
    minor: u32,
    patch: u32,
    release: bool,
}

impl Version {
    /// Reads what `--version` prints: `nats-server: v2.15.1`.
    fn parse(printed: &str) -> Option<Self> {
        let text = printed.trim().strip_prefix("nats-server:")?.trim().strip_prefix('v')?;
        let (numbers, release) = match text.split_once('-') {
            Some((numbers, _pre_release)) => (numbers, false),
            None => (text, true),
        };
        let mut numbers = numbers.split('.').map(str::parse);
        let (major, minor, patch) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
        numbers.next().is_none().then_some(Self { major, minor, patch, release })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = if self.release { "" } else { " (pre-release)" };
        write!(f, "{}.{}.{}{suffix}", self.major, self.minor, self.patch)
    }
}

/// Why jettimer cannot work with a program.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsuitable {
    #[error("the program does not exist")]
    Missing,
    #[error("it cannot be run: {0}")]
    NotRunnable(io::Error),
    #[error("`--version` printed nothing within {ASK_WITHIN:?}")]
    Silent,
    #[error("`--version` printed {0:?}, so it is not a nats-server")]
    SomethingElse(String),
    #[error("it is version {0}, and {MIN_VERSION} is the oldest that schedules messages reliably")]
    TooOld(Version),
}

/// The version of `binary`, a path or a name to be looked up on `PATH`, if jettimer can work with it.
pub(super) async fn check(binary: &Path) -> Result<Version, Unsuitable> {
    let mut command = Command::new(binary);
    command.arg("--version").stdin(std::process::Stdio::null()).kill_on_drop(true);
    let output = match timeout(ASK_WITHIN, command.output()).await {
        Err(_elapsed) => return Err(Unsuitable::Silent),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => return Err(Unsuitable::Missing),
        Ok(Err(error)) => return Err(Unsuitable::NotRunnable(error)),
        Ok(Ok(output)) => output,
    };
    let printed = String::from_utf8_lossy(&output.stdout);
    match Version::parse(&printed) {
        None => Err(Unsuitable::SomethingElse(printed.trim().to_owned())),
        Some(version) if version < MIN_VERSION => Err(Unsuitable::TooOld(version)),
        Some(version) => Ok(version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(&format!("nats-server: v{text}\n")).unwrap()
    }

    #[test]
    fn versions_are_ordered_by_number_not_by_text() {
        assert!(version("2.14.4") >= MIN_VERSION);
        assert!(version("2.14.10") > MIN_VERSION);
        assert!(version("2.15.0") > MIN_VERSION);
        assert!(version("2.9.25") < MIN_VERSION);
        assert!(version("2.14.3") < MIN_VERSION);
    }

    #[test]
    fn a_pre_release_is_older_than_its_release() {
        assert!(version("2.14.4-RC.2") < MIN_VERSION);
        assert!(version("2.15.0-RC.1") > MIN_VERSION);
    }

    #[test]
    fn what_is_no_version_of_nats_server_is_refused() {
        for printed in
            ["", "nats-server: v2.15", "nats-server: v2.15.1.4", "nats: v2.15.1", "nats-server: v2.x.1"]
        {
            assert_eq!(Version::parse(printed), None, "{printed:?}");
        }
    }

    #[tokio::test]
    async fn a_program_that_does_not_exist_is_missing() {
        let answer = check(Path::new("/nonexistent/nats-server")).await;

        assert!(matches!(answer, Err(Unsuitable::Missing)), "{answer:?}");
    }
}
