//! The arguments of `jettimer import` and `jettimer export`, which take many timers from a file or to one.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::connection::Connection;
use super::filter::Which;
use super::timers::Common;
use crate::app::config::parse;

/// The longest that what is away is waited for.
const DAY: Duration = Duration::from_secs(86_400);

/// What is done with a timer whose instant has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Overdue {
    /// Refuse and report the line, as a node would
    Refuse,
    /// Make the timer due at once
    Fire,
}

/// `jettimer import`
#[derive(Debug, Args)]
pub struct Import {
    /// File with one JSON object per line, as for POST /timer; - reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Only check the file, and report lines that cannot become timers; nothing is sent
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// What to do with lines whose instant has passed
    #[arg(long, value_enum, default_value_t = Overdue::Refuse)]
    pub(crate) overdue: Overdue,

    /// Make the importing token the owner of every timer; default: each timer keeps its owner (created_by), which needs
    /// the scope admin
    #[arg(long)]
    pub(crate) own: bool,

    /// A name for this import: importing the same file under another name creates all of its timers again
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(crate) run: String,

    /// Maximum number of timers per request, of at most a million bytes
    #[arg(long, value_name = "COUNT", default_value_t = 500, value_parser = parse::number(1, 1_000))]
    pub(crate) batch: usize,

    /// Maximum number of concurrent requests
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = parse::number(1, 64))]
    pub(crate) parallel: usize,

    #[command(flatten)]
    pub(crate) patience: RetryFor,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// How long what is away is waited for.
#[derive(Clone, Copy, Debug, Args)]
pub struct RetryFor {
    /// How long to keep trying without progress while jettimer is unreachable or busy
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse::span(Duration::ZERO, DAY))]
    pub(crate) retry_for: Duration,
}

/// `jettimer export`
#[derive(Debug, Args)]
pub struct Export {
    /// File to write; default, and for -: standard output
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Resume an interrupted export to this file
    #[arg(long, requires = "file")]
    pub(crate) resume: bool,

    #[command(flatten)]
    pub(crate) which: Which,

    #[command(flatten)]
    pub(crate) patience: RetryFor,

    #[command(flatten)]
    pub(crate) connection: Connection,
}
