//! Whether a receiver can be trusted to keep its HTTP/1.1 connections open and silent between calls. Time comes in as an argument.
//!
//! If a receiver closes a connection, or writes to it unasked, just when the next request is being written, that request is lost: it is
//! unknown whether the receiver read it, and an unasked answer would be taken for its own. So a connection is used again only after an
//! answer to a path of which one connection has been seen to stay open and silent. Different paths of a host may be different programs, so
//! the proof is one of the path's shape. A receiver that breaks the trust on any path gets a connection for each call.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A connection has to stay silent for this long after an answer. No connection is kept for longer: receivers close idle ones, some after
/// half a second.
pub(super) const PROOF: Duration = Duration::from_millis(250);

/// A receiver that has broken the trust is not trusted again for this long.
const DISTRUST: Duration = Duration::from_secs(86_400);

/// The number of shapes of paths that are remembered as proven.
const MOST_SHAPES: usize = 64;

/// The behaviour of a receiver's connections so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Trust {
    /// When a connection was last closed or written to without cause.
    broken: Option<Instant>,
    /// The shapes of paths after whose answers a connection stayed open and silent for long enough.
    proven: VecDeque<u64>,
}

impl Trust {
    /// Whether a connection is used again after an answer to a path of this shape.
    pub(super) fn is_proven(&self, shape: u64) -> bool {
        self.proven.contains(&shape)
    }

    /// Whether the receiver has broken the trust, and is not trusted again yet.
    pub(super) fn is_broken(&self, now: Instant) -> bool {
        self.broken.is_some_and(|at| now.saturating_duration_since(at) < DISTRUST)
    }

    /// Notes that a connection has been silent for [`PROOF`] after an answer to a path of this shape.
    pub(super) fn stayed_silent(&mut self, shape: u64, now: Instant) {
        if self.is_broken(now) || self.is_proven(shape) {
            return;
        }
        if self.proven.len() >= MOST_SHAPES {
            self.proven.pop_front();
        }
        self.proven.push_back(shape);
    }

    /// Notes that a connection was closed or written to without cause.
    pub(super) fn broke(&mut self, now: Instant) {
        self.broken = Some(now);
        self.proven.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_is_earned_by_silence_for_each_shape_and_lost_for_a_day_for_all() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut trust = Trust::default();
        assert!(!trust.is_proven(1));
        trust.stayed_silent(1, start);
        trust.stayed_silent(2, start);
        assert_eq!([1, 2, 3].map(|shape| trust.is_proven(shape)), [true, true, false]);
        trust.broke(start);
        trust.stayed_silent(1, start + DISTRUST - second);
        assert_eq!([1, 2].map(|shape| trust.is_proven(shape)), [false, false]);
        trust.stayed_silent(1, start + DISTRUST);
        assert_eq!([1, 2].map(|shape| trust.is_proven(shape)), [true, false]);
    }

    #[test]
    fn a_bounded_number_of_shapes_is_remembered() {
        let (start, mut trust) = (Instant::now(), Trust::default());
        (0..1_000).for_each(|shape| trust.stayed_silent(shape, start));
        assert_eq!(
            (trust.proven.len(), trust.is_proven(0), trust.is_proven(999)),
            (MOST_SHAPES, false, true)
        );
    }
}
