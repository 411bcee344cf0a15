//! Settings of the sweep.

use std::time::Duration;

use clap::Args;

use super::parse;
use crate::node::sweep;

/// How a node sweeps.
#[derive(Debug, Args)]
pub(crate) struct SweepSettings {
    /// Pause between sweeps, which find and repair timers that lost their wakes; only one node sweeps at a time; 1s to 1h
    #[arg(long, env = "JETTIMER_SWEEP_INTERVAL", value_name = "DURATION", default_value = "1m",
          value_parser = parse::span(Duration::from_secs(1), Duration::from_secs(3_600)))]
    pub(crate) sweep_interval: Duration,

    /// How overdue a timer must be for a sweep to treat it as lost; 1s to 10m
    // A change of leader in NATS takes up to 9 s, in which nothing is called.
    #[arg(long, env = "JETTIMER_SWEEP_GRACE", value_name = "DURATION", default_value = "30s",
          value_parser = parse::span(Duration::from_secs(1), Duration::from_secs(600)))]
    pub(crate) sweep_grace: Duration,
}

impl SweepSettings {
    /// As the sweeper wants them. The ledger needs finished timers for longer than a few sweeps take.
    pub(crate) fn settings(&self, retention: Duration) -> sweep::Settings {
        let ledger = retention >= self.sweep_interval * 5;
        sweep::Settings { interval: self.sweep_interval, grace: self.sweep_grace, ledger }
    }
}
