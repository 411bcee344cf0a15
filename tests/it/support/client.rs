//! An HTTP client of the API.

use jettimer::foundation::crypto;
use reqwest::{Method, Response};
use serde_json::Value;

use super::{contract, eventually};

/// A client for requests whose answers are not compared with the OpenAPI document. Tests speak HTTP without TLS, so it has no roots of
/// authorities: loading the system's takes longer than a request, and some tests make hundreds of clients.
pub(crate) fn plain_http() -> reqwest::Client {
    crypto::install();
    let tls = crypto::trusting_nobody().expect("TLS");
    reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls).build().expect("a client")
}

/// A client of one node.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) json: Value,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The pointers of a problem's fields.
    pub(crate) fn pointers(&self) -> Vec<&str> {
        self.json["errors"]
            .as_array()
            .map(|errors| errors.iter().filter_map(|error| error["pointer"].as_str()).collect())
            .unwrap_or_default()
    }
}

impl Client {
    pub(crate) fn new(address: &str) -> Self {
        Self { http: plain_http(), base: format!("http://{address}") }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        self.try_send(method, path, headers, body).await.expect("an answer")
    }

    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> reqwest::Result<Reply> {
        let mut request =
            self.http.request(method.clone(), format!("{}{path}", self.base)).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(&method, path, request.send().await?).await
    }

    /// Sends a creation and returns the answer, whatever its status.
    pub(crate) async fn post(&self, json: &Value) -> Reply {
        self.send(Method::POST, "/timer", &[("content-type", "application/json")], &json.to_string()).await
    }

    /// Creates a timer and returns its id.
    pub(crate) async fn create(&self, json: &Value) -> String {
        let reply = self.post(json).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.json["id"].as_str().expect("an id").to_owned()
    }

    /// Reads a timer that has to exist.
    pub(crate) async fn get(&self, id: &str) -> Value {
        let reply = self.send(Method::GET, &format!("/timer/{id}"), &[], "").await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json
    }

    pub(crate) async fn cancel(&self, id: &str) -> Reply {
        self.send(Method::DELETE, &format!("/timer/{id}"), &[], "").await
    }

    pub(crate) async fn patch(&self, id: &str, json: &Value) -> Reply {
        self.send(Method::PATCH, &format!("/timer/{id}"), &[], &json.to_string()).await
    }

    /// Waits until the timer is in a state and returns the timer.
    pub(crate) async fn until(&self, id: &str, state: &str) -> Value {
        eventually(&format!("timer {id} is {state}"), async || {
            Some(self.get(id).await).filter(|timer| timer["state"] == state)
        })
        .await
    }

    /// Waits until the timer is in a final state and returns the timer.
    pub(crate) async fn until_final(&self, id: &str) -> Value {
        eventually(&format!("timer {id} is finished"), async || {
            Some(self.get(id).await)
                .filter(|timer| timer["state"] != "scheduled" && timer["state"] != "firing")
        })
        .await
    }
}

/// Reads an answer, which has to match the OpenAPI document.
async fn read(method: &Method, path: &str, response: Response) -> reqwest::Result<Reply> {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let text = response.text().await?;
    if let Err(error) = contract::check(method, path, status, &headers, &text) {
        panic!("{method} {path}: {status} {headers:?} {text}: not as the OpenAPI document says: {error}");
    }
    let json = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok(Reply { status, headers, json })
}
