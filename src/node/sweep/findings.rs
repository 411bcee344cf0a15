//! Findings of sweeps, counted by kind and with a few examples, for metrics, logs and `jettimer doctor`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::foundation::metrics::{Label as _, Metrics, SweepFinding};
use crate::nats::Missing;
use crate::node::sweep::late::Late;
use rules::domain::sweep::Finding;
use rules::domain::timer::TimerId;

/// How many timers of each kind are named as examples: a few are enough to find out what happened.
const EXAMPLES: usize = 5;

/// The kind of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// A timer is overdue, and no wake comes.
    Overdue,
    /// A timer waits, and no wake comes in time.
    Unarmed,
    /// A claim has no wake that would bring a worker back to it.
    Unwatched,
    /// A record that the broker or a backup brought back.
    Restored,
    /// The callback of an end may not have been made.
    Untold,
    /// A wake whose timer has no record.
    Orphan,
    /// A record that was removed by hand.
    Removed,
    /// A record that this version cannot read.
    Unreadable,
    BucketMissing,
    /// The bucket is older than it was, or is another one.
    BucketTurnedBack,
    /// The stream of wakes was gone, or is another one.
    WakesMissing,
    ConsumerMissing,
    SweepMissing,
}

impl FindingKind {
    /// All kinds, the most urgent first.
    pub const EACH: [Self; 13] = [
        Self::BucketMissing,
        Self::BucketTurnedBack,
        Self::WakesMissing,
        Self::ConsumerMissing,
        Self::SweepMissing,
        Self::Overdue,
        Self::Unarmed,
        Self::Unwatched,
        Self::Restored,
        Self::Untold,
        Self::Removed,
        Self::Unreadable,
        Self::Orphan,
    ];

    /// The kind of a timer's damage.
    pub fn of(finding: Finding) -> Self {
        match finding {
            Finding::Overdue => Self::Overdue,
            Finding::Unarmed => Self::Unarmed,
            Finding::Unwatched => Self::Unwatched,
            Finding::Untold => Self::Untold,
        }
    }

    /// The kind of a missing part.
    pub fn missing(missing: Missing) -> Self {
        match missing {
            Missing::Bucket => Self::BucketMissing,
            Missing::Wakes => Self::WakesMissing,
            Missing::Sweep => Self::SweepMissing,
            Missing::Consumer => Self::ConsumerMissing,
        }
    }

    /// The metric's label for it.
    fn label(self) -> SweepFinding {
        match self {
            Self::Overdue => SweepFinding::Overdue,
            Self::Unarmed => SweepFinding::Unarmed,
            Self::Unwatched => SweepFinding::Unwatched,
            Self::Restored => SweepFinding::Restored,
            Self::Untold => SweepFinding::Untold,
            Self::Orphan => SweepFinding::Orphan,
            Self::Removed => SweepFinding::Removed,
            Self::Unreadable => SweepFinding::Unreadable,
            Self::BucketMissing => SweepFinding::BucketMissing,
            Self::BucketTurnedBack => SweepFinding::BucketTurnedBack,
            Self::WakesMissing => SweepFinding::WakesMissing,
            Self::ConsumerMissing => SweepFinding::ConsumerMissing,
            Self::SweepMissing => SweepFinding::SweepMissing,
        }
    }

    /// Whether each sweep finds it again: there is nothing to repair.
    pub fn stays(self) -> bool {
        matches!(self, Self::Removed | Self::Unreadable)
    }

    /// Its name in answers and metrics.
    pub fn name(self) -> &'static str {
        self.label().shown()
    }
}

/// How often one kind was found, and for which timers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub count: usize,
    /// A few of the timers that it was found at.
    pub examples: Vec<TimerId>,
}

/// The findings of one sweep so far.
#[derive(Debug, Default)]
pub struct Findings {
    /// The metrics that count each finding at once: a sweep may be cut off.
    counted: Option<Arc<Metrics>>,
    looked_at: AtomicUsize,
    tallies: Mutex<[Tally; FindingKind::EACH.len()]>,
    pub late: Late,
}

impl Findings {
    /// No findings yet; these metrics count them.
    pub fn counted(metrics: Arc<Metrics>) -> Self {
        Self { counted: Some(metrics), ..Self::default() }
    }

    /// No findings yet; late timers are counted, with the reasons of nodes for delays.
    pub fn with_late(late: Late) -> Self {
        Self { late, ..Self::default() }
    }

    /// Notes a finding, and counts it in the metrics at once, unless its kind [stays](FindingKind::stays).
    pub fn note(&self, kind: FindingKind, id: Option<TimerId>) {
        if let Some(metrics) = self.counted.as_ref().filter(|_| !kind.stays()) {
            metrics.sweep.findings.count(kind.label());
            if kind == FindingKind::Restored {
                metrics.sweep.restored();
            }
        }
        let mut tallies = self.lock();
        let place = FindingKind::EACH.iter().position(|each| *each == kind);
        let Some(tally) = place.and_then(|place| tallies.get_mut(place)) else { return };
        tally.count += 1;
        if tally.examples.len() < EXAMPLES {
            tally.examples.extend(id);
        }
    }

    /// Notes that this many more records were looked at.
    pub fn looked_at(&self, records: usize) {
        self.looked_at.fetch_add(records, Ordering::Relaxed);
    }

    /// How many records were looked at.
    pub fn records(&self) -> usize {
        self.looked_at.load(Ordering::Relaxed)
    }

    /// All findings by kind, the most urgent first.
    pub fn found(&self) -> Vec<(FindingKind, Tally)> {
        let tallies = self.lock().clone();
        FindingKind::EACH.into_iter().zip(tallies).filter(|(_, tally)| tally.count > 0).collect()
    }

    /// Logs the findings that were repaired.
    pub fn log(&self) {
        for (kind, tally) in self.found().into_iter().filter(|(kind, _)| !kind.stays()) {
            let (finding, count) = (kind.name(), tally.count);
            let timers = tally.examples.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            if kind == FindingKind::Restored {
                tracing::error!(
                    finding,
                    count,
                    timers,
                    "NATS or a backup brought back timers that must have been over; they are now unknown and are not called: \
                     see docs/reliability.md, \"Restored data\""
                );
            } else if kind == FindingKind::Orphan {
                // Left by creations that were cut off, and by timers that were moved and whose records have left since.
                tracing::info!(finding, count, timers, "removed wakes that belong to no timer");
            } else {
                tracing::warn!(
                    finding,
                    count,
                    timers,
                    "the sweep found damage and repaired it: data was lost on NATS, or this is a fault of jettimer"
                );
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, [Tally; FindingKind::EACH.len()]> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
