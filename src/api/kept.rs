//! Limits how long a connection may be silent, while the head of a request comes and between two requests; and how much of a head is read.
//!
//! hyper has one limit for both silences, but they differ. A head that comes slowly is an attack or a broken client. A connection between
//! two requests is one that proxies and load balancers keep for later. If it is closed just when they use it again, they lose a request. So
//! it has to be kept for longer than they keep it, which is 60 s for most.
//!
//! hyper reads into a buffer that grows with an endless head, and with reads that fill it. So reads are kept smaller than that buffer is at
//! first, and a head that is not small takes its buffer from the budget of heads.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::Response;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::lasting::Lasting;
use super::memory::Part;
use super::paced::Pace;

/// The most bytes that are read at once: fewer than the 8 KiB of hyper's first buffer, since hyper doubles it after a read that fills it.
const MOST_READ: usize = 8 * 1_024 - 1;

/// How many bytes of a head take nothing from the budget: as many as one read, and more than browsers send.
pub(super) const FREE_HEAD_BYTES: usize = MOST_READ;

/// The size of hyper's buffer for a head of more than that, in bytes. hyper refuses a larger head, and `unread` answers it. The limits of
/// accepted heads are lower, and are in `head`. A buffer that has grown stays so as long as its connection, so the connection ends with the
/// answer.
pub(super) const MAX_HEAD_BYTES: usize = 32 * 1_024;

/// Whether a request is being answered: a handler, and a feed without events, may be silent for long.
#[derive(Clone, Default)]
pub(super) struct Asked(Arc<Heard>);

#[derive(Default)]
struct Heard {
    /// How often an answer has begun or ended: odd during an answer.
    answers: AtomicU64,
    /// Whether the first line of the head that is being read is complete.
    has_line: AtomicBool,
    /// Whether a head has had more than its free bytes.
    was_large: AtomicBool,
}

impl Asked {
    /// Awaits the answer to a request. The request is being answered from now on, and until the body of the answer has ended.
    pub(super) fn during<B, E>(
        self,
        answer: impl Future<Output = Result<Response<B>, E>>,
    ) -> impl Future<Output = Result<Response<Lasting<B, UntilEnded>>, E>> {
        // Counted here and not when the future is polled: bytes that hyper reads until then belong to the body.
        self.0.answers.fetch_add(1, Ordering::Relaxed);
        let until_ended = UntilEnded(self);
        async move { answer.await.map(|answer| answer.map(|body| Lasting::new(body, until_ended))) }
    }

    /// Whether the first line of the head that is being read is complete.
    pub(super) fn has_line(&self) -> bool {
        self.0.has_line.load(Ordering::Relaxed)
    }

    /// Whether the buffer of this connection has grown, so the connection has to end.
    pub(super) fn was_large(&self) -> bool {
        self.0.was_large.load(Ordering::Relaxed)
    }

    fn count(&self) -> u64 {
        self.0.answers.load(Ordering::Relaxed)
    }
}

/// Notes the end of an answer when it is dropped.
pub(super) struct UntilEnded(Asked);

impl Drop for UntilEnded {
    fn drop(&mut self) {
        self.0.0.answers.fetch_add(1, Ordering::Relaxed);
    }
}

/// A connection that breaks when it is silent for too long.
pub(super) struct Kept<S> {
    stream: S,
    asked: Asked,
    /// The count of `asked` after the last answer that was seen to end.
    ended: u64,
    /// How long the head of a request may take.
    head: Duration,
    /// How long the connection may be without a request.
    idle: Duration,
    /// Whether a head has begun. A new connection was made for a request, so its time runs from the start.
    begun: bool,
    until: Pin<Box<Sleep>>,
    /// How many bytes of the head were read.
    head_bytes: usize,
    /// The head's part of the budget. The head's fields are kept until the answer has ended, and so is this.
    memory: Part,
    pace: Pace,
}

impl<S> Kept<S> {
    pub(super) fn new(
        stream: S,
        asked: Asked,
        pace: Pace,
        memory: Part,
        head: Duration,
        idle: Duration,
    ) -> Self {
        let until = Box::pin(tokio::time::sleep(head));
        Self { stream, asked, ended: 0, head, idle, begun: true, until, head_bytes: 0, memory, pace }
    }

