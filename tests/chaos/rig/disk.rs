//! A small disk that can be filled: a tmpfs, which takes root to mount.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Large enough for all that a run stores, in MiB.
const SIZE_MIB: usize = 64;

/// A file that takes all the room there is.
const BALLAST: &str = "ballast";

/// A mounted tmpfs. Dropping it unmounts it.
pub(crate) struct Disk {
    at: PathBuf,
}

impl Disk {
    /// Mounts one on a new directory.
    ///
    /// # Errors
    ///
    /// Why that is not possible here.
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

    /// Leaves no room.
    pub(crate) fn fill(&self) {
        let mut ballast = File::create(self.at.join(BALLAST)).expect("room for a name");
        let piece = vec![0; 64 * 1_024];
        while ballast.write_all(&piece).is_ok() {}
    }

    /// Makes room again.
    pub(crate) fn clear(&self) {
        // It is not there if the disk was full before.
        let _ = std::fs::remove_file(self.at.join(BALLAST));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a nats-server that is being killed may still have files open.
        let _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
    }
}
