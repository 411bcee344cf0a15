//! Cryptography for the whole process: ring as the one provider, TLS with the system's roots, digests.

use anyhow::{Context as _, Result};
use rustls::ClientConfig;
use rustls_platform_verifier::ConfigVerifierExt as _;

/// Makes ring the process's provider. To be called before the first connection; calling it again
/// changes nothing.
pub fn install() {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::trace!("the provider of cryptography is installed already");
    }
}

/// What an HTTP client needs for TLS. Its roots are loaded here once; copies of it share them.
///
/// # Errors
///
/// If the system has no roots that can be read.
pub fn http_client_config() -> Result<ClientConfig> {
    let mut config = ClientConfig::with_platform_verifier().context("cannot read the system's TLS roots")?;
    // By preference (RFC 7301).
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
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
