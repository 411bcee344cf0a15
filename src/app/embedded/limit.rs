//! Limits how much a nats-server of our own may store.
//!
//! Without a limit, nats-server takes three quarters of the space that is free when it starts. So each restart would lower the
//! limit by the data stored since, until nats-server accepted no more although the disk had room. Its limit is therefore three
//! quarters of the sum of the free space and its stored data.

use std::path::Path;

/// The share of the disk, in quarters.
const QUARTERS: u64 = 3;

/// The start of the block that has the limit in the configuration.
const BLOCK: &str = "jetstream {";

/// The configuration with a limit for a store in this directory. It stays unchanged if it has a limit already, or if the free
/// space of the disk is unknown.
pub fn limited(config: &str, store: &Path) -> String {
    // A store that does not exist yet will be on the disk of its nearest existing parent.
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
    use crate::app::embedded::DEV_CONFIG;

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
