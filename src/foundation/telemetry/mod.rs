//! Logs: for people on a terminal, JSON otherwise, on standard error. Panics are in them.

mod panics;

use std::io::IsTerminal as _;

use anyhow::{Context as _, Result};
use tracing_subscriber::EnvFilter;

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people on a terminal, as JSON otherwise
    Auto,
    /// For people
    Human,
    /// One JSON object per line
    Json,
}

/// Starts logging, and has panics logged.
///
/// # Errors
///
/// If the filter is invalid, or logging has been started before.
pub fn start(filter: &str, format: Format) -> Result<()> {
    // An empty variable in the environment means that it is not set.
    let filter = if filter.trim().is_empty() { "info" } else { filter };
    // The NATS client repeats at info, and for each try to connect at error, what `nats` says already, and the verifier of certificates
    // repeats as an error what an attempt's outcome says, as often as a stranger likes; a filter may still name them.
    let filter = EnvFilter::try_new(format!("async_nats=warn,async_nats::connector=off,rustls_platform_verifier=off,{filter}")).with_context(|| {
        format!(
            "invalid value '{filter}' for '--log': it must be error, warn, info, debug, trace, or a filter such as \
             info,jettimer::node::engine=debug"
        )
    })?;
    let terminal = std::io::stderr().is_terminal();
    // If standard error is no longer read, that cannot be said there either: to try would panic.
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    let started = match format {
        Format::Json => subscriber.json().flatten_event(true).try_init(),
        Format::Auto if !terminal => subscriber.json().flatten_event(true).try_init(),
        Format::Auto | Format::Human => subscriber.with_target(false).with_ansi(terminal).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))?;
    panics::log();
    Ok(())
}
