use std::cell::Cell;
use std::rc::Rc;

use proptest::prelude::*;

use super::*;

/// The number of places that a node has by default.
const NODE: usize = 512;

impl Waiter for Rc<Cell<bool>> {
    fn is_gone(&self) -> bool {
        self.get()
    }
}

type Tried = Shares<Rc<Cell<bool>>>;

fn wish(receiver: u64, site: u64) -> PlaceRequest {
    PlaceRequest { receiver, site, flow: None, places: 1 }
}

/// Takes places for this wish until none is given.
fn fill(shares: &mut Tried, wish: PlaceRequest) -> Vec<Grant> {
    std::iter::from_fn(|| shares.part_for(wish).map(|part| shares.take(wish, part))).collect()
}

const QUICK: Option<Made> = Some(Made { was_quick: true, was_answered: true });
const LONG: Option<Made> = Some(Made { was_quick: false, was_answered: true });

/// Calls it once, quickly.
fn answers(shares: &mut Tried, wish: PlaceRequest) {
    let Entered::Now(grant) = shares.enter(wish, Rc::default) else { panic!("no place for {wish:?}") };
    shares.give_back(grant, QUICK);
}

#[test]
fn receivers_that_hang_at_one_address_leave_places_there_and_elsewhere() {
    let mut shares = Tried::new(NODE);
    answers(&mut shares, wish(0, 1));
    // Each takes all that it may, one after the other.
    let taken: Vec<usize> = (1..=4).map(|receiver| fill(&mut shares, wish(receiver, 1)).len()).collect();
    assert_eq!(taken, [368, 35, 1, 1]);
    assert_eq!(fill(&mut shares, wish(5, 1)).len(), 1, "one that comes now to the same address");
    assert_eq!(fill(&mut shares, wish(6, 2)).len(), 23);
    assert_eq!(fill(&mut shares, wish(0, 1)).len(), 78, "the one that answers");
}

#[test]
fn receivers_that_hang_have_equal_shares_if_they_come_together() {
    let mut shares = Tried::new(NODE);
    let mut taken = [0; 4];
    while let Some(receiver) = (0..4).find(|receiver| shares.part_for(wish(*receiver, 1)).is_some()) {
        let receiver = (receiver..4).min_by_key(|receiver| taken[*receiver as usize]).unwrap_or(receiver);
        let Some(part) = shares.part_for(wish(receiver, 1)) else { break };
        shares.count(wish(receiver, 1), part, true);
        taken[receiver as usize] += 1;
    }
    assert_eq!(taken, [101, 101, 101, 100]);
    assert!(shares.part_for(wish(9, 1)).is_some(), "one that comes now to the same address");
}

#[test]
fn any_number_of_receivers_of_one_domain_leave_room_for_other_domains() {
    let mut shares = Tried::new(NODE);
    let of_domain: usize = (0..3_000).map(|receiver| fill(&mut shares, wish(receiver, 1)).len()).sum();
    assert_eq!(of_domain, 420);
    assert_eq!(fill(&mut shares, wish(9_000, 2)).len(), 10);
}

#[test]
fn one_receiver_that_answers_has_most_places_and_a_call_that_takes_long_counts_as_slow() {
    let mut shares = Tried::new(NODE);
    answers(&mut shares, wish(1, 1));
    let mut grants = fill(&mut shares, wish(1, 1));
    assert_eq!(grants.len(), 481);
    for grant in &mut grants {
        shares.ages(grant);
    }
    assert_eq!(fill(&mut shares, wish(1, 1)).len(), 0, "it is no longer quick");
    answers_elsewhere(&mut shares);
}

fn answers_elsewhere(shares: &mut Tried) {
    // It was known to be quick before.
    shares.receiver(2).is_quick = true;
    answers(shares, wish(2, 1));
}

