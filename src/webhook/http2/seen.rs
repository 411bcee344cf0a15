//! The bytes of one connection of HTTP/2, on their way to and from the library.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::facts::Facts;
use super::frames::Scan;
use super::heads::Heads;
use crate::webhook::failure::{cause, refuses_handshake};
use crate::webhook::wire::Wire;

/// How much is read at once.
const READ: usize = 16_384;

/// A connection whose facts are noted, and whose heads are made plain.
pub(super) struct Seen {
    wire: Wire,
    facts: Arc<Facts>,
    heads: Heads,
    /// Bytes for the library.
    plain: BytesMut,
    sent: Scan,
    /// Something was read.
    heard: bool,
}

impl Seen {
    pub(super) fn new(wire: Wire, facts: Arc<Facts>) -> Self {
        let (heads, sent) = (Heads::new(), Scan::of_client());
        Self { wire, facts, heads, plain: BytesMut::new(), sent, heard: false }
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut bytes = [0; READ];
        let mut buffer = ReadBuf::new(&mut bytes);
        let read = std::task::ready!(Pin::new(&mut self.wire).poll_read(cx, &mut buffer));
        if let Err(error) = &read
            && !self.heard
            && refuses_handshake(error)
        {
            self.facts.refuse(cause(error));
        }
        read?;
        self.heard = true;
        let facts = &self.facts;
        let plain = self.heads.read(buffer.filled(), &mut self.plain, |frame| facts.received(frame));
        plain.map_err(io::Error::other)?;
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

impl AsyncRead for Seen {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.plain.is_empty() {
            // A frame whose fields have not come as a whole gives nothing yet.
            if std::task::ready!(this.poll_more(cx))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        let size = this.plain.len().min(buffer.remaining());
        buffer.put_slice(&this.plain[..size]);
        this.plain.advance(size);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Seen {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Self { wire, facts, sent, .. } = self.get_mut();
        let count = std::task::ready!(Pin::new(wire).poll_write(cx, bytes))?;
        sent.read(&bytes[..count], |frame| facts.sent(frame));
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_shutdown(cx)
    }
}
