//! The receiving side: takes every webhook on any path, notes when it came, and answers 200.
//!
//! The arrival is read when the request's head has been parsed, so lateness includes the network, the
//! parsing, and the time the machine needs to run this code. It checks no signature and judges nothing.

use std::borrow::Cow;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::clock;
use super::ledger::Ledger;
use super::server::is_out_of_files;

/// Connections that may wait to be accepted; the kernel caps the number (net.core.somaxconn). If a burst overflows it, the handshake is
/// repeated after a second, and that second would look like the service's.
const BACKLOG: u32 = 16_384;

/// The most bytes read of one webhook body; those of the bench's own timers have 45.
const BODY_LIMIT: usize = 64 * 1024;

/// Pause after a failed accept, so that a lack of descriptors does not become a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

const ID_HEADER: &str = "webhook-id";

#[derive(Deserialize)]
struct Hook<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
}

/// A running sink. Dropping it closes the listener and every connection.
pub(super) struct Sink {
    pub(super) address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Sink {
    pub(super) fn start(
        listen: SocketAddr,
        hook_delay: Duration,
        ledger: Arc<Ledger>,
    ) -> anyhow::Result<Self> {
        let listener = bind(listen).with_context(|| format!("cannot listen on {listen}"))?;
        let address = listener.local_addr()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, hook_delay, ledger));
        Ok(Self { address, _tasks: tasks })
    }
}

fn bind(listen: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if listen.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(listen)?;
    socket.listen(BACKLOG)
}

async fn accept(listener: TcpListener, hook_delay: Duration, ledger: Arc<Ledger>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(serve(stream, hook_delay, Arc::clone(&ledger)));
            }
            Err(error) => {
                if is_out_of_files(&error) {
                    ledger.sink_lacked_files();
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, hook_delay: Duration, ledger: Arc<Ledger>) {
    // If this fails on a connection, its first read fails too.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(|request| receive(request, hook_delay, &ledger));
    // A client that goes away in the middle of a request has delivered nothing; the tally shows it as
    // missing.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

async fn receive(
    request: Request<Incoming>,
    hook_delay: Duration,
    ledger: &Ledger,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let arrived_us = clock::wall_now();
    let named =
        request.headers().get(ID_HEADER).and_then(|value| Uuid::try_parse_ascii(value.as_bytes()).ok());
    let body = Limited::new(request.into_body(), BODY_LIMIT).collect().await;
    let id = named.or_else(|| id_in(&body.ok()?.to_bytes()));
    match id {
        Some(id) => ledger.tally().arrived(id.as_u128(), arrived_us),
        None => ledger.tally().arrived_without_id(),
    }
    if !hook_delay.is_zero() {
        tokio::time::sleep(hook_delay).await;
    }
    Ok(Response::new(Empty::new()))
}

fn id_in(body: &[u8]) -> Option<Uuid> {
    let hook: Hook<'_> = serde_json::from_slice(body).ok()?;
    Uuid::try_parse(&hook.id).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_names_its_timer_or_nothing() {
        let id = Uuid::from_u128(42);
        assert_eq!(id_in(format!(r#"{{"id":"{id}","more":1}}"#).as_bytes()), Some(id));
        assert_eq!(id_in(br#"{"id":"42"}"#), None);
        assert_eq!(id_in(b""), None);
    }
}
