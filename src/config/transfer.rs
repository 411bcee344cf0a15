//! The arguments of `jettimer import` and `jettimer export`, which take many timers from a file or to one.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::commands::Common;
use super::connection::Connection;
use super::filter::Which;
use super::parse;

/// The longest that what is away is waited for.
const DAY: Duration = Duration::from_secs(86_400);

/// What is done with a timer whose instant has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Overdue {
    /// It is refused as the node does, and reported
    Refuse,
    /// It is due at once
    Fire,
}

/// `jettimer import`
#[derive(Debug, Args)]
pub struct Import {
    /// One creation a line, in JSON, as for POST /timer; - reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Only read the file, and say which lines cannot be timers
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// What is done with lines whose instant has passed
    #[arg(long, value_enum, default_value_t = Overdue::Refuse)]
    pub(crate) overdue: Overdue,

    /// Make every timer that of the token that imports, whoever created it; without this the owner (created_by) stays,
    /// which needs the scope admin
    #[arg(long)]
    pub(crate) own: bool,

    /// A name for this import: the same file under another name makes all its timers again
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(crate) run: String,

    /// How many timers are sent in one request, of at most a million bytes
    #[arg(long, value_name = "COUNT", default_value_t = 500, value_parser = parse::number(1, 1_000))]
    pub(crate) batch: usize,

    /// How many requests are under way at once
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
    /// How long to go on while jettimer is away or busy and nothing gets done
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse::span(Duration::ZERO, DAY))]
    pub(crate) retry_for: Duration,
}

/// `jettimer export`
#[derive(Debug, Args)]
pub struct Export {
    /// Where to; default, and for -: standard output
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Go on with a file that was broken off
    #[arg(long, requires = "file")]
    pub(crate) resume: bool,

    #[command(flatten)]
    pub(crate) which: Which,

    #[command(flatten)]
    pub(crate) patience: RetryFor,

    #[command(flatten)]
    pub(crate) connection: Connection,
}
