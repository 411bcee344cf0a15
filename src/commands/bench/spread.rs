//! The spread of a set of measured times: percentiles from a histogram, the two ends exactly.
//!
//! It does not keep the single values, so its size does not depend on their number.

use hdrhistogram::Histogram;

/// One day in microseconds; longer times count as this long in the percentiles. A run that lasts longer
/// measures something else.
const LONGEST_US: u64 = 24 * 3600 * 1_000_000;

/// Decimal digits that a percentile keeps: 3 means it is off by at most 0.1 %, in about 200 KiB per spread.
const DIGITS: u8 = 3;

const US_PER_MS: f64 = 1000.0;

pub(super) struct Spread {
    histogram: Histogram<u64>,
    ends_us: Option<(i64, i64)>,
}

impl Spread {
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self { histogram: Histogram::new_with_bounds(1, LONGEST_US, DIGITS)?, ends_us: None })
    }

    /// Takes a time in microseconds. A negative time is 0 to the percentiles and itself to `min_ms`.
    pub(super) fn record(&mut self, time_us: i64) {
        self.histogram.saturating_record(u64::try_from(time_us).unwrap_or(0));
        let (min, max) = self.ends_us.unwrap_or((time_us, time_us));
        self.ends_us = Some((min.min(time_us), max.max(time_us)));
    }

    /// The six numbers that are printed, in milliseconds; `None` if nothing was recorded.
    pub(super) fn summary(&self) -> Option<Summary> {
        let (min, max) = self.ends_us?;
        // The histogram returns the upper end of a bucket, which may be above the largest value seen.
        let at =
            |quantile| (self.histogram.value_at_quantile(quantile) as f64).min(max.max(0) as f64) / US_PER_MS;
        Some(Summary {
            min_ms: min as f64 / US_PER_MS,
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: max as f64 / US_PER_MS,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Summary {
    pub(super) min_ms: f64,
    pub(super) p50_ms: f64,
    pub(super) p90_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) p999_ms: f64,
    pub(super) max_ms: f64,
}

impl Summary {
    /// The names of the numbers on a terminal.
    pub(super) const NAMES: [&str; 6] = ["min", "p50", "p90", "p99", "p99.9", "max"];

    /// The numbers in the order of their names.
    pub(super) fn values_ms(&self) -> [f64; 6] {
        [self.min_ms, self.p50_ms, self.p90_ms, self.p99_ms, self.p999_ms, self.max_ms]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_spread_has_no_summary() {
        assert_eq!(Spread::new().unwrap().summary(), None);
    }

    #[test]
    fn percentiles_are_within_a_thousandth_and_the_ends_are_exact() {
        let mut spread = Spread::new().unwrap();
        (1..=100_000).for_each(|us| spread.record(us));
        let summary = spread.summary().unwrap();
        assert_eq!((summary.min_ms, summary.max_ms), (0.001, 100.0));
        for (measured, exact) in
            [(summary.p50_ms, 50.0), (summary.p90_ms, 90.0), (summary.p99_ms, 99.0), (summary.p999_ms, 99.9)]
        {
            assert!((measured - exact).abs() <= exact / 1000.0, "{measured} is too far from {exact}");
        }
    }

    #[test]
    fn a_negative_time_shows_in_the_minimum_only() {
        let mut spread = Spread::new().unwrap();
        spread.record(-2_500);
        let summary = spread.summary().unwrap();
        assert_eq!((summary.min_ms, summary.p50_ms, summary.max_ms), (-2.5, 0.0, -2.5));
    }

    #[test]
    fn a_time_beyond_the_histogram_still_shows_in_the_maximum() {
        let mut spread = Spread::new().unwrap();
        spread.record(2 * 24 * 3600 * 1_000_000);
        assert_eq!(spread.summary().unwrap().max_ms, 172_800_000.0);
    }
}
