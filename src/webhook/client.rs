//! HTTP clients: one, and one more for each certificate of ours.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::{Client, Proxy, redirect};

use super::connecting::Watched;
use super::handshake::Sessions;
use super::resolver::Names;
use super::settings::Settings;
use crate::crypto::Authorities;
use crate::policy::{Destination, Rule};

/// How long an idle connection is kept for the next call. Receivers close idle connections, some after
/// half a second; a call that meets the close has an unknown result, so ours has to be the shorter
/// time. Under load, when connecting would be felt, the next call comes sooner than this.
const POOL_IDLE: Duration = Duration::from_millis(250);

/// How many idle connections are kept for one receiver: what a burst of calls leaves behind. Under load they
/// are taken again at once, and hardly any is idle.
const MAX_IDLE: usize = 64;

/// What a receiver may send before it is read (HTTP/2): the kept part of an answer, four times over, and on a
/// whole connection the answers of some calls. The defaults are megabytes, for every call in progress.
const STREAM_WINDOW: u32 = 16_384;
const CONNECTION_WINDOW: u32 = 262_144;

/// How often a receiver is asked over HTTP/2 whether it is there while it owes an answer, and how long it may take to
/// say so. All calls of a receiver share one connection; one that leads nowhere any more would fail each of them until TCP
/// gives it up after a quarter of an hour. A receiver that stands still for a moment is not cut off.
const PING_EVERY: Duration = Duration::from_secs(5);
const PING_PATIENCE: Duration = Duration::from_secs(15);

/// The most bytes of an answer's headers (HTTP/2).
const MAX_HEAD: u32 = 65_536;

/// The clients. Cheap to clone.
#[derive(Clone)]
pub(super) struct Clients {
    plain: Client,
    /// For the receivers that each rule fits.
    identified: Arc<[(Rule, Client)]>,
}

impl Clients {
    pub(super) fn new(settings: &Settings, names: &Names) -> Result<Self> {
        let authorities = Authorities::load(settings.ca.as_deref())?;
        let plain = client(settings, names, authorities.anonymous()?)?;
        let identified = settings.identities.iter().map(|identity| {
            let tls = authorities.identified(&identity.cert, &identity.key)?;
            Ok((identity.receivers.clone(), client(settings, names, tls)?))
        });
        Ok(Self { plain, identified: identified.collect::<Result<_>>()? })
    }

    /// The client for a receiver.
    pub(super) fn of(&self, to: &Destination) -> &Client {
        let fitting = self.identified.iter().find(|(rule, _)| rule.fits_url(to));
        fitting.map_or(&self.plain, |(_, client)| client)
    }
}

/// A client that follows no redirects and takes no proxy from the environment.
fn client(settings: &Settings, names: &Names, mut tls: rustls::ClientConfig) -> Result<Client> {
    tls.resumption = rustls::client::Resumption::store(Sessions::new());
    // By preference (RFC 7301).
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut builder = Client::builder()
        .user_agent(concat!("jettimer/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Arc::new(names.clone()))
        .connector_layer(Watched)
        .pool_idle_timeout(POOL_IDLE)
        .pool_max_idle_per_host(MAX_IDLE)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_max_header_list_size(MAX_HEAD)
        .http2_keep_alive_interval(PING_EVERY)
        .http2_keep_alive_timeout(PING_PATIENCE)
        .tcp_nodelay(true);
    if let Some(url) = &settings.proxy {
        builder = builder.proxy(Proxy::all(url.as_str()).context("--egress-proxy is no proxy")?);
    }
    builder.build().context("cannot set up the HTTP client")
}
