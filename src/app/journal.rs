//! Opens a node's journal if it can, and logs what to do if it cannot.

use std::path::PathBuf;
use std::sync::Arc;

use crate::foundation::clock::Clock;
use crate::foundation::metrics::Metrics;
use crate::node::journal::{Error, Journal, Left, Settings};

/// Opens the journal in this directory. A node without a journal makes calls as usual; the timers that it had claimed when it
/// died are found when their leases are over.
pub(super) fn open(dir: Option<PathBuf>, calls: usize, metrics: &Arc<Metrics>) -> (Journal, Vec<Left>) {
    let Some(dir) = dir else { return (Journal::off(), vec![]) };
    let metrics = metrics.clone();
    match Journal::open(Settings { dir: &dir, calls, clock: Clock::OF_THE_WORLD, metrics }) {
        Ok(opened) => opened,
        Err(error) => {
            let advice = match &error {
                Error::File { .. } => "give --journal-dir a directory that this node may write to, or off",
                Error::Full(_) => "give each node its own directory with --journal-dir",
                Error::NoBootId(_) => "the journal needs Linux; --journal-dir off silences this message",
            };
            tracing::warn!(
                %error,
                "there is no journal of calls, so calls that a crash interrupts are found late: {advice}"
            );
            (Journal::off(), vec![])
        }
    }
}
