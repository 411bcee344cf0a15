//! A node's notes about its calls, so that the node that starts after a crash knows how far each call had come.
//!
//! A file has a fixed slot for each call that may be in progress. The node overwrites the slot in place when a call is about to
//! be claimed, before the first byte of its request, and when its answer was read. It uses `write` without `fsync`: the page
//! cache outlives the process, and the boot's id reveals a power cut. `format` defines the bytes, `slots` writes them, `folder`
//! finds and locks files. The rules decide what follows from an entry, against the record in NATS.
//!
//! **Invariant:** an entry is believed only about a record that has its claim's id, and only if it was written on this boot, to
//! this very file, by a process that is gone.
//! **Invariant:** the file has room for every mark before the claim is noted, so a mark needs no more room on the disk. If a mark
//! still cannot be written, the file is made unreadable, and this node goes on without a journal.
//! **Invariant:** a call that is not in the journal is treated as without one: other nodes take it over when its lease is over.

mod folder;
pub mod format;
mod slots;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::foundation::clock::Clock;
use crate::foundation::metrics::Metrics;
use rules::domain::called::Called;
use rules::domain::timer::{ClaimId, TimerId};

pub use folder::{Error, Left};
use slots::{Slot, Slots};

/// A node's journal, or the lack of one. Cheap to clone.
#[derive(Clone, Default)]
pub struct Journal(Option<Arc<Slots>>);

/// The entry of one call. Cheap to clone; its slot is free for another call when the last copy is dropped.
#[derive(Clone, Default)]
pub struct Entry(Option<Arc<Slot>>);

/// The settings of a journal.
pub struct Settings<'a> {
    /// The directory of journals; it is created.
    pub dir: &'a Path,
    /// The most calls in progress, each of which needs a slot.
    pub calls: usize,
    /// Tells the time of each mark.
    pub clock: Clock,
    /// The metrics that show whether there is a journal.
    pub metrics: Arc<Metrics>,
}

impl Journal {
    /// No journal: nothing is written.
    pub fn off() -> Self {
        Self(None)
    }

    /// Takes a file of the directory that no living node uses, and gives the entries that dead nodes have left in other
    /// files.
    ///
    /// # Errors
    ///
    /// If the directory cannot be written to, or all of its files are in use; then no file was taken.
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

    /// Notes that the timer is about to be claimed with this claim.
    pub fn claims(&self, timer: TimerId, claim: ClaimId) -> Entry {
        Entry(self.0.as_ref().and_then(|slots| Slot::take(slots, timer, claim)).map(Arc::new))
    }

    /// The path of the file, if there is a journal.
    pub fn path(&self) -> Option<PathBuf> {
        self.0.as_ref().map(|slots| slots.path().to_owned())
    }
}

impl Entry {
    /// Notes that the first byte of the request is about to be written. Repeated calls note it once.
    pub fn writes(&self) {
        if let Some(slot) = &self.0 {
            slot.writes();
        }
    }

    pub fn answered(&self, called: &Called) {
        if let Some(slot) = &self.0 {
            slot.answered(called);
        }
    }

    /// Ends this entry: the outcome is stored, or the place was given up before the call. This writes a mark only for a claim whose request
    /// was not written. For the others it is enough that the record no longer has the claim.
    pub fn ends(&self) {
        if let Some(slot) = &self.0 {
            slot.ends();
        }
    }
}