#[test]
fn one_call_that_takes_long_does_not_make_a_receiver_slow_and_a_second_one_does() {
    let mut shares = Tried::new(NODE);
    for (long_calls, is_quick) in [(1, true), (2, false)] {
        answers(&mut shares, wish(1, 1));
        for _ in 0..long_calls {
            let Entered::Now(mut grant) = shares.enter(wish(1, 1), Rc::default) else { panic!("no place") };
            shares.ages(&mut grant);
            shares.give_back(grant, LONG);
        }
        assert_eq!(shares.receiver(1).is_quick, is_quick);
    }
}

/// These receivers wait for a place, each at a site of its own.
fn waits(shares: &mut Tried, receivers: std::ops::Range<u64>) {
    for receiver in receivers {
        assert!(matches!(shares.enter(wish(receiver, receiver), Rc::default), Entered::Waits));
    }
}

#[test]
fn a_receiver_that_answers_slowly_comes_before_new_ones() {
    let mut shares = Tried::new(16);
    let Entered::Now(mut grant) = shares.enter(wish(1, 1), Rc::default) else { panic!("no place") };
    shares.ages(&mut grant);
    shares.give_back(grant, LONG);
    let mut hanging: Vec<Entered> =
        (100..114).map(|receiver| shares.enter(wish(receiver, receiver), Rc::default)).collect();
    let Some(Entered::Now(taken)) = hanging.pop() else { panic!("{hanging:?}") };
    waits(&mut shares, 200..300);
    let ours = Rc::<Cell<bool>>::default();
    shares.enter(wish(1, 1), || ours.clone());
    let let_in = shares.give_back(taken, None);
    assert!(let_in.iter().any(|(one, _)| Rc::ptr_eq(one, &ours)));
}

#[test]
fn a_slow_receiver_has_its_turn_among_new_ones_that_hang() {
    let mut shares = Tried::new(16);
    let mut hanging: Vec<Grant> = (100..)
        .map_while(|receiver| {
            let wish = wish(receiver, receiver);
            shares.part_for(wish).map(|part| shares.take(wish, part))
        })
        .collect();
    let is_let_in = |waiter: &Rc<Cell<bool>>, let_in: &[(Rc<Cell<bool>>, Grant)]| {
        let_in.iter().any(|(one, _)| Rc::ptr_eq(one, waiter))
    };
    // It has no place, and waits behind some receivers and in front of later ones.
    let ours = Rc::<Cell<bool>>::default();
    waits(&mut shares, 200..203);
    shares.enter(wish(1, 1), || ours.clone());
    waits(&mut shares, 203..300);
    let turn = (1..).find(|_| {
        let let_in = shares.give_back(hanging.remove(0), None);
        let is_ours = is_let_in(&ours, &let_in);
        hanging.extend(let_in.into_iter().map(|(_, grant)| grant));
        is_ours
    });
    assert_eq!(turn, Some(4));
}

#[test]
fn a_node_with_few_places_uses_most_of_them_for_one_that_hangs() {
    for (size, most) in [(1, 1), (2, 1), (4, 3), (10, 8)] {
        let mut shares = Tried::new(size);
        assert_eq!(fill(&mut shares, wish(1, 1)).len(), most, "of {size}");
    }
}

#[test]
fn calls_of_large_timers_have_no_more_places_than_others_and_leave_some_to_receivers_that_come_now() {
    let mut shares = Tried::new(NODE);
    let large = |receiver| PlaceRequest { places: 16, ..wish(receiver, 1) };
    let taken: Vec<usize> = (1..=3).map(|receiver| fill(&mut shares, large(receiver)).len()).collect();
    assert_eq!(taken, [23, 2, 1], "of 16 places each");
    assert_eq!(fill(&mut shares, wish(6, 1)).len(), 1);
    assert_eq!(fill(&mut shares, wish(5, 2)).len(), 13);
}

