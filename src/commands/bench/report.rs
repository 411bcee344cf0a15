//! The result of a run: every number that is printed, and whether the run passes.
//!
//! It only takes stock. `text` and `json` decide how it looks.

use std::time::Duration;

use super::Verdict;
use super::args::{Bench, Delivery};
use super::creation::Errors;
use super::ledger::Ledger;
use super::memory::Footprint;
use super::order::Due;
use super::spread::Summary;
use super::tally::{Counts, signed_difference};

const US_PER_S: f64 = 1e6;

pub(super) struct Report {
    pub(super) timers: u64,
    pub(super) connections: u32,
    pub(super) per_request: u32,
    /// `None` in a closed loop.
    pub(super) rate_per_s: Option<u32>,
    pub(super) delivery: Delivery,
    pub(super) interrupted: bool,
    pub(super) creation: Created,
    /// `None` if webhooks were not waited for.
    pub(super) webhooks: Option<Webhooks>,
    pub(super) memory: Vec<Footprint>,
}

pub(super) struct Created {
    pub(super) count: u64,
    pub(super) failed: u64,
    pub(super) lasted: Duration,
    pub(super) per_second: f64,
    pub(super) latency: Option<Summary>,
    pub(super) lag: Option<Summary>,
    pub(super) queued: u64,
    pub(super) misdated: u64,
    pub(super) errors: Vec<(String, Errors)>,
}

pub(super) struct Webhooks {
    pub(super) counts: Counts,
    pub(super) lateness: Option<Summary>,
    pub(super) drain: Option<Drain>,
    pub(super) sink_lacked_files: bool,
}

/// How a burst of timers with one due instant was worked off.
#[derive(Debug, PartialEq)]
pub(super) struct Drain {
    /// From the common due instant until the last timer's webhook came.
    pub(super) seconds: f64,
    pub(super) per_second: f64,
}

impl Report {
    pub(super) fn take(
        bench: &Bench,
        due: Due,
        interrupted: bool,
        now_us: u64,
        ledger: &Ledger,
        memory: Vec<Footprint>,
    ) -> Self {
        Self {
            timers: bench.timers,
            connections: bench.connections,
            per_request: bench.per_request,
            rate_per_s: bench.rate,
            delivery: bench.delivery,
            interrupted,
            creation: Created::take(ledger),
            webhooks: (!bench.create_only).then(|| Webhooks::take(due, now_us, bench.wait, ledger)),
            memory,
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        if self.reasons().is_empty() { Verdict::Passed } else { Verdict::Failed }
    }

    /// Why the run fails; empty if it passes. Unexpected webhooks do not make it fail: an earlier run may have left them.
    pub(super) fn reasons(&self) -> Vec<String> {
        let counts = self.webhooks.as_ref().map(|webhooks| webhooks.counts).unwrap_or_default();
        let duplicates_count = match self.delivery {
            Delivery::AtMostOnce => counts.duplicate,
            Delivery::AtLeastOnce => 0,
        };
        let mut reasons: Vec<String> = [
            (self.creation.failed, "creates failed"),
            (counts.missing, "missing"),
            (counts.early, "early"),
            (duplicates_count, "duplicate with at_most_once"),
        ]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
        if self.interrupted {
            reasons.push("interrupted".to_owned());
        }
        reasons
    }
}

impl Created {
    fn take(ledger: &Ledger) -> Self {
        let mut creation = ledger.creation();
        Self {
            count: creation.created,
            failed: creation.failed,
            lasted: creation.lasted(),
            per_second: creation.per_second(),
            latency: creation.latency.summary(),
            lag: creation.lag.summary(),
            queued: creation.queued,
            misdated: creation.misdated,
            errors: std::mem::take(&mut creation.errors).into_iter().collect(),
        }
    }
}

impl Webhooks {
    fn take(due: Due, now_us: u64, patience: Duration, ledger: &Ledger) -> Self {
        let tally = ledger.tally();
        let counts = tally.counts(now_us, patience);
        let drain = match due {
            Due::Together { at_us } => {
                tally.latest_arrival_us().and_then(|last_us| drain(counts.delivered, at_us, last_us))
            }
            Due::In(_) => None,
        };
        Self {
            counts,
            lateness: tally.lateness.summary(),
            drain,
            sink_lacked_files: ledger.has_sink_lacked_files(),
        }
    }
}

fn drain(delivered: u64, due_us: u64, last_us: u64) -> Option<Drain> {
    let seconds = signed_difference(last_us, due_us) as f64 / US_PER_S;
    // If every webhook came early, no time remains to divide by.
    (seconds > 0.0).then(|| Drain { seconds, per_second: delivered as f64 / seconds })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) const SUMMARY: Summary =
        Summary { min_ms: 0.25, p50_ms: 1.0, p90_ms: 2.0, p99_ms: 12.5, p999_ms: 125.0, max_ms: 1250.125 };

    pub(in super::super) fn passing() -> Report {
        Report {
            timers: 100,
            connections: 8,
            per_request: 1,
            rate_per_s: None,
            delivery: Delivery::AtMostOnce,
            interrupted: false,
            creation: Created {
                count: 100,
                failed: 0,
                lasted: Duration::from_millis(500),
                per_second: 200.0,
                latency: Some(SUMMARY),
                lag: None,
                queued: 0,
                misdated: 0,
                errors: Vec::new(),
            },
            webhooks: Some(Webhooks {
                counts: Counts { delivered: 100, ..Counts::default() },
                lateness: Some(SUMMARY),
                drain: None,
                sink_lacked_files: false,
            }),
            memory: Vec::new(),
        }
    }

    fn with(counts: Counts, delivery: Delivery) -> Report {
        let mut report = passing();
        report.delivery = delivery;
        report.webhooks.as_mut().unwrap().counts = counts;
        report
    }

    #[test]
    fn a_clean_run_passes() {
        assert_eq!(passing().verdict(), Verdict::Passed);
    }

    #[test]
    fn each_broken_promise_fails_the_run_and_is_named() {
        let counts = Counts { missing: 1, early: 2, duplicate: 3, ..Counts::default() };
        assert_eq!(
            with(counts, Delivery::AtMostOnce).reasons(),
            ["1 missing", "2 early", "3 duplicate with at_most_once"]
        );
        let mut report = passing();
        report.creation.failed = 4;
        report.interrupted = true;
        assert_eq!(report.reasons(), ["4 creates failed", "interrupted"]);
        assert_eq!(report.verdict(), Verdict::Failed);
    }

    #[test]
    fn duplicates_are_allowed_at_least_once_and_unexpected_webhooks_always() {
        let counts = Counts { duplicate: 3, unexpected: 5, ..Counts::default() };
        assert_eq!(with(counts, Delivery::AtLeastOnce).verdict(), Verdict::Passed);
    }

    #[test]
    fn a_burst_is_drained_from_its_due_instant_on() {
        assert_eq!(drain(500, 1_000_000, 1_250_000), Some(Drain { seconds: 0.25, per_second: 2000.0 }));
        assert_eq!(drain(500, 1_000_000, 900_000), None);
    }
}
