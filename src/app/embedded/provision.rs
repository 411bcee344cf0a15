//! Chooses the nats-server to run: the given one, else a new enough one on `PATH`, else the one installed earlier, else the
//! pinned one, installed now.
//!
//! It reads no environment: the given program and the cache directory come as arguments. The operating system looks up `PATH`,
//! here and for the guard alike.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tracing::info;

use super::error::Error;
use super::install;
use super::version::{self, Unsuitable};

/// The name that is looked up on `PATH`.
const PROGRAM: &str = "nats-server";

/// Finds or installs a nats-server. `given` is used or refused, never skipped: a caller that names a program has to learn that it
/// is not the one that runs.
pub async fn provision(given: Option<&Path>, cache_dir: &Path) -> Result<PathBuf, Error> {
    if let Some(path) = given {
        return match version::check(path).await {
            Ok(version) => Ok(chosen(path, version)),
            Err(unsuitable) => {
                Err(Error::GivenUnusable { path: path.to_owned(), reason: unsuitable.to_string() })
            }
        };
    }
    let on_path = match version::check(Path::new(PROGRAM)).await {
        Ok(version) => {
            info!("using nats-server {version} from PATH");
            return Ok(PROGRAM.into());
        }
        Err(Unsuitable::Missing) => "PATH has none".to_owned(),
        Err(unsuitable) => {
            info!("the nats-server on PATH is not used: {unsuitable}");
            format!("the one on PATH is not used ({unsuitable})")
        }
    };
    let path = install::cached_or_installed(cache_dir, on_path).await?;
    match version::check(&path).await {
        Ok(version) => Ok(chosen(&path, version)),
        Err(unsuitable) => {
            let dir = install::version_dir(cache_dir);
            Err(Error::CachedUnusable { path, dir, reason: unsuitable.to_string() })
        }
    }
}

fn chosen(path: &Path, version: version::Version) -> PathBuf {
    info!("using nats-server {version}: {}", path.display());
    path.to_owned()
}

/// The directory for caches, from the values of `XDG_CACHE_HOME` and `HOME`; `None` if neither is usable.
///
/// A relative `XDG_CACHE_HOME` is ignored, as its specification asks.
pub fn default_cache_dir(xdg_cache_home: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |value: OsString| Some(PathBuf::from(value)).filter(|path| path.is_absolute());
    xdg_cache_home.and_then(absolute).or_else(|| Some(home.and_then(absolute)?.join(".cache")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_where_xdg_says_or_else_at_home() {
        let dir = |xdg: Option<&str>, home: Option<&str>| {
            default_cache_dir(xdg.map(Into::into), home.map(Into::into))
        };

        assert_eq!(dir(Some("/cache"), Some("/home/me")), Some("/cache".into()));
        assert_eq!(dir(None, Some("/home/me")), Some("/home/me/.cache".into()));
        assert_eq!(dir(Some("relative"), Some("/home/me")), Some("/home/me/.cache".into()));
        assert_eq!(dir(Some(""), None), None);
        assert_eq!(dir(None, None), None);
    }

    #[tokio::test]
    async fn a_given_program_that_does_not_exist_is_an_error() {
        let cache = Path::new("/nonexistent/cache");

        let error = provision(Some(Path::new("/nonexistent/nats-server")), cache).await.unwrap_err();

        assert!(matches!(error, Error::GivenUnusable { .. }), "{error}");
    }
}
