//! One minute: how often each event happened, and how late attempts began.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::Happened;

/// The longest lateness that is told apart from longer ones, in microseconds: an hour. A longer one shows in the
/// maximum.
const LONGEST_MICROS: u64 = 3_600_000_000;

/// Two digits: a percentile is right to 1 %, and a histogram has 13 KB; three would take eight times as much.
const DIGITS: u8 = 2;

/// The number of events of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub created: u64,
    /// Attempts that have begun.
    pub fired: u64,
    pub delivered: u64,
    pub failed: u64,
    /// Timers of which it is not known whether they were delivered.
    pub unknown: u64,
    pub cancelled: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lateness {
    /// Half of the attempts were no later, to 1 %.
    pub p50: Duration,
    /// 99 of 100 attempts were no later, to 1 %.
    pub p99: Duration,
    /// The lateness of the latest attempt, exactly.
    pub max: Duration,
}

/// The lateness of each attempt.
#[derive(Debug, Default)]
pub(super) struct Latenesses {
    /// In microseconds; `None` as long as it is empty.
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
            // Both have the same bounds, so every value has a place.
            let _ = ours.add(theirs);
        }
        self.max = self.max.max(other.max);
    }

    /// The summary; `None` if there was no attempt.
    pub(super) fn sum_up(&self) -> Option<Lateness> {
        let spread = self.spread.as_ref().filter(|spread| !spread.is_empty())?;
        // A value stands for a range, whose end may be beyond the largest value.
        let at = |quantile| Duration::from_micros(spread.value_at_quantile(quantile)).min(self.max);
        Some(Lateness { p50: at(0.5), p99: at(0.99), max: self.max })
    }

    fn spread(&mut self) -> Option<&mut Histogram<u32>> {
        if self.spread.is_none() {
            // These bounds are valid.
            self.spread = Histogram::new_with_bounds(1, LONGEST_MICROS, DIGITS).ok();
        }
        self.spread.as_mut()
    }
}
