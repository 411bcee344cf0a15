//! A receiver below HTTP: it treats each connection as the test says, and counts connections.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::interval;

use super::spawn;

/// A running receiver.
pub(crate) struct Raw {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Raw {
    /// Starts a receiver that does `what` with each connection.
    pub(crate) async fn start<F>(what: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)), what).await
    }

    /// Like [`Self::start`], at this address.
    pub(crate) async fn at<F>(address: SocketAddr, what: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                spawn(what(stream));
            }
        });
        Self { address, connections }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads the head of a request.
pub(crate) async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).expect("a head is text")
}

type Doing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Reads the request, writes this text and then does nothing more.
pub(crate) fn write_and_hang(text: &'static str) -> impl Fn(TcpStream) -> Doing + Send + 'static {
    move |mut stream| {
        Box::pin(async move {
            head(&mut stream).await;
            stream.write_all(text.as_bytes()).await.unwrap();
            // Until the client closes the connection.
            let _ = stream.read_to_end(&mut vec![]).await;
        })
    }
}

/// Reads the request, writes this text and closes the connection.
pub(crate) fn write_and_close(text: &'static str) -> impl Fn(TcpStream) -> Doing + Send + 'static {
    move |mut stream| {
        Box::pin(async move {
            head(&mut stream).await;
            stream.write_all(text.as_bytes()).await.unwrap();
        })
    }
}

/// Reads the request, writes `first`, and then `more` again and again.
pub(crate) fn write_for_ever(
    first: &'static str,
    more: &'static str,
    every: Option<Duration>,
    written: Arc<AtomicUsize>,
) -> impl Fn(TcpStream) -> Doing + Send + 'static {
    move |mut stream| {
        let written = written.clone();
        Box::pin(async move {
            head(&mut stream).await;
            stream.write_all(first.as_bytes()).await.unwrap();
            let mut ticks = every.map(interval);
            while stream.write_all(more.as_bytes()).await.is_ok() {
                written.fetch_add(more.len(), Ordering::SeqCst);
                if let Some(ticks) = &mut ticks {
                    ticks.tick().await;
                }
            }
        })
    }
}
