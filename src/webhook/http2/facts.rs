//! The facts about one connection of HTTP/2 that all calls on it share.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::frames::Frame;
use super::gate::Gate;

/// A connection that owes an answer and has sent no frame for this long gets no other call: it may no longer lead anywhere.
const MUTE_AFTER: Duration = Duration::from_secs(5);

/// A connection on which this many streams were cut off gets no other call: receivers count them, and some close connections with many.
/// Calls that are on it by then may be cut off too: with up to [`super::MOST_STREAMS`] of them, one connection has 83 at most.
const MOST_RESETS: u32 = 20;

/// The facts about one connection.
pub(super) struct Facts {
    began: Instant,
    /// The receiver's demands have come.
    settled: AtomicBool,
    pub(super) change: Notify,
    /// The last stream of a GOAWAY; `u32::MAX` without one.
    last: AtomicU32,
    gate: Mutex<Gate>,
    /// When the last frame came, in milliseconds since the connection began.
    heard: AtomicU64,
    /// When a call last came while no other was in progress, in milliseconds since the connection began.
    woken: AtomicU64,
    /// Streams in progress, and all streams so far.
    active: AtomicUsize,
    begun: AtomicU32,
    answered: AtomicU32,
    /// The receiver has closed the connection, or it broke.
    broken_off: AtomicBool,
    /// Streams that we cut off.
    resets: AtomicU32,
    ended: AtomicBool,
    stopped: AtomicBool,
    http1_wanted: AtomicBool,
    /// Why the receiver refused the handshake after our side had completed it.
    refused: Mutex<Option<String>>,
}

impl Facts {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            settled: AtomicBool::new(false),
            change: Notify::new(),
            last: AtomicU32::new(u32::MAX),
            gate: Mutex::new(Gate::new()),
            heard: AtomicU64::new(0),
            woken: AtomicU64::new(0),
            active: AtomicUsize::new(0),
            begun: AtomicU32::new(0),
            answered: AtomicU32::new(0),
            broken_off: AtomicBool::new(false),
            resets: AtomicU32::new(0),
            ended: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            http1_wanted: AtomicBool::new(false),
            refused: Mutex::default(),
        })
    }

    /// The gate, through which everything that the library writes goes.
    pub(super) fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a request back if none of its bytes was written. Returns whether none was, and so none will be. The connection then takes no
    /// other call, and calls that wait behind this one are to go on another connection.
    pub(super) fn withdraw(&self, stream: u32) -> bool {
        let is_unwritten = self.gate().withdraw(stream);
        if is_unwritten {
            self.stop();
            self.change.notify_waiters();
        }
        is_unwritten
    }

    /// Waits until this request is known to come after a withdrawn one.
    pub(super) async fn shut_out(&self, stream: u32) {
        loop {
            let change = self.change.notified();
            if self.gate().shuts_out(stream) {
                return;
            }
            change.await;
        }
    }

    /// Whether the receiver has said that it did not look at a stream (RFC 9113, 6.8).
    pub(super) fn is_left_out(&self, stream: u32) -> bool {
        stream > self.last.load(Ordering::Acquire)
    }

    /// Notes that the receiver has asked for HTTP/1.1 (RFC 9113, 7).
    pub(super) fn want_http1(&self) {
        self.http1_wanted.store(true, Ordering::Release);
    }

    pub(super) fn is_http1_wanted(&self) -> bool {
        self.http1_wanted.load(Ordering::Acquire)
    }

    /// How many streams the receiver took before it went away, if it did.
    pub(super) fn taken_before_going(&self) -> Option<u32> {
        let last = self.last.load(Ordering::Acquire);
        // Some receivers first announce with the highest number that they are about to go, and then say which stream is the last.
        (last < 0x7fff_ffff).then(|| last.div_ceil(2))
    }

    /// Counts a call that was answered.
    pub(super) fn answer(&self) {
        self.answered.fetch_add(1, Ordering::AcqRel);
    }

    /// Notes that the connection broke under calls in progress.
    pub(super) fn break_off(&self) {
        self.broken_off.store(true, Ordering::Release);
    }

    /// If the connection broke and the receiver had not said that it would go: how many calls it had answered, and how long the connection
    /// had been idle when the lost calls came.
    pub(super) fn broken_off(&self) -> Option<(u32, Duration)> {
        let without_a_word =
            self.broken_off.load(Ordering::Acquire) && self.last.load(Ordering::Acquire) == u32::MAX;
        let (woken, heard) = (self.woken.load(Ordering::Relaxed), self.heard.load(Ordering::Relaxed));
        let idle = Duration::from_millis(woken.saturating_sub(heard));
        without_a_word.then(|| (self.answered.load(Ordering::Acquire), idle))
    }

    /// The age of the connection, in milliseconds.
    fn age(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    /// Notes that the receiver refused the handshake before it sent anything else.
    pub(super) fn refuse(&self, why: String) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// Why the receiver refused the handshake, if it did.
    pub(super) fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }

    /// Whether the connection can take another call after the first one, and the receiver has not gone away.
    pub(super) fn is_open(&self) -> bool {
        let mute = self.active() > 0 && self.silence() > MUTE_AFTER;
        !mute
            && self.resets.load(Ordering::Relaxed) < MOST_RESETS
            && self.last.load(Ordering::Acquire) == u32::MAX
            && !self.stopped.load(Ordering::Acquire)
            && !self.has_ended()
    }

    /// The time since the last frame came.
    pub(super) fn silence(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.heard.load(Ordering::Relaxed)))
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Makes the connection take no other call.
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
        if self.active.fetch_add(1, Ordering::Relaxed) == 0 {
            self.woken.store(self.age(), Ordering::Relaxed);
        }
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn leave(&self, cut_off: bool) {
        self.active.fetch_sub(1, Ordering::Relaxed);
        if cut_off {
            self.resets.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes a frame that came.
    pub(super) fn received(&self, frame: Frame) {
        self.heard.store(self.age(), Ordering::Relaxed);
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
}
