//! The settings of the connection to NATS.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::ServerAddr;

use crate::foundation::clock::Clock;
use rules::durability::SyncPolicy;

/// How to reach NATS, and as which user.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// `nats://` or `tls://` addresses; one that answers is enough.
    pub servers: Vec<ServerAddr>,
    /// A `.creds` file (user JWT and NKey seed).
    pub creds: Option<PathBuf>,
    /// A file with an NKey's seed, as `nk -gen user` makes them.
    pub nkey: Option<PathBuf>,
    /// Certificates of authorities to trust instead of the system's, PEM.
    pub ca: Option<PathBuf>,
    /// The client's certificate, PEM; together with `key`.
    pub cert: Option<PathBuf>,
    /// The client certificate's private key, PEM.
    pub key: Option<PathBuf>,
    /// How long to keep trying at the start.
    pub wait: Duration,
    /// When the server syncs, if this process configured it.
    pub own_sync: Option<SyncPolicy>,
    /// The name this node shows to the server (`nats server report connections`).
    pub name: String,
    pub clock: Clock,
}
