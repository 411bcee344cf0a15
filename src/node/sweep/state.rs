//! The state of a running sweeper.

use std::time::Duration;

use tokio::time::Instant;

use super::room;
use crate::foundation::failures::Failures;
use crate::nats::{Lease, TopologyState};
use rules::backoff::Backoff;

/// How often a sweep also reads all waiting wakes. A wake without a record takes room, and leaves by itself at its instant.
const FIND_ORPHANS_EVERY: Duration = Duration::from_secs(3_600);

/// So many sweeps in a row that fail are worth a line in the log: one may fail while NATS changes leaders.
const FAILURES_TOLD: u32 = 3;

/// The pauses after sweeps that failed, while wakes are known to be lost.
const AGAIN: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(60) };

pub(super) struct SweeperState {
    /// The lease if this node holds it, with its revision.
    pub(super) held: Option<(Lease, u64)>,
    /// The result of the last look at the streams.
    pub(super) topology: Option<TopologyState>,
    /// Wakes were lost since the last complete sweep.
    pub(super) loss: bool,
    /// How many looks in a row have shown an older bucket or another one.
    pub(super) back: u32,
    /// The trouble that was logged; it is logged once, until it is over.
    pub(super) trouble: Option<String>,
    /// When the last sweep ended.
    pub(super) done: Option<Instant>,
    /// When the last sweep began that looks for orphans.
    orphans: Option<Instant>,
    /// The sweeps that failed since the last complete one.
    pub(super) failures: Failures,
    /// When the ledger was last shown.
    pub(super) shown: Option<Instant>,
    /// The sweeper's view of the room in JetStream.
    pub(super) room: room::RoomState,
}

impl SweeperState {
    /// A sweeper's knowledge at the start; `loss` says that wakes were lost before.
    pub(super) fn new(loss: bool) -> Self {
        Self {
            held: None,
            topology: None,
            loss,
            back: 0,
            trouble: None,
            done: None,
            orphans: None,
            failures: Failures::told_at(FAILURES_TOLD),
            shown: None,
            room: room::RoomState::default(),
        }
    }

    /// Whether it is time for another sweep: after this interval, or soon if wakes are known to be lost.
    pub(super) fn is_due(&self, interval: Duration) -> bool {
        let pause = match self.failures.in_a_row() {
            _ if !self.loss => interval,
            0 => Duration::ZERO,
            failures => AGAIN.after(failures - 1).min(interval),
        };
        self.done.is_none_or(|done| done.elapsed() >= pause)
    }

    /// Whether the sweep that begins now looks for orphans, too. Timers that have lost their stream of wakes have left none.
    pub(super) fn begin_to_find_orphans(&mut self) -> bool {
        let is_due = !self.loss && self.orphans.is_none_or(|at| at.elapsed() >= FIND_ORPHANS_EVERY);
        if is_due {
            self.orphans = Some(Instant::now());
        }
        is_due
    }
}
