//! The worlds that are explored, each with faults that can happen together.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::event::Wish;
use super::faults::Faults;
use super::scenario::{Scenario, tells};
use crate::domain::attempt::{CallResult, Delivery};

const NONE: Faults = Faults::NONE;

/// Explores the scenario with each of these faults. Every promise must be kept, and timers must come to exactly these ends, so
/// that the checked cases are known to happen.
fn keeps_every_promise(scenario: &Scenario, faults: &[Faults], ends: &[&str]) {
    let mut reached = BTreeSet::new();
    for faults in faults {
        let found = Scenario { faults: *faults, ..scenario.clone() }.explore(2);
        assert!(found.broken.is_none(), "{:#?}", found.broken);
        reached.extend(found.ends);
    }
    assert_eq!(reached.into_iter().collect::<Vec<_>>(), ends);
}

fn once() -> Scenario {
    Scenario::of(Delivery::AtMostOnce)
}

fn not_sent() -> CallResult {
    CallResult::NotSent { reason: String::new() }
}

fn no_answer() -> CallResult {
    CallResult::NoAnswer { reason: String::new() }
}

#[test]
fn at_most_once_survives_deaths_and_delays() {
    let faults = [Faults { slow: 2, ..NONE }, Faults { slow: 1, deaths: 1, ..NONE }];
    keeps_every_promise(&once(), &faults, &["delivered", "failed", "never created", "unknown"]);
}

#[test]
fn at_least_once_survives_deaths_and_delays() {
    let mut scenario = Scenario::of(Delivery::AtLeastOnce);
    scenario.results.push(no_answer());
    let faults = [Faults { slow: 1, ..NONE }, Faults { deaths: 2, ..NONE }];
    keeps_every_promise(&scenario, &faults, &["delivered", "failed", "never created"]);
}

#[test]
fn a_write_is_done_once_though_its_answer_is_lost() {
    let mut scenario = once();
    scenario.results.push(not_sent());
    let faults = [Faults { unheard: 2, ..NONE }, Faults { deaths: 1, unheard: 1, ..NONE }];
    keeps_every_promise(&scenario, &faults, &["delivered", "failed", "never created", "unknown"]);
    // The same with two workers, of which one is late.
    let faults = [Faults { slow: 1, unheard: 1, ..NONE }];
    keeps_every_promise(&once(), &faults, &["delivered", "unknown"]);
}

#[test]
fn a_node_whose_clock_is_off_leaves_timers_to_others() {
    let faults =
        [Faults { clocks: 2, unheard: 1, stops: 1, ..NONE }, Faults { clocks: 1, slow: 1, stale: 1, ..NONE }];
    keeps_every_promise(&once(), &faults, &["delivered", "unknown"]);
}

#[test]
fn a_claim_whose_call_no_longer_has_a_place_is_given_back() {
    let faults = [Faults { postponed: 2, unheard: 1, ..NONE }, Faults { postponed: 1, clocks: 1, ..NONE }];
    keeps_every_promise(&once(), &faults, &["delivered"]);
    let faults = [Faults { postponed: 1, deaths: 1, ..NONE }];
    keeps_every_promise(&journaled(Delivery::AtLeastOnce), &faults, &["delivered", "never created"]);
}

#[test]
fn a_write_that_reads_do_not_show_yet_is_done_once() {
    let mut scenario = Scenario { workers: 1, ..once() };
    scenario.results.push(not_sent());
    let faults = [
        Faults { proposed: 1, clocks: 1, ..NONE },
        Faults { proposed: 1, unheard: 1, ..NONE },
        Faults { proposed: 1, deaths: 1, ..NONE },
        Faults { proposed: 1, postponed: 1, slow: 1, ..NONE },
    ];
    keeps_every_promise(&scenario, &faults, &["delivered", "failed", "never created", "unknown"]);
    // The same with two workers.
    keeps_every_promise(&once(), &[Faults { proposed: 1, ..NONE }], &["delivered"]);
    let wishes = vec![Wish::Cancel, Wish::Move { in_millis: 0 }];
    let scenario = Scenario { wishes, workers: 1, ..once() };
    keeps_every_promise(&scenario, &[Faults { proposed: 1, wishes: 2, ..NONE }], &["cancelled", "delivered"]);
}

#[test]
fn wakes_that_come_twice_and_replicas_that_lag_do_no_harm() {
    let faults = [
        Faults { slow: 1, twice: 1, ..NONE },
        Faults { slow: 1, stale: 1, ..NONE },
        Faults { deaths: 1, twice: 1, stale: 1, unread: 1, ..NONE },
    ];
    keeps_every_promise(&once(), &faults, &["delivered", "never created", "unknown"]);
}

