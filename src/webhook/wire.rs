//! The bytes of one connection: TCP, or TLS over it, perhaps inside a proxy's TLS.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rustix::net::{RecvFlags, sockopt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// After this time without a word from the other side, the kernel asks whether it is there; the application does not see that.
const ASK_AFTER: Duration = Duration::from_secs(10);
/// How often the kernel asks, and how many questions may stay unanswered.
const ASK_EVERY: Duration = Duration::from_secs(5);
const QUESTIONS: u32 = 3;
/// How long written bytes may stay unacknowledged, in milliseconds (RFC 5482).
const UNACKNOWLEDGED_MS: u32 = 25_000;

/// The bytes of one connection.
pub(super) enum Wire {
    Tcp {
        stream: TcpStream,
        /// How many bytes the kernel has taken.
        written: u64,
    },
    Tls(Box<TlsStream<Wire>>),
}

impl Wire {
    /// A connection that the kernel watches: a path that no longer leads anywhere breaks it within half a minute, instead of a quarter of
    /// an hour.
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        sockopt::set_socket_keepalive(&stream, true)?;
        sockopt::set_tcp_keepidle(&stream, ASK_AFTER)?;
        sockopt::set_tcp_keepintvl(&stream, ASK_EVERY)?;
        sockopt::set_tcp_keepcnt(&stream, QUESTIONS)?;
        sockopt::set_tcp_user_timeout(&stream, UNACKNOWLEDGED_MS)?;
        Ok(Self::Tcp { stream, written: 0 })
    }

    /// How many bytes the kernel has taken so far, including those of TLS.
    pub(super) fn written(&self) -> u64 {
        match self {
            Self::Tcp { written, .. } => *written,
            Self::Tls(tls) => tls.get_ref().0.written(),
        }
    }

    /// Whether the other side has sent no byte that was not read, and has not closed its side.
    pub(super) fn is_silent(&mut self) -> bool {
        let mut byte = [0];
        let mut nothing = Context::from_waker(Waker::noop());
        // TLS may have bytes that it has deciphered already, or a message that is not data.
        if let Self::Tls(tls) = self
            && Pin::new(tls).poll_read(&mut nothing, &mut ReadBuf::new(&mut byte)).is_ready()
        {
            return false;
        }
        // The kernel is asked directly: the runtime may not have heard yet that there are bytes.
        let asked = rustix::net::recv(self.socket(), &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT);
        matches!(asked, Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Self::Tcp { stream, .. } => stream,
            Self::Tls(tls) => tls.get_ref().0.socket(),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp { stream, .. } => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp { stream, written } => {
                let taken = Pin::new(stream).poll_write(cx, bytes);
                if let Poll::Ready(Ok(count)) = taken {
                    *written += count as u64;
                }
                taken
            }
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp { stream, .. } => Pin::new(stream).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp { stream, .. } => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
