//! Numbers of sweeps: what they have found, and that they are done.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use super::label::{Counters, label};
use super::names;
use super::register::{Float, Register, set};
use crate::domain::timer::{Doubt, State};

label! {
    /// What a sweep has found.
    SweepFinding = "finding" {
        /// A timer that should have been woken, and had no wake.
        Overdue = "overdue",
        /// A timer that waits, and had no wake in time.
        Unarmed = "unarmed",
        /// A claim that nobody watched.
        Unwatched = "unwatched",
        /// A record that the broker or a backup brought back.
        Restored = "restored",
        /// An end that may not have been told to its callback.
        Untold = "untold",
        /// A wake without a record.
        Orphan = "orphan",
        /// A record that was removed by hand.
        Removed = "removed",
        /// A record that this version cannot read.
        Unreadable = "unreadable",
        /// The bucket was gone.
        BucketMissing = "bucket_missing",
        /// The bucket is older than it was, or another.
        BucketTurnedBack = "bucket_turned_back",
        /// The stream of wakes was gone, or is another.
        WakesMissing = "wakes_missing",
        /// The workers' consumer was gone.
        ConsumerMissing = "consumer_missing",
        /// The stream of events was gone.
        EventsMissing = "events_missing",
        /// The bucket of the sweep was gone.
        SweepMissing = "sweep_missing",
    }
}

label! {
    /// What came of a sweep.
    Swept = "result" {
        /// It has looked at everything.
        Done = "done",
        /// It was cut off, and is done again.
        Failed = "failed",
    }
}

/// Numbers of sweeps.
#[derive(Debug)]
pub struct Sweeping {
    /// What was found.
    pub findings: Counters<SweepFinding>,
    sweeps: Counters<Swept>,
    last: Float,
    is_sweeper: Gauge,
    restored: Counter,
}

impl Sweeping {
    pub(super) fn new(register: &mut Register<'_>) -> Self {
        Self {
            findings: Counters::new(register, &names::SWEEP_FINDINGS),
            sweeps: Counters::new(register, &names::SWEEPS),
            last: register.gauge(&names::SWEEP_LAST),
            is_sweeper: register.gauge(&names::SWEEPER),
            restored: register.counter(&names::RESTORED),
        }
    }

    /// Whether this node is the one that sweeps.
    pub fn is_sweeper(&self, is_it: bool) {
        set(&self.is_sweeper, usize::from(is_it));
    }

    /// A sweep was done, at this instant in microseconds since 1970.
    pub fn done(&self, at_micros: u64) {
        self.sweeps.count(Swept::Done);
        self.last.set(at_micros as f64 / 1e6);
    }

    /// This state was stored: counts a timer that was found to have been brought back.
    pub fn stored(&self, state: &State) {
        if matches!(state, State::Unknown { doubt: Doubt::Restored, .. }) {
            self.restored();
        }
    }

    /// A timer was found to have been brought back, and ended.
    pub fn restored(&self) {
        self.restored.inc();
    }

    /// A sweep was cut off.
    pub fn failed(&self) {
        self.sweeps.count(Swept::Failed);
    }
}
