//! Registers metrics for display.
//!
//! `names` has each name as a scraper reads it. The library adds `_total` and units itself, so `add` removes those first.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::names::Name;

/// A gauge for a number that may be unknown.
pub(super) type Float = Gauge<f64, AtomicU64>;

/// Sets a gauge to a count.
pub(super) fn set(gauge: &Gauge, count: usize) {
    gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
}

/// Sets a gauge to a count, or to NaN if the count is unknown. Up to 2^53 it is exact.
pub(super) fn set_known(gauge: &Float, count: Option<u64>) {
    gauge.set(count.map_or(f64::NAN, |count| count as f64));
}

/// A registry of the displayed metrics. Without one, metrics are counted and not displayed.
pub(super) struct Register<'a>(Option<&'a mut Registry>);

impl<'a> Register<'a> {
    pub(super) fn of(registry: &'a mut Registry, is_shown: bool) -> Self {
        Self(is_shown.then_some(registry))
    }

    pub(super) fn counter(&mut self, name: &Name) -> Counter {
        let counter = Counter::default();
        self.add(name, counter.clone());
        counter
    }

    pub(super) fn counters<S>(&mut self, name: &Name, family: Family<S, Counter>)
    where
        S: EncodeLabelSet + Clone + Hash + Eq + Debug + Send + Sync + 'static,
    {
        self.add(name, family);
    }

    /// Adds a gauge: of integers, or of floats if the number may be unknown, which is shown as NaN.
    pub(super) fn gauge<G>(&mut self, name: &Name) -> G
    where
        G: EncodeMetric + Default + Clone + Debug + Send + Sync + 'static,
    {
        let gauge = G::default();
        self.add(name, gauge.clone());
        gauge
    }

    pub(super) fn histogram(&mut self, name: &Name, buckets: &[f64]) -> Histogram {
        let histogram = Histogram::new(buckets.iter().copied());
        self.add(name, histogram.clone());
        histogram
    }

    /// Adds one histogram for each value of a label.
    pub(super) fn histograms<const N: usize>(
        &mut self,
        name: &Name,
        buckets: &'static [f64],
        label: &'static str,
        values: [&'static str; N],
    ) -> [Histogram; N] {
        type Of = [(&'static str, &'static str); 1];
        let family =
            Family::<Of, Histogram, _>::new_with_constructor(|| Histogram::new(buckets.iter().copied()));
        let histograms = values.map(|value| family.get_or_create_owned(&[(label, value)]));
        self.add(name, family);
        histograms
    }

    /// Adds a gauge that is always 1, for the sake of its labels.
    pub(super) fn info<const N: usize>(&mut self, name: &Name, labels: [(&'static str, &'static str); N]) {
        let family = Family::<[(&'static str, &'static str); N], Gauge>::default();
        family.get_or_create(&labels).set(1);
        self.add(name, family);
    }

    pub(super) fn add(&mut self, name: &Name, metric: impl EncodeMetric + Debug + Send + Sync + 'static) {
        let Some(registry) = &mut self.0 else { return };
        let bare = name.name.strip_suffix("_total").unwrap_or(name.name);
        match bare.strip_suffix("_seconds") {
            Some(bare) => registry.register_with_unit(bare, name.help, Unit::Seconds, metric),
            None => registry.register(bare, name.help, metric),
        }
    }
}
