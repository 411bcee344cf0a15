//! A client of jettimer's API over HTTP: what the command line and health checks ask nodes with.
//!
//! The only place that names hyper's pooled client, its TLS and `sse-stream`. It asks once: whoever calls decides what
//! is asked again, since only they know whether twice is harmless. It takes no proxy from the environment.

mod error;
mod events;
mod request;
mod server;

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderValue, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::crypto::{self, Authorities};

pub use error::{Error, FieldError, Problem};
pub use events::{Event, Events};
pub use request::{Answer, Ask, Token};
pub use server::Server;

/// A node that takes longer to accept is down; the kernel by itself would try for two minutes.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// After so long without a byte TCP asks whether the peer is there, and then so often again: who follows a quiet feed
/// over a connection that was cut without a word learns of it in about a minute.
const PROBE_AFTER: Duration = Duration::from_secs(15);
/// How many probes may go unanswered.
const PROBES: u32 = 3;

/// How long an answer may take: a node waits for NATS up to 14 s (`--request-timeout`), and many timers at once take
/// their time.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// Which jettimer is asked, and as whom.
#[derive(Clone, Debug)]
pub struct Access {
    /// Where it is.
    pub server: Server,
    /// What it knows the client by.
    pub token: Option<Token>,
    /// A file of authorities to trust beside the system's.
    pub ca: Option<PathBuf>,
}

/// Asks one server.
#[derive(Clone)]
pub struct Client {
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    access: Access,
    patience: Duration,
}

impl Client {
    /// A client of this server. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// If the authorities that are to be trusted cannot be read.
    pub fn new(access: Access, patience: Duration) -> anyhow::Result<Self> {
        // Roots of the system are looked for only where they are needed: an image may have none.
        let tls = if access.server.is_secure() {
            Authorities::load(access.ca.as_deref())?.anonymous()?
        } else {
            crypto::trusting_nobody()?
        };
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(PROBE_AFTER));
        tcp.set_keepalive_interval(Some(PROBE_AFTER));
        tcp.set_keepalive_retries(Some(PROBES));
        tcp.set_connect_timeout(Some(CONNECT_WITHIN));
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        let http = legacy::Client::builder(TokioExecutor::new()).build(connector.wrap_connector(tcp));
        Ok(Self { http, access, patience })
    }

    /// The server, for people.
    pub fn server(&self) -> &Server {
        &self.access.server
    }

    /// Asks, and reads the whole answer.
    ///
    /// # Errors
    ///
    /// If there is no answer, or it is a problem.
    pub async fn send(&self, ask: Ask) -> Result<Answer, Error> {
        let answered = tokio::time::timeout(self.patience, async {
            let (parts, body) = self.start(ask).await?.into_parts();
            let body = body.collect().await.map_err(|error| self.broken(&error))?.to_bytes();
            Ok((parts, body))
        });
        let (parts, body) = answered.await.unwrap_or_else(|_| Err(self.late()))?;
        if parts.status.is_success() {
            return Ok(Answer { headers: parts.headers, body });
        }
        Err(Error::Problem(Box::new(Problem::read(parts.status.as_u16(), &parts.headers, &body))))
    }

    /// Follows server-sent events.
    ///
    /// # Errors
    ///
    /// If there is no answer, or it is a problem.
    pub async fn follow(&self, ask: Ask) -> Result<Events, Error> {
        let started = tokio::time::timeout(self.patience, self.start(ask)).await;
        let response = started.unwrap_or_else(|_| Err(self.late()))?;
        if response.status() == StatusCode::OK {
            return Ok(Events::of(response.into_body()));
        }
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| self.broken(&error))?.to_bytes();
        Err(Error::Problem(Box::new(Problem::read(parts.status.as_u16(), &parts.headers, &body))))
    }

    async fn start(&self, ask: Ask) -> Result<Response<Incoming>, Error> {
        let mut request = Request::new(Full::new(ask.body));
        *request.method_mut() = ask.method;
        *request.uri_mut() =
            self.access.server.at(&ask.path).map_err(|error| Error::Unusable(format!("{error:#}")))?;
        *request.headers_mut() = ask.headers;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("jettimer/", env!("CARGO_PKG_VERSION"))));
        if let Some(token) = &self.access.token {
            headers.insert(AUTHORIZATION, token.header().clone());
        }
        self.http.request(request).await.map_err(|error| {
            if error.is_connect() {
                Error::Unreachable { server: self.server().to_string(), why: error::chain(&error) }
            } else {
                self.broken(&error)
            }
        })
    }

    fn broken(&self, error: &dyn std::error::Error) -> Error {
        Error::NoAnswer { server: self.server().to_string(), why: error::chain(error) }
    }

    fn late(&self) -> Error {
        let why = format!("nothing came within {}", humantime::format_duration(self.patience));
        Error::NoAnswer { server: self.server().to_string(), why }
    }
}
