//! The wakes that a node keeps until their timers are due: one for each timer.
//!
//! A client that moves a timer by a fraction of a second over and over arms a wake each time. Each of these wakes would be held
//! until the timer is finally due, in a place that another timer needs. The record behind a held wake is about to be due,
//! and any of the wakes serves it. So a node that holds two keeps the one that was delivered less often, which
//! lingers for longer if the record turns out otherwise, and settles the other (`machine_properties` has this as
//! `GiveWay`).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use rules::domain::timer::TimerId;

/// The wakes that a node holds. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Holds {
    held: Arc<Mutex<HashMap<TimerId, Entered>>>,
}

/// The wake that is kept for a timer.
#[derive(Debug)]
struct Entered {
    tries: u32,
    needless: CancellationToken,
}

/// A wake that is held. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    holds: Holds,
    timer: TimerId,
    needless: CancellationToken,
}

impl Holds {
    /// Holds a wake of this timer that has been delivered `tries` times.
    pub(super) fn hold(&self, timer: TimerId, tries: u32) -> Held {
        let needless = CancellationToken::new();
        let entered = Entered { tries, needless: needless.clone() };
        match self.lock().entry(timer) {
            Entry::Vacant(place) => drop(place.insert(entered)),
            Entry::Occupied(mut other) if tries <= other.get().tries => {
                other.insert(entered).needless.cancel()
            }
            Entry::Occupied(_) => needless.cancel(),
        }
        Held { holds: self.clone(), timer, needless }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TimerId, Entered>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Waits until this node holds another wake of the timer, so that this one can be settled.
    pub(super) async fn is_needless(&self) {
        self.needless.cancelled().await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.holds.lock();
        // The entry of a needless wake belongs to the other wake.
        if !self.needless.is_cancelled() {
            held.remove(&self.timer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(wakes: &[&Held]) -> Vec<bool> {
        wakes.iter().map(|held| !held.needless.is_cancelled()).collect()
    }

    #[test]
    fn of_two_wakes_of_a_timer_the_one_that_was_delivered_less_often_is_kept() {
        let (holds, timer) = (Holds::default(), TimerId::from_u128(1));
        let old = holds.hold(timer, 5);
        let other = holds.hold(TimerId::from_u128(2), 5);
        let new = holds.hold(timer, 1);
        assert_eq!(kept(&[&old, &new, &other]), [false, true, true]);
        drop(old);
        let older = holds.hold(timer, 2);
        assert_eq!(kept(&[&new, &older, &other]), [true, false, true]);
        drop((older, new));
        assert_eq!(holds.lock().len(), 1);
        let again = holds.hold(timer, 7);
        assert_eq!(kept(&[&again]), [true]);
    }
}
