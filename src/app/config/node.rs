//! Settings of a node, whatever it runs on.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::broker::Events;
use super::journal::JournalSettings;
use super::parse;
use super::receivers::ReceiverSettings;
use super::signing::SigningSettings;
use super::sweep::SweepSettings;
use super::targets::Targets;
use crate::api::{Hosts, Origins};
use crate::foundation::telemetry::Format;
use crate::nats::Shape;
use crate::webhook::Settings;
use rules::domain::retry::{MAX_ATTEMPTS, MAX_BACKOFF, MAX_DEADLINE, RetryPolicy};
use rules::domain::statuses::StatusSet;
use rules::durability::Level;
use rules::presence;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);
const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// The smallest limit of clocks, above which comparing them over a slow network is not wrong.
const MIN_SKEW_LIMIT: Duration = Duration::from_millis(500);
/// The largest: with two nodes at opposite limits, a lease still outlasts its call by 1.5 s.
const MAX_SKEW_LIMIT: Duration = Duration::from_secs(3);

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Serve the API and call receivers
    All,
    /// Serve the API only
    Api,
    /// Call receivers only; it listens for health checks
    Worker,
}

impl Role {
    /// Whether it serves the API.
    pub(crate) fn serves(self) -> bool {
        matches!(self, Self::All | Self::Api)
    }

    /// Whether it calls receivers.
    pub(crate) fn works(self) -> bool {
        matches!(self, Self::All | Self::Worker)
    }

    /// What other nodes know it as.
    pub(crate) fn told(self) -> presence::Role {
        match self {
            Self::All => presence::Role::All,
            Self::Api => presence::Role::Api,
            Self::Worker => presence::Role::Worker,
        }
    }
}

/// Settings of a node.
#[derive(Debug, Args)]
pub struct Node {
    /// Address and port to listen on
    #[arg(long, env = "JETTIMER_LISTEN", default_value = "127.0.0.1:8000", value_name = "ADDR:PORT")]
    pub(crate) listen: SocketAddr,

    /// This node's name in records and logs, up to 128 characters; default: host name and process id
    #[arg(long, env = "JETTIMER_NODE_NAME", value_name = "NAME", value_parser = parse::node_name)]
    pub(crate) node_name: Option<String>,

    /// Name of this node's installation, the same for all of its nodes: a node with another name does not start on the
    /// same streams; up to 64 letters, digits, dots, underscores and hyphens; default: none
    #[arg(long, env = "JETTIMER_INSTALLATION", value_name = "NAME", value_parser = parse::installation)]
    pub(crate) installation: Option<String>,

