//! Where NATS is: servers that run already, or one of our own.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::durability::Durability;
use super::hushed::Hushed;
use super::parse;
use crate::nats::ServerAddr;

/// NATS servers that run already.
#[derive(Debug, Args)]
pub struct Broker {
    /// NATS servers, separated by commas; default: the node runs its own nats-server, as dev does
    #[arg(long, env = "JETTIMER_NATS", value_name = "URL", value_delimiter = ',', hide_env_values = true,
          value_parser = Hushed(parse::server))]
    pub(crate) nats: Vec<ServerAddr>,

    /// A NATS credentials file
    #[arg(long, env = "JETTIMER_NATS_CREDS", value_name = "FILE", requires = "nats")]
    pub(crate) nats_creds: Option<PathBuf>,

    /// File with the seed of an NKey user, as made by nk -gen user
    #[arg(
        long,
        env = "JETTIMER_NATS_NKEY",
        value_name = "FILE",
        requires = "nats",
        conflicts_with = "nats_creds"
    )]
    pub(crate) nats_nkey: Option<PathBuf>,

    /// CA certificates to trust for NATS instead of the system's, as PEM
    #[arg(long, env = "JETTIMER_NATS_CA", value_name = "FILE", requires = "nats")]
    pub(crate) nats_ca: Option<PathBuf>,

    /// This node's certificate for NATS, as PEM
    #[arg(long, env = "JETTIMER_NATS_CERT", value_name = "FILE", requires = "nats_key")]
    pub(crate) nats_cert: Option<PathBuf>,

    /// The certificate's private key, as PEM
    #[arg(long, env = "JETTIMER_NATS_KEY", value_name = "FILE", requires = "nats_cert")]
    pub(crate) nats_key: Option<PathBuf>,

    /// How long to wait for NATS at startup; 0s to 1h
    #[arg(long, env = "JETTIMER_NATS_WAIT", value_name = "DURATION", default_value = "30s",
          value_parser = parse::span(Duration::ZERO, Duration::from_secs(3_600)))]
    pub(crate) nats_wait: Duration,

    /// Which failures stored timers must survive; the node warns if replicas, sync interval or version are too weak for
    /// that; default: full with --replicas 3 or 5, else relaxed
    #[arg(long, env = "JETTIMER_DURABILITY", value_name = "LEVEL", value_enum)]
    pub(crate) durability: Option<Durability>,

    /// Replicas of each stream that jettimer creates: 1, 3 or 5
    #[arg(long, env = "JETTIMER_REPLICAS", value_name = "COUNT", default_value = "1",
          value_parser = parse::replicas)]
    pub(crate) replicas: usize,
}

/// The feed of events.
#[derive(Debug, Args)]
pub(crate) struct Events {
    /// Interval of heartbeats on a feed without events, since proxies close responses that are idle for 30s to 60s; 1s to
    /// 5m
    #[arg(long, env = "JETTIMER_EVENT_HEARTBEAT", value_name = "DURATION", default_value = "15s",
          value_parser = parse::span(Duration::from_secs(1), Duration::from_secs(300)))]
    pub(crate) event_heartbeat: Duration,
}

/// A nats-server of our own.
#[derive(Debug, Args)]
pub struct Embedded {
    /// Data directory of the node's own nats-server, and of the journal of calls unless --journal-dir names another
    /// directory
    #[arg(long, env = "JETTIMER_DATA_DIR", value_name = "DIR", default_value = "./.jettimer")]
    pub(crate) data_dir: PathBuf,

    /// The nats-server program to run; default: one on PATH that is new enough, or else jettimer installs one
    #[arg(long, env = "JETTIMER_NATS_SERVER", value_name = "FILE")]
    pub(crate) nats_server: Option<PathBuf>,

    /// Port of the node's own nats-server; default: any free port
    #[arg(long, env = "JETTIMER_NATS_PORT", value_name = "PORT")]
    pub(crate) nats_port: Option<u16>,
}
