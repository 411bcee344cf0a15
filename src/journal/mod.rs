//! What a node writes about its calls, so that whoever starts after a crash knows how far each had come.
//!
//! A file with a fixed slot for each call that may be in progress, overwritten in place: when a call is about to be claimed,
//! before the first byte of its request, and when its answer was read. `write` without `fsync`: the page cache outlives the
//! process, and a power cut is told by the boot's id. `format` is what the bytes mean, `slots` writes them, `folder` finds
//! and locks files. What follows from an entry is decided by the rules, against the record in NATS.
//!
//! **Invariant:** an entry is believed only about a record that has its claim's id, and only if it was written on this boot,
//! to this very file, by a process that is gone.
//! **Invariant:** the place for every mark is there before the claim is noted, so a mark needs no room on the disk. If one
//! cannot be written all the same, the file is made unreadable, and this node goes on without a journal.
//! **Invariant:** what is not in the journal is as it was without one: others take it over when its lease is over.

mod folder;
pub mod format;
mod slots;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::called::Called;
use crate::domain::timer::{ClaimId, TimerId};
use crate::metrics::Metrics;

pub use folder::{Error, Left};
use slots::{Slot, Slots};

/// A node's journal, or none. Cheap to clone.
#[derive(Clone, Default)]
pub struct Journal(Option<Arc<Slots>>);

/// What is written about one call. Cheap to clone; its slot is free for another call when the last copy is dropped.
#[derive(Clone, Default)]
pub struct Entry(Option<Arc<Slot>>);

/// What a journal is made with.
pub struct Settings<'a> {
    /// The directory of journals; it is created.
    pub dir: &'a Path,
    /// The most calls in progress.
    pub calls: usize,
    /// Tells the time that marks are made at.
    pub clock: Clock,
    /// Where it is shown whether there is a journal.
    pub metrics: Arc<Metrics>,
}

impl Journal {
    /// None: nothing is written.
    pub fn off() -> Self {
        Self(None)
    }

    /// Takes a file of the directory that no living node has, and gives what nodes that are gone have left in others.
    ///
    /// # Errors
    ///
    /// If the directory cannot be written to, or all of its files are in use; then nothing was taken.
    pub fn open(settings: Settings<'_>) -> Result<(Self, Vec<Left>), Error> {
        let taken = folder::take(settings.dir, settings.calls)?;
        if taken.others > 0 {
            tracing::info!(
                path = %taken.path.display(),
                others = taken.others,
                "another node writes its journal to the same directory; this one has a file of its own"
            );
        }
        settings.metrics.journal.is_on(true);
        let slots = Slots::new(taken.file, taken.path, settings);
        Ok((Self(Some(Arc::new(slots))), taken.left))
    }

    /// Notes that the timer is about to be claimed under this name.
    pub fn claims(&self, timer: TimerId, claim: ClaimId) -> Entry {
        Entry(self.0.as_ref().and_then(|slots| Slot::take(slots, timer, claim)).map(Arc::new))
    }

    /// Where it is, if there is one.
    pub fn path(&self) -> Option<PathBuf> {
        self.0.as_ref().map(|slots| slots.path().to_owned())
    }
}

impl Entry {
    /// Notes that the first byte of the request is about to be written. Done more than once it is noted once.
    pub fn writes(&self) {
        if let Some(slot) = &self.0 {
            slot.writes();
        }
    }

    /// Notes what was answered.
    pub fn answered(&self, called: &Called) {
        if let Some(slot) = &self.0 {
            slot.answered(called);
        }
    }

    /// Notes that the outcome is stored. Only a claim whose request was not written is taken back for it: of the others a
    /// record that has the claim no more says enough.
    pub fn stored(&self) {
        if let Some(slot) = &self.0 {
            slot.stored();
        }
    }
}