    /// How far ahead a timer may be set; 1s to 100 years
    #[arg(long, env = "JETTIMER_MAX_DELAY", value_name = "DURATION", default_value = "3650d",
          value_parser = parse::span(SECOND, 100 * YEAR))]
    pub(crate) max_delay: Duration,

    /// How long a finished timer's record is kept; 1s to 10 years
    #[arg(long, env = "JETTIMER_RETENTION", value_name = "DURATION", default_value = "72h",
          value_parser = parse::span(SECOND, 10 * YEAR))]
    pub(crate) retention: Duration,

    /// The largest request body, in bytes; 1024 to 524288, since a record must fit into a NATS message
    #[arg(long, env = "JETTIMER_MAX_BODY", value_name = "BYTES", default_value = "262144",
          value_parser = parse::number(1_024, 524_288))]
    pub(crate) max_body: usize,

    /// Timeout for a client to send a request's head, then its body, and for a client that reads nothing of a response;
    /// 1s to 10m
    #[arg(long, env = "JETTIMER_CLIENT_TIMEOUT", value_name = "DURATION", default_value = "30s",
          value_parser = parse::span(SECOND, 600 * SECOND))]
    pub(crate) client_timeout: Duration,

    /// How long an idle connection is kept. It must be longer than a load balancer in front of the node keeps one (most
    /// do for 60s, some for 10m), or requests are lost; 1s to 1h
    #[arg(long, env = "JETTIMER_IDLE_TIMEOUT", value_name = "DURATION", default_value = "75s",
          value_parser = parse::span(SECOND, 3_600 * SECOND))]
    pub(crate) idle_timeout: Duration,

    /// Additional address and port for health checks only, with their own connections; default: health checks on --listen
    /// only
    #[arg(long, env = "JETTIMER_HEALTH_LISTEN", value_name = "ADDR:PORT")]
    pub(crate) health_listen: Option<SocketAddr>,

    /// Maximum number of connections. When they are all in use, a new one replaces the connection that has been idle
    /// longest without a valid token, or waits; 1 to 1000000
    #[arg(long, env = "JETTIMER_MAX_CONNECTIONS", value_name = "COUNT", default_value = "10000",
          value_parser = parse::number(1, 1_000_000))]
    pub(crate) max_connections: usize,

    /// Maximum number of connections from one address; further ones are closed. A proxy in front of the node is one
    /// address; default: no limit; 1 to 1000000
    #[arg(long, env = "JETTIMER_MAX_CONNECTIONS_PER_ADDRESS", value_name = "COUNT", value_parser = parse::number(1, 1_000_000))]
    pub(crate) max_connections_per_address: Option<usize>,

    /// Origins whose pages may use the API from a browser, each as in the Origin header; comma-separated, or * for all;
    /// default: none
    #[arg(
        long,
        env = "JETTIMER_CORS_ORIGINS",
        value_name = "ORIGINS",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) cors_origins: Origins,

    /// Host names that this node answers to, without ports; comma-separated. Requests for other hosts are refused, except
    /// for addresses and localhost; default: every name, but none for dev without tokens
    #[arg(long, env = "JETTIMER_HOSTS", value_name = "NAMES", default_value = "", hide_default_value = true)]
    pub(crate) hosts: Hosts,

    /// Disable the web page to set and watch timers; the API is unaffected
    #[arg(long, env = "JETTIMER_NO_UI")]
    pub(crate) no_ui: bool,

    /// How long a request waits for NATS before it is answered with 503; 1s to 14s
    #[arg(long, env = "JETTIMER_REQUEST_TIMEOUT", value_name = "DURATION", default_value = "10s",
          value_parser = parse::span(SECOND, 14 * SECOND))]
    pub(crate) request_timeout: Duration,

    /// Maximum number of concurrent calls from this node; 1 to 16384. A call of a timer of more than 64 KiB counts once
    /// for each 64 KiB
    #[arg(long, env = "JETTIMER_MAX_CALLS", value_name = "COUNT", default_value = "512",
          value_parser = parse::number(1, 16_384))]
    pub(crate) max_calls: usize,

    #[command(flatten)]
    pub(crate) receivers: ReceiverSettings,

    #[command(flatten)]
    pub(crate) journal: JournalSettings,

    #[command(flatten)]
    pub(crate) signing: SigningSettings,

    /// Maximum number of due timers that this node handles at once, including calls; 1 to 32768
    #[arg(long, env = "JETTIMER_MAX_HELD", value_name = "COUNT", default_value = "8192",
          value_parser = parse::number(1, 32_768))]
    pub(crate) max_held: usize,

    /// How long calls in progress may take once the node is told to stop; 0s to 1h
    #[arg(long, env = "JETTIMER_DRAIN_TIMEOUT", value_name = "DURATION", default_value = "40s",
          value_parser = parse::span(Duration::ZERO, 3_600 * SECOND))]
    pub(crate) drain_timeout: Duration,

    /// Maximum clock skew: beyond it from NATS or from most other nodes, this node is not ready; beyond it from both, it
    /// calls no receivers; 500ms to 3s
    // Two nodes at the limit differ by twice as much. A lease has 7.5 s left when its call's timeout is over, and what
    // remains of them has to be enough to store the outcome before another node takes the claimant for dead. At 2 s
    // that is 3.5 s. Less than half a second could be an error of the comparison.
    #[arg(long, env = "JETTIMER_MAX_CLOCK_SKEW", value_name = "DURATION", default_value = "2s",
          value_parser = parse::span(MIN_SKEW_LIMIT, MAX_SKEW_LIMIT))]
    pub(crate) max_clock_skew: Duration,

    /// Maximum number of timers in this node's in-memory index for lists, at 560 bytes each on average and no more; 0 for
    /// no lists
    #[arg(long, env = "JETTIMER_INDEX_LIMIT", value_name = "COUNT", default_value = "1000000",
          value_parser = parse::number(0, 100_000_000))]
    pub(crate) index_limit: usize,

    #[command(flatten)]
    pub(crate) events: Events,

    #[command(flatten)]
    pub(crate) sweep: SweepSettings,

    #[command(flatten)]
    pub(crate) retry: Retry,

    #[command(flatten)]
    pub(crate) targets: Targets,

    /// Log level: error, warn, info, debug, trace, or a tracing filter such as jettimer::node::engine=debug
    #[arg(long, env = "JETTIMER_LOG", value_name = "FILTER", default_value = "info")]
    pub(crate) log: String,

    /// Format of the log
    #[arg(long, env = "JETTIMER_LOG_FORMAT", value_enum, default_value_t = Format::Auto)]
    pub(crate) log_format: Format,
}

