//! The connections to one receiver, and the knowledge about it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::avoided::Avoided;
use super::ration::Ration;
use super::trust::{PROOF, Trust};
use crate::webhook::{http1, http2};

/// How many connections of HTTP/1.1 are kept for the next calls: as many as a burst of 10,000 calls a second uses while the others rest.
const MOST_RESTING: usize = 256;
/// How many connections are kept to see whether they stay silent.
const CANDIDATES: usize = 4;

/// The shortest rest of a connection of HTTP/1.1: a receiver that writes more than its answer does so within milliseconds.
const MIN_REST: Duration = Duration::from_millis(25);

/// How long a connection of HTTP/2 is kept without a call. A receiver announces that it is about to close one, so this may be longer.
const IDLE_HTTP2: Duration = Duration::from_secs(5);

/// After this time without a call a receiver is forgotten, unless it has broken the trust or asked for HTTP/1.1.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// How many calls wait for each connection of HTTP/2 that is being made.
const WAITING_FOR_ONE: usize = 32;

/// For how long calls wait for a connection that is being made, before another one is made. The more are being made, the shorter the time,
/// so that no number of connections that hang holds up many calls.
pub(super) const PATIENCE: Duration = Duration::from_millis(300);

/// A connection of HTTP/1.1 between two calls.
struct Resting {
    connection: http1::Connection,
    since: Instant,
    /// It rests for as long as making it took, or longer: a close that the receiver sent right after its answer has come by then.
    rest: Duration,
    /// The shape of the path that was called last.
    shape: u64,
}

pub(super) struct Site {
    resting: Vec<Resting>,
    trust: Trust,
    shared: Vec<(http2::Connection, Instant)>,
    /// The receiver chose HTTP/2 the last time.
    speaks_http2: bool,
    /// How many calls a connection of HTTP/2 gets.
    pub(super) ration: Ration,
    /// The receiver has asked for HTTP/1.1.
    wants_http1: bool,
    pub(super) avoided: Avoided,
    dialing: usize,
    dialed: Instant,
    pub(super) waiting: usize,
    pub(super) change: Arc<Notify>,
    used: Instant,
}

pub(super) enum Ready {
    One(http1::Connection, Duration),
    Shared(http2::Place),
}

impl Site {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            resting: vec![],
            trust: Trust::default(),
            shared: vec![],
            speaks_http2: false,
            ration: Ration::default(),
            wants_http1: false,
            avoided: Avoided::default(),
            dialing: 0,
            dialed: now,
            waiting: 0,
            change: Arc::default(),
            used: now,
        }
    }

    /// Takes an existing connection, if one is good for another call.
    pub(super) fn take(&mut self, now: Instant) -> Option<Ready> {
        self.used = now;
        // A receiver that once ended a connection early, for example to restart, takes more calls on the next ones.
        let shared = &self.shared;
        self.ration.raise(now, |calls, silence| {
            shared.iter().any(|(connection, _)| connection.outlasts(calls, silence))
        });
        for (connection, used) in &mut self.shared {
            if let Some(place) =
                connection.place(self.ration.calls(), self.ration.rest(now).unwrap_or(IDLE_HTTP2))
            {
                *used = now;
                return Some(Ready::Shared(place));
            }
        }
        loop {
            // The connection that rests for the shortest time is the likeliest to be open, unless it has only begun to rest.
            let rested = |resting: &Resting| {
                self.trust.is_proven(resting.shape)
                    && now.saturating_duration_since(resting.since) >= resting.rest
            };
            let index = self.resting.iter().rposition(rested)?;
            let Resting { mut connection, since, rest, .. } = self.resting.remove(index);
            if now.saturating_duration_since(since) > PROOF {
                continue;
            }
            if connection.is_clean() {
                return Some(Ready::One(connection, rest));
            }
            self.trust.broke(now);
        }
    }

    /// Whether a call is to wait for a connection that is being made for another one.
    pub(super) fn waits(&self, now: Instant) -> bool {
        let patience = PATIENCE.checked_div(u32::try_from(self.dialing).unwrap_or(u32::MAX));
        self.speaks_http2
            && self.waiting < self.dialing * WAITING_FOR_ONE
            && patience.is_some_and(|patience| now.saturating_duration_since(self.dialed) < patience)
    }

    /// Counts a connection that is being made. Returns whether HTTP/2 is offered to the receiver.
    pub(super) fn dials(&mut self, now: Instant) -> bool {
        self.dialing += 1;
        self.dialed = now;
        !self.wants_http1
    }

    /// Notes that a connection is made and it is known how many calls it takes, or that it could not be made.
    pub(super) fn has_dialed(&mut self) {
        self.dialing -= 1;
        self.change.notify_waiters();
    }

    /// Adds a connection of HTTP/2.
    pub(super) fn share(&mut self, connection: http2::Connection, now: Instant) {
        // A connection that was made before the receiver asked for HTTP/1.1 is only for the call that made it.
        if !self.wants_http1 {
            self.speaks_http2 = true;
            self.shared.push((connection, now));
        }
    }

    /// Notes that a connection of HTTP/1.1 was made.
    pub(super) fn speaks_http1(&mut self) {
        self.speaks_http2 = false;
    }

    /// Notes that the receiver refuses HTTP/2 for some of its paths. From now on, calls speak HTTP/1.1 with it.
    pub(super) fn wants_http1(&mut self) {
        self.wants_http1 = true;
        self.speaks_http2 = false;
        // Calls in progress keep their connections open.
        self.shared.clear();
    }

    /// Takes back a connection after a call of a path of this shape.
    pub(super) fn give_back(
        &mut self,
        mut connection: http1::Connection,
        rest: Duration,
        shape: u64,
        now: Instant,
    ) {
        if !connection.is_clean() {
            if connection.has_broken_rules() {
                self.trust.broke(now);
            }
            return;
        }
        let is_proven = self.trust.is_proven(shape);
        let keep = if is_proven { MOST_RESTING } else { CANDIDATES };
        let like_it = self.resting.iter().filter(|resting| is_proven || resting.shape == shape);
        if self.resting.len() < MOST_RESTING && like_it.count() < keep {
            self.resting.push(Resting { connection, since: now, rest: rest.max(MIN_REST), shape });
        }
    }

    /// Closes connections that were idle for too long. Returns whether the receiver can be forgotten.
    pub(super) fn tidy(&mut self, now: Instant) -> bool {
        let trust = &mut self.trust;
        self.resting.retain_mut(|resting| {
            let expired = now.saturating_duration_since(resting.since) >= PROOF;
            if expired && resting.connection.is_clean() {
                trust.stayed_silent(resting.shape, now);
            } else if expired {
                trust.broke(now);
            }
            !expired
        });
        self.shared.retain_mut(|(connection, used)| {
            if !connection.is_idle() {
                *used = now;
            }
            !connection.is_spent() && now.saturating_duration_since(*used) < IDLE_HTTP2
        });
        let is_of_use = self.trust.is_broken(now) || self.wants_http1;
        self.is_empty() && !is_of_use && now.saturating_duration_since(self.used) > FORGOTTEN
    }

    /// Whether there are connections, though the next call may find none of them good for it.
    pub(super) fn keeps_some(&self) -> bool {
        !self.resting.is_empty() || !self.shared.is_empty()
    }

    /// Whether nothing is open or being opened.
    pub(super) fn is_empty(&self) -> bool {
        !self.keeps_some() && self.dialing == 0 && self.waiting == 0
    }
}
