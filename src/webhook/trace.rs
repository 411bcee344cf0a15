//! How far a call has come, and how long its parts took.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use rules::domain::called::Phases;

/// The progress of one call.
pub(super) struct Trace {
    /// How long connecting may take.
    pub(super) connect_timeout: Duration,
    started: Instant,
    marks: Mutex<Marks>,
}

/// Instants of the connection that was begun last for the call.
#[derive(Clone, Copy, Default)]
struct Marks {
    begun: Option<Instant>,
    /// The step that the connection waits for.
    lacks: Option<&'static str>,
    resolve: Option<Duration>,
    handshake: Option<Instant>,
    connected: Option<Instant>,
}

impl Trace {
    pub(super) fn new(connect_timeout: Duration) -> Self {
        Self { connect_timeout, started: Instant::now(), marks: Mutex::default() }
    }

    /// Notes that a connection is begun. If there was one before, it was of no use.
    pub(super) fn begin(&self) {
        *self.marks() = Marks { begun: Some(Instant::now()), ..Marks::default() };
    }

    /// When the last connection was begun, or else the call.
    pub(super) fn begun(&self) -> Instant {
        self.marks().begun.unwrap_or(self.started)
    }

    /// Notes the step that the connection waits for from now on; until then, it is "no connection".
    pub(super) fn waits(&self, lacks: &'static str) {
        self.marks().lacks = Some(lacks);
    }

    /// Notes that the name was looked up.
    pub(super) fn resolved(&self) {
        let begun = self.begun();
        self.marks().resolve = Some(begun.elapsed());
    }

    /// Notes that the TLS handshake with the receiver begins.
    pub(super) fn handshake(&self) {
        self.waits("no TLS handshake");
        self.marks().handshake = Some(Instant::now());
    }

    pub(super) fn connected(&self) {
        self.marks().connected = Some(Instant::now());
    }

    /// The step that the connection that was begun last still lacks.
    pub(super) fn lacks(&self) -> &'static str {
        self.marks().lacks.unwrap_or("no connection")
    }

    /// How long the parts took, at the end of the call.
    pub(super) fn phases(&self, first_byte: Option<Duration>) -> Phases {
        let Marks { begun, resolve, handshake, connected, .. } = *self.marks();
        let open = handshake.or(connected);
        let connect = begun.zip(open).map(|(begun, open)| {
            open.saturating_duration_since(begun).saturating_sub(resolve.unwrap_or_default())
        });
        let tls = handshake.zip(connected).map(|(begun, done)| done.saturating_duration_since(begun));
        Phases { resolve, connect, tls, first_byte, total: self.elapsed() }.whole()
    }

    /// How long the call has taken so far.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The instant this long after the call's start.
    pub(super) fn after(&self, span: Duration) -> Instant {
        self.started + span
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        // Plain values are whole even after a panic.
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
