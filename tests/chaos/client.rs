//! An HTTP client of one node, which allows for a missing answer.

use std::net::SocketAddr;
use std::time::Duration;

use jettimer::foundation::crypto;
use reqwest::Method;
use serde_json::Value;

use crate::history::Seen;
use crate::record::Record;
use crate::support::{contract, micros_of};

/// How long an answer may take, in seconds: longer than the node's own `--request-timeout` of 10 s.
const PATIENCE: Duration = Duration::from_secs(13);
/// How long a single read from a node may take.
const GLANCE: Duration = Duration::from_secs(3);

/// A client of one node. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    record: Record,
}

/// The reason for a missing answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum NoAnswer {
    /// There was no connection to a node.
    NotSent,
    /// The node may have carried out the request, or not.
    Unclear,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, record: Record) -> Self {
        crypto::install();
        // Nodes have no TLS here, and loading the system's roots takes longer than many requests.
        let builder =
            reqwest::Client::builder().tls_backend_preconfigured(crypto::trusting_nobody().expect("TLS"));
        // A connection from before a node was killed says nothing about the node's next process.
        let http = builder.no_proxy().pool_max_idle_per_host(0).build().expect("a client");
        Self { http, base: format!("http://{address}"), record }
    }

    /// Sends a request, and returns the status and body of the answer.
    ///
    /// # Errors
    ///
    /// Whether the node may still have carried out the request.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Result<(u16, Value), NoAnswer> {
        self.send(method, path, key, body, PATIENCE).await
    }

    /// Reads something, with a short timeout.
    pub(crate) async fn get(&self, path: &str) -> Option<(u16, Value)> {
        self.send(Method::GET, path, None, None, GLANCE).await.ok()
    }

    /// The status of `/readyz`.
    pub(crate) async fn ready(&self) -> Option<u16> {
        self.get("/readyz").await.map(|(status, _)| status)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
        patience: Duration,
    ) -> Result<(u16, Value), NoAnswer> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base)).timeout(patience);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.map_err(|error| match error.is_connect() {
            true => NoAnswer::NotSent,
            false => NoAnswer::Unclear,
        })?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.map_err(|_| NoAnswer::Unclear)?;
        if let Err(error) = contract::check(&method, path, status, &headers, &text) {
            self.record.complain(format!("{method} {path}: {status} {text}: {error}"));
        }
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }
}

/// The timer in an answer, which is a timer itself or a problem about one.
pub(crate) fn timer_in(answer: &Value) -> Option<Seen> {
    let timer = if answer["timer"].is_object() { &answer["timer"] } else { answer };
    Some(Seen {
        id: timer["id"].as_str()?.to_owned(),
        state: timer["state"].as_str()?.to_owned(),
        due_at: micros_of(&timer["due_at"]),
        attempts: u32::try_from(timer["attempts"].as_u64()?).ok()?,
    })
}
