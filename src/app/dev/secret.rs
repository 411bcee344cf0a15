//! A secret to sign with, so that users who try jettimer see signatures, and can try a receiver that verifies them.
//!
//! It is kept in the data directory in the form of `--signing-file`, so that it is the same after a restart.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};

use crate::app::embedded::SIGNING_SECRET_FILE;
use crate::webhook::{Secret, Secrets, Settings};

/// The file's name in the data directory.
const FILE: &str = SIGNING_SECRET_FILE;

/// Only the user who runs jettimer may read it.
const MODE: u32 = 0o600;

/// Gives calls a secret, unless they have secrets already. Returns the path of its file.
///
/// # Errors
///
/// If the secret cannot be read or made.
pub fn sign(calls: &mut Settings, data_dir: &Path) -> Result<Option<PathBuf>> {
    if !calls.secrets.is_empty() {
        return Ok(None);
    }
    let path = data_dir.join(FILE);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => make(&path)?,
        read => read.with_context(|| format!("cannot read the signing secret {}", path.display()))?,
    };
    calls.secrets = Secrets::parse(&text)
        .map_err(|why| anyhow!("{}: {why}; remove the file to have a new secret made", path.display()))?;
    Ok(Some(path))
}

fn make(path: &Path) -> Result<String> {
    let line = format!("* {}\n", Secret::new_symmetric()?);
    let write = |mut file: File| file.write_all(line.as_bytes());
    let written = File::options().write(true).create_new(true).mode(MODE).open(path).and_then(write);
    written.with_context(|| format!("cannot write the signing secret {}", path.display()))?;
    Ok(line)
}
