//! The body of an answer, with a value that has to last until the body's end.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, SizeHint};

/// A body, and a value that is dropped with it. The server drops it once it is written or its connection has ended.
pub(super) struct Lasting<B, L> {
    body: B,
    _lasts: L,
}

impl<B, L> Lasting<B, L> {
    pub(super) fn new(body: B, lasts: L) -> Self {
        Self { body, _lasts: lasts }
    }
}

impl<B: Body + Unpin, L: Unpin> Body for Lasting<B, L> {
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
