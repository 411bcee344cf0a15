//! The one provider of cryptography, for every TLS connection of the process: ring.

/// Makes ring the process's provider. To be called before the first connection; calling it again
/// changes nothing.
pub fn install() {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::trace!("the provider of cryptography is installed already");
    }
}
