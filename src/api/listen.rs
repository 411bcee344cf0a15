//! Runs the HTTP server: connections with limits, and an orderly end.
//!
//! warp's own server does not limit how many connections there are, how slowly a request may come, and how slowly an answer may be read. So
//! its service runs on hyper's connections here.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper::{Request, Uri};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use warp::Reply;
use warp::filters::BoxedFilter;
use warp::http::HeaderValue;
use warp::http::header::CONNECTION;

use super::attended::{LetIn, Peer, attended};
use super::connections::{Connection, Connections};
use super::first_head::{FirstHead, MAX_HEADERS};
use super::kept::{Asked, Kept, MAX_HEAD_BYTES};
use super::memory::{Budget, Holder, Taken};
use super::paced::{Pace, Paced};
use super::unread::Unread;
use crate::foundation::metrics::{Metrics, Task};
use crate::foundation::tasks::Tasks;

/// The limits of connections, which hold before a client has asked for anything.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// The most connections at once. For more, resting connections that have shown no good token make way, or the new ones wait in the
    /// kernel's queue until one ends.
    pub count: usize,
    /// The most connections of one address, if there is such a limit. For more, a resting one of the address makes way, or the new one is
    /// closed.
    pub per_address: Option<usize>,
    /// How long a client may take to send a request's head, and how long it may read nothing of an answer.
    pub timeout: Duration,
    /// How long a connection is kept without a new request.
    pub idle: Duration,
}

/// The pause after accepting has failed, as when the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long requests in progress may take after `stop`.
const GRACE: Duration = Duration::from_secs(10);

/// Serves until `stop` is cancelled. Then it accepts no new connection, and finishes the requests that have begun.
pub async fn serve<R>(
    listener: TcpListener,
    routes: BoxedFilter<(R,)>,
    limits: ConnectionLimits,
    metrics: Arc<Metrics>,
    tasks: Tasks,
    stop: CancellationToken,
) where
    R: Reply + Send + 'static,
{
    let open = Connections::new(limits.count, limits.per_address, metrics.clone());
    let heads = Budget::of_heads(metrics.clone());
    let connections = GracefulShutdown::new();
    loop {
        let (stream, address, mut place) = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = accept(&listener, &open) => accepted,
        };
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(limits.timeout));
        let answering = TowerToHyperService::new(warp::service(routes.clone()));
        let (asked, pace) = (Asked::default(), Pace::default());
        let memory = heads.part(Holder::at(address));
        let kept =
            Kept::new(Box::pin(stream), asked.clone(), pace.clone(), memory, limits.timeout, limits.idle);
        let heard = asked.clone();
        let requests = place.requests();
        let peer = Peer { address, let_in: LetIn::default() };
        let service = service_fn(move |mut request| {
            let let_in = peer.let_in.clone();
            request.extensions_mut().insert(peer.clone());
            let (asked, pace) = (asked.clone(), pace.clone());
            let answer = asked.clone().during(answering.call(with_path(request)));
            let answer = async move {
                answer.await.map(|mut answer| {
                    let memory = answer.extensions_mut().remove::<Taken>();
                    if asked.was_large() {
                        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                    }
                    answer.map(|body| Paced::new(body, pace, memory))
                })
            };
            attended(requests.clone(), let_in, answer)
        });
        let (watcher, stop) = (connections.watcher(), stop.clone());
        let metrics = metrics.clone();
        let counted = metrics.http.connection();
        tasks.one_of_many(Task::Connection, None, async move {
            let served = async {
                let stream = FirstHead::read(kept, &stop).await?;
                // On a graceful end, hyper would close a connection of which it has read nothing yet.
                let is_last = stop.is_cancelled();
                let connection = http1::Builder::new()
                    .keep_alive(!is_last)
                    .timer(TokioTimer::new())
                    // `Kept` tells a slow head from a resting connection; hyper does not.
                    .header_read_timeout(None)
                    .max_headers(MAX_HEADERS)
                    .max_buf_size(MAX_HEAD_BYTES)
                    .serve_connection(TokioIo::new(Unread::new(stream, heard, metrics)), service);
                // `connections` waits as long as `watcher` exists.
                if is_last {
                    connection.await?;
                } else {
                    watcher.watch(connection).await?;
                }
                anyhow::Ok(())
            };
            match place.until_closed(served).await {
                None => tracing::debug!("closed a connection to make room for another"),
                // An error of a connection is the client's business.
                Some(Err(error)) => tracing::debug!(%error, "connection"),
                Some(Ok(())) => {}
            }
            drop((counted, place));
        });
    }
    drop(listener);
    if tokio::time::timeout(GRACE, connections.shutdown()).await.is_err() {
        tracing::warn!("cutting off requests that did not finish within {GRACE:?}");
    }
}

/// Gives a request without a path the path `*`: `CONNECT` has none, and warp panics without one. No operation is at `*`, so the answer is
/// 404.
fn with_path<B>(mut request: Request<B>) -> Request<B> {
    if request.uri().path_and_query().is_none() {
        *request.uri_mut() = Uri::from_static("*");
    }
    request
}

/// The next connection that has a place, and the address of its other end.
async fn accept(listener: &TcpListener, open: &Connections) -> (TcpStream, IpAddr, Connection) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                // Answers are small, and waiting to fill a packet only delays them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY");
                }
                match open.enter(address.ip()).await {
                    Some(place) => return (stream, address.ip(), place),
                    None => tracing::debug!(%address, "refused a connection: its address is at the limit"),
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
