//! How much each holder gets, and that all of it comes back.

use std::net::IpAddr;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::foundation::metrics::{Metrics, Parts};

const SIZE: usize = 1_000;

fn budget() -> Budget {
    Budget::new(SIZE, Arc::new(Metrics::new("test", Parts::default())))
}

fn token(name: &str) -> Holder {
    Holder::Token(name.to_owned())
}

#[test]
fn no_owner_takes_more_than_it_leaves_for_the_others() {
    let budget = budget();
    let mut first = budget.part(token("a"));
    assert_eq!(first.grow_to(501), Err(Exhausted));
    first.grow_to(500).unwrap();
    // Another part of the same token counts towards the same half.
    assert_eq!(budget.part(token("a")).grow_to(1), Err(Exhausted));
    let mut second = budget.part(token("b"));
    assert_eq!(second.grow_to(251), Err(Exhausted));
    second.grow_to(250).unwrap();
    budget.part(token("c")).grow_to(125).unwrap();
    drop(first);
    second.grow_to(500).unwrap();
}

#[test]
fn what_is_done_is_counted_and_what_is_kept_goes_back_with_the_last_of_it() {
    let budget = budget();
    let mut part = budget.part(token("a"));
    part.set(2_000);
    assert_eq!(budget.part(token("b")).grow_to(1), Err(Exhausted));
    let bytes = part.keep(vec![7; 2_000]);
    let slice = bytes.slice(..1);
    drop(bytes);
    assert_eq!(budget.taken().all, 2_000);
    drop(slice);
    assert!(budget.taken().by.is_empty());
}

#[test]
fn a_network_of_ipv6_is_one_client_and_so_is_an_address_of_ipv4_in_each_spelling() {
    let at = |text: &str| Holder::at(text.parse::<IpAddr>().unwrap());
    assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:0:1"));
    assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
    assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
    assert_ne!(at("192.0.2.1"), at("192.0.2.2"));
}

proptest! {
    #[test]
    fn what_is_taken_fits_and_all_of_it_comes_back(steps in prop::collection::vec((0_usize..4, 0_usize..700, any::<bool>()), 0..60)) {
        let budget = budget();
        let mut parts = vec![];
        for (who, bytes, drops) in steps {
            let mut part = budget.part(token(&who.to_string()));
            if part.grow_to(bytes).is_ok() {
                parts.push(part);
            }
            if drops && !parts.is_empty() {
                parts.swap_remove(bytes % parts.len());
            }
            let taken = budget.taken();
            prop_assert!(taken.all <= SIZE);
            prop_assert_eq!(taken.by.values().sum::<usize>(), taken.all);
        }
        // A holder that has nothing yet finds some, unless others have taken the last byte.
        let left = SIZE - budget.taken().all;
        prop_assert!(budget.part(token("new")).grow_to(left / 2).is_ok());
        drop(parts);
        let taken = budget.taken();
        prop_assert_eq!((taken.all, taken.by.len()), (0, 0));
    }
}
