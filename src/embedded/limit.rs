//! How much a nats-server of our own may store.
//!
//! Without a word it plans with three quarters of what is free when it starts. So each restart lowers its limit by what it has
//! stored since, until it takes nothing more, with room on the disk. It is told three quarters of what is free and what it has.

use std::path::Path;

/// Of the disk, in quarters.
const QUARTERS: u64 = 3;

/// Where its configuration says so.
const BLOCK: &str = "jetstream {";

/// The configuration with a limit for a store in this directory; as it is, if it has one already or if the disk does not say
/// what is free.
pub fn limited(config: &str, store: &Path) -> String {
    // A store that is not there yet is to be on the disk of its next directory that is.
    let disk = store.ancestors().find_map(|dir| rustix::fs::statvfs(dir).ok());
    let Some(disk) = disk.filter(|_| !config.contains("max_file_store")) else { return config.to_owned() };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let most = free.saturating_add(stored(store)) / 4 * QUARTERS;
    config.replacen(BLOCK, &format!("{BLOCK}\n    max_file_store: {most}"), 1)
}

/// The bytes of all files below a directory.
fn stored(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(about) if about.is_dir() => stored(&entry.path()),
            Ok(about) => about.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::DEV_CONFIG;

    #[test]
    fn what_is_stored_already_counts_as_room() {
        let dir = tempfile::TempDir::new().unwrap();
        let most = |store: &Path| {
            let config = limited(DEV_CONFIG, store);
            let (_, rest) = config.split_once("max_file_store: ").unwrap();
            rest.lines().next().unwrap().parse::<u64>().unwrap()
        };
        let not_there = dir.path().join("not/there/yet");
        assert!(most(&not_there) > 0);
        std::fs::create_dir_all(&not_there).unwrap();
        std::fs::write(not_there.join("block"), [0; 5_000]).unwrap();
        assert_eq!(stored(dir.path()), 5_000);
        let own = "jetstream { max_file_store: 5M }";
        assert_eq!(limited(own, dir.path()), own);
    }
}
