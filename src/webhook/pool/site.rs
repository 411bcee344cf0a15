//! The connections to one receiver, and what was learned of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::trust::{PROOF, Trust};
use crate::webhook::{http1, http2};

/// How many connections of HTTP/1.1 are kept for the next calls: what a burst leaves behind.
const MOST_RESTING: usize = 64;
/// As many as are kept to see whether they stay silent.
const CANDIDATES: usize = 4;

/// How long a connection of HTTP/2 is kept without a call. A receiver says that it is about to close one, so it may be longer.
const IDLE_HTTP2: Duration = Duration::from_secs(5);

/// What was learned of a receiver is forgotten after this time without a call.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// How many calls wait for one connection that is being made, of HTTP/2.
const WAITING_FOR_ONE: usize = 32;

/// A connection of HTTP/1.1 between two calls.
struct Resting {
    connection: http1::Connection,
    since: Instant,
    /// It rests for as long as making it took: a close that the receiver sent right behind its answer has come by then.
    rest: Duration,
}

/// One receiver.
pub(super) struct Site {
    resting: Vec<Resting>,
    trust: Trust,
    shared: Vec<(http2::Connection, Instant)>,
    /// The receiver chose HTTP/2 the last time.
    speaks_http2: bool,
    /// After so many calls the receiver ends a connection.
    most: Option<u32>,
    pub(super) dialing: usize,
    pub(super) waiting: usize,
    pub(super) change: Arc<Notify>,
    used: Instant,
}

/// A connection that is there.
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
            most: None,
            dialing: 0,
            waiting: 0,
            change: Arc::default(),
            used: now,
        }
    }

    /// Takes a connection that is there, if one is good for another call.
    pub(super) fn take(&mut self, now: Instant) -> Option<Ready> {
        self.used = now;
        for (connection, used) in &mut self.shared {
            if let Some(place) = connection.place(self.most) {
                *used = now;
                return Some(Ready::Shared(place));
            }
        }
        while self.trust.is_proven() {
            // The one that rests for the shortest time is the likeliest to be open, unless it has only begun to rest.
            let rested = |resting: &Resting| now.saturating_duration_since(resting.since) >= resting.rest;
            let index = self.resting.iter().rposition(rested)?;
            let Resting { mut connection, since, rest } = self.resting.remove(index);
            if now.saturating_duration_since(since) > PROOF {
                continue;
            }
            if connection.is_clean() {
                return Some(Ready::One(connection, rest));
            }
            self.trust.broke(now);
        }
        None
    }

    /// Whether a call waits for a connection that is being made for another one.
    pub(super) fn waits(&self) -> bool {
        self.speaks_http2 && self.waiting < self.dialing * WAITING_FOR_ONE
    }

    /// A connection of HTTP/2 was made.
    pub(super) fn share(&mut self, connection: http2::Connection, now: Instant) {
        self.speaks_http2 = true;
        self.shared.push((connection, now));
    }

    /// A connection of HTTP/1.1 was made.
    pub(super) fn speaks_http1(&mut self) {
        self.speaks_http2 = false;
    }

    /// The receiver has ended a connection after so many calls.
    pub(super) fn ends_after(&mut self, calls: u32) {
        self.most = Some(calls.max(1));
    }

    /// A call is done with its connection.
    pub(super) fn give_back(&mut self, mut connection: http1::Connection, rest: Duration, now: Instant) {
        let keep = if self.trust.is_proven() { MOST_RESTING } else { CANDIDATES };
        if connection.is_clean() && self.resting.len() < keep {
            self.resting.push(Resting { connection, since: now, rest });
        } else if connection.has_broken_rules() {
            self.trust.broke(now);
        }
    }

    /// Closes what was idle for too long, and says whether there is nothing left to remember.
    pub(super) fn tidy(&mut self, now: Instant) -> bool {
        let trust = &mut self.trust;
        self.resting.retain_mut(|resting| {
            let expired = now.saturating_duration_since(resting.since) >= PROOF;
            if expired && resting.connection.is_clean() {
                trust.stayed_silent(now);
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
        self.is_empty() && now.saturating_duration_since(self.used) > FORGOTTEN
    }

    /// Whether nothing is open or being opened.
    pub(super) fn is_empty(&self) -> bool {
        self.resting.is_empty() && self.shared.is_empty() && self.dialing == 0 && self.waiting == 0
    }
}
