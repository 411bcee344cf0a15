//! A receiver of webhooks that notes each call, and answers as the timer's item or a fault says.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::net::{Net, RECEIVER_PORT};
use crate::history::Call;
use crate::plan::{Behaviour, Item, NODES, ReceiverTrouble};
use crate::record::Record;
use crate::support::{now_micros, spawn};

/// A receiver. It ends with the runtime that started it.
#[derive(Clone)]
pub(crate) struct Receiver {
    index: usize,
    items: Arc<[Item]>,
    record: Record,
    trouble: watch::Sender<Option<ReceiverTrouble>>,
}

/// The receiver's reaction to a call.
enum Reply {
    Status(u16),
    Late(Duration),
    Reset,
    Never,
}

impl Receiver {
    /// Starts the receiver, with a separate address for each node, so that it knows which node called.
    pub(crate) async fn start(net: &Net, index: usize, items: &[Item], record: Record) -> Self {
        let receiver = Self { index, items: items.into(), record, trouble: watch::Sender::new(None) };
        for node in 0..NODES {
            let listener = TcpListener::bind(net.receiver(node, index)).await.expect("an address");
            spawn(receiver.clone().serve(listener, node));
        }
        receiver
    }

    /// The URL that timers call. Each node resolves the name for itself.
    pub(crate) fn url(index: usize, item: usize) -> String {
        format!("http://{}:{RECEIVER_PORT}/{item}", Self::name(index))
    }

    pub(crate) fn name(index: usize) -> String {
        format!("receiver-{index}.test")
    }

    /// Breaks or repairs the receiver.
    pub(crate) fn set(&self, trouble: Option<ReceiverTrouble>) {
        self.trouble.send_replace(trouble);
    }

    async fn serve(self, listener: TcpListener, node: usize) {
        while let Ok((stream, _)) = listener.accept().await {
            spawn(self.clone().connection(stream, node));
        }
    }

    async fn connection(self, stream: TcpStream, node: usize) {
        let service = service_fn(|request| self.answer(request, node));
        // A service that fails closes the connection.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        node: usize,
    ) -> Result<Response<Full<Bytes>>, &'static str> {
        let at = now_micros();
        let (head, body) = request.into_parts();
        let item = head.uri.path().trim_start_matches('/').parse().ok();
        let id = header(&head.headers, "webhook-id");
        let attempt = header(&head.headers, "jettimer-attempt").parse().unwrap_or(0);
        let before = self.record.calls_of(&id);
        let call = Call { item, id, attempt, node, receiver: self.index, at, answered: None, answered_at: 0 };
        let place = self.record.call(call);
        body.collect().await.map_err(|_| "the caller went away")?;
        let status = match self.reply(item, before) {
            Reply::Status(status) => status,
            Reply::Late(delay) => {
                tokio::time::sleep(delay).await;
                200
            }
            Reply::Reset => return Err("the connection is to be reset"),
            Reply::Never => match std::future::pending::<Infallible>().await {},
        };
        self.record.answered(place, status);
        let mut response = Response::new(Full::new(Bytes::from_static(b"seen")));
        *response.status_mut() = StatusCode::from_u16(status).expect("a status");
        Ok(response)
    }

    fn reply(&self, item: Option<usize>, before: usize) -> Reply {
        match *self.trouble.borrow() {
            Some(ReceiverTrouble::Fails) => return Reply::Status(503),
            Some(ReceiverTrouble::Hangs) => return Reply::Never,
            Some(ReceiverTrouble::Resets) => return Reply::Reset,
            None => {}
        }
        match item.and_then(|item| self.items.get(item)).map(|item| item.behaviour) {
            Some(Behaviour::SlowMs(millis)) => Reply::Late(Duration::from_millis(millis.into())),
            Some(Behaviour::Status(status, times)) if before < times as usize => Reply::Status(status),
            Some(Behaviour::Reset) if before == 0 => Reply::Reset,
            Some(Behaviour::Ok | Behaviour::Status(..) | Behaviour::Reset) | None => Reply::Status(200),
        }
    }
}

fn header(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
