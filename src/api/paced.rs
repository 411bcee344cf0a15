//! Gives answers to hyper in small pieces, each once the one before it has been written.
//!
//! hyper copies each piece into a buffer, and keeps that buffer as long as the connection lives. So for a client that reads nothing of a
//! large answer, or asks for one and rests, hyper would hold a second copy of that size.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use hyper::body::{Body, Frame, SizeHint};

use super::memory::Taken;

/// The most bytes of a body that hyper holds unwritten. With the answer's head they fit into its buffer, which begins with 8 KiB and so
/// does not grow.
const MOST_UNWRITTEN: usize = 7 * 1_024;

/// The progress of writing to a connection.
#[derive(Clone, Default)]
pub(super) struct Pace(Arc<Progress>);

#[derive(Default)]
struct Progress {
    unwritten: AtomicUsize,
    waiting: AtomicWaker,
}

impl Pace {
    /// Notes that hyper has written everything it had.
    pub(super) fn all_is_written(&self) {
        if self.0.unwritten.swap(0, Ordering::AcqRel) > 0 {
            self.0.waiting.wake();
        }
    }

    /// How many bytes may be handed out; pending while there are none.
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<usize> {
        let room = || MOST_UNWRITTEN.saturating_sub(self.0.unwritten.load(Ordering::Acquire));
        if room() == 0 {
            self.0.waiting.register(cx.waker());
        }
        match room() {
            0 => Poll::Pending,
            room => Poll::Ready(room),
        }
    }

    fn hand_out(&self, bytes: usize) {
        self.0.unwritten.fetch_add(bytes, Ordering::AcqRel);
    }
}

/// A body whose pieces wait until hyper has written the ones before.
pub(super) struct Paced<B> {
    body: B,
    /// The rest of the last piece from the body.
    rest: Bytes,
    pace: Pace,
    _memory: Option<Taken>,
}

impl<B> Paced<B> {
    /// A paced body, which keeps the memory that its answer has taken.
    pub(super) fn new(body: B, pace: Pace, memory: Option<Taken>) -> Self {
        Self { body, rest: Bytes::new(), pace, _memory: memory }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Paced<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let room = ready!(self.pace.poll_room(cx));
        if self.rest.is_empty() {
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                other => return Poll::Ready(other),
            };
            match frame.into_data() {
                Ok(data) => self.rest = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        let piece = self.rest.len().min(room);
        self.pace.hand_out(piece);
        let piece = self.rest.split_to(piece);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(hint.lower().saturating_add(rest));
        hint
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use http_body_util::Full;

    use super::*;

    #[test]
    fn the_next_piece_comes_once_the_one_before_has_been_written() {
        let all: Vec<u8> = (0..20_000_u32).map(|n| n as u8).collect();
        let pace = Pace::default();
        let mut body = Paced::new(Full::new(Bytes::from(all.clone())), pace.clone(), None);
        let mut read = vec![];
        let mut context = Context::from_waker(Waker::noop());
        loop {
            assert_eq!(body.size_hint().exact(), Some((all.len() - read.len()) as u64));
            match Pin::new(&mut body).poll_frame(&mut context) {
                Poll::Pending => {
                    assert!(read.len() % MOST_UNWRITTEN == 0 && !body.is_end_stream());
                    pace.all_is_written();
                }
                Poll::Ready(Some(frame)) => {
                    let piece = frame.unwrap().into_data().unwrap();
                    assert!(piece.len() <= MOST_UNWRITTEN);
                    read.extend_from_slice(&piece);
                }
                Poll::Ready(None) => break,
            }
        }
        assert_eq!(read, all);
    }
}
