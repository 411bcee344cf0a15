//! Counts an activity that is in progress, from its beginning to its end, however it ends.

use prometheus_client::metrics::gauge::Gauge;

/// Counts as one activity for as long as it lives.
#[derive(Debug)]
pub struct Busy {
    gauge: Gauge,
}

impl Busy {
    pub(super) fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self { gauge: gauge.clone() }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}
