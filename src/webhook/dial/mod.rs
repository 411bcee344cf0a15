//! Makes connections to receivers: looks a name up, connects to an address that may be called, and shakes hands.

mod proxy;
mod proxy_status;
mod race;
mod tls;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;
use url::Host;

use super::failure::{Failure, Within, cause};
use super::names::Names;
use super::pool::Origin;
use super::settings::Settings;
use super::trace::Trace;
use super::wire::Wire;
use crate::policy::Destination;
pub(super) use proxy::{Proxy, own_answer};
use tls::Tls;

/// Makes connections.
pub(super) struct Dialer {
    names: Names,
    tls: Tls,
    proxy: Option<Proxy>,
}

/// A connection that was made.
pub(super) struct Dialed {
    pub(super) wire: Wire,
    /// Of the versions of HTTP that were offered, the receiver chose this one.
    pub(super) speaks_http2: bool,
    /// How long the other side took to accept it: one way there and back.
    pub(super) took: Duration,
}

impl Dialer {
    pub(super) fn new(settings: &Settings, names: Names, proxy: Option<Proxy>) -> Result<Self> {
        Ok(Self { names, tls: Tls::new(settings)?, proxy })
    }

    /// Makes a connection, within the time that the call has for it.
    pub(super) async fn dial(
        &self,
        origin: &Origin,
        offers_http2: bool,
        trace: &Trace,
    ) -> Result<Dialed, Failure> {
        trace.begin();
        let within = trace.connect_timeout;
        let connecting = self.connect(origin, offers_http2, trace);
        let dialed = tokio::time::timeout_at(trace.begun() + within, connecting).await;
        let dialed = dialed.unwrap_or_else(|_| {
            Err(Failure::NotSent(format!("{} within {}", trace.lacks(), Within(within))))
        })?;
        trace.connected();
        Ok(dialed)
    }

    async fn connect(&self, origin: &Origin, offers_http2: bool, trace: &Trace) -> Result<Dialed, Failure> {
        let whose = if self.proxy.is_some() { "proxy: " } else { "" };
        let to = self.proxy.as_ref().map_or(&origin.to, |proxy| &proxy.to);
        let addresses = self.addresses(to, trace).await?;
        if self.proxy.is_some() {
            trace.waits("no connection to the proxy");
        }
        let begun = Instant::now();
        let stream = race::connect(&addresses).await;
        let wire = stream.and_then(Wire::new);
        let mut wire = wire.map_err(|error| Failure::NotSent(format!("{whose}{}", cause(&error))))?;
        let took = begun.elapsed();
        if let Some(proxy) = &self.proxy {
            if proxy.secure {
                trace.waits("no TLS handshake with the proxy");
                let shaken = self.tls.with_proxy(&proxy.to.host, wire).await;
                wire = shaken.map_err(|error| Failure::NotSent(format!("{whose}{}", cause(&error))))?;
            }
            if origin.secure {
                trace.waits("no tunnel through the proxy");
                proxy.tunnel(&origin.to, &mut wire).await?;
            }
        }
        if !origin.secure {
            return Ok(Dialed { wire, speaks_http2: false, took });
        }
        trace.handshake();
        let shaken = self.tls.with_receiver(&origin.to, offers_http2, wire).await;
        let (wire, speaks_http2) = shaken.map_err(|error| Failure::NotSent(cause(&error)))?;
        Ok(Dialed { wire, speaks_http2, took })
    }

    /// The addresses to connect to: of the receiver only those that may be called, of a proxy all.
    async fn addresses(&self, to: &Destination, trace: &Trace) -> Result<Vec<SocketAddr>, Failure> {
        let found = match &to.host {
            Host::Domain(name) => {
                trace.waits("no answer from DNS");
                let found = self.names.addresses(name).await?;
                trace.waits("no connection");
                trace.resolved();
                found
            }
            Host::Ipv4(address) => vec![IpAddr::V4(*address)],
            Host::Ipv6(address) => vec![IpAddr::V6(*address)],
        };
        let permitted = match self.proxy {
            Some(_) => found,
            None => self.names.permitted(to, found)?,
        };
        let with_port = |address: IpAddr| SocketAddr::new(address, to.port);
        Ok(race::alternating(permitted.into_iter().map(with_port).collect()))
    }
}