#[test]
fn a_cancel_that_meets_anything_is_told_the_truth() {
    let scenario = Scenario { wishes: vec![Wish::Cancel], ..once() };
    let faults = [Faults { slow: 1, deaths: 1, wishes: 1, ..NONE }, Faults { unheard: 1, wishes: 2, ..NONE }];
    keeps_every_promise(&scenario, &faults, &["cancelled", "delivered", "never created", "unknown"]);
}

#[test]
fn a_change_that_meets_anything_is_made_whole_or_not_at_all() {
    let wishes = vec![Wish::Move { in_millis: 0 }, Wish::Move { in_millis: 6_000 }, Wish::Fire];
    let scenario = Scenario { wishes, workers: 1, ..once() };
    let faults = [Faults { deaths: 1, wishes: 1, ..NONE }, Faults { unheard: 1, wishes: 1, ..NONE }];
    keeps_every_promise(&scenario, &faults, &["delivered", "never created", "unknown"]);
}

#[test]
fn a_change_of_the_receiver_that_meets_anything_leaves_a_wake() {
    let scenario = Scenario { wishes: vec![Wish::Elsewhere], workers: 1, ..once() };
    let faults = [
        Faults { deaths: 1, wishes: 1, ..NONE },
        Faults { unheard: 1, wishes: 1, ..NONE },
        Faults { postponed: 1, stale: 1, wishes: 1, ..NONE },
    ];
    keeps_every_promise(&scenario, &faults, &["delivered", "never created", "unknown"]);
}

#[test]
fn changes_and_cancels_that_meet_each_other_leave_one_of_them() {
    let wishes = vec![Wish::Cancel, Wish::Move { in_millis: 0 }];
    let scenario = Scenario { wishes, workers: 1, ..once() };
    keeps_every_promise(&scenario, &[Faults { wishes: 2, ..NONE }], &["cancelled", "delivered"]);
}

#[test]
fn moves_that_meet_each_other_leave_a_wake_for_the_last() {
    let wishes = vec![Wish::Move { in_millis: 6_000 }, Wish::Move { in_millis: 5_000 }];
    let scenario = Scenario { wishes, workers: 1, ..once() };
    keeps_every_promise(&scenario, &[Faults { wishes: 2, ..NONE }], &["delivered"]);
}

#[test]
fn a_node_with_two_wakes_of_a_timer_needs_one() {
    let wishes = vec![Wish::Move { in_millis: 0 }];
    let scenario = Scenario { wishes, ..once() };
    let faults =
        [Faults { wishes: 1, stale: 1, ..NONE }, Faults { twice: 1, deaths: 1, postponed: 1, ..NONE }];
    keeps_every_promise(&scenario, &faults, &["delivered", "never created", "unknown"]);
}

#[test]
fn a_replay_is_done_once() {
    let scenario = Scenario { wishes: vec![Wish::Replay], results: vec![no_answer()], ..once() };
    let faults =
        [Faults { unheard: 1, wishes: 1, ..NONE }, Faults { stale: 1, unread: 1, wishes: 1, ..NONE }];
    keeps_every_promise(&scenario, &faults, &["failed"]);
}

#[test]
fn creations_that_race_make_one_timer() {
    let scenario = Scenario { wishes: vec![Wish::Create], workers: 1, ..once() };
    let faults = [Faults { slow: 1, wishes: 1, ..NONE }, Faults { deaths: 1, wishes: 1, ..NONE }];
    keeps_every_promise(&scenario, &faults, &["delivered", "never created", "unknown"]);
}

#[test]
fn a_postponement_loses_nothing() {
    let mut scenario = once();
    scenario.timer.retry.deadline = Some(Duration::from_secs(4));
    let faults = [Faults { slow: 1, deaths: 1, postponed: 1, ..NONE }];
    keeps_every_promise(&scenario, &faults, &["delivered", "failed", "never created", "unknown"]);
}

#[test]
fn an_end_has_its_callback_whichever_node_dies() {
    let faults = [Faults { slow: 1, deaths: 1, ..NONE }];
    keeps_every_promise(&tells(once()), &faults, &["delivered", "never created", "unknown"]);
}

#[test]
fn a_sweep_repairs_the_damage_of_an_accident() {
    let faults = [Faults { deaths: 1, wipes: 1, sweeps: 1, ..NONE }];
    keeps_every_promise(&once(), &faults, &["delivered", "never created", "unknown"]);
}

