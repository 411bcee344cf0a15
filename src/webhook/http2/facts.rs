//! What is known of one connection of HTTP/2, by all calls that share it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::frames::Frame;

/// A connection that owes an answer and has said nothing for so long gets no other call: it may lead nowhere any more.
const MUTE_AFTER: Duration = Duration::from_secs(5);

/// A connection on which so many streams were cut off gets no other call: receivers count them, and some close connections with many.
const MOST_RESETS: u32 = 20;

/// What is known.
pub(super) struct Facts {
    began: Instant,
    /// The receiver's demands have come.
    settled: AtomicBool,
    pub(super) change: Notify,
    /// The last stream of a GOAWAY; `u32::MAX` without one.
    last: AtomicU32,
    /// The last stream whose HEADERS were written.
    written: AtomicU32,
    /// When the last frame came, in milliseconds since it began.
    heard: AtomicU64,
    /// Streams in progress, and all that there were.
    active: AtomicUsize,
    begun: AtomicU32,
    /// Streams that we cut off.
    resets: AtomicU32,
    ended: AtomicBool,
    stopped: AtomicBool,
    http1_wanted: AtomicBool,
    /// Why the receiver refused the handshake after we took it for done.
    refused: Mutex<Option<String>>,
}

impl Facts {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            settled: AtomicBool::new(false),
            change: Notify::new(),
            last: AtomicU32::new(u32::MAX),
            written: AtomicU32::new(0),
            heard: AtomicU64::new(0),
            active: AtomicUsize::new(0),
            begun: AtomicU32::new(0),
            resets: AtomicU32::new(0),
            ended: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            http1_wanted: AtomicBool::new(false),
            refused: Mutex::default(),
        })
    }

    /// Whether nothing of a stream was written.
    pub(super) fn is_unwritten(&self, stream: u32) -> bool {
        stream > self.written.load(Ordering::Acquire)
    }

    /// Whether the receiver has said that it did not look at a stream (RFC 9113, 6.8).
    pub(super) fn is_left_out(&self, stream: u32) -> bool {
        stream > self.last.load(Ordering::Acquire)
    }

    /// The receiver has asked for HTTP/1.1 (RFC 9113, 7).
    pub(super) fn want_http1(&self) {
        self.http1_wanted.store(true, Ordering::Release);
    }

    pub(super) fn is_http1_wanted(&self) -> bool {
        self.http1_wanted.load(Ordering::Acquire)
    }

    /// How many streams the receiver has taken before it went away, if it did.
    pub(super) fn taken_before_going(&self) -> Option<u32> {
        let last = self.last.load(Ordering::Acquire);
        // Some say that they are about to go, with the highest number, and then which stream is the last.
        (last < 0x7fff_ffff).then(|| last.div_ceil(2))
    }

    /// The first thing that came was that the receiver refuses the handshake.
    pub(super) fn refuse(&self, why: String) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// Why it refused the handshake, if it did.
    pub(super) fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }

    /// Whether it can take another call after the first one, as far as the receiver has not gone away.
    pub(super) fn is_open(&self) -> bool {
        let mute = self.active() > 0
            && self.began.elapsed().saturating_sub(Duration::from_millis(self.heard.load(Ordering::Relaxed)))
                > MUTE_AFTER;
        !mute
            && self.resets.load(Ordering::Relaxed) < MOST_RESETS
            && self.last.load(Ordering::Acquire) == u32::MAX
            && !self.stopped.load(Ordering::Acquire)
            && !self.has_ended()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// It takes no other call.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.change.notify_waiters();
    }

    pub(super) fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    pub(super) fn begun(&self) -> u32 {
        self.begun.load(Ordering::Relaxed)
    }

    pub(super) fn enter(&self) {
        self.active.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn leave(&self, cut_off: bool) {
        self.active.fetch_sub(1, Ordering::Relaxed);
        if cut_off {
            self.resets.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A frame came.
    pub(super) fn received(&self, frame: Frame) {
        self.heard.store(self.began.elapsed().as_millis() as u64, Ordering::Relaxed);
        match frame {
            Frame::Settings => {
                self.settled.store(true, Ordering::Release);
                self.change.notify_waiters();
            }
            Frame::GoAway { last } => {
                self.last.fetch_min(last, Ordering::AcqRel);
            }
            Frame::Headers { .. } | Frame::Other => {}
        }
    }

    /// A frame was written.
    pub(super) fn sent(&self, frame: Frame) {
        if let Frame::Headers { stream } = frame {
            self.written.fetch_max(stream, Ordering::AcqRel);
        }
    }
}
