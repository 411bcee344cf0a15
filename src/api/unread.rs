//! Answers heads that hyper cannot read in the same way as all other requests: with a problem and a request id.
//!
//! hyper answers such a head itself, before any code of ours is called: with a bare status, and the end of the connection. So hyper's
//! writes are watched here for such an answer: a head at the end of the written bytes, with an error status, without a body, and without
//! the request id that all of our answers have. This answer is held back, and ours is written in its place. If hyper does not answer a
//! head, it has no answer here either: a head that does not come in time, and one of HTTP/2.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use uuid::Uuid;
use warp::http::StatusCode;

use super::head::{self, REQUEST_ID};
use super::kept::Asked;
use super::measure;
use super::problem::Problem;
use crate::foundation::metrics::Metrics;

/// How a head begins, how it ends, how it says that no body follows, and where its date begins.
const BEGINNING: &[u8] = b"HTTP/1.";
const END: &[u8] = b"\r\n\r\n";
const NO_BODY: &[u8] = b"\r\ncontent-length: 0\r\n";
const DATE: &[u8] = b"\r\ndate: ";

/// How much of the bytes after an unread head is thrown away, in bytes, and for how long.
const LINGER_BYTES: usize = 1_048_576;
const LINGER: Duration = Duration::from_millis(500);

/// A connection on which hyper's own answers are replaced.
pub(super) struct Unread<S> {
    stream: S,
    asked: Asked,
    metrics: Arc<Metrics>,
    /// The rest of our answer, which is written in place of hyper's. Nothing is written after it.
    ours: Vec<u8>,
    /// Whether our answer has replaced hyper's.
    has_answered: bool,
    /// Until when further bytes are thrown away, once the answer has been written.
    linger: Option<Pin<Box<Sleep>>>,
    discarded: usize,
}

impl<S: AsyncWrite + Unpin> Unread<S> {
    pub(super) fn new(stream: S, asked: Asked, metrics: Arc<Metrics>) -> Self {
        Self { stream, asked, metrics, ours: vec![], has_answered: false, linger: None, discarded: 0 }
    }

    fn poll_ours(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.ours.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.ours))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.ours.drain(..written);
        }
        Poll::Ready(Ok(()))
    }

    /// Makes our answer, in place of hyper's answer with this status.
    fn answer(&mut self, status: StatusCode, theirs: &[u8]) {
        let id = Uuid::now_v7().to_string();
        let problem = match status {
            StatusCode::URI_TOO_LONG => head::uri_too_long(),
            // hyper has stopped reading within the first line.
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE if !self.asked.has_line() => head::uri_too_long(),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => head::headers_too_large(),
            _ => Problem::unreadable_head(),
        };
        let status = problem.status();
        tracing::debug!(id, status = status.as_u16(), "cannot read a request's head");
        measure::unread(&self.metrics, status);
        self.has_answered = true;
        self.ours = problem.last_words(&id, date(theirs).unwrap_or_default()).into_bytes();
    }
}

impl<S: AsyncRead + Unpin> Unread<S> {
    /// Reads the bytes of the head that hyper has not read, until the client has read the answer and leaves, or the time for that is over.
    /// If a connection is closed with unread bytes, it is reset, and the client may lose the answer.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut bytes = [0; 4_096];
        while self.discarded < LINGER_BYTES {
            let mut part = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.stream).poll_read(cx, &mut part) {
                Poll::Ready(Ok(())) if !part.filled().is_empty() => self.discarded += part.filled().len(),
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {
                    return self.linger.as_mut().map_or(Poll::Ready(()), |linger| linger.as_mut().poll(cx));
                }
            }
        }
        Poll::Ready(())
    }
}

/// Finds hyper's own answer in the written bytes: where it begins, and its status.
fn own_answer(written: &[u8]) -> Option<(usize, StatusCode)> {
    // Few writes end like this: an answer of ours with a body in JSON does not.
    let head = written.strip_suffix(END)?;
    let before = head.windows(END.len()).rposition(|bytes| bytes == END).map_or(0, |at| at + END.len());
    // If an answer's body was written before it, that body has no end mark of its own.
    let start = before + find(&head[before..], BEGINNING)?;
    let head = &written[start..];
    // After the beginning come a digit of the version, a blank, and three digits of the status.
    let status = StatusCode::from_bytes(head.get(BEGINNING.len() + 2..BEGINNING.len() + 5)?).ok()?;
    let theirs = status.is_client_error()
        && find(head, NO_BODY).is_some()
        && find(head, REQUEST_ID.as_str().as_bytes()).is_none();
    theirs.then_some((start, status))
}

/// The instant at which hyper wrote its answer.
fn date(theirs: &[u8]) -> Option<&str> {
    let from = &theirs[find(theirs, DATE)? + DATE.len()..];
    std::str::from_utf8(&from[..find(from, b"\r\n")?]).ok()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|part| part == wanted)
}

impl<S: AsyncRead + Unpin> AsyncRead for Unread<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

/// Not in parts (`poll_write_vectored`), so hyper hands over its bytes in one piece.
impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Unread<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_ours(cx))?;
        match own_answer(bytes) {
            None => Pin::new(&mut self.stream).poll_write(cx, bytes),
            Some((0, status)) => {
                self.answer(status, bytes);
                Poll::Ready(Ok(bytes.len()))
            }
            Some((before, _)) => Pin::new(&mut self.stream).poll_write(cx, &bytes[..before]),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_ours(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_ours(cx))?;
        if self.linger.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            if !self.has_answered {
                return Poll::Ready(Ok(()));
            }
            self.linger = Some(Box::pin(tokio::time::sleep(LINGER)));
        }
        self.poll_discard(cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEIRS: &str =
        "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: x\r\n\r\n";
    const OURS: &str = "HTTP/1.1 400 Bad Request\r\nx-request-id: r\r\ncontent-length: 0\r\n\r\n";

    fn begins(written: &[&str]) -> Option<(usize, u16)> {
        own_answer(written.concat().as_bytes()).map(|(at, status)| (at, status.as_u16()))
    }

    #[test]
    fn an_answer_of_hyper_is_found_alone_and_after_answers_of_ours() {
        assert_eq!(begins(&[THEIRS]), Some((0, 400)));
        assert_eq!(begins(&[OURS, THEIRS]), Some((OURS.len(), 400)));
        let old = "HTTP/1.0 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(begins(&[OURS, "{}", old]), Some((OURS.len() + 2, 400)));
        assert_eq!(begins(&[OURS, "{}", THEIRS]), Some((OURS.len() + 2, 400)));
        assert_eq!(begins(&[OURS, "2\r\n{}\r\n0\r\n\r\n", THEIRS]), Some((OURS.len() + 12, 400)));
    }

    #[test]
    fn answers_of_ours_and_parts_of_answers_stay_as_they_are() {
        for parts in [
            &[OURS][..],
            &[THEIRS, "{}"],
            &[&THEIRS[..40]],
            &[THEIRS, OURS],
            &["HTTP/1.1 100 Continue\r\n\r\n"],
            &["HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n"],
            &["0\r\n\r\n"],
            &["\r\n\r\n"],
            &[""],
        ] {
            assert_eq!(begins(parts), None, "{parts:?}");
        }
    }
}
