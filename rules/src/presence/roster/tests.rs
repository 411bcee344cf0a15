use proptest::prelude::*;

use super::*;
use crate::domain::time::Timestamp;
use crate::presence::Role;

const SECOND: Duration = Duration::from_secs(1);

fn beat(instance: u128, role: Role, life: Life) -> Beat {
    let instance = Uuid::from_u128(instance);
    let node = Node { instance, name: "n".to_owned(), version: "1".to_owned(), role, setup: None };
    Beat { node, life, clock: Timestamp::from_micros(0), seen: 0 }
}

fn running(instance: u128) -> Beat {
    beat(instance, Role::All, Life::Running)
}

fn at(steady: Instant) -> Moment {
    Moment { steady, clock: Timestamp::from_micros(0) }
}

fn roster() -> (Roster, Instant) {
    (Roster::new(Uuid::from_u128(0)), Instant::now())
}

#[test]
fn a_node_that_works_is_counted_until_it_says_that_it_is_gone() {
    let (mut roster, start) = roster();
    assert_eq!(roster.hear(running(1), at(start)), Heard::Somebody);
    assert_eq!(roster.hear(running(1), at(start)), Heard::Known);
    assert_eq!(roster.hear(beat(2, Role::Worker, Life::Running), at(start)), Heard::Somebody);
    assert_eq!(roster.hear(beat(3, Role::Api, Life::Running), at(start)), Heard::Somebody);
    assert_eq!((roster.peers().count(), roster.working()), (3, 2));
    roster.hear(beat(2, Role::Worker, Life::Stopping), at(start));
    assert_eq!(roster.working(), 2);
    assert_eq!(roster.hear(beat(2, Role::Worker, Life::Gone), at(start)), Heard::Leaving);
    assert_eq!((roster.peers().count(), roster.working()), (2, 1));
}

#[test]
fn a_node_that_is_silent_for_more_than_five_rounds_is_gone() {
    let (mut roster, start) = roster();
    roster.hear(running(1), at(start));
    for second in 1..=5 {
        roster.hear(running(0), at(start + SECOND * second));
        assert_eq!(roster.working(), 1, "after {second} rounds");
    }
    let gone = roster.hear(running(0), at(start + SECOND * 6));
    assert_eq!(gone, Heard::Itself(vec![running(1).node]));
    assert_eq!(roster.working(), 0);
}

#[test]
fn no_node_is_gone_because_nothing_was_heard() {
    let (mut roster, start) = roster();
    roster.hear(running(1), at(start));
    // NATS was away for an hour; then all beats of this node come back to it at once.
    for _ in 0..10 {
        assert_eq!(roster.hear(running(0), at(start + SECOND * 3_600)), Heard::Itself(vec![]));
    }
    assert_eq!(roster.working(), 1);
}

#[test]
fn more_than_can_be_remembered_are_not() {
    let (mut roster, start) = roster();
    for n in 1..=MAX_PEERS as u128 {
        assert_eq!(roster.hear(running(n), at(start)), Heard::Somebody);
    }
    assert_eq!(roster.hear(running(1_000), at(start)), Heard::TooMany);
    assert_eq!(roster.hear(running(1), at(start)), Heard::Known);
    assert_eq!(roster.peers().count(), MAX_PEERS);
}

proptest! {
    #[test]
    fn a_node_that_is_heard_at_least_every_other_round_is_never_gone(
        heard in prop::collection::vec(any::<bool>(), 1..200),
    ) {
        let (mut roster, start) = roster();
        roster.hear(running(1), at(start));
        let mut spoke = true;
        for (second, speaks) in (1_u32..).zip(heard) {
            spoke = speaks || !spoke;
            if spoke {
                roster.hear(running(1), at(start + SECOND * second));
            }
            roster.hear(running(0), at(start + SECOND * second));
            prop_assert_eq!(roster.working(), 1);
        }
    }
}