    /// How much may be read now. The first part of a head is read separately: the bytes after it may belong to a body.
    fn room(&mut self, is_head: bool) -> io::Result<usize> {
        let free = FREE_HEAD_BYTES.saturating_sub(self.head_bytes);
        if !is_head || free == 0 {
            if is_head {
                let full = |_| io::Error::other("request heads use all the memory they may");
                self.memory.grow_to(MAX_HEAD_BYTES).map_err(full)?;
                self.asked.0.was_large.store(true, Ordering::Relaxed);
            }
            return Ok(MOST_READ);
        }
        Ok(free)
    }

    /// Prepares for the next head.
    fn next_head(&mut self) {
        self.memory.set(0);
        self.head_bytes = 0;
        self.asked.0.has_line.store(false, Ordering::Relaxed);
    }

    /// Lets the connection rest until a request begins.
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
        let count = self.asked.count();
        let is_head = count.is_multiple_of(2);
        if is_head && count != self.ended {
            self.ended = count;
            self.next_head();
            self.rest();
        }
        let room = self.room(is_head)?.min(buffer.remaining());
        // Read into a separate buffer, since reading into a part of a buffer needs unsafe code.
        let mut bytes = [const { MaybeUninit::uninit() }; MOST_READ];
        let mut part = ReadBuf::uninit(&mut bytes[..room]);
        let read = Pin::new(&mut self.stream).poll_read(cx, &mut part);
        buffer.put_slice(part.filled());
        if !is_head {
            return read;
        }
        match read {
            Poll::Ready(result) => {
                if !part.filled().is_empty() && !self.begun {
                    self.begun = true;
                    let until = Instant::now() + self.head;
                    self.until.as_mut().reset(until);
                }
                self.head_bytes += part.filled().len();
                if part.filled().contains(&b'\n') {
                    self.asked.0.has_line.store(true, Ordering::Relaxed);
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
            // hyper does not read again while a read already waits, and a read that began during an answer waits without a limit. So the
            // limit is polled here. When it is over, it wakes that read, which then finds that the time is up.
            let _ = self.until.as_mut().poll(cx);
        }
        written
    }

    /// hyper calls this once it has nothing left to write.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.pace.all_is_written();
        Poll::Ready(Ok(()))
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
    use crate::api::memory::{Budget, Holder};
    use crate::foundation::metrics::{Metrics, Parts};

    const SOON: Duration = Duration::from_millis(20);
    /// Longer than any test waits.
    const NEVER: Duration = Duration::from_secs(86_400);

    fn kept(head: Duration, idle: Duration) -> (Kept<DuplexStream>, DuplexStream, Asked) {
        within(head, idle, &budget(0))
    }

    fn budget(bytes: usize) -> Budget {
        Budget::new(bytes, Arc::new(Metrics::new("test", Parts::default())))
    }

    fn within(head: Duration, idle: Duration, heads: &Budget) -> (Kept<DuplexStream>, DuplexStream, Asked) {
        let (ours, theirs) = tokio::io::duplex(65_536);
        let asked = Asked::default();
        let memory = heads.part(Holder::Token("t".to_owned()));
        (Kept::new(ours, asked.clone(), Pace::default(), memory, head, idle), theirs, asked)
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

    #[tokio::test]
    async fn a_head_that_is_not_small_takes_its_buffer_and_what_follows_the_head_takes_none() {
        let heads = budget(2 * MAX_HEAD_BYTES);
        let (mut first, mut theirs, asked) = within(NEVER, NEVER, &heads);
        let (mut second, mut others, _asked) = within(NEVER, NEVER, &heads);
        theirs.write_all(&[b'a'; 50_000]).await.unwrap();
        others.write_all(&[b'a'; 40_000]).await.unwrap();
        let mut bytes = [0; 10_000];
        assert!(first.read(&mut bytes).await.unwrap() <= FREE_HEAD_BYTES && !asked.was_large());
        first.read_exact(&mut bytes[FREE_HEAD_BYTES..]).await.unwrap();
        assert!(asked.was_large() && !asked.has_line());
        // The budget has one such buffer for one client.
        assert_eq!(second.read(&mut bytes).await.unwrap(), FREE_HEAD_BYTES);
        second.read(&mut bytes).await.unwrap_err();
        let answer = async { Ok::<_, ()>(Response::new(Empty::<Bytes>::new())) };
        let answer = asked.during(answer);
        first.read_exact(&mut [0; 30_000]).await.unwrap();
        second.read(&mut bytes).await.unwrap_err();
        // The memory goes back with the head's fields.
        drop(answer);
        assert!(first.read(&mut bytes).await.unwrap() <= FREE_HEAD_BYTES);
        second.read_exact(&mut bytes).await.unwrap();
    }
}
