//! The commands that ask a running jettimer about its timers: their arguments.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use uuid::Uuid;

use super::connection::Connection;
use super::creation::{Fields, When, when};
use super::filter::{Filter, Order};
use super::transfer::{Export, Import};

/// What can be asked about timers.
#[derive(Debug, Subcommand)]
pub enum TimerCommand {
    /// Create a timer: `jettimer create 20m https://example.com/hook` is all it takes
    Create(Create),
    /// Show a timer with all its attempts
    Get(Get),
    /// List timers
    List(List),
    /// Cancel timers by id or by filter
    Cancel(Many),
    /// Change a scheduled timer
    Change(Change),
    /// Fire timers now
    Fire(Fire),
    /// Try failed and unknown timers again, by id or by filter
    Replay(Many),
    /// Follow what happens: to one timer until it has ended, or to all of them
    Watch(Watch),
    /// Create timers from a file with one JSON object per line; an interrupted import can be run again
    Import(Import),
    /// Write pending timers to a file that `import` reads
    Export(Export),
    /// Print a shell's completion script for commands and options
    Completions(Completions),
    /// Print the manual page, or write the pages of all commands to files
    Man(Man),
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// A table on a terminal, plain otherwise
    Auto,
    /// For people
    Table,
    /// Tab-separated values without a heading
    Plain,
    /// JSON, one document per line
    Json,
}

/// What every command has.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// How results are written
    #[arg(short, long, env = "JETTIMER_OUTPUT", value_name = "FORM", value_enum, default_value_t = Form::Auto)]
    pub(crate) output: Form,

    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// `jettimer completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// `jettimer man`
#[derive(Debug, Args)]
pub struct Man {
    /// Write the page of each command to this existing directory
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// `jettimer create`
#[derive(Debug, Args)]
pub struct Create {
    /// When it is due: a delay such as 20m, "1h 30m" or PT20M, or an instant such as 2027-01-01T09:00:00+01:00
    #[arg(value_name = "WHEN", value_parser = when)]
    pub(crate) when: When,

    /// URL to call
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    #[command(flatten)]
    pub(crate) fields: Fields,

    /// Runs with the same key create one timer only; default: a new key for each run
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,

    /// Wait until the timer has ended, and exit with the code for its outcome, as `watch` does
    #[arg(short, long)]
    pub(crate) watch: bool,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// `jettimer get`
#[derive(Debug, Args)]
pub struct Get {
    /// The timer's id
    pub(crate) id: Uuid,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// `jettimer list`
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    pub(crate) filter: Filter,

    /// Order of the list
    #[arg(long, value_enum, default_value_t = Order::Due)]
    pub(crate) sort: Order,

    /// Maximum number of timers to list
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: u64,

    /// List all timers
    #[arg(short, long, conflicts_with = "limit")]
    pub(crate) all: bool,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// Ids, and on which condition something is done.
#[derive(Debug, Args)]
pub struct Ids {
    /// Ids of timers; - reads them from standard input
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,

    /// Only if the timer still has this ETag; needs exactly one id
    #[arg(long, value_name = "ETAG")]
    pub(crate) if_match: Option<String>,
}

/// `jettimer cancel` and `jettimer replay`
#[derive(Debug, Args)]
pub struct Many {
    #[command(flatten)]
    pub(crate) ids: Ids,

    #[command(flatten)]
    pub(crate) filter: Filter,

    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub(crate) yes: bool,

    /// Print how many timers match, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// `jettimer fire`
#[derive(Debug, Args)]
pub struct Fire {
    #[command(flatten)]
    pub(crate) ids: Ids,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// `jettimer change`
#[derive(Debug, Args)]
pub struct Change {
    /// The timer's id
    pub(crate) id: Uuid,

    /// New due time: a delay from now, or an instant
    #[arg(long, value_name = "WHEN", value_parser = when)]
    pub(crate) when: Option<When>,

    /// New URL to call
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,

    #[command(flatten)]
    pub(crate) fields: Fields,

    /// Only if the timer still has this ETag
    #[arg(long, value_name = "ETAG")]
    pub(crate) if_match: Option<String>,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// `jettimer watch`
#[derive(Debug, Args)]
pub struct Watch {
    /// Follow this timer until it has ended; default: follow all timers that match the options, without end
    #[arg(conflicts_with_all = ["state", "due_after", "due_before", "created_after", "created_before", "host", "metadata"])]
    pub(crate) id: Option<Uuid>,

    #[command(flatten)]
    pub(crate) filter: Filter,

    /// Resume after this event (`event_id` of an earlier run)
    #[arg(long, value_name = "EVENT")]
    pub(crate) last_event_id: Option<String>,

    #[command(flatten)]
    pub(crate) common: Common,
}
