//! The data that the index keeps of a timer.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use crate::domain::host::HostPort;
use crate::domain::state_kind::StateKind;
use crate::domain::time::Timestamp;
use crate::history::Seen;

/// All that the index knows of one timer.
pub(super) struct Entry {
    pub(super) revision: u64,
    pub(super) state: StateKind,
    pub(super) due_at: Timestamp,
    pub(super) created_at: Timestamp,
    /// When the next attempt of a scheduled timer is.
    pub(super) waiting: Option<Timestamp>,
    pub(super) expires_at: Option<Timestamp>,
    /// The events of the timer that have been counted.
    pub(super) seen: Seen,
    /// The keys of its path, receiver and flow, cut to 32 bits.
    pub(super) needs: [u32; 4],
    /// The host, in the form by which hosts are compared.
    pub(super) host: Arc<str>,
    pub(super) port: u16,
    /// Hashes of `key=value` of the timer's metadata.
    pub(super) labels: Box<[u64]>,
    /// The sizes of the timer's record and of its summary, in bytes.
    pub(super) record: u32,
    pub(super) summary: u32,
}

impl Entry {
    /// Whether the timer calls this host, and this port if there is one.
    pub(super) fn is_at(&self, host: &HostPort) -> bool {
        *self.host == *host.host() && host.port().is_none_or(|port| port == self.port)
    }

    /// The names by which the timer is found: hashes of its host and its labels.
    pub(super) fn names(&self) -> impl Iterator<Item = u64> {
        self.labels.iter().copied().chain([host_name(&self.host)])
    }
}

/// The name for a host. No label has an empty key.
pub(super) fn host_name(host: &str) -> u64 {
    label("", host)
}

/// The name for a label. Other labels may have the same hash, so pages are checked again.
pub(super) fn label(key: &str, value: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (key, value).hash(&mut hasher);
    hasher.finish()
}
