//! One HTTP/1.1 connection to an API node: a request in, the whole answer out.
//!
//! The task that waits for the answer also drives the connection: a task of its own would cost two switches per request, on cores that
//! belong to the service under test. The wire does not reconnect and does not repeat.

use std::future::poll_fn;
use std::pin::{Pin, pin};

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

type Connection = Pin<Box<http1::Connection<TokioIo<TcpStream>, Full<Bytes>>>>;

pub(super) struct Wire {
    sender: http1::SendRequest<Full<Bytes>>,
    /// `None` once the connection has ended: a request that is still inside learns of it by the drop.
    connection: Option<Connection>,
}

impl Wire {
    pub(super) async fn new(stream: TcpStream) -> anyhow::Result<Self> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, connection: Some(Box::pin(connection)) })
    }

    /// Whether the connection still takes a request. The load asks before each one: a node that closed an idle connection has seen nothing
    /// of the request, so connecting again repeats nothing.
    pub(super) async fn is_ready(&mut self) -> bool {
        let Self { sender, connection } = self;
        drive(connection, sender.ready()).await.is_ok() && connection.is_some()
    }

    pub(super) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let Self { sender, connection } = self;
        let exchange = async {
            let answer =
                sender.send_request(request).await.context("the connection broke before the answer")?;
            let status = answer.status();
            let body =
                answer.into_body().collect().await.context("the connection broke within the answer")?;
            Ok((status, body.to_bytes()))
        };
        drive(connection, exchange).await
    }
}

/// Runs `work` to its end, and moves the connection's bytes meanwhile.
async fn drive<W: Future>(connection: &mut Option<Connection>, work: W) -> W::Output {
    let mut work = pin!(work);
    poll_fn(|context| {
        // The work is polled before the connection, to hand over the bytes to write, and after it, to take the bytes that were read,
        // without waiting for another turn of the scheduler.
        let before = work.as_mut().poll(context);
        if connection.as_mut().is_some_and(|connection| connection.as_mut().poll(context).is_ready()) {
            *connection = None;
        }
        if before.is_ready() { before } else { work.as_mut().poll(context) }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A wire to a node that reads one request, says `answer`, and hangs up.
    #[expect(
        clippy::disallowed_methods,
        reason = "the names and the keeper of tasks are for those of a node"
    )]
    async fn wire_to_a_node_that_says(answer: &'static str) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        Wire::new(TcpStream::connect(address).await.unwrap()).await.unwrap()
    }

    async fn exchange(wire: &mut Wire) -> anyhow::Result<(StatusCode, Bytes)> {
        let exchange = wire.exchange(Request::new(Full::new(Bytes::from_static(b"{}"))));
        tokio::time::timeout(Duration::from_secs(5), exchange).await.expect("neither an answer nor an error")
    }

    #[tokio::test]
    async fn a_node_that_hangs_up_without_an_answer_is_an_error_and_no_wait() {
        let mut wire = wire_to_a_node_that_says("").await;
        assert!(exchange(&mut wire).await.is_err());
        assert!(!wire.is_ready().await);
    }

    #[tokio::test]
    async fn a_node_that_hangs_up_after_its_answer_is_noticed_before_the_next_request() {
        let mut wire = wire_to_a_node_that_says("HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}").await;
        assert_eq!(exchange(&mut wire).await.unwrap(), (StatusCode::CREATED, Bytes::from_static(b"{}")));
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!wire.is_ready().await);
    }
}