/// What happens to the places.
#[derive(Clone, Debug)]
enum Event {
    Enter { receiver: u64, flow: Option<u64>, places: usize },
    Ages { which: prop::sample::Index },
    GiveBack { which: prop::sample::Index, made: Option<(bool, bool)> },
    GiveUp { which: prop::sample::Index },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let index = any::<prop::sample::Index>;
    let event = prop_oneof![
        4 => (0_u64..8, prop::option::of(200_u64..202), 1_usize..10)
            .prop_map(|(receiver, flow, places)| Event::Enter { receiver, flow, places }),
        1 => index().prop_map(|which| Event::Ages { which }),
        3 => (index(), any::<Option<(bool, bool)>>()).prop_map(|(which, made)| Event::GiveBack { which, made }),
        1 => index().prop_map(|which| Event::GiveUp { which }),
    ];
    prop::collection::vec(event, 0..200)
}

proptest! {
    #[test]
    fn receivers_that_hang_leave_a_place_at_their_address_in_whatever_order_they_come(
        size in 128_usize..600, turns in prop::collection::vec(0_u64..4, 1_000)
    ) {
        let mut shares = Tried::new(size);
        let taken = turns.into_iter().filter(|receiver| {
            let part = shares.part_for(wish(*receiver, 1));
            part.map(|part| shares.count(wish(*receiver, 1), part, true)).is_some()
        });
        let taken = taken.count();
        prop_assert!(taken >= size / 2, "{} of {}", taken, size);
        prop_assert!(shares.part_for(wish(9, 1)).is_some(), "{} of {}", taken, size);
    }

    #[test]
    fn no_more_than_all_are_taken_no_timer_waits_in_vain_and_all_come_back(
        size in 1_usize..40, events in events()
    ) {
        let mut shares = Tried::new(size);
        let (mut grants, mut waiters) = (vec![], vec![]);
        for event in events {
            match event {
                Event::Enter { receiver, flow, places } => {
                    let places = places.min((size / 4).max(1));
                    let wish = PlaceRequest { receiver, site: 100 + receiver % 3, flow, places };
                    let waiter = Rc::<Cell<bool>>::default();
                    match shares.enter(wish, || waiter.clone()) {
                        Entered::Now(grant) => grants.push(grant),
                        Entered::Waits => waiters.push(waiter),
                    }
                }
                Event::Ages { which } if !grants.is_empty() => {
                    let which = which.index(grants.len());
                    let let_in = shares.ages(&mut grants[which]);
                    grants.extend(let_in.into_iter().map(|(_, grant)| grant));
                }
                Event::GiveBack { which, made } if !grants.is_empty() => {
                    let grant = grants.swap_remove(which.index(grants.len()));
                    let let_in = {
                        let made = made.map(|(was_quick, was_answered)| Made { was_quick, was_answered });
                        shares.give_back(grant, made)
                    };
                    grants.extend(let_in.into_iter().map(|(_, grant)| grant));
                }
                Event::GiveUp { which } if !waiters.is_empty() => {
                    which.get(&waiters).set(true);
                    grants.extend(shares.let_in().into_iter().map(|(_, grant)| grant));
                }
                Event::Ages { .. } | Event::GiveBack { .. } | Event::GiveUp { .. } => {}
            }
            prop_assert_eq!(shares.taken, grants.iter().map(Grant::places).sum::<usize>());
            prop_assert!(shares.taken <= size);
            let slow = grants.iter().filter(|grant| grant.part == Part::Slow).map(Grant::places);
            prop_assert_eq!(shares.slow, slow.sum::<usize>());
            let waiting: Vec<PlaceRequest> = shares.receivers.values_mut().filter_map(Receiver::first).collect();
            for wish in waiting {
                prop_assert_eq!(shares.part_for(wish), None, "{:?} waits", wish);
            }
        }
        while let Some(grant) = grants.pop() {
            let let_in = shares.give_back(grant, QUICK);
            grants.extend(let_in.into_iter().map(|(_, grant)| grant));
        }
        prop_assert_eq!((shares.taken, shares.slow, shares.groups.len()), (0, 0, 0));
        prop_assert!(shares.receivers.values_mut().all(|receiver| receiver.first().is_none()));
    }
}
