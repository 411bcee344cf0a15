//! Metrics of sweeps: their findings, and their results.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use super::label::{Counters, label};
use super::names;
use super::register::{Float, Register, set};
use rules::domain::timer::{Doubt, State};

label! {
    /// The kind of a finding.
    SweepFinding = "finding" {
        /// A timer should have been woken, and had no wake.
        Overdue = "overdue",
        /// A timer waits, and had no wake in time.
        Unarmed = "unarmed",
        /// A claim had no wake that would bring a worker back to it.
        Unwatched = "unwatched",
        /// A record that the broker or a backup brought back.
        Restored = "restored",
        /// The callback of an end may not have been made.
        Untold = "untold",
        /// A wake without a record.
        Orphan = "orphan",
        /// A record that was removed by hand.
        Removed = "removed",
        /// A record that this version cannot read.
        Unreadable = "unreadable",
        BucketMissing = "bucket_missing",
        /// The bucket is older than it was, or is another one.
        BucketTurnedBack = "bucket_turned_back",
        /// The stream of wakes was gone, or is another one.
        WakesMissing = "wakes_missing",
        ConsumerMissing = "consumer_missing",
        SweepMissing = "sweep_missing",
    }
}

label! {
    /// The result of a sweep.
    Swept = "result" {
        /// The sweep has looked at everything.
        Done = "done",
        /// The sweep was cut off, and is repeated.
        Failed = "failed",
    }
}

#[derive(Debug)]
pub struct Sweeping {
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

    /// Shows whether this node sweeps.
    pub fn is_sweeper(&self, is_it: bool) {
        set(&self.is_sweeper, usize::from(is_it));
    }

    /// A sweep ended at this instant, in microseconds since 1970.
    pub fn done(&self, at_micros: u64) {
        self.sweeps.count(Swept::Done);
        self.last.set(at_micros as f64 / 1e6);
    }

    /// This state was stored: counts the timer if its record was found to be restored.
    pub fn stored(&self, state: &State) {
        if matches!(state, State::Unknown { doubt: Doubt::Restored, .. }) {
            self.restored();
        }
    }

    /// A timer's record was found to be restored, and the timer was ended.
    pub fn restored(&self) {
        self.restored.inc();
    }

    /// A sweep was cut off.
    pub fn failed(&self) {
        self.sweeps.count(Swept::Failed);
    }
}
