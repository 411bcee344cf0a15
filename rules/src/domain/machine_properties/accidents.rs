//! The promises in a world whose broker loses every wake now and then. Only a sweeper makes up for that.

use proptest::prelude::*;

use super::event::Event;
use super::{events, policies, run};
use crate::domain::attempt::Delivery;

/// Events with accidents among them.
fn accidents() -> impl Strategy<Value = Vec<Event>> {
    let places = prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..4);
    (events(), places).prop_map(|(mut events, places)| {
        for (place, strands) in places {
            let place = place.index(events.len() + 1);
            events.insert(place, Event::Wipe { strands });
        }
        events
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_wakes_are_lost_a_timer_ends_and_at_most_once_is_not_called_twice(
        events in accidents(), policy in policies()
    ) {
        run(Delivery::AtMostOnce, policy, events);
    }

    #[test]
    fn whatever_wakes_are_lost_at_least_once_comes_to_an_end_that_is_known(
        events in accidents(), policy in policies()
    ) {
        run(Delivery::AtLeastOnce, policy, events);
    }
}
