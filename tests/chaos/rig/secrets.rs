//! The secrets of the servers and clients of a run: an authority, certificates and users, as nats/make-secrets makes them for production.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};

use crate::support::Users;

/// The files of the secrets.
pub(crate) struct Secrets {
    directory: PathBuf,
    users: Users,
}

impl Secrets {
    /// Makes the secrets in a directory, for servers that clients and other servers reach at these addresses.
    pub(crate) fn new(directory: &Path, addresses: impl Iterator<Item = SocketAddr>) -> Self {
        let mut params = CertificateParams::new(vec![]).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
        let mut params = CertificateParams::new(vec![]).expect("parameters");
        let hosts = addresses.map(|address| SanType::IpAddress(address.ip()));
        params.subject_alt_names = hosts.collect();
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &authority).expect("a certificate");
        let secrets = Self { directory: directory.to_owned(), users: Users::new(directory) };
        for (name, text) in
            [("ca.pem", authority.pem()), ("cert.pem", cert.pem()), ("key.pem", key.serialize_pem())]
        {
            std::fs::write(secrets.file(name), text).expect("a file");
        }
        secrets
    }

    /// The certificate of the authority, and the servers' certificate and key.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The file with the seed of a user of nats/accounts.conf.
    pub(crate) fn key_of(&self, user: &str) -> PathBuf {
        self.users.file(user)
    }

    /// A user's seed.
    pub(crate) fn seed(&self, user: &str) -> String {
        self.users.seed(user)
    }
}
