//! The settings of a node, from the command line and the environment: each once, with its help, range and default. Every option of
//! `dev` and `serve` is also `JETTIMER_<NAME>`.

mod access;
mod broker;
mod durability;
mod hushed;
mod journal;
mod node;
pub(crate) mod parse;
mod receivers;
mod signing;
mod sweep;
mod targets;

use anyhow::Result;
use clap::Args;
use clap::builder::BoolishValueParser;

use crate::foundation::clock::TimeScale;
use crate::foundation::telemetry;

use access::AccessSettings;
pub use broker::{Broker, Embedded};
pub use node::{Node, Role};
pub use signing::NewSecret;

/// `jettimer dev`
#[derive(Debug, Args)]
pub struct Dev {
    #[command(flatten)]
    pub(crate) node: Node,
    #[command(flatten)]
    pub(crate) access: AccessSettings,
    #[command(flatten)]
    pub(crate) embedded: Embedded,

    /// Let time pass this many times as fast for timers: with 60, an hour takes a minute; 1 to 3600. Calls and their
    /// timeouts are not sped up. A data directory keeps the clock that it was first used with
    #[arg(long, env = "JETTIMER_TIME_SCALE", value_name = "TIMES", default_value = "1")]
    pub(crate) time_scale: TimeScale,

    /// Start without timers: remove the files of earlier runs from the data directory, and list them
    #[arg(long, env = "JETTIMER_RESET", value_parser = BoolishValueParser::new())]
    pub(crate) reset: bool,
}

/// `jettimer serve`
#[derive(Debug, Args)]
pub struct Serve {
    /// What this node does
    #[arg(long, env = "JETTIMER_ROLE", value_enum, default_value_t = Role::All)]
    pub(crate) role: Role,
    #[command(flatten)]
    pub(crate) node: Node,
    #[command(flatten)]
    pub(crate) access: AccessSettings,
    #[command(flatten)]
    pub(crate) broker: Broker,
    #[command(flatten)]
    pub(crate) embedded: Embedded,
}

impl Dev {
    /// Starts logging as the command line says.
    ///
    /// # Errors
    ///
    /// If the filter is invalid.
    pub fn start_logging(&self) -> Result<()> {
        telemetry::start(&self.node.log, self.node.log_format)
    }
}

impl Serve {
    /// Starts logging as the command line says.
    ///
    /// # Errors
    ///
    /// If the filter is invalid.
    pub fn start_logging(&self) -> Result<()> {
        telemetry::start(&self.node.log, self.node.log_format)
    }
}