#[test]
fn a_timer_that_the_broker_brings_back_is_not_called_again() {
    let scenario = Scenario { workers: 1, ..once() };
    let faults = [
        Faults { slow: 1, sweeps: 1, revivals: 1, ..NONE },
        Faults { deaths: 1, sweeps: 1, revivals: 1, ..NONE },
    ];
    keeps_every_promise(&scenario, &faults, &["delivered", "never created", "unknown"]);
    let scenario = Scenario { wishes: vec![Wish::Cancel], ..scenario };
    let faults = [Faults { wishes: 1, sweeps: 1, revivals: 1, ..NONE }];
    keeps_every_promise(&scenario, &faults, &["cancelled", "delivered", "unknown"]);
}

#[test]
fn a_client_that_replays_a_timer_which_the_broker_brings_back_has_it_called_once_more() {
    let scenario = Scenario { wishes: vec![Wish::Replay], workers: 1, ..once() };
    let faults = [
        Faults { wishes: 1, sweeps: 1, revivals: 1, ..NONE },
        Faults { wishes: 1, sweeps: 1, revivals: 1, unheard: 1, ..NONE },
        Faults { wishes: 1, sweeps: 1, restores: 1, ..NONE },
    ];
    keeps_every_promise(&scenario, &faults, &["delivered", "unknown"]);
}

#[test]
fn a_timer_that_an_older_copy_of_the_data_has_is_not_called_again_though_a_sweep_saw_it_open() {
    let scenario = Scenario { workers: 1, ..once() };
    let faults = [
        Faults { slow: 1, sweeps: 1, restores: 1, ..NONE },
        Faults { deaths: 1, sweeps: 1, restores: 1, ..NONE },
    ];
    keeps_every_promise(&scenario, &faults, &["delivered", "never created", "unknown"]);
}

#[test]
fn a_timer_that_is_called_at_least_once_is_not_called_again_once_it_is_over() {
    let scenario = Scenario { workers: 1, ..Scenario::of(Delivery::AtLeastOnce) };
    let faults = [Faults { deaths: 1, sweeps: 1, revivals: 1, ..NONE }];
    keeps_every_promise(&scenario, &faults, &["delivered", "never created", "unknown"]);
}

#[test]
fn a_sweep_is_harmless_where_nothing_is_broken() {
    let faults = [Faults { slow: 2, deaths: 1, sweeps: 1, ..NONE }];
    let scenario = Scenario { workers: 1, ..once() };
    keeps_every_promise(&scenario, &faults, &["delivered", "failed", "never created", "unknown"]);
}

fn journaled(delivery: Delivery) -> Scenario {
    Scenario { journaled: true, workers: 1, ..Scenario::of(delivery) }
}

#[test]
fn a_successor_makes_up_for_a_death_at_each_step_of_the_journal() {
    let faults = [Faults { deaths: 1, ..NONE }];
    let once = journaled(Delivery::AtMostOnce);
    keeps_every_promise(&once, &faults, &["delivered", "never created", "unknown"]);
    keeps_every_promise(&journaled(Delivery::AtLeastOnce), &faults, &["delivered", "never created"]);
}

#[test]
fn a_successor_next_to_another_worker_and_a_client_does_no_harm() {
    let scenario = Scenario { workers: 2, ..journaled(Delivery::AtMostOnce) };
    let faults = [Faults { deaths: 1, ..NONE }];
    keeps_every_promise(&scenario, &faults, &["delivered", "never created", "unknown"]);
    let wishes = vec![Wish::Cancel, Wish::Replay];
    let scenario = Scenario { wishes, ..journaled(Delivery::AtMostOnce) };
    let faults = [Faults { deaths: 1, wishes: 1, ..NONE }];
    keeps_every_promise(&scenario, &faults, &["cancelled", "delivered", "never created", "unknown"]);
}

#[test]
fn a_journal_of_other_claims_changes_nothing() {
    for delivery in [Delivery::AtMostOnce, Delivery::AtLeastOnce] {
        let scenario = Scenario { results: vec![not_sent(), no_answer()], ..journaled(delivery) };
        let faults = [Faults { forged: 2, ..NONE }, Faults { forged: 1, slow: 1, ..NONE }];
        keeps_every_promise(&scenario, &faults, &["failed"]);
    }
}

#[test]
fn a_node_that_stops_gives_back_what_it_has_not_written() {
    let faults = [Faults { stops: 2, ..NONE }, Faults { stops: 1, deaths: 1, ..NONE }];
    keeps_every_promise(
        &journaled(Delivery::AtMostOnce),
        &faults,
        &["delivered", "never created", "unknown"],
    );
}
