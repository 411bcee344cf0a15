//! A client of jettimer's API over HTTP, for the command line and health checks.
//!
//! This is the only place that names `reqwest` and `sse-stream`. The client sends each request once: the caller decides which to send
//! again, since only the caller knows whether that is harmless. It takes no proxy from the environment.

mod error;
mod events;
mod request;
mod server;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::AUTHORIZATION;
use reqwest::{Response, StatusCode, redirect};

use crate::foundation::crypto::{self, Authorities};

pub use error::{Error, FieldError, Problem};
pub use events::{Event, Events};
pub use request::{Answer, Ask, Token};
pub use server::Server;

/// A node that takes longer to accept is down; the kernel by itself would try for two minutes.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// After this long without a byte TCP asks whether the peer is there, and then again at this interval. So a client that follows a quiet
/// feed learns in about a minute that its connection was cut without a word.
const PROBE_AFTER: Duration = Duration::from_secs(15);
/// How many probes may go unanswered.
const PROBES: u32 = 3;

/// How long an answer may take: a node waits for NATS up to 14 s (`--request-timeout`), and many timers at once take
/// their time.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// The server that is asked, and the credentials for it.
#[derive(Clone, Debug)]
pub struct Access {
    pub server: Server,
    /// The token by which the server knows the client.
    pub token: Option<Token>,
    /// A file of authorities to trust in addition to the system's.
    pub ca: Option<PathBuf>,
}

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
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
        // The system's roots are loaded only if they are needed: an image may have none.
        let tls = if access.server.is_secure() {
            Authorities::load(access.ca.as_deref())?.anonymous()?
        } else {
            crypto::trusting_nobody()?
        };
        let http = reqwest::Client::builder()
            .user_agent(concat!("jettimer/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .tcp_nodelay(true)
            .tcp_keepalive(PROBE_AFTER)
            .tcp_keepalive_interval(PROBE_AFTER)
            .tcp_keepalive_retries(PROBES)
            .connect_timeout(CONNECT_WITHIN)
            .build()
            .context("cannot set up the HTTP client")?;
        Ok(Self { http, access, patience })
    }

    /// The server, for messages to people.
    pub fn server(&self) -> &Server {
        &self.access.server
    }

    /// Sends a request, and reads the whole answer.
    ///
    /// # Errors
    ///
    /// If no answer comes, or it is a problem.
    pub async fn send(&self, ask: Ask) -> Result<Answer, Error> {
        let answered = tokio::time::timeout(self.patience, async {
            let mut response = self.start(ask).await?;
            let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
            let body = response.bytes().await.map_err(|error| self.broken(error))?;
            Ok(Answer { status, headers, body })
        });
        let answer = answered.await.unwrap_or_else(|_| Err(self.late()))?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        Err(Error::Problem(Box::new(Problem::read(answer.status.as_u16(), &answer.headers, &answer.body))))
    }

    /// Follows server-sent events.
    ///
    /// # Errors
    ///
    /// If no answer comes, or it is a problem.
    pub async fn follow(&self, ask: Ask) -> Result<Events, Error> {
        let started = tokio::time::timeout(self.patience, self.start(ask)).await;
        let mut response = started.unwrap_or_else(|_| Err(self.late()))?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        if status == StatusCode::OK {
            return Ok(Events::of(response));
        }
        let body = response.bytes().await.map_err(|error| self.broken(error))?;
        Err(Error::Problem(Box::new(Problem::read(status.as_u16(), &headers, &body))))
    }

    async fn start(&self, ask: Ask) -> Result<Response, Error> {
        let url = self.access.server.at(&ask.path).map_err(|error| Error::Unusable(format!("{error:#}")))?;
        let mut request = self.http.request(ask.method, url.to_string()).headers(ask.headers).body(ask.body);
        if let Some(token) = &self.access.token {
            request = request.header(AUTHORIZATION, token.header());
        }
        request.send().await.map_err(|error| {
            if error.is_connect() {
                let server = self.server().to_string();
                Error::Unreachable { server, why: error::chain(&error.without_url()) }
            } else {
                self.broken(error)
            }
        })
    }

    fn broken(&self, error: reqwest::Error) -> Error {
        Error::NoAnswer { server: self.server().to_string(), why: error::chain(&error.without_url()) }
    }

    fn late(&self) -> Error {
        let why = format!("no data came within {}", humantime::format_duration(self.patience));
        Error::NoAnswer { server: self.server().to_string(), why }
    }
}
