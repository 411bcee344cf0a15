//! How long a connection may be silent: while the head of a request comes, and while there is none.
//!
//! hyper has one limit for both. They differ: a head that comes slowly is an attack or a broken client, and a connection
//! between two requests is what proxies and load balancers keep for later. One that is closed just when it is used again
//! costs them a request, so it has to be kept for longer than they do, which is 60 s for most.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Whether a request is being answered, which may take as long as it takes.
#[derive(Clone, Default)]
pub(super) struct Asked(Arc<AtomicBool>);

impl Asked {
    /// Does what is asked, and notes when that begins and ends.
    pub(super) async fn during<T>(self, answer: impl Future<Output = T>) -> T {
        self.0.store(true, Ordering::Relaxed);
        let answer = answer.await;
        self.0.store(false, Ordering::Relaxed);
        answer
    }

    fn is_going_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection that breaks when it is silent for too long.
pub(super) struct Kept<S> {
    stream: S,
    asked: Asked,
    /// How long the head of a request may take.
    head: Duration,
    /// How long there may be no request.
    idle: Duration,
    /// Whether a head has begun. A new connection was made for a request, so that this one's time goes from the start.
    begun: bool,
    until: Pin<Box<Sleep>>,
}

impl<S> Kept<S> {
    pub(super) fn new(stream: S, asked: Asked, head: Duration, idle: Duration) -> Self {
        Self { stream, asked, head, idle, begun: true, until: Box::pin(tokio::time::sleep(head)) }
    }

    /// From now on there is no request until one begins.
    fn rest(&mut self) {
        self.begun = false;
        self.until.as_mut().reset(Instant::now() + self.idle);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Kept<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if self.asked.is_going_on() {
            return read;
        }
        match read {
            Poll::Ready(result) => {
                if buffer.filled().len() > before && !self.begun {
                    self.begun = true;
                    let until = Instant::now() + self.head;
                    self.until.as_mut().reset(until);
                }
                Poll::Ready(result)
            }
            Poll::Pending if self.until.as_mut().poll(cx).is_ready() => {
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Kept<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if written.is_ready() {
            self.rest();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    /// Longer than any test waits.
    const NEVER: Duration = Duration::from_secs(86_400);

    fn kept(head: Duration, idle: Duration) -> (Kept<DuplexStream>, DuplexStream, Asked) {
        let (ours, theirs) = tokio::io::duplex(64);
        let asked = Asked::default();
        (Kept::new(ours, asked.clone(), head, idle), theirs, asked)
    }

    async fn breaks(kept: &mut Kept<DuplexStream>) {
        let error = kept.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_head_that_stops_breaks_the_connection_however_long_it_may_be_idle() {
        let (mut first, mut theirs, _asked) = kept(SOON, NEVER);
        theirs.write_all(b"GET").await.unwrap();
        first.read_exact(&mut [0; 3]).await.unwrap();
        breaks(&mut first).await;

        let (mut later, mut theirs, _asked) = kept(SOON, NEVER);
        later.write_all(b"answer").await.unwrap();
        theirs.write_all(b"G").await.unwrap();
        later.read_u8().await.unwrap();
        breaks(&mut later).await;
    }

    #[tokio::test]
    async fn a_connection_without_a_request_breaks_however_long_a_head_may_take() {
        let (mut kept, _theirs, _asked) = kept(NEVER, SOON);
        kept.write_all(b"answer").await.unwrap();
        breaks(&mut kept).await;
    }

    #[tokio::test]
    async fn an_answer_takes_as_long_as_it_takes() {
        let (mut kept, _theirs, asked) = kept(SOON, SOON);
        let silent = asked.during(async {
            tokio::time::timeout(SOON * 5, kept.read_u8())
                .await
                .expect_err("nothing comes, and nothing breaks");
        });
        silent.await;
        breaks(&mut kept).await;
    }
}
