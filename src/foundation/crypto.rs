//! Cryptography for the whole process: ring as the one provider, TLS with the system's roots, digests.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::ClientConfig;
use rustls::client::WantsClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, DnsName, PrivateKeyDer};
use rustls_platform_verifier::Verifier;

/// Makes ring the process's provider. Must be called before the first connection; calling it again
/// changes nothing.
pub fn install() {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::trace!("the provider of cryptography is installed already");
    }
}

/// The authorities that vouch for servers: the system's roots, and some more. They are loaded once; all
/// configurations made of them share them.
pub struct Authorities {
    provider: Arc<CryptoProvider>,
    verifier: Arc<Verifier>,
}

impl Authorities {
    /// Loads the system's roots and those of a PEM file.
    ///
    /// # Errors
    ///
    /// If the system has no roots that can be read, or the file has none.
    pub fn load(more: Option<&Path>) -> Result<Self> {
        let more = more.map(certificates).transpose()?.unwrap_or_default();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            Verifier::new_with_extra_roots(more, provider.clone()).context("cannot read TLS roots")?;
        Ok(Self { provider, verifier: Arc::new(verifier) })
    }

    /// TLS for a client that shows no certificate.
    ///
    /// # Errors
    ///
    /// If the provider has no cipher of a safe version of TLS.
    pub fn anonymous(&self) -> Result<ClientConfig> {
        Ok(self.builder()?.with_no_client_auth())
    }

    /// TLS for a client that shows the certificate of two PEM files.
    ///
    /// # Errors
    ///
    /// If one of them cannot be read, or they do not belong together.
    pub fn identified(&self, cert: &Path, key: &Path) -> Result<ClientConfig> {
        let chain = certificates(cert)?;
        let private = PrivateKeyDer::from_pem_file(key)
            .with_context(|| format!("cannot read a private key from {}", key.display()))?;
        self.builder()?
            .with_client_auth_cert(chain, private)
            .with_context(|| format!("{} and {} are no pair", cert.display(), key.display()))
    }

    fn builder(&self) -> Result<rustls::ConfigBuilder<ClientConfig, WantsClientCert>> {
        let builder = ClientConfig::builder_with_provider(self.provider.clone());
        let builder = builder.with_safe_default_protocol_versions().context("cannot set up TLS")?;
        Ok(builder.dangerous().with_custom_certificate_verifier(self.verifier.clone()))
    }
}

/// TLS for a client that makes no connection with it.
///
/// # Errors
///
/// If the provider has no cipher of a safe version of TLS.
pub fn trusting_nobody() -> Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().context("cannot set up TLS")?;
    Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

/// Whether a certificate can be checked for this host name. Certificates and the TLS extension that names the server allow
/// only letters, digits, underscores and, within a part of the name, hyphens.
pub fn has_certificates(name: &str) -> bool {
    DnsName::try_from(name).is_ok()
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = || CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>();
    let found = read().with_context(|| format!("cannot read certificates from {}", path.display()))?;
    if found.is_empty() {
        bail!("{} has no certificate: what is wanted is PEM", path.display());
    }
    Ok(found)
}

/// The SHA-256 digest of `bytes`, in Base64.
pub fn sha256_base64(bytes: &[u8]) -> String {
    BASE64.encode(ring::digest::digest(&ring::digest::SHA256, bytes))
}

/// The SHA-256 digest of `bytes`, in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
