//! A node's journal: opened if that can be done, and said what to do if not.

use std::path::PathBuf;
use std::sync::Arc;

use crate::clock::Clock;
use crate::journal::{Error, Journal, Left, Settings};
use crate::metrics::Metrics;

/// Opens the journal in this directory. A node without one calls as ever: what it had claimed when it died is found when the
/// leases are over.
pub(super) fn open(dir: Option<PathBuf>, calls: usize, metrics: &Arc<Metrics>) -> (Journal, Vec<Left>) {
    let Some(dir) = dir else { return (Journal::off(), vec![]) };
    let metrics = metrics.clone();
    match Journal::open(Settings { dir: &dir, calls, clock: Clock::OF_THE_WORLD, metrics }) {
        Ok(opened) => opened,
        Err(error) => {
            let advice = match &error {
                Error::File { .. } => {
                    "name a directory that this node may write to with --journal-dir, or off"
                }
                Error::Full(_) => "give nodes directories of their own with --journal-dir",
                Error::NoBootId(_) => "this needs Linux; --journal-dir off says nothing of it",
            };
            tracing::warn!(%error, "there is no journal of calls, so calls that a crash cuts off are found late: {advice}");
            (Journal::off(), vec![])
        }
    }
}
