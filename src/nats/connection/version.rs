//! Compares the version of a nats-server with the oldest one that works.

/// The oldest nats-server that works. Up to 2.14.2, message schedules and work queues have bugs that lose or double timers; up to
/// 2.14.3, a write at the moment when a record's time to live ends can leave the bucket read-only.
pub(in crate::nats) const MIN_SERVER: (u32, u32, u32) = (2, 14, 4);

/// The oldest nats-server whose `sync_interval: always` covers blocks that it compacts.
const MIN_SYNCED: (u32, u32, u32) = (2, 15, 0);

/// Whether a server of this version works.
pub(in crate::nats) fn is_new_enough(version: &str) -> bool {
    is_at_least(version, MIN_SERVER)
}

/// Whether a server of this version writes everything through that it is configured to write through.
pub(in crate::nats) fn is_synced_enough(version: &str) -> bool {
    is_at_least(version, MIN_SYNCED)
}

/// Compares versions by number. A pre-release is older than its release.
fn is_at_least(version: &str, least: (u32, u32, u32)) -> bool {
    let (release, pre) =
        version.split_once(['-', '+']).map_or((version, false), |(release, _)| (release, true));
    let mut numbers = release.trim_start_matches('v').split('.').map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch)), None) =
        (numbers.next(), numbers.next(), numbers.next(), numbers.next())
    else {
        return false;
    };
    let version = (major, minor, patch);
    version > least || (version == least && !pre)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number_and_a_pre_release_is_older_than_its_release() {
        for version in ["2.14.4", "2.14.10", "2.15.0-RC.1", "v3.0.0"] {
            assert!(is_new_enough(version), "{version}");
        }
        for version in ["2.14.3", "2.9.25", "2.14.4-RC.2", "2.15", "2.15.1.4", "", "new"] {
            assert!(!is_new_enough(version), "{version}");
        }
        assert!(is_synced_enough("2.15.0") && !is_synced_enough("2.14.5"));
    }
}
