//! A small disk that a fault can fill: a tmpfs, which only root can mount.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The size of the disk, large enough for everything that a run stores, in MiB.
const SIZE_MIB: usize = 64;

/// The file that fills the disk.
const BALLAST: &str = "ballast";

/// A mounted tmpfs. Dropping it unmounts it.
pub(crate) struct Disk {
    at: PathBuf,
}

impl Disk {
    /// Mounts a small disk on a new directory.
    ///
    /// # Errors
    ///
    /// The reason why it cannot be mounted here.
    pub(crate) fn mount(at: &Path) -> Result<Self, String> {
        std::fs::create_dir_all(at).map_err(|error| error.to_string())?;
        let size = format!("size={SIZE_MIB}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
        match mounted {
            Ok(output) if output.status.success() => Ok(Self { at: at.to_owned() }),
            Ok(output) => Err(format!(
                "a tmpfs cannot be mounted, which takes root: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            )),
            Err(error) => Err(format!("there is no program `mount`: {error}")),
        }
    }

    /// Fills the disk.
    pub(crate) fn fill(&self) {
        let mut ballast = File::create(self.at.join(BALLAST)).expect("room for a name");
        let piece = vec![0; 64 * 1_024];
        while ballast.write_all(&piece).is_ok() {}
    }

    /// Makes room again.
    pub(crate) fn clear(&self) {
        // The file is missing if the disk was full before.
        let _ = std::fs::remove_file(self.at.join(BALLAST));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, since a nats-server that is being killed may still have files open.
        let _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
    }
}