/// The retry policy of timers that name none.
#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// Maximum number of attempts; 1 to 100
    #[arg(long, env = "JETTIMER_RETRY_MAX_ATTEMPTS", value_name = "COUNT", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_ATTEMPTS)))]
    pub(crate) retry_max_attempts: u32,

    /// The wait before the second attempt; 1ms to 1 day
    #[arg(long, env = "JETTIMER_RETRY_INITIAL_BACKOFF", value_name = "DURATION", default_value = "1s",
          value_parser = parse::span(Duration::from_millis(1), MAX_BACKOFF))]
    pub(crate) retry_initial_backoff: Duration,

    /// The longest wait between two attempts; 1ms to 1 day
    #[arg(long, env = "JETTIMER_RETRY_MAX_BACKOFF", value_name = "DURATION", default_value = "5m",
          value_parser = parse::span(Duration::from_millis(1), DAY))]
    pub(crate) retry_max_backoff: Duration,

    /// Each wait is this many times the one before; 1 to 10
    #[arg(long, env = "JETTIMER_RETRY_FACTOR", value_name = "NUMBER", default_value = "2",
          value_parser = parse::factor)]
    pub(crate) retry_factor: f64,

    /// No attempt is scheduled for later than this after the timer was due; default: only the number of attempts is
    /// limited; 1ms to 100 days
    #[arg(long, env = "JETTIMER_RETRY_DEADLINE", value_name = "DURATION",
          value_parser = parse::span(Duration::from_millis(1), MAX_DEADLINE))]
    pub(crate) retry_deadline: Option<Duration>,

    /// Response statuses to retry with at-least-once delivery: 300 to 599, and classes such as 5xx
    #[arg(long, env = "JETTIMER_RETRY_STATUSES", value_name = "STATUS,…", default_value = "408,429,5xx")]
    pub(crate) retry_statuses: StatusSet,
}

impl Retry {
    /// The policy, with the maximum raised to the initial backoff if that is longer.
    pub(crate) fn policy(&self) -> RetryPolicy {
        RetryPolicy {
            max_attempts: self.retry_max_attempts,
            initial_backoff: self.retry_initial_backoff,
            max_backoff: self.retry_max_backoff.max(self.retry_initial_backoff),
            factor: self.retry_factor,
            deadline: self.retry_deadline,
            statuses: self.retry_statuses,
        }
    }
}

impl Node {
    /// What the streams are to be, when they are created.
    pub(crate) fn shape(&self, replicas: usize, durability: Option<Level>) -> Shape {
        Shape { replicas, durability }
    }

    /// How receivers are called; `dev` calls those on its own machine.
    ///
    /// # Errors
    ///
    /// If rules make no sense together, or secrets cannot be read.
    pub(crate) fn calls(&self, dev: bool) -> Result<Settings> {
        self.targets.settings(self.signing.secrets()?, dev)
    }

    /// This node's name.
    pub(crate) fn name(&self) -> String {
        self.node_name.clone().unwrap_or_else(|| {
            let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
            format!("{host}-{}", std::process::id())
        })
    }
}
