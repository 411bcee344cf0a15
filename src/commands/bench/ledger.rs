//! The two accounts of the run that load and sink share, each behind its own lock.
//!
//! The ledger has every result at any moment, so a run that is broken off can still be reported.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::creation::Creation;
use super::tally::Tally;

pub(super) struct Ledger {
    creation: Mutex<Creation>,
    tally: Mutex<Tally>,
    sink_lacked_files: AtomicBool,
}

impl Ledger {
    pub(super) fn new(timers_to_match: usize) -> anyhow::Result<Self> {
        Ok(Self {
            creation: Mutex::new(Creation::new()?),
            tally: Mutex::new(Tally::new(timers_to_match)?),
            sink_lacked_files: AtomicBool::new(false),
        })
    }

    /// The account of creates. Its lock is held for some hundred nanoseconds and never across an await. A poisoned lock means a panic
    /// elsewhere, which ends the run by itself; the numbers are still worth printing.
    pub(super) fn creation(&self) -> MutexGuard<'_, Creation> {
        self.creation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The account of webhooks. Its lock is held as that of `creation`.
    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the sink had to leave a connection waiting because the process has too many files open.
    pub(super) fn sink_lacked_files(&self) {
        self.sink_lacked_files.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_sink_lacked_files(&self) -> bool {
        self.sink_lacked_files.load(Ordering::Relaxed)
    }
}
