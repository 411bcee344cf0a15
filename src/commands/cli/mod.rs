//! The command line against a running jettimer: one file for each command, and files for shared parts and for the display of results
//! and errors.
//!
//! It knows only as much of timers as the API tells: none of the service's code decides here what is valid or what a state means.

mod cancel;
mod change;
mod create;
mod creation;
mod exit;
mod export;
mod failure;
mod fault;
mod fire;
mod get;
mod import;
mod list;
mod many;
mod out;
mod pages;
mod patience;
mod shell;
mod table;
mod timer;
mod watch;

use std::process::ExitCode;

use crate::commands::client::{ANSWER_WITHIN, Client};
use crate::commands::options::{Connection, Form, Surroundings, TimerCommand};

pub use exit::Exit;

use failure::Failure;
use out::Out;

/// The server that a command asks, and the output for its results.
struct Session {
    client: Client,
    out: Out,
}

impl Session {
    fn open(connection: &Connection, around: &Surroundings, form: Form) -> Result<Self, Failure> {
        let access = connection.access(around).map_err(|error| Failure::usage(format!("{error:#}")))?;
        let client =
            Client::new(access, ANSWER_WITHIN).map_err(|error| Failure::usage(format!("{error:#}")))?;
        Ok(Self { client, out: Out::new(form) })
    }
}

/// Runs a command of the command line, and reports its result.
pub async fn run(command: &TimerCommand, around: &Surroundings) -> ExitCode {
    let done = match command {
        TimerCommand::Create(args) => Box::pin(create::run(args, around)).await,
        TimerCommand::Get(args) => get::run(args, around).await,
        TimerCommand::List(args) => list::run(args, around).await,
        TimerCommand::Cancel(args) => cancel::cancel(args, around).await,
        TimerCommand::Change(args) => change::run(args, around).await,
        TimerCommand::Fire(args) => fire::run(args, around).await,
        TimerCommand::Replay(args) => cancel::replay(args, around).await,
        TimerCommand::Watch(args) => Box::pin(watch::run(args, around)).await,
        TimerCommand::Import(args) => Box::pin(import::run(args, around)).await,
        TimerCommand::Export(args) => Box::pin(export::run(args, around)).await,
        TimerCommand::Completions(args) => shell::completions(args),
        TimerCommand::Man(args) => shell::man(args),
    };
    let exit = done.unwrap_or_else(|failure| {
        failure.tell();
        failure.exit()
    });
    ExitCode::from(exit as u8)
}
