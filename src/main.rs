//! The `jettimer` executable: reads the command line and runs the command.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use tokio::runtime::{Builder, Runtime};

use jettimer::app::{self, Places};
use jettimer::commands::options::{Cli, Command, Surroundings};
use jettimer::{
    app::descriptors, app::embedded, commands::bench, commands::cli, commands::doctor, commands::healthcheck,
};

/// Creating and firing timers makes many small, short-lived allocations, which often end on another thread than they began on. jemalloc
/// gives a thread the memory that it has freed last, which is in its processor's cache.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::NatsGuard(args) => Ok(embedded::guard::run(args)),
        Command::Healthcheck(args) => {
            small_runtime()?.block_on(healthcheck::run(&args)).map(|()| ExitCode::SUCCESS)
        }
        Command::Token(args) => {
            let (token, line) = args.make()?;
            show("The token, which is shown only once", &token, "--tokens-file", &line);
            Ok(ExitCode::SUCCESS)
        }
        Command::Secret(args) => {
            let (secret, line) = args.make()?;
            show("The key that receivers verify with", &secret, "--signing-file", &line);
            Ok(ExitCode::SUCCESS)
        }
        Command::Doctor(args) => Ok(small_runtime()?.block_on(doctor::run(args))),
        Command::Timers(command) => {
            Ok(small_runtime()?.block_on(cli::run(&command, &Surroundings::of_process())))
        }
        Command::Bench(args) => {
            descriptors::raise();
            let nodes = args.accesses(&Surroundings::of_process())?;
            small_runtime()?.block_on(bench::run(args, &nodes)).map(ExitCode::from)
        }
        Command::Dev(args) => {
            args.start_logging()?;
            descriptors::raise();
            runtime()?.block_on(app::dev(args, places()?)).map(|()| ExitCode::SUCCESS)
        }
        Command::Serve(args) => {
            args.start_logging()?;
            descriptors::raise();
            runtime()?.block_on(app::serve(args, places()?)).map(|()| ExitCode::SUCCESS)
        }
    }
}

/// A runtime for a client, which has little to do at once.
fn small_runtime() -> Result<Runtime> {
    Builder::new_current_thread().enable_all().build().context("cannot start the runtime")
}

fn runtime() -> Result<Runtime> {
    Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")
}

#[expect(clippy::disallowed_methods, reason = "where caches are is the system's setting, not one of ours")]
fn places() -> Result<Places> {
    let var = |name| std::env::var_os(name);
    let executable: PathBuf = std::env::current_exe().context("cannot find this executable")?;
    Ok(Places { cache_dir: embedded::default_cache_dir(var("XDG_CACHE_HOME"), var("HOME")), executable })
}

/// The line goes to standard output, so that it can be appended to the list; the secret is for its holder.
#[expect(clippy::print_stderr, clippy::print_stdout, reason = "what was asked for")]
fn show(what: &str, secret: &str, option: &str, line: &str) {
    eprintln!("{what}: {secret}\nIts line for {option}:");
    println!("{line}");
}

#[expect(clippy::print_stderr, reason = "the last word to the person who started it")]
fn report(error: &anyhow::Error) {
    eprintln!("jettimer: {error:#}");
}
