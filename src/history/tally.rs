//! One minute: how often each thing has happened, and how late what fired was.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::Happened;

/// The longest lateness that is told apart from longer ones, in microseconds: an hour. A longer one shows in the
/// maximum.
const LONGEST_MICROS: u64 = 3_600_000_000;

/// Two digits: a percentile is right to 1 %, and a histogram has 13 KB; three would take eight times as much.
const DIGITS: u8 = 2;

/// How often each thing has happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Timers created.
    pub created: u64,
    /// Attempts that have begun.
    pub fired: u64,
    /// Timers delivered.
    pub delivered: u64,
    /// Timers that have failed.
    pub failed: u64,
    /// Timers of which nobody knows.
    pub unknown: u64,
    /// Timers cancelled.
    pub cancelled: u64,
}

/// How late attempts were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lateness {
    /// Half of them were no later, to 1 %.
    pub p50: Duration,
    /// 99 of 100 were no later, to 1 %.
    pub p99: Duration,
    /// The latest was exactly so late.
    pub max: Duration,
}

/// How late each was.
#[derive(Debug, Default)]
pub(super) struct Latenesses {
    /// In microseconds; absent as long as nothing is in it.
    spread: Option<Histogram<u32>>,
    max: Duration,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) counted: Counted,
    pub(super) latenesses: Latenesses,
}

impl Tally {
    pub(super) fn count(&mut self, happened: Happened) {
        let counted = &mut self.counted;
        *match happened {
            Happened::Created => &mut counted.created,
            Happened::Fired { late } => {
                self.latenesses.note(late);
                &mut counted.fired
            }
            Happened::Delivered => &mut counted.delivered,
            Happened::Failed => &mut counted.failed,
            Happened::Unknown => &mut counted.unknown,
            Happened::Cancelled => &mut counted.cancelled,
        } += 1;
    }
}

impl Latenesses {
    fn note(&mut self, late: Duration) {
        let micros = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        if let Some(spread) = self.spread() {
            spread.saturating_record(micros);
        }
        self.max = self.max.max(late);
    }

    pub(super) fn add(&mut self, other: &Self) {
        if let (Some(theirs), Some(ours)) = (&other.spread, self.spread()) {
            // Both have the same bounds, so everything has a place.
            let _ = ours.add(theirs);
        }
        self.max = self.max.max(other.max);
    }

    /// `None` if there was nothing.
    pub(super) fn sum_up(&self) -> Option<Lateness> {
        let spread = self.spread.as_ref().filter(|spread| !spread.is_empty())?;
        // A value stands for a range, the end of which may be beyond what there was.
        let at = |quantile| Duration::from_micros(spread.value_at_quantile(quantile)).min(self.max);
        Some(Lateness { p50: at(0.5), p99: at(0.99), max: self.max })
    }

    fn spread(&mut self) -> Option<&mut Histogram<u32>> {
        if self.spread.is_none() {
            // These bounds are good.
            self.spread = Histogram::new_with_bounds(1, LONGEST_MICROS, DIGITS).ok();
        }
        self.spread.as_mut()
    }
}
