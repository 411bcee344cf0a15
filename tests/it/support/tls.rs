//! An authority that belongs to one test, its certificates, and receivers that speak TLS.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

use super::raw::Raw;

/// An authority, and the directory with its files.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    files: TempDir,
}

/// A certificate and its key.
pub(crate) struct Identity {
    cert: CertificateDer<'static>,
    key: KeyPair,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("an authority");
        Self { issuer, files: TempDir::new().expect("a directory") }
    }

    /// The authority's certificate, as a PEM file.
    pub(crate) fn file(&self) -> PathBuf {
        self.write("ca.pem", &self.issuer.pem())
    }

    /// Signs a certificate for a host, with changed parameters.
    pub(crate) fn certify(&self, host: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let (params, key) = request(host, change);
        Identity { cert: params.signed_by(&key, &self.issuer).expect("a certificate").into(), key }
    }

    /// Writes a certificate and its key, and returns the two files.
    pub(crate) fn files(&self, identity: &Identity) -> (PathBuf, PathBuf) {
        let cert = rcgen_pem("CERTIFICATE", &identity.cert);
        (self.write("cert.pem", &cert), self.write("key.pem", &identity.key.serialize_pem()))
    }

    /// The configuration of a server that shows this certificate, and with `mutual` demands a client certificate of the authority.
    pub(crate) fn server(&self, identity: &Identity, mutual: bool) -> ServerConfig {
        jettimer::foundation::crypto::install();
        let builder = ServerConfig::builder();
        let builder = if mutual {
            let mut roots = RootCertStore::empty();
            roots.add(self.issuer.der().clone()).expect("a root");
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().expect("a verifier");
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::try_from(identity.key.serialize_der()).expect("a key");
        builder.with_single_cert(vec![identity.cert.clone()], key).expect("a pair")
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.files.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }
}

/// A self-signed certificate.
pub(crate) fn self_signed(host: &str) -> Identity {
    let (params, key) = request(host, |_| ());
    Identity { cert: params.self_signed(&key).expect("a certificate").into(), key }
}

fn request(host: &str, change: impl FnOnce(&mut CertificateParams)) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new(vec![host.to_owned()]).expect("parameters");
    change(&mut params);
    (params, KeyPair::generate().expect("a key"))
}

fn rcgen_pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

type Answer = Response<BoxBody<Bytes, Infallible>>;

/// A receiver that answers 200 with the HTTP version of the request.
pub(crate) async fn receiver(config: ServerConfig, protocol: &str) -> Raw {
    answering(config, protocol, |request| {
        Response::new(Full::new(Bytes::from(format!("{:?}", request.version()))).boxed())
    })
    .await
}

/// A receiver that answers 200 with an endless body, and counts the bytes of the body.
pub(crate) async fn flood(config: ServerConfig, protocol: &str, written: Arc<AtomicUsize>) -> Raw {
    const CHUNK: Bytes = Bytes::from_static(&[0; 1_024]);
    answering(config, protocol, move |_| {
        let written = written.clone();
        let chunks = stream::repeat_with(move || {
            written.fetch_add(CHUNK.len(), Ordering::SeqCst);
            Ok(Frame::data(CHUNK))
        });
        Response::new(BodyExt::boxed(StreamBody::new(chunks)))
    })
    .await
}

async fn answering(
    mut config: ServerConfig,
    protocol: &str,
    answer: impl Fn(Request<Incoming>) -> Answer + Clone + Send + Sync + 'static,
) -> Raw {
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Raw::start(move |stream| {
        let (acceptor, answer) = (acceptor.clone(), answer.clone());
        async move {
            // The caller under test has to report an error of the handshake.
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let service = service_fn(|request| std::future::ready(Ok::<_, Infallible>(answer(request))));
            let stream = TokioIo::new(stream);
            let _ = if http2 {
                hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(stream, service)
                    .await
            } else {
                hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await
            };
        }
    })
    .await
}
