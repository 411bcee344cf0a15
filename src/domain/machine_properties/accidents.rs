//! The promises in a world whose broker loses every wake now and then: only a sweeper makes up for that.

use proptest::prelude::*;

use super::world::Event;
use super::{events, may_have_arrived, policies, run};
use crate::domain::attempt::Delivery;

/// Events with accidents among them.
fn accidents() -> impl Strategy<Value = Vec<Event>> {
    (events(), prop::collection::vec(any::<prop::sample::Index>(), 1..4)).prop_map(|(mut events, places)| {
        for place in places {
            let place = place.index(events.len() + 1);
            events.insert(place, Event::Wipe);
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
        let world = run(Delivery::AtMostOnce, policy, events);
        let arrived = world.calls.iter().filter(|call| may_have_arrived(call)).count();
        prop_assert!(arrived <= 1 + world.replays, "{arrived} calls may have arrived");
        prop_assert!(world.record().is_none_or(|timer| timer.state.is_final()));
    }

    #[test]
    fn whatever_wakes_are_lost_at_least_once_comes_to_an_end_that_is_known(
        events in accidents(), policy in policies()
    ) {
        let world = run(Delivery::AtLeastOnce, policy, events);
        prop_assert!(world.record().is_none_or(|timer| timer.state.is_final()));
    }
}
