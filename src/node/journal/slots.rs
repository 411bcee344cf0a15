//! The slots of the journal that this node writes: which ones are free, and what happens if one cannot be written.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::format::{self, HEADER_BYTES, MARK_AT};
use super::{Settings, folder};
use crate::foundation::clock::Clock;
use crate::foundation::metrics::Metrics;
use rules::domain::called::Called;
use rules::domain::timer::{ClaimId, TimerId};

/// All slots of a file that this process has locked.
pub(super) struct Slots {
    file: File,
    path: PathBuf,
    clock: Clock,
    metrics: Arc<Metrics>,
    free: Mutex<Vec<usize>>,
    /// A write has failed, so no more are made.
    broken: AtomicBool,
    /// The contents of the file can still be read after that.
    readable: AtomicBool,
}

/// The slot of one call.
pub(super) struct Slot {
    all: Arc<Slots>,
    number: usize,
    claim: ClaimId,
    /// How far the call has come according to the slot.
    noted: AtomicU8,
}

const CLAIMED: u8 = 0;
const WRITTEN: u8 = 1;

impl Slots {
    pub(super) fn new(file: File, path: PathBuf, settings: Settings<'_>) -> Self {
        Self {
            file,
            path,
            clock: settings.clock,
            metrics: settings.metrics,
            // The lowest slots are taken first, so that only a small part of the file is touched.
            free: Mutex::new((0..settings.calls).rev().collect()),
            broken: AtomicBool::new(false),
            readable: AtomicBool::new(true),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn free(&self) -> MutexGuard<'_, Vec<usize>> {
        // Plain numbers are whole, whichever thread panicked.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes into a slot; if that fails, the journal is broken from then on.
    fn write(&self, number: usize, offset: usize, bytes: &[u8]) {
        if self.broken.load(Ordering::Acquire) {
            // No further marks are added, so no node may read the existing ones.
            return self.make_unreadable();
        }
        if let Err(error) = self.file.write_all_at(bytes, format::slot_at(number) + offset as u64) {
            self.breaks(&error);
        }
    }

    fn breaks(&self, error: &io::Error) {
        let first = !self.broken.swap(true, Ordering::AcqRel);
        self.make_unreadable();
        if first {
            self.metrics.journal.is_on(false);
            tracing::warn!(
                path = %self.path.display(),
                %error,
                "the journal of calls cannot be written, and this node goes on without one. Check its disk, and restart \
                 the node once the disk works"
            );
        }
    }

    /// Makes the file useless to the next node: overwrites the header, or else cuts or removes the file. If all of that
    /// fails, the next call tries again.
    fn make_unreadable(&self) {
        if !self.readable.load(Ordering::Acquire) {
            return;
        }
        let done = self
            .file
            .write_all_at(&[0; HEADER_BYTES], 0)
            .or_else(|_| self.file.set_len(0))
            .or_else(|_| std::fs::remove_file(&self.path));
        if done.is_ok() {
            self.readable.store(false, Ordering::Release);
        }
    }
}

impl Slot {
    /// Takes a free slot and notes the claim in it; `None` if the journal is broken or no slot is free.
    pub(super) fn take(all: &Arc<Slots>, timer: TimerId, claim: ClaimId) -> Option<Self> {
        if all.broken.load(Ordering::Acquire) {
            all.make_unreadable();
            return None;
        }
        let number = all.free().pop()?;
        let slot = Self { all: all.clone(), number, claim, noted: AtomicU8::new(CLAIMED) };
        all.write(number, 0, &format::claimed(timer, claim, all.clock.world()));
        Some(slot)
    }

    pub(super) fn writes(&self) {
        if self.noted.swap(WRITTEN, Ordering::AcqRel) == CLAIMED {
            self.all.write(self.number, MARK_AT, &format::written(self.claim, self.all.clock.world()));
        }
    }

    pub(super) fn answered(&self, called: &Called) {
        let bytes = format::answered(self.claim, called, self.all.clock.world());
        self.all.write(self.number, MARK_AT, &bytes);
    }

    pub(super) fn ends(&self) {
        if self.noted.load(Ordering::Acquire) == CLAIMED {
            self.all.write(self.number, MARK_AT, &format::taken_back(self.claim, self.all.clock.world()));
        }
    }
}

impl Drop for Slot {
    /// The contents stay until another call takes the slot: the record in NATS says whether they still matter.
    fn drop(&mut self) {
        self.all.free().push(self.number);
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        self.metrics.journal.is_on(false);
        folder::release(&self.file);
    }
}
