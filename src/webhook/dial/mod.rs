//! Makes connections to receivers: looks a name up, connects to an address that may be called, and shakes hands.

mod identity;
mod proxy;
mod proxy_status;
mod race;
mod tls;

use std::future::ready;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use futures_util::FutureExt as _;
use url::Host;

use super::failure::{Failure, Within, cause, of_this_node};
use super::names::Names;
use super::pool::Origin;
use super::settings::Settings;
use super::trace::Trace;
use super::wire::Wire;
pub(super) use proxy::{Proxy, own_answer};
use race::{Failed, Won};
use rules::policy::Destination;
use tls::Tls;

pub(super) struct Dialer {
    names: Names,
    tls: Tls,
    proxy: Option<Proxy>,
}

/// A connection that was made.
pub(super) struct Dialed {
    pub(super) wire: Wire,
    /// Whether the receiver chose HTTP/2 among the versions that were offered.
    pub(super) speaks_http2: bool,
    /// How long the other side took to accept it: one round trip.
    pub(super) took: Duration,
    /// Addresses that were tried before, and came to no connection, or came to one later.
    pub(super) behind: Vec<SocketAddr>,
}

impl Dialer {
    pub(super) fn new(settings: &Settings, names: Names, proxy: Option<Proxy>) -> Result<Self> {
        Ok(Self { names, tls: Tls::new(settings)?, proxy })
    }

    /// Makes a connection, within the time that the call has for it. Addresses that are to be avoided are tried last.
    pub(super) async fn dial(
        &self,
        origin: &Origin,
        offers_http2: bool,
        avoid: &[SocketAddr],
        trace: &Trace,
    ) -> Result<Dialed, Failure> {
        trace.begin();
        let (within, failed) = (trace.connect_timeout, Failed::default());
        let connecting = self.connect(origin, offers_http2, avoid, trace, &failed);
        let dialed = tokio::time::timeout_at(trace.begun() + within, connecting).await;
        let dialed = dialed.unwrap_or_else(|_| {
            // The error of an address that failed says more than the addresses that were still waited for.
            Err(failed.take().map_or_else(
                || Failure::NotSent(format!("{} within {}", trace.lacks(), Within(within))),
                |error| self.failure(&error),
            ))
        })?;
        trace.connected();
        Ok(dialed)
    }

    async fn connect(
        &self,
        origin: &Origin,
        offers_http2: bool,
        avoid: &[SocketAddr],
        trace: &Trace,
        failed: &Failed,
    ) -> Result<Dialed, Failure> {
        let none = || self.failure(&failed.take().unwrap_or_else(|| ErrorKind::AddrNotAvailable.into()));
        let Some(proxy) = &self.proxy else {
            let addresses = self.addresses(&origin.to, avoid, trace).await?;
            let won = race::connect(&addresses, failed, |wire| {
                if !origin.secure {
                    return ready(Ok((wire, false))).boxed();
                }
                trace.handshake();
                self.tls.with_receiver(&origin.to, offers_http2, wire).boxed()
            });
            let Won { connection: (wire, speaks_http2), took, behind } = won.await.ok_or_else(none)?;
            return Ok(Dialed { wire, speaks_http2, took, behind });
        };
        let addresses = self.addresses(&proxy.to, avoid, trace).await?;
        trace.waits("no connection to the proxy");
        let won = race::connect(&addresses, failed, |wire| {
            if !proxy.secure {
                return ready(Ok(wire)).boxed();
            }
            trace.waits("no TLS handshake with the proxy");
            self.tls.with_proxy(&proxy.to.host, wire).boxed()
        });
        let Won { connection: mut wire, took, behind } = won.await.ok_or_else(none)?;
        if !origin.secure {
            return Ok(Dialed { wire, speaks_http2: false, took, behind });
        }
        trace.waits("no tunnel through the proxy");
        proxy.tunnel(&origin.to, &mut wire).await?;
        trace.handshake();
        let shaken = self.tls.with_receiver(&origin.to, offers_http2, wire).await;
        let (wire, speaks_http2) = shaken.map_err(|error| Failure::NotSent(cause(&error)))?;
        Ok(Dialed { wire, speaks_http2, took, behind })
    }

    /// The failure of the addresses that were tried: those of the receiver, or of the proxy.
    fn failure(&self, error: &io::Error) -> Failure {
        if let Some(lack) = of_this_node(error) {
            return Failure::Here(lack.to_owned());
        }
        let whose = if self.proxy.is_some() { "proxy: " } else { "" };
        Failure::NotSent(format!("{whose}{}", cause(error)))
    }

    /// The addresses to connect to: of a receiver only those that may be called, of a proxy all.
    async fn addresses(
        &self,
        to: &Destination,
        avoid: &[SocketAddr],
        trace: &Trace,
    ) -> Result<Vec<SocketAddr>, Failure> {
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
        let mut addresses = race::alternating(permitted.into_iter().map(with_port).collect());
        addresses.sort_by_key(|address| avoid.contains(address));
        Ok(addresses)
    }
}
