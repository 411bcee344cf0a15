//! The command line and the environment: each setting once, with its help, range and default.
//!
//! Read by `main` and `app` only. Every option of `dev` and `serve` is also `JETTIMER_<NAME>`.

mod access;
mod broker;
mod commands;
mod connection;
mod creation;
mod doctor;
mod filter;
mod hushed;
mod journal;
mod node;
mod parse;
mod profiles;
mod receivers;
#[cfg(test)]
mod reference;
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

use crate::telemetry;

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
    /// Run everything in one process with a nats-server of its own, for trying it out
    Dev(Dev),
    /// Run one node, as many times as wanted, on NATS
    Serve(Serve),
    /// Look whether NATS, nodes and every timer are well, and say what to do if not: 0 if they are, 1 if not, 2 if that
    /// cannot be told
    Doctor(Doctor),
    /// Ask a running jettimer about timers.
    #[command(flatten)]
    Timers(TimerCommand),
    /// Measure a running jettimer: create timers, receive their webhooks, count what is late or lost
    Bench(crate::bench::Bench),
    /// Make a token for the API, and the line by which nodes know it
    Token(NewToken),
    /// Make a secret that webhooks are signed with, and the line by which nodes know it
    Secret(NewSecret),
    /// Ask a running node whether it is healthy; for container health checks
    Healthcheck(Healthcheck),
    /// Run nats-server for as long as the jettimer that asked for it
    #[command(name = crate::embedded::guard::SUBCOMMAND, hide = true)]
    NatsGuard(crate::embedded::guard::GuardArgs),
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

    /// Let time pass so many times as fast for timers: with 60, an hour takes a minute; 1 to 3600. Calls take as long as
    /// they do, and so do their timeouts. What is in the data directory keeps the clock that it was begun with
    #[arg(long, env = "JETTIMER_TIME_SCALE", value_name = "TIMES", default_value = "1",
          value_parser = parse::time_scale)]
    pub(crate) time_scale: NonZeroU32,

    /// Begin without any timers: remove what an earlier start has left in the data directory, and say what that was
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
    /// What to ask; default: /healthz on this machine, at the port of JETTIMER_LISTEN
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
