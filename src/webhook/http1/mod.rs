//! HTTP/1.1 on one connection: a request is written, and the answer that follows it is read.
//!
//! **Invariants:** nothing is read from a connection before a request is being written, so that an answer can only be taken for that of the
//! request in progress. A connection is used again only if the answer ended where its framing says, and no byte followed it.

mod body;
mod head;
#[cfg(test)]
mod tests;

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::time::Instant;

use super::answer::{Fields, PATIENCE};
use super::departure::Departure;
use super::failure::{Failure, cause, refuses_handshake};
use super::wire::Wire;
use body::{Body, Piece};
use head::{Framing, NotHttp};

/// The most bytes of a head, including interim answers. If a head is longer, its status counts.
const MAX_HEAD: usize = 65_536;

/// The most bytes of one read.
const READ: usize = 8_192;

/// A connection, with no more than one request on it at a time.
pub(super) struct Connection {
    wire: Wire,
    read: BytesMut,
    /// Where the body of the answer ends.
    body: Body,
    /// The connection was used before.
    used: bool,
    /// The connection is good for another request.
    clean: bool,
    /// The receiver broke the rules for a connection that is used again.
    broke: bool,
}

impl Connection {
    pub(super) fn new(wire: Wire) -> Self {
        let body = Body::new(Framing::Length(0));
        Self { wire, read: BytesMut::new(), body, used: false, clean: true, broke: false }
    }

    /// Writes a request, notes its departure before that, and reads the head of the answer: its status, and the fields that matter. Once
    /// the status is there, it waits for the rest of the head until `deadline` at the latest.
    pub(super) async fn exchange(
        &mut self,
        request: Bytes,
        to_head: bool,
        departure: &Departure,
        deadline: Instant,
    ) -> Result<(u16, Fields), Failure> {
        self.clean = false;
        departure.leaves();
        let before = self.wire.written();
        let mut exchange = Exchange { request, flushed: false, failed: None, scanned: 0 };
        let (status, line) = match std::future::poll_fn(|cx| exchange.poll_status(self, cx)).await {
            Ok(found) => found,
            Err(error) => return Err(self.failure(error.or(exchange.failed), before)),
        };
        // From here on the status decides, even if the rest of the head does not come.
        let rest = std::future::poll_fn(|cx| exchange.poll_rest(self, cx, line));
        let rest = tokio::time::timeout_at(deadline.min(Instant::now() + PATIENCE), rest).await;
        let length = rest.ok().flatten();
        let bytes = self.read.split_to(length.unwrap_or(self.read.len()));
        let head = head::read(status, &bytes[..line], &bytes[line..], to_head || length.is_none());
        self.body = Body::new(head.framing);
        self.clean = exchange.is_written() && length.is_some() && !head.closes;
        self.used = true;
        Ok((status, head.fields))
    }

    /// Reads the next piece of the body; `None` once the body has ended or broken off.
    pub(super) async fn piece(&mut self) -> Option<Bytes> {
        loop {
            match self.body.take(&mut self.read) {
                Piece::Data(bytes) => return Some(bytes),
                Piece::End => {
                    self.broke |= !self.read.is_empty();
                    self.clean &= !self.broke;
                    return None;
                }
                Piece::Broken => {
                    self.clean = false;
                    return None;
                }
                Piece::More => {}
            }
            let (wire, read) = (&mut self.wire, &mut self.read);
            if !matches!(std::future::poll_fn(|cx| poll_read(wire, read, cx)).await, Ok(1..)) {
                // Some bodies end with the connection.
                self.clean = false;
                return None;
            }
        }
    }

    /// Whether another request may be written: the last answer has ended as it should, and no byte has come since.
    pub(super) fn is_clean(&mut self) -> bool {
        if self.clean && !self.wire.is_silent() {
            self.clean = false;
            self.broke = true;
        }
        self.clean
    }

    /// Whether the receiver made it unsafe to use its connections again: it wrote bytes that it was not asked for, or closed without saying
    /// so before.
    pub(super) fn has_broken_rules(&self) -> bool {
        self.broke
    }

