//! Whether the first byte of a request can have left. The HTTP client does not say so.
//!
//! hyper asks a body whether it has ended when it encodes the request's head: on a connection that is there (TLS and all), and
//! before anything of the request is written to it (`proto/h1/dispatch.rs`, `poll_write`; `proto/h2/client.rs`, `ClientTask`).
//! Nobody asks that earlier. So each request has a body that notes the first such question, even one that is empty. Over
//! HTTP/2 the question may come a moment before the stream is opened: a note may be early, and is never late.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// How long it may take until the client drops a request whose future was dropped: its task is about to run.
const PATIENCE: Duration = Duration::from_millis(250);

/// The departure of one call's request. Cheap to clone.
#[derive(Clone)]
pub struct Departure(Arc<Shared>);

struct Shared {
    note: Box<dyn Fn() + Send + Sync>,
    left: AtomicBool,
    bodies: TaskTracker,
}

impl Departure {
    /// One that calls `note` before the first byte is written, once or more.
    pub fn new(note: impl Fn() + Send + Sync + 'static) -> Self {
        let (left, bodies) = (AtomicBool::new(false), TaskTracker::new());
        Self(Arc::new(Shared { note: Box::new(note), left, bodies }))
    }

    /// Whether the first byte can have left.
    pub fn has_left(&self) -> bool {
        self.0.left.load(Ordering::Acquire)
    }

    /// Whether it is certain that nothing has left and nothing is going to, of a request that was dropped just now: the client
    /// may be about to write it all the same, so its bodies have to be gone.
    pub(super) async fn is_off(&self) -> bool {
        self.0.bodies.close();
        !self.has_left()
            && tokio::time::timeout(PATIENCE, self.0.bodies.wait()).await.is_ok()
            && !self.has_left()
    }

    /// A request's body that notes when it is about to be written.
    pub(super) fn body(&self, bytes: Option<Vec<u8>>) -> reqwest::Body {
        let bytes = Bytes::from(bytes.unwrap_or_default());
        reqwest::Body::wrap(Watched { bytes, departure: self.clone(), _here: self.0.bodies.token() })
    }

    fn leaves(&self) {
        (self.0.note)();
        self.0.left.store(true, Ordering::Release);
    }
}

/// A body that is watched.
struct Watched {
    bytes: Bytes,
    departure: Departure,
    _here: TaskTrackerToken,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.departure.leaves();
        let bytes = std::mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.departure.leaves();
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}
