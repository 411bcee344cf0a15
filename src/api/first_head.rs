//! Reads the head of a connection's first request, before hyper gets the connection.
//!
//! hyper allocates two buffers of 8 KiB for each connection as soon as it gets it. Any client that reaches the port may open thousands of
//! connections and send nothing, or a part of a head. So such a connection takes little more memory than the bytes that it has sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use httparse::{EMPTY_HEADER, Request};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

use super::kept::FREE_HEAD_BYTES;

/// The most header fields that are read. The limit for accepted requests is lower, and is in `head`.
pub(super) const MAX_HEADERS: usize = 256;

/// A connection whose first head was read.
pub(super) struct FirstHead<S> {
    stream: S,
    /// The bytes that were read, until hyper takes them.
    bytes: Vec<u8>,
}

impl<S: AsyncRead + Unpin> FirstHead<S> {
    /// Reads until the head has ended, has an invalid line, or reaches `FREE_HEAD_BYTES`. Then hyper continues to read, or refuses the
    /// head. Does not wait for a head that has not begun once `stop` is cancelled.
    ///
    /// # Errors
    ///
    /// The error that ended the connection before that.
    pub(super) async fn read(mut stream: S, stop: &CancellationToken) -> io::Result<Self> {
        let mut bytes = Vec::new();
        let mut next = [0; 1_024];
        let mut is_part = true;
        while bytes.len() < FREE_HEAD_BYTES && is_part {
            let room = next.len().min(FREE_HEAD_BYTES - bytes.len());
            let read = stream.read(&mut next[..room]);
            let count =
                if bytes.is_empty() { stop.run_until_cancelled(read).await } else { Some(read.await) };
            let count = count.transpose()?;
            match count {
                None => return Err(io::Error::other("the node is stopping")),
                Some(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(count) => bytes.extend_from_slice(&next[..count]),
            }
            // Only a line end completes a head, so a head that comes byte by byte is not parsed after each byte. But bytes that are not a
            // head, such as those of TLS, mostly show it at once.
            let new = &next[..count.unwrap_or_default()];
            if new.len() == bytes.len() || new.contains(&b'\n') {
                is_part = is_part_of_head(&bytes);
            }
        }
        Ok(Self { stream, bytes })
    }
}

/// Whether further bytes may complete the head of a request.
fn is_part_of_head(bytes: &[u8]) -> bool {
    let mut fields = [EMPTY_HEADER; MAX_HEADERS];
    Request::new(&mut fields).parse(bytes).is_ok_and(|parsed| parsed.is_partial())
}

impl<S: AsyncRead + Unpin> AsyncRead for FirstHead<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.bytes.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let count = self.bytes.len().min(buffer.remaining());
        let rest = self.bytes.split_off(count);
        buffer.put_slice(&std::mem::replace(&mut self.bytes, rest));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FirstHead<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
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
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

    #[tokio::test]
    async fn a_head_that_comes_in_parts_is_read_to_its_end_and_handed_on_whole_with_what_follows() {
        for part in 1..HEAD.len() {
            let (ours, mut theirs) = tokio::io::duplex(64);
            let (before, after) = HEAD.split_at(part);
            theirs.write_all(before).await.unwrap();
            let stop = CancellationToken::new();
            let mut reading = Box::pin(FirstHead::read(ours, &stop));
            assert!(futures_util::poll!(&mut reading).is_pending(), "{part} bytes are no head");
            // The head began before the node stops.
            stop.cancel();
            theirs.write_all(after).await.unwrap();
            theirs.write_all(b"body").await.unwrap();
            let mut head = reading.await.unwrap();
            let mut bytes = vec![0; HEAD.len() + 4];
            head.read_exact(&mut bytes).await.unwrap();
            assert_eq!(bytes, [HEAD, b"body"].concat());
            theirs.write_all(HEAD).await.unwrap();
            head.read_exact(&mut bytes[..HEAD.len()]).await.unwrap();
            theirs.shutdown().await.unwrap();
            assert_eq!(head.read(&mut bytes).await.unwrap(), 0);
        }
    }

    #[tokio::test]
    async fn what_is_no_head_and_what_is_no_small_one_is_handed_on_at_once() {
        let large = [b"GET / HTTP/1.1\r\nx: ".to_vec(), vec![b'a'; 2 * FREE_HEAD_BYTES]].concat();
        for (sent, expected) in [(&b"GET / HTTP/9\r\n"[..], 14), (b"\x16\x03", 2), (&large, FREE_HEAD_BYTES)]
        {
            let (ours, mut theirs) = tokio::io::duplex(large.len());
            theirs.write_all(sent).await.unwrap();
            let head = FirstHead::read(ours, &CancellationToken::new()).await.unwrap();
            assert_eq!(head.bytes.len(), expected);
        }
    }

    #[tokio::test]
    async fn a_connection_without_a_first_head_is_over_once_its_client_or_the_node_stops() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        theirs.write_all(&HEAD[..20]).await.unwrap();
        drop(theirs);
        assert_eq!(
            FirstHead::read(ours, &CancellationToken::new()).await.err().unwrap().kind(),
            io::ErrorKind::UnexpectedEof
        );

        let (ours, _theirs) = tokio::io::duplex(64);
        let stop = CancellationToken::new();
        let mut reading = Box::pin(FirstHead::read(ours, &stop));
        assert!(futures_util::poll!(&mut reading).is_pending());
        stop.cancel();
        assert!(reading.await.is_err());
    }
}
