//! Heads of requests that hyper cannot read, answered as everything else is: as a problem, with a request id.
//!
//! hyper answers them by itself, before anything of ours is asked: with a bare status, and the end of the connection. Its
//! writing is watched here for that: a head at the end of what is written, of an error, without a body and without
//! the request id that all of our answers have. It is held back, and ours is written in its place. Heads that hyper does
//! not answer are not answered here either: one that does not come in time, and that of HTTP/2.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use uuid::Uuid;
use warp::http::StatusCode;

use super::gate::{self, REQUEST_ID};
use super::kept::Asked;
use super::measure;
use super::problem::Problem;
use crate::metrics::Metrics;

/// How a head begins, ends, and says that no body follows.
const BEGINNING: &[u8] = b"HTTP/1.";
const END: &[u8] = b"\r\n\r\n";
const NO_BODY: &[u8] = b"\r\ncontent-length: 0\r\n";
const DATE: &[u8] = b"\r\ndate: ";

/// How much is thrown away of what follows a head that was not read, in bytes, and for how long.
const LINGER_BYTES: usize = 1_048_576;
const LINGER: Duration = Duration::from_millis(500);

/// A connection on which hyper's own answers are replaced.
pub(super) struct Unread<S> {
    stream: S,
    asked: Asked,
    metrics: Arc<Metrics>,
    /// What is still to be written in place of hyper's answer, after which nothing comes.
    ours: Vec<u8>,
    /// Whether that was so.
    has_answered: bool,
    /// Until when what still comes is thrown away, once the answer has been written.
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

    /// Makes our answer in place of theirs, which has this status.
    fn answer(&mut self, status: StatusCode, theirs: &[u8]) {
        let id = Uuid::now_v7().to_string();
        let problem = match status {
            StatusCode::URI_TOO_LONG => gate::uri_too_long(),
            // hyper has stopped reading within the first line.
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE if !self.asked.has_line() => gate::uri_too_long(),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => gate::headers_too_large(),
            _ => Problem::unreadable_head(),
        };
        let status = problem.status();
        tracing::debug!(id, status = status.as_u16(), "a request's head cannot be read");
        measure::unread(&self.metrics, status);
        self.has_answered = true;
        self.ours = problem.last_words(&id, date(theirs).unwrap_or_default()).into_bytes();
    }
}

impl<S: AsyncRead + Unpin> Unread<S> {
    /// Takes what comes of the head beyond what hyper has read, until its client has read the answer and goes, or for as long as
    /// that may take: a connection that is closed with bytes unread is reset, and the client may lose the answer.
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

/// Where hyper's own answer begins in what is written, and its status.
fn own_answer(written: &[u8]) -> Option<(usize, StatusCode)> {
    // True of few: answers of ours with a body in JSON do not end so.
    let head = written.strip_suffix(END)?;
    let before = head.windows(END.len()).rposition(|bytes| bytes == END).map_or(0, |at| at + END.len());
    // An answer whose body has been written comes before it without an end of its own.
    let start = before + find(&head[before..], BEGINNING)?;
    let head = &written[start..];
    // A digit of the version, a blank, the three of the status.
    let status = StatusCode::from_bytes(head.get(BEGINNING.len() + 2..BEGINNING.len() + 5)?).ok()?;
    let theirs = status.is_client_error()
        && find(head, NO_BODY).is_some()
        && find(head, REQUEST_ID.as_str().as_bytes()).is_none();
    theirs.then_some((start, status))
}

/// The instant that hyper has written its answer at.
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

/// Not in parts (`poll_write_vectored`), so that hyper hands over what it has as one piece.
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
    fn an_answer_of_hyper_is_found_alone_and_behind_answers_of_ours() {
        assert_eq!(begins(&[THEIRS]), Some((0, 400)));
        assert_eq!(begins(&[OURS, THEIRS]), Some((OURS.len(), 400)));
        let old = "HTTP/1.0 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(begins(&[OURS, "{}", old]), Some((OURS.len() + 2, 400)));
        assert_eq!(begins(&[OURS, "{}", THEIRS]), Some((OURS.len() + 2, 400)));
        assert_eq!(begins(&[OURS, "2\r\n{}\r\n0\r\n\r\n", THEIRS]), Some((OURS.len() + 12, 400)));
    }

    #[test]
    fn what_is_ours_or_no_whole_answer_is_left_alone() {
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
