//! Whether a receiver can be trusted to keep its HTTP/1.1 connections as it found them. Time comes in as an argument.
//!
//! A connection that a receiver closes, or writes to unasked, just when the next request is being written takes that request with
//! it: nobody can tell whether it was read, and an answer that nobody asked for would be taken for its own. So a connection is used
//! again only at a receiver of which one has been seen to stay open and silent after an answer, and a receiver that breaks that
//! trust gets a connection for each call.

use std::time::{Duration, Instant};

/// For so long a connection has to stay silent after an answer. No connection is kept for longer: receivers close idle ones, some
/// after half a second.
pub(super) const PROOF: Duration = Duration::from_millis(250);

/// For so long a receiver that has broken the trust is not trusted again.
const DISTRUST: Duration = Duration::from_secs(600);

/// What was seen of a receiver's connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Trust {
    /// Nothing yet.
    #[default]
    Unproven,
    /// One stayed open and silent for long enough.
    Proven,
    /// One did not.
    Broken(Instant),
}

impl Trust {
    /// Whether connections are used again.
    pub(super) fn is_proven(self) -> bool {
        self == Self::Proven
    }

    /// A connection has been silent for [`PROOF`] after an answer.
    pub(super) fn stayed_silent(&mut self, now: Instant) {
        if !matches!(*self, Self::Broken(at) if now.saturating_duration_since(at) < DISTRUST) {
            *self = Self::Proven;
        }
    }

    /// A connection was closed or written to without cause.
    pub(super) fn broke(&mut self, now: Instant) {
        *self = Self::Broken(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_is_earned_by_silence_and_lost_for_ten_minutes() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut trust = Trust::default();
        assert!(!trust.is_proven());
        trust.stayed_silent(start);
        assert!(trust.is_proven());
        trust.broke(start);
        trust.stayed_silent(start + DISTRUST - second);
        assert!(!trust.is_proven());
        trust.stayed_silent(start + DISTRUST);
        assert!(trust.is_proven());
    }
}
