//! One call of a receiver, and what can be known of it.

use std::error::Error as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, redirect};

use crate::clock::Clock;
use crate::crypto;
use crate::domain::attempt::CallResult;
use crate::domain::target::{Body, Method};
use crate::domain::timer::Timer;

/// How long connecting may take, name lookup and TLS included: of these, the longest one below the
/// timer's timeout. A connection that is not there by then provably carried nothing, so the
/// attempt may be repeated, which cannot be said once the timeout of the whole call is over.
const CONNECT_TIMEOUTS: [Duration; 4] = [
    Duration::from_secs(10),
    Duration::from_millis(2_500),
    Duration::from_millis(500),
    Duration::from_millis(80),
];

/// How long an idle connection is kept for the next call. Receivers close idle connections, some after
/// half a second; a call that meets the close has an unknown result, so ours has to be the shorter
/// time. Under load, when connecting would be felt, the next call comes sooner than this.
const POOL_IDLE: Duration = Duration::from_millis(250);

/// The longest text kept of an error, in bytes; it is part of the stored record.
const MAX_REASON_BYTES: usize = 512;

/// How much of an answer is read, so that its connection can be used again; a longer answer costs
/// the connection.
const MAX_ANSWER_BYTES: usize = 4_096;

/// How long an answer's body is waited for; the status alone decides, and it is known by then.
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);

/// Makes calls. Cheap to clone; connections are shared.
#[derive(Clone)]
pub struct Caller {
    /// One for each connect timeout, since that is a property of the client.
    clients: [Client; CONNECT_TIMEOUTS.len()],
    clock: Clock,
}

impl Caller {
    /// A client that follows no redirects and takes no proxy from the environment.
    ///
    /// # Errors
    ///
    /// If TLS cannot be set up, as without any root certificates.
    pub fn new(clock: Clock) -> Result<Self> {
        let tls = crypto::http_client_config()?;
        let [a, b, c, d] = CONNECT_TIMEOUTS.map(|connect_timeout| client(connect_timeout, tls.clone()));
        Ok(Self { clients: [a?, b?, c?, d?], clock })
    }

    fn client(&self, timeout: Duration) -> &Client {
        let fits = CONNECT_TIMEOUTS.iter().position(|connect| *connect < timeout);
        &self.clients[fits.unwrap_or(CONNECT_TIMEOUTS.len() - 1)]
    }

    /// Calls the timer's receiver once, within the timer's timeout.
    pub async fn call(&self, timer: &Timer, attempt: u32) -> CallResult {
        let mut headers = own_headers(timer);
        let id = timer.id.to_string();
        if let Ok(value) = HeaderValue::from_str(&id) {
            headers.insert("webhook-id", value.clone());
            headers.insert("idempotency-key", value);
        }
        headers.insert("webhook-timestamp", HeaderValue::from(self.clock.now().as_micros() / 1_000_000));
        headers.insert("jettimer-attempt", HeaderValue::from(attempt));

        let method = match timer.target.method {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut request = self.client(timer.timeout).request(method, timer.target.url.as_url().clone());
        if let Some((content_type, body)) = content(timer, &id) {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
            request = request.body(body);
        }
        match request.headers(headers).timeout(timer.timeout).send().await {
            Ok(answer) => {
                let status = answer.status().as_u16();
                // The status decides, and is not to wait for the rest; how many there are of these is
                // bounded by their time.
                tokio::spawn(finish(answer));
                CallResult::Answered { status, retry_after: None }
            }
            Err(error) => {
                let reason = explain(&error);
                if error.is_connect() || error.is_builder() {
                    CallResult::NotSent { reason }
                } else {
                    CallResult::NoAnswer { reason }
                }
            }
        }
    }
}

fn client(connect_timeout: Duration, tls: rustls::ClientConfig) -> Result<Client> {
    Client::builder()
        .user_agent(concat!("jettimer/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .tls_backend_preconfigured(tls)
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(POOL_IDLE)
        .tcp_nodelay(true)
        .build()
        .context("cannot set up the HTTP client")
}

fn own_headers(timer: &Timer) -> HeaderMap {
    timer
        .target
        .headers
        .iter()
        .filter_map(|(name, value)| {
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
        })
        .collect()
}

/// The body and the type it has unless the timer's own headers say otherwise.
fn content(timer: &Timer, id: &str) -> Option<(&'static str, Vec<u8>)> {
    const JSON: &str = "application/json";
    match &timer.target.body {
        Body::Default => match timer.target.method {
            Method::Get | Method::Head | Method::Delete => None,
            Method::Post | Method::Put | Method::Patch => {
                Some((JSON, format!("{{\"id\": \"{id}\"}}").into_bytes()))
            }
        },
        Body::Json(json) => Some((JSON, json.clone().into_bytes())),
        Body::Text(text) => Some(("text/plain; charset=utf-8", text.clone().into_bytes())),
        Body::Bytes(bytes) => Some(("application/octet-stream", bytes.clone())),
    }
}

/// Reads the rest of a short answer, so that the connection is free for the next call.
async fn finish(mut answer: Response) {
    let mut left = MAX_ANSWER_BYTES;
    let rest = async {
        while let Ok(Some(chunk)) = answer.chunk().await {
            match left.checked_sub(chunk.len()) {
                Some(less) => left = less,
                None => break,
            }
        }
    };
    // A body that is slow or broken changes nothing: the status has been received.
    let _ = tokio::time::timeout(ANSWER_PATIENCE, rest).await;
}

/// The error with its causes, without the URL, which the record has already.
fn explain(error: &reqwest::Error) -> String {
    if error.is_timeout() && !error.is_connect() {
        return "timed out".to_owned();
    }
    let mut text = if error.is_connect() { "cannot connect" } else { "the connection broke" }.to_owned();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    if text.len() > MAX_REASON_BYTES {
        let end = (0..=MAX_REASON_BYTES).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or_default());
    }
    text
}
