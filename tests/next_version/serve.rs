//! `jettimer serve` as its next version might be: it stores a field in every record that this version does not know.
//!
//! For `tests/it/rolling_upgrade.rs`, beside which nodes of this version run.

use anyhow::{Context as _, Result, bail};
use clap::Parser as _;
use jettimer::app::{self, Places};
use jettimer::commands::options::{Cli, Command};

fn main() -> Result<()> {
    jettimer::nats::store_beside("next_version", "has been here");
    let Command::Serve(args) = Cli::parse().command else { bail!("only `serve` is here") };
    args.start_logging()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let executable = std::env::current_exe().context("cannot find this executable")?;
    // Nothing is installed: it is always told where NATS is.
    let places = Places { cache_dir: None, executable };
    runtime.block_on(app::serve(args, places))
}