    fn failure(&mut self, error: Option<io::Error>, before: u64) -> Failure {
        self.broke |= self.used;
        if self.wire.written() == before {
            let cause = error.as_ref().map_or_else(|| "connection closed".to_owned(), cause);
            return Failure::Gone(format!("{cause} before the request was written"));
        }
        match error {
            Some(error) if !self.used && self.read.is_empty() && refuses_handshake(&error) => {
                Failure::NotSent(cause(&error))
            }
            Some(error) if error.get_ref().is_some_and(|inner| inner.is::<NotHttp>()) => {
                Failure::NoAnswer("the receiver does not answer in HTTP".to_owned())
            }
            Some(error) => Failure::NoAnswer(format!("{} before the answer", cause(&error))),
            None => Failure::NoAnswer("connection closed before the answer".to_owned()),
        }
    }
}

/// A request that is being written while its answer is awaited.
struct Exchange {
    /// The bytes that are still to be written. A receiver that hangs can keep a call waiting for minutes, so written bytes are not kept.
    request: Bytes,
    flushed: bool,
    failed: Option<io::Error>,
    /// How many bytes of the head were searched for its end.
    scanned: usize,
}

impl Exchange {
    fn is_written(&self) -> bool {
        self.flushed && self.failed.is_none()
    }

    /// Ready with the status of the final answer and where its line ends. An error is one of reading, or `None` if the connection ended.
    fn poll_status(
        &mut self,
        connection: &mut Connection,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(u16, usize), Option<io::Error>>> {
        self.write(&mut connection.wire, cx);
        loop {
            match head::status(&connection.read).map_err(|error| Some(io::Error::other(error)))? {
                Some((status, line)) if !matches!(status, 100 | 102..=199) => {
                    return Poll::Ready(Ok((status, line)));
                }
                // Interim answers are passed over (RFC 9110, 15.2).
                Some((_, line)) => {
                    if let Some(length) = head::length(&connection.read, line - 1) {
                        let _ = connection.read.split_to(length);
                        continue;
                    }
                }
                None => {}
            }
            if connection.read.len() > MAX_HEAD {
                return Poll::Ready(Err(Some(io::Error::other(NotHttp))));
            }
            match std::task::ready!(poll_read(&mut connection.wire, &mut connection.read, cx)) {
                Ok(0) => return Poll::Ready(Err(None)),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(Some(error))),
            }
        }
    }

    /// Ready with the head's length; `None` if the head breaks off or is too long.
    fn poll_rest(
        &mut self,
        connection: &mut Connection,
        cx: &mut Context<'_>,
        line: usize,
    ) -> Poll<Option<usize>> {
        self.write(&mut connection.wire, cx);
        loop {
            // The end of the status line counts too: a head may have no fields.
            if let Some(length) = head::length(&connection.read, self.scanned.max(line - 1)) {
                return Poll::Ready(Some(length));
            }
            self.scanned = connection.read.len().saturating_sub(2);
            if connection.read.len() > MAX_HEAD {
                return Poll::Ready(None);
            }
            match std::task::ready!(poll_read(&mut connection.wire, &mut connection.read, cx)) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Poll::Ready(None),
            }
        }
    }

    /// Writes as much as the wire takes. An error is kept: the answer, or an alert of TLS, may be there to be read.
    fn write(&mut self, wire: &mut Wire, cx: &mut Context<'_>) {
        while self.failed.is_none() && !self.flushed {
            let step = if self.request.is_empty() {
                self.request = Bytes::new();
                Pin::new(&mut *wire).poll_flush(cx).map_ok(|()| self.flushed = true)
            } else {
                Pin::new(&mut *wire).poll_write(cx, &self.request).map_ok(|count| self.request.advance(count))
            };
            match step {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => self.failed = Some(error),
                Poll::Pending => return,
            }
        }
    }
}

/// Reads some bytes, and returns their number.
fn poll_read(wire: &mut Wire, into: &mut BytesMut, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    // Not filled first: most answers have a few hundred bytes.
    let mut bytes = [MaybeUninit::uninit(); READ];
    let mut buffer = ReadBuf::uninit(&mut bytes);
    std::task::ready!(Pin::new(wire).poll_read(cx, &mut buffer))?;
    into.extend_from_slice(buffer.filled());
    Poll::Ready(Ok(buffer.filled().len()))
}
