//! The settings of calls, from the configuration.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::sign::Secrets;
use rules::policy::{Policy, Rule};

#[derive(Clone, Debug)]
pub struct Settings {
    /// Which targets may be called.
    pub policy: Arc<Policy>,
    pub secrets: Secrets,
    /// DNS servers; if empty, those of the system.
    pub dns_servers: Vec<SocketAddr>,
    /// A file of certificates to trust in addition to the system's, as PEM.
    pub ca: Option<PathBuf>,
    /// Our certificates, each for the receivers that its rule fits; the first one that fits is shown.
    pub identities: Vec<Identity>,
    /// A proxy that every call goes through.
    pub proxy: Option<Url>,
    /// How long connecting may take, name lookup and TLS included.
    pub connect_timeout: Duration,
    /// How long an answer may take to begin, from the start of the call; `None` for as long as the call.
    pub first_byte_timeout: Option<Duration>,
}

/// A certificate to show to some receivers.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Which receivers: by name and port, or by the address in their URL.
    pub receivers: Rule,
    /// The chain, as PEM.
    pub cert: PathBuf,
    /// Its private key, as PEM.
    pub key: PathBuf,
}
