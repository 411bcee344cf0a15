//! Bounds the memory of records while a worker looks at them, and while their timers wait.
//!
//! A record is as large as its timer's body, up to the largest message of NATS, and a worker has thousands of timers in hand.
//! So a worker looks at only some records at once, the records of waiting timers share a number of bytes, and calls take places by
//! the size of their records (`crate::node::places`). A record without room is dropped, and read again once the wait is over.
//!
//! Thousands of timers of one receiver may be due at one instant. Receivers take turns to have records looked at, as in the node's line.
//! Otherwise the record of another receiver's timer would be read behind all of theirs, most of a second later.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::node::places::{Callee, Places, Taken};
use rules::domain::timer::Timer;

/// How many records are looked at at once.
const LOOKS: usize = 64;

/// A record of at most this many bytes is always kept while its timer waits, since no more timers wait than a node holds.
const SMALL: usize = 4 * 1_024;

/// How many bytes of larger records are kept, while their timers wait, for each timer that a node may hold.
const LARGE: usize = 8 * 1_024;

/// The size of a record without its body and the answers of receivers, in bytes: URLs, header fields and labels mostly take less.
const REST: usize = 1_024;

/// The memory for records. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Memory {
    looks: Places,
    waiting: Arc<Semaphore>,
}

/// The right to look at a record. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Looking {
    _place: Option<Taken>,
}

/// The room that a record has while its timer waits. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Kept {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Memory {
    /// Makes the memory of a node that holds `held` timers.
    pub fn new(held: usize) -> Self {
        let waiting = Semaphore::new(held.saturating_mul(LARGE).min(Semaphore::MAX_PERMITS));
        Self { looks: Places::alike(LOOKS), waiting: Arc::new(waiting) }
    }

    /// Waits for the turn of this receiver (host and port), if it is known, to have another record looked at.
    pub(super) async fn look(&self, receiver: Option<&str>) -> Looking {
        Looking { _place: self.looks.turn(Callee::named(receiver)).await }
    }

    /// Keeps the record of a waiting timer. `None` if there is no room, so that the record has to be dropped.
    pub(super) fn keep(&self, timer: &Timer) -> Option<Kept> {
        let bytes = bytes_of(timer);
        if bytes <= SMALL {
            return Some(Kept { _permit: None });
        }
        let permit = self.waiting.clone().try_acquire_many_owned(u32::try_from(bytes).ok()?).ok()?;
        Some(Kept { _permit: Some(permit) })
    }
}

/// The approximate size of a record, in bytes.
pub(super) fn bytes_of(timer: &Timer) -> usize {
    let answers = timer.attempts.iter().filter_map(|attempt| attempt.called.answer.as_ref());
    REST + timer.target.body.bytes() + answers.map(|answer| answer.body.len()).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use rules::domain::attempt::Delivery;
    use rules::domain::sample::a_timer;
    use rules::domain::target::Body;

    #[test]
    fn large_records_share_what_is_for_those_that_wait_and_small_ones_are_always_kept() {
        let memory = Memory::new(8_192);
        let small = a_timer(Delivery::AtMostOnce, 3);
        let mut large = small.clone();
        large.target.body = Body::Bytes(vec![0; 1_024 * 1_024].into());
        let mut kept: Vec<Kept> = std::iter::from_fn(|| memory.keep(&large)).collect();
        assert_eq!(kept.len(), 63);
        assert!(memory.keep(&small).is_some());
        kept.pop();
        assert!(memory.keep(&large).is_some());
    }

    #[test]
    fn the_record_of_one_receiver_is_not_looked_at_behind_the_many_of_another() {
        let memory = Memory::new(8_192);
        let many = Some("slow.example.com:443");
        let mut looked_at = vec![];
        let mut waiting = vec![];
        for _ in 0..1_000 {
            let mut look = Box::pin(memory.look(many));
            match look.as_mut().now_or_never() {
                Some(looking) => looked_at.push(looking),
                None => waiting.push(look),
            }
        }
        assert!((LOOKS / 2..LOOKS).contains(&looked_at.len()), "{}", looked_at.len());
        assert!(memory.look(Some("example.org:443")).now_or_never().is_some());
        // All are looked at in the end.
        while let Some(done) = looked_at.pop() {
            drop(done);
            waiting.retain_mut(|look| look.now_or_never().map(|looking| looked_at.push(looking)).is_none());
        }
        assert!(waiting.is_empty());
    }
}
