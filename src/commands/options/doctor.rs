//! Settings of `jettimer doctor`.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::app::config::Broker;
use crate::app::config::parse;
use crate::foundation::clock::Clock;
use crate::nats::Access;

/// `jettimer doctor`
#[derive(Debug, Args)]
pub struct Doctor {
    #[command(flatten)]
    pub(crate) broker: Broker,

    /// Repair what can be repaired without loss; without it, nothing is changed
    #[arg(long)]
    pub(crate) repair: bool,

    /// How overdue a timer must be to be treated as lost; 1s to 10m
    #[arg(long, env = "JETTIMER_SWEEP_GRACE", value_name = "DURATION", default_value = "30s",
          value_parser = parse::span(Duration::from_secs(1), Duration::from_secs(600)))]
    pub(crate) sweep_grace: Duration,

    /// Format of the report
    #[arg(long, value_enum, default_value_t = DoctorOutput::Text)]
    pub(crate) output: DoctorOutput,
}

/// Format of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DoctorOutput {
    /// For people
    Text,
    /// For programs
    Json,
}

impl Doctor {
    /// How to reach NATS.
    ///
    /// # Errors
    ///
    /// If that is not said.
    pub(crate) fn access(&self) -> Result<Access> {
        if self.broker.nats.is_empty() {
            bail!(
                "the doctor needs the address of NATS: give it with --nats, as for serve; a node that runs its own \
                 nats-server logs the address at startup"
            );
        }
        Ok(Access {
            servers: self.broker.nats.clone(),
            creds: self.broker.nats_creds.clone(),
            nkey: self.broker.nats_nkey.clone(),
            ca: self.broker.nats_ca.clone(),
            cert: self.broker.nats_cert.clone(),
            key: self.broker.nats_key.clone(),
            wait: self.broker.nats_wait,
            own_sync: None,
            name: "jettimer doctor".to_owned(),
            clock: Clock::OF_THE_WORLD,
        })
    }
}
