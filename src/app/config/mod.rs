//! The command line and the environment: each setting once, with its help, range and default.
//!
//! Read by `main` and `app` only. Every option of `dev` and `serve` is also `JETTIMER_<NAME>`.

mod access;
mod broker;
mod commands;
mod connection;
mod creation;
mod doctor;
mod durability;
mod filter;
mod hushed;
mod journal;
mod node;
mod parse;
mod profiles;
mod receivers;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod settings_reference;
mod signing;
mod sweep;
mod targets;
mod token;
mod transfer;

use std::net::SocketAddr;
use std::num::NonZeroU32;

use anyhow::Result;
use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand};

use crate::foundation::telemetry;

use access::AccessSettings;
pub use broker::{Broker, Embedded};
pub use commands::{
    Change, Common, Completions, Create, Fire, Form, Get, Ids, List, Man, Many, TimerCommand, Watch,
};
pub use connection::{Chosen, Connection, Surroundings};
pub use creation::{Delivery, Fields, When};
pub use doctor::Doctor;
pub(crate) use doctor::DoctorOutput;
pub use node::{Node, Role};
pub use signing::NewSecret;
pub use token::NewToken;
pub use transfer::{Export, Import, Overdue, RetryFor};

/// A webhook timer service on NATS JetStream: "call this URL in one hour", once.
#[derive(Debug, Parser)]
#[command(name = "jettimer", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The command line, for who writes about it.
pub fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

/// What the executable can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything in one process, including a nats-server, to try jettimer out
    Dev(Dev),
    /// Run a node; as many nodes as you like can share the same NATS
    Serve(Serve),
    /// Check NATS, nodes and timers, and suggest fixes. Exits with 0 if all is well, 1 if not, 2 if unknown
    Doctor(Doctor),
    /// Ask a running jettimer about timers.
    #[command(flatten)]
    Timers(TimerCommand),
    /// Measure a running jettimer: create timers, receive their webhooks, and count late and lost ones
    Bench(crate::commands::bench::Bench),
    /// Make a token for the API, and its line for --tokens-file
    Token(NewToken),
    /// Make a secret to sign webhooks with, and its line for --signing-file
    Secret(NewSecret),
    /// Ask a running node whether it is healthy; for container health checks
    Healthcheck(Healthcheck),
    /// Run nats-server for as long as the jettimer that asked for it
    #[command(name = crate::app::embedded::guard::SUBCOMMAND, hide = true)]
    NatsGuard(crate::app::embedded::guard::GuardArgs),
}

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
    #[arg(long, env = "JETTIMER_TIME_SCALE", value_name = "TIMES", default_value = "1",
          value_parser = parse::time_scale)]
    pub(crate) time_scale: NonZeroU32,

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

/// `jettimer healthcheck`
#[derive(Debug, Args)]
pub struct Healthcheck {
    /// URL to ask; default: /healthz on this machine, at the port of JETTIMER_LISTEN
    pub(crate) url: Option<String>,
    /// The address that the node listens on
    #[arg(long, env = "JETTIMER_LISTEN", default_value = "127.0.0.1:8000", hide = true)]
    pub(crate) listen: SocketAddr,
}

impl Dev {
    /// Starts logging as the command line says.
    ///
    /// # Errors
    ///
    /// If the filter is none.
    pub fn start_logging(&self) -> Result<()> {
        telemetry::start(&self.node.log, self.node.log_format)
    }
}

impl Serve {
    /// Starts logging as the command line says.
    ///
    /// # Errors
    ///
    /// If the filter is none.
    pub fn start_logging(&self) -> Result<()> {
        telemetry::start(&self.node.log, self.node.log_format)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn each_option_of_a_node_is_also_an_environment_variable_of_its_name() {
        let cli = Cli::command();
        for name in ["dev", "serve"] {
            let command = cli.find_subcommand(name).unwrap();
            for option in command.get_arguments().filter(|arg| arg.get_long().is_some()) {
                let long = option.get_long().unwrap();
                if long == "help" {
                    continue;
                }
                let expected = format!("JETTIMER_{}", long.to_uppercase().replace('-', "_"));
                let env = option.get_env().map(|env| env.to_string_lossy().into_owned());
                assert_eq!(env, Some(expected), "{name} --{long}");
                assert!(option.get_help().is_some(), "{name} --{long} has no help");
            }
        }
    }
}
