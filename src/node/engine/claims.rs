//! Limits how many claims a node stores at once, to as many as NATS and this machine's processors take without letting them wait.
//!
//! Claims of all receivers pass through here. So timers of many receivers that are due at one instant are not claimed long before they
//! can be called. A stored claim makes room for the next one; its receiver's place limits its call. A limit on all open calls would let
//! slow receivers hold up quick ones.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use rules::receivers::{Concurrency, Ended};

/// The fewest claims that are let in. NATS stores this many in some 5 ms, which is how long they delay one that comes after them. With a
/// lower limit, a pause of the machine or of NATS would make claims wait for each other afterwards.
const LEAST: usize = 32;

/// The claims that a node stores at once. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Claims {
    room: Arc<Semaphore>,
    state: Arc<Mutex<State>>,
    most: usize,
}

#[derive(Debug)]
struct State {
    concurrency: Concurrency,
    /// The number of places, free or taken.
    places: usize,
}

/// The right to store a claim now.
#[derive(Debug)]
pub(super) struct Claiming {
    claims: Claims,
    permit: Option<OwnedSemaphorePermit>,
    began: Instant,
    at_once: usize,
}

impl Claims {
    /// Makes places for at most `most` claims at once, which is at least 1.
    pub fn new(most: usize) -> Self {
        Self::of(LEAST, most)
    }

    /// Makes places for `least` to `most` requests at once.
    pub(super) fn of(least: usize, most: usize) -> Self {
        let concurrency = Concurrency::of_at_least(least, Instant::now());
        let places = concurrency.limit(most);
        let state = Arc::new(Mutex::new(State { concurrency, places }));
        Self { room: Arc::new(Semaphore::new(places)), state, most }
    }

    /// The current limit of claims at once.
    pub fn limit(&self) -> usize {
        self.lock(|state| state.places)
    }

    /// Waits for a place; dropping the returned value gives it back.
    pub(super) async fn enter(&self) -> Claiming {
        let permit = self.room.clone().acquire_owned().await.ok();
        let at_once = self.limit().saturating_sub(self.room.available_permits());
        Claiming { claims: self.clone(), permit, began: Instant::now(), at_once }
    }

    fn lock<T>(&self, then: impl FnOnce(&mut State) -> T) -> T {
        then(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Claiming {
    /// Notes that NATS has answered: the claim is stored, or another writer was faster.
    pub(super) fn answered(mut self) {
        let ended = Ended {
            began: self.began,
            ended: Instant::now(),
            once: Duration::ZERO,
            at_once: self.at_once,
            failed: false,
        };
        let Claims { room, most, .. } = &self.claims;
        self.claims.lock(|state| {
            state.concurrency.ended(&ended, *most);
            let limit = state.concurrency.limit(*most);
            if limit < state.places {
                // This place goes, and so do free ones until the limit is met. The taken ones that are still too many go when their claims
                // end.
                if let Some(permit) = self.permit.take() {
                    permit.forget();
                    state.places -= 1;
                }
                state.places -= room.forget_permits(state.places.saturating_sub(limit));
            } else {
                room.add_permits(limit - state.places);
                state.places = limit;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn there_are_never_more_places_than_allowed_and_those_of_claims_that_are_given_up_come_back() {
        const MOST: usize = 9;
        let claims = Claims::new(MOST);
        for round in 0..50 {
            let mut taken = vec![];
            for _ in 0..claims.limit() {
                taken.push(claims.enter().await);
            }
            assert!((1..=MOST).contains(&taken.len()), "{}", taken.len());
            assert_eq!(claims.room.available_permits(), 0);
            for (n, claiming) in taken.into_iter().enumerate() {
                // Some claims are dropped without an answer.
                if (n + round) % 3 > 0 {
                    claiming.answered();
                }
            }
            assert_eq!(claims.room.available_permits(), claims.limit());
        }
    }
}
