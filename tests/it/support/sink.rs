//! A receiver of webhooks that notes each request and answers as its path says.
//!
//! `/ok` 200 · `/status/503` that status · `/status/503/times/2` that status twice for each timer, then 200 · `/later/1`
//! 503 with that `Retry-After` once for each timer, then 200 · `/slow/500` 200 after that many milliseconds · `/hang` no
//! answer until the test calls [`Sink::release`] · `/sick/…` 500 until then · `/full/30` 429 with that `Retry-After` until
//! then · `/reset` closes the connection without an answer.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::{eventually, now_micros, spawn};

/// A request that the receiver got.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    /// The `webhook-id`.
    pub(crate) id: String,
    /// When the receiver read its head, in microseconds since the epoch.
    pub(crate) at: u64,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Bytes,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A running receiver.
#[derive(Clone)]
pub(crate) struct Sink {
    address: SocketAddr,
    hits: Arc<Mutex<Vec<Hit>>>,
    released: watch::Sender<bool>,
}

impl Sink {
    pub(crate) async fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.expect("a port"))
    }

    /// Starts a receiver on a port that was free a moment ago.
    pub(crate) async fn start_on(port: u16) -> Self {
        Self::on(TcpListener::bind(("127.0.0.1", port)).await.expect("the port is still free"))
    }

    fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().expect("an address");
        let sink = Self { address, hits: Arc::default(), released: watch::Sender::new(false) };
        let serving = sink.clone();
        spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sink = serving.clone();
                let service = service_fn(move |request| {
                    let sink = sink.clone();
                    async move { sink.answer(request).await }
                });
                spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        sink
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers the requests to `/hang`, and makes `/sick` and `/full` answer 200.
    pub(crate) fn release(&self) {
        self.released.send_replace(true);
    }

    pub(crate) fn hits(&self) -> Vec<Hit> {
        self.hits.lock().unwrap().clone()
    }

    pub(crate) fn hits_of(&self, id: &str) -> Vec<Hit> {
        self.hits.lock().unwrap().iter().filter(|hit| hit.id == id).cloned().collect()
    }

    /// How many calls of each timer the receiver got.
    pub(crate) fn counts(&self) -> HashMap<String, usize> {
        let mut counts = HashMap::new();
        for hit in self.hits.lock().unwrap().iter() {
            *counts.entry(hit.id.clone()).or_default() += 1;
        }
        counts
    }

    /// Waits until the receiver has got `count` requests.
    pub(crate) async fn until(&self, count: usize) -> Vec<Hit> {
        eventually(&format!("{count} webhooks"), async || {
            Some(()).filter(|()| self.hits.lock().unwrap().len() >= count)
        })
        .await;
        self.hits()
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Failure> {
        let at = now_micros();
        let (head, body) = request.into_parts();
        let id = head.headers.get("webhook-id").map_or("", |id| id.to_str().unwrap_or("")).to_owned();
        let body = body.collect().await?.to_bytes();
        let before = self.hits_of(&id).len();
        let (method, path) = (head.method.to_string(), head.uri.path().to_owned());
        self.hits.lock().unwrap().push(Hit { id, at, method, path, headers: head.headers, body });

        let parts: Vec<&str> = head.uri.path().trim_start_matches('/').split('/').collect();
        let status = match parts.as_slice() {
            ["status", status] => status.parse().expect("a status"),
            ["status", status, "times", times] if before < times.parse().expect("a number") => {
                status.parse().expect("a status")
            }
            ["later", _] if before == 0 => 503,
            ["sick", ..] if !*self.released.borrow() => 500,
            ["full", _] if !*self.released.borrow() => 429,
            ["slow", millis] => {
                tokio::time::sleep(Duration::from_millis(millis.parse().expect("milliseconds"))).await;
                200
            }
            ["hang"] => {
                let mut released = self.released.subscribe();
                released.wait_for(|released| *released).await.expect("the sink lives");
                200
            }
            ["reset"] => {
                // hyper closes the connection when the service fails.
                return Err("the connection is to be reset".into());
            }
            _ => 200,
        };
        let said =
            if parts == ["large"] { Bytes::from(vec![b'a'; 4_096]) } else { Bytes::from_static(b"seen") };
        let mut response = Response::new(Full::new(said));
        *response.status_mut() = StatusCode::from_u16(status).expect("a status");
        if let (["later", seconds], 503) | (["full", seconds], 429) = (parts.as_slice(), status) {
            response.headers_mut().insert("retry-after", seconds.parse().expect("a number"));
        }
        Ok(response)
    }
}
