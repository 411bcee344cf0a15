//! How long a connection may be silent: while the head of a request comes, and between two requests.
//!
//! hyper has one limit for both. They differ: a head that comes slowly is an attack or a broken client, and a connection
//! between two requests is what proxies and load balancers keep for later. One that is closed just when it is used again
//! costs them a request, so it has to be kept for longer than they do, which is 60 s for most.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Response;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Whether a request is being answered: a handler, and a feed without events, may be silent for long.
///
/// It counts how often an answer has begun or ended: the number is odd during an answer.
#[derive(Clone, Default)]
pub(super) struct Asked(Arc<AtomicU64>);

impl Asked {
    /// Awaits the answer to a request. The request is being answered until the body of the answer has ended.
    pub(super) async fn during<B, E>(
        self,
        answer: impl Future<Output = Result<Response<B>, E>>,
    ) -> Result<Response<Answering<B>>, E> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let until_ended = UntilEnded(self);
        answer.await.map(|answer| answer.map(|body| Answering { body, _until_ended: until_ended }))
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Notes the end of an answer when it is dropped.
struct UntilEnded(Asked);

impl Drop for UntilEnded {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The body of an answer, which the server drops at its end.
pub(super) struct Answering<B> {
    body: B,
    _until_ended: UntilEnded,
}

impl<B: Body + Unpin> Body for Answering<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection that breaks when it is silent for too long.
pub(super) struct Kept<S> {
    stream: S,
    asked: Asked,
    /// The count of `asked` after the answer that was seen to end last.
    ended: u64,
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
        Self { stream, asked, ended: 0, head, idle, begun: true, until: Box::pin(tokio::time::sleep(head)) }
    }

    /// The connection rests until a request begins.
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
        let count = self.asked.count();
        if !count.is_multiple_of(2) {
            return read;
        }
        if count != self.ended {
            self.ended = count;
            self.rest();
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
    use bytes::Bytes;
    use http_body_util::Empty;
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
        let answer = async { Ok::<_, ()>(Response::new(Empty::<Bytes>::new())) };
        let answer = asked.during(answer).await.unwrap();
        let silent = tokio::time::timeout(SOON * 5, kept.read_u8()).await;
        silent.expect_err("nothing comes, and nothing breaks");
        drop(answer);
        breaks(&mut kept).await;
    }
}
