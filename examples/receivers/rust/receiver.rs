//! A receiver of jettimer's webhooks in Rust.
//!
//! ```sh
//! WEBHOOK_SECRETS=whsec_… cargo run --example receiver -- 9000
//! ```
//!
//! `verify` is what to copy: it takes the body as it came, byte for byte, before anybody has parsed it. It needs `ring` and
//! `base64`; the crate `standardwebhooks` does the same. While a secret is rotated, `WEBHOOK_SECRETS` has both, separated by
//! a space.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a program of its own")]

use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use ring::hmac::{self, HMAC_SHA256, Key};
use tokio::net::TcpListener;

/// How old a webhook may be, or how far this clock behind.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);
/// In bytes; more is not read.
const MAX_BODY: usize = 1024 * 1024;
/// How many ids are remembered.
const MAX_DONE: usize = 100_000;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The id of a webhook that one of the secrets has signed lately.
fn verify(secrets: &[Key], headers: &HeaderMap, body: &[u8]) -> Result<String, &'static str> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    let seconds: u64 = timestamp.parse().map_err(|_| "no webhook-timestamp")?;
    if id.is_empty() {
        return Err("no webhook-id");
    }
    // The timestamp is signed too, so that who has overheard a webhook cannot send it again next week.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| "no clock")?;
    if now.abs_diff(Duration::from_secs(seconds)) > TOLERANCE {
        return Err("too old, or from the future");
    }
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    // One for each secret of the sender, such as `v1,<base64> v1a,<base64>`; this example knows v1.
    let given = header("webhook-signature").split(' ').filter_map(|signature| signature.strip_prefix("v1,"));
    let mut given = given.filter_map(|text| BASE64.decode(text).ok());
    // `hmac::verify` takes as long for a wrong first byte as for a wrong last one.
    if given.any(|tag| secrets.iter().any(|secret| hmac::verify(secret, &signed, &tag).is_ok())) {
        return Ok(id.to_owned());
    }
    Err("no signature that fits")
}

/// What was handled before. In a real service: a row with the id as its key, in the transaction of the work itself.
#[derive(Default)]
struct Done {
    ids: HashSet<String>,
    order: VecDeque<String>,
}

impl Done {
    /// Does the work for an id once, and says whether this was the first time. A caller that holds `self` keeps the same webhook
    /// that comes again meanwhile waiting, until it finds it done.
    fn once(&mut self, id: &str, work: impl FnOnce() -> Result<(), Failure>) -> Result<bool, Failure> {
        if self.ids.contains(id) {
            return Ok(false);
        }
        // What goes wrong is answered with 500, and jettimer may try again.
        work()?;
        self.ids.insert(id.to_owned());
        self.order.push_back(id.to_owned());
        if self.order.len() > MAX_DONE
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        Ok(true)
    }
}

fn handle(id: &str, body: &[u8]) -> Result<(), Failure> {
    let payload: serde_json::Value = serde_json::from_slice(body)?;
    println!("handled: {id} {payload}");
    Ok(())
}

struct Receiver {
    secrets: Vec<Key>,
    done: Mutex<Done>,
}

impl Receiver {
    async fn receive(&self, request: Request<Incoming>) -> StatusCode {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
            return StatusCode::PAYLOAD_TOO_LARGE;
        };
        let body = body.to_bytes();
        let id = match verify(&self.secrets, &head.headers, &body) {
            Ok(id) => id,
            Err(why) => {
                println!("refused: {why}");
                return StatusCode::UNAUTHORIZED;
            }
        };
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        match done.once(&id, || handle(&id, &body)) {
            // 2xx both times: the second is no failure, and jettimer is to stop.
            Ok(true) => StatusCode::NO_CONTENT,
            Ok(false) => {
                println!("again: {id}");
                StatusCode::NO_CONTENT
            }
            Err(error) => {
                println!("failed: {error}");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut secrets = vec![];
    for text in std::env::var("WEBHOOK_SECRETS")?.split_whitespace() {
        let bytes = BASE64.decode(text.strip_prefix("whsec_").unwrap_or(text))?;
        secrets.push(Key::new(HMAC_SHA256, &bytes));
    }
    let port = std::env::args().nth(1).ok_or("usage: receiver PORT")?;
    let receiver = Arc::new(Receiver { secrets, done: Mutex::default() });
    let listener = TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let receiver = receiver.clone();
        let service = service_fn(move |request| {
            let receiver = receiver.clone();
            async move {
                let mut response = Response::new(Empty::<Bytes>::new());
                *response.status_mut() = receiver.receive(request).await;
                Ok::<_, Infallible>(response)
            }
        });
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(10));
        tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
    }
}
