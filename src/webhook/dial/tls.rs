//! TLS with receivers: one setup, and one more for each of our certificates.

use std::io;
use std::sync::Arc;

use anyhow::Result;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use url::Host;

use super::identity::Shown;
use crate::foundation::crypto::Authorities;
use crate::webhook::settings::Settings;
use crate::webhook::wire::Wire;
use rules::policy::Destination;

/// The setups of TLS: for receivers, and for the proxy.
pub(super) struct Tls {
    plain: Offers,
    /// One for each of our certificates, for the receivers that its rule fits.
    identified: Vec<Shown>,
    authorities: Authorities,
    /// For a proxy, which gets none of our certificates and speaks HTTP/1.1.
    proxy: Arc<ClientConfig>,
}

/// One setup for receivers that choose the version of HTTP, and one for those that have asked for HTTP/1.1. Cheap to clone.
#[derive(Clone)]
pub(super) struct Offers {
    both: Arc<ClientConfig>,
    http1: Arc<ClientConfig>,
}

impl Tls {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let authorities = Authorities::load(settings.ca.as_deref())?;
        let identified = settings.identities.iter().map(|identity| Shown::new(identity, &authorities));
        let identified = identified.collect::<Result<_>>()?;
        let (plain, proxy) = (Offers::of(authorities.anonymous()?), Arc::new(authorities.anonymous()?));
        Ok(Self { plain, identified, authorities, proxy })
    }

    /// Shakes hands with a receiver. Returns the connection, and whether the receiver chose HTTP/2.
    pub(super) async fn with_receiver(
        &self,
        to: &Destination,
        offers_http2: bool,
        wire: Wire,
    ) -> io::Result<(Wire, bool)> {
        let fitting = self.identified.iter().find(|identity| identity.fits(to));
        let offers = fitting.map_or_else(|| self.plain.clone(), |it| it.offers(&self.authorities));
        let config = if offers_http2 { &offers.both } else { &offers.http1 };
        handshake(config, &to.host, wire).await
    }

    /// Shakes hands with the proxy.
    pub(super) async fn with_proxy(&self, host: &Host<String>, wire: Wire) -> io::Result<Wire> {
        Ok(handshake(&self.proxy, host, wire).await?.0)
    }
}

impl Offers {
    /// Offers both versions, by preference (RFC 7301), or HTTP/1.1 alone.
    pub(super) fn of(config: ClientConfig) -> Self {
        let [mut both, mut http1] = [config.clone(), config];
        both.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        http1.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { both: Arc::new(both), http1: Arc::new(http1) }
    }
}

async fn handshake(config: &Arc<ClientConfig>, host: &Host<String>, wire: Wire) -> io::Result<(Wire, bool)> {
    let name = match host {
        Host::Domain(name) => ServerName::try_from(name.clone())
            .map_err(|_| io::Error::other("TLS: no certificate can be for such a host name"))?,
        Host::Ipv4(address) => ServerName::IpAddress((*address).into()),
        Host::Ipv6(address) => ServerName::IpAddress((*address).into()),
    };
    let tls = TlsConnector::from(config.clone()).connect(name, wire).await?;
    let chose_http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok((Wire::Tls(Box::new(tls)), chose_http2))
}
