//! Something that is in progress: counted from its beginning to its end, however it ends.

use prometheus_client::metrics::gauge::Gauge;

/// Counts one for as long as it lives.
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
