//! What the parts of the HTTP client need to know of the call that they work for, and tell of it.
//!
//! The client has no way to hand a call's data to its resolver, its connector and its TLS, but it polls them in
//! the call's own task. So the data is the task's.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::called::Phases;
use crate::policy::Destination;

tokio::task_local! {
    /// The call that this task makes, or whose connection this task makes.
    pub(super) static CALL: std::sync::Arc<Trace>;
}

/// One call.
pub(super) struct Trace {
    /// What is called.
    pub(super) to: Destination,
    /// How long connecting may take.
    pub(super) connect_timeout: Duration,
    started: Instant,
    marks: Mutex<Marks>,
}

/// Instants of the last connection that was begun for the call.
#[derive(Clone, Copy, Default)]
struct Marks {
    begun: Option<Instant>,
    resolve: Option<Duration>,
    handshake: Option<Instant>,
    connected: Option<Instant>,
}

impl Trace {
    pub(super) fn new(to: Destination, connect_timeout: Duration) -> Self {
        Self { to, connect_timeout, started: Instant::now(), marks: Mutex::default() }
    }

    /// A connection is begun: another one before it was of no use.
    pub(super) fn begin(&self) {
        *self.marks() = Marks { begun: Some(Instant::now()), ..Marks::default() };
    }

    pub(super) fn resolved(&self, took: Duration) {
        self.marks().resolve = Some(took);
    }

    /// A TLS handshake is begun. That with a proxy comes before that with the receiver.
    pub(super) fn handshake(&self) {
        self.marks().handshake = Some(Instant::now());
    }

    pub(super) fn connected(&self) {
        self.marks().connected = Some(Instant::now());
    }

    /// How long the parts took, at the end of the call.
    pub(super) fn phases(&self, first_byte: Option<Duration>) -> Phases {
        let Marks { begun, resolve, handshake, connected } = *self.marks();
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

    /// The instant so long after the call's start.
    pub(super) fn after(&self, span: Duration) -> Instant {
        self.started + span
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        // Plain values are whole, whoever panicked.
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
