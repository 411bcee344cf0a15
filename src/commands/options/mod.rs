//! The command line: every command with its options.
//!
//! The settings of a node are in `app::config`; the options of the other commands are here.

mod connection;
mod creation;
mod doctor;
mod filter;
mod profiles;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod settings_reference;
mod timers;
mod token;
mod transfer;

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand};

use crate::app::config::{Dev, NewSecret, Serve};

pub use connection::{Chosen, Connection, Surroundings};
pub use creation::{Delivery, Fields, When};
pub use doctor::Doctor;
pub(crate) use doctor::DoctorOutput;
pub use timers::{
    Change, Common, Completions, Create, Fire, Form, Get, Ids, List, Man, Many, TimerCommand, Watch,
};
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

/// `jettimer healthcheck`
#[derive(Debug, Args)]
pub struct Healthcheck {
    /// URL to ask; default: /healthz on this machine, at the port of JETTIMER_LISTEN
    pub(crate) url: Option<String>,
    /// The address that the node listens on
    #[arg(long, env = "JETTIMER_LISTEN", default_value = "127.0.0.1:8000", hide = true)]
    pub(crate) listen: SocketAddr,
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
