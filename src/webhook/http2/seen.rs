//! The bytes of one connection of HTTP/2, on their way to and from the library.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::facts::Facts;
use super::heads::Heads;
use crate::webhook::failure::{cause, refuses_handshake};
use crate::webhook::wire::Wire;

/// The most bytes of one read.
const READ: usize = 16_384;

/// For how long a connection that cannot be written to is still read. By then, bytes that were on their way have come.
const READ_ON: Duration = Duration::from_secs(1);

/// A connection that notes its facts and makes its heads plain.
pub(super) struct Seen {
    wire: Wire,
    facts: Arc<Facts>,
    heads: Heads,
    /// Bytes that the library is still to read.
    plain: BytesMut,
    heard: bool,
    /// Why the connection can no longer be written to, and until when it is still read.
    broken: Option<(io::Error, Pin<Box<Sleep>>)>,
}

impl Seen {
    pub(super) fn new(wire: Wire, facts: Arc<Facts>) -> Self {
        Self { wire, facts, heads: Heads::new(), plain: BytesMut::new(), heard: false, broken: None }
    }

    /// Notes that the connection can no longer be written to. The library would end it at once, but the last frames of the receiver, such
    /// as the number of the last request that it looked at, are still to be read. So the library takes its bytes for written.
    fn fail(&mut self, error: io::Error) {
        self.facts.stop();
        self.broken = Some((error, Box::pin(tokio::time::sleep(READ_ON))));
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut bytes = [0; READ];
        let mut buffer = ReadBuf::new(&mut bytes);
        let read = match (Pin::new(&mut self.wire).poll_read(cx, &mut buffer), &mut self.broken) {
            (Poll::Ready(read), _) => read,
            (Poll::Pending, Some((error, until))) => {
                std::task::ready!(until.as_mut().poll(cx));
                Err(io::Error::new(error.kind(), error.to_string()))
            }
            (Poll::Pending, None) => return Poll::Pending,
        };
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
            // A frame with fields gives no bytes until it is complete.
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
        let this = self.get_mut();
        if this.broken.is_some() {
            return Poll::Ready(Ok(bytes.len()));
        }
        let mut wire = Pin::new(&mut this.wire);
        let passed = this.facts.gate().pass(bytes, |bytes| wire.as_mut().poll_write(cx, bytes));
        match std::task::ready!(passed) {
            Ok(count) => Poll::Ready(Ok(count)),
            Err(error) => {
                this.fail(error);
                Poll::Ready(Ok(bytes.len()))
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.broken.is_none() {
            let mut wire = Pin::new(&mut this.wire);
            let flushed = this.facts.gate().flush(|bytes| wire.as_mut().poll_write(cx, bytes));
            let flushed = std::task::ready!(flushed);
            let flushed = match flushed {
                Ok(()) => std::task::ready!(Pin::new(&mut this.wire).poll_flush(cx)),
                Err(error) => Err(error),
            };
            if let Err(error) = flushed {
                this.fail(error);
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.broken.is_some() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.wire).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn what_the_receiver_said_before_it_closed_is_read_though_a_write_fails() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut theirs, _) = listener.accept().await.unwrap();
        let goaway = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        theirs.write_all(&goaway).await.unwrap();
        drop(theirs);
        let facts = Facts::new();
        let mut seen = Seen::new(Wire::new(ours).unwrap(), facts.clone());
        // The first write meets a closed socket, which answers with a reset; a later write fails because of the reset.
        let headers = [0, 0, 1, 1, 4, 0, 0, 0, 3, 0x82];
        while seen.broken.is_none() {
            seen.write_all(&headers).await.unwrap();
        }
        assert!(!facts.is_open());
        let mut read = vec![];
        // This test is not about how the connection ends.
        let _ = seen.read_to_end(&mut read).await;
        assert_eq!(read, goaway);
        assert!(facts.is_left_out(3) && !facts.is_left_out(1));
    }
}
