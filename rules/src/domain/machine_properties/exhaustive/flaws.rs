//! Each planted bug is found, and by the promise that it breaks: checks that find no bug would say nothing about the code.

use super::super::event::Wish;
use super::super::flaw::Flaw;
use super::super::promises::Promise;
use super::faults::Faults;
use super::scenario::Scenario;
use crate::domain::attempt::{CallResult, Delivery};

const NONE: Faults = Faults::NONE;

/// Checks that the flaw is found in a world with at most one call and only good answers, and that it breaks this promise first.
fn is_found(flaw: Flaw, faults: Faults, promise: Promise) {
    is_found_in(Scenario { faults, ..Scenario::of(Delivery::AtMostOnce) }, flaw, promise);
}

fn is_found_in(scenario: Scenario, flaw: Flaw, promise: Promise) {
    // One thread, so that the first finding is always the same.
    let found = Scenario { flaw: Some(flaw), ..scenario }.explore(1);
    let Some((broken, way)) = found.broken else {
        panic!("{flaw:?} is not found in {} states", found.states)
    };
    assert_eq!(broken, promise, "{way:#?}");
}

fn wanting(wish: Wish, faults: Faults) -> Scenario {
    Scenario { faults, wishes: vec![wish], ..Scenario::of(Delivery::AtMostOnce) }
}

#[test]
fn a_claim_without_compare_and_swap_is_found() {
    is_found(Flaw::ClaimWithoutSwap, Faults { twice: 1, ..NONE }, Promise::ClaimsAreExclusive);
}

#[test]
fn an_outcome_without_compare_and_swap_is_found() {
    is_found(Flaw::OutcomeWithoutSwap, Faults { slow: 2, ..NONE }, Promise::WokenInTime);
}

#[test]
fn a_cancel_without_compare_and_swap_is_found() {
    is_found_in(
        wanting(Wish::Cancel, Faults { wishes: 1, ..NONE }),
        Flaw::CancelWithoutSwap,
        Promise::ClaimsAreExclusive,
    );
}

#[test]
fn an_acknowledgement_before_the_outcome_is_found() {
    is_found(Flaw::SettleBeforeOutcome, NONE, Promise::Watched);
}

#[test]
fn a_record_stored_before_its_wake_is_armed_is_found() {
    let scenario = wanting(Wish::Move { in_millis: 0 }, Faults { wishes: 1, ..NONE });
    is_found_in(scenario, Flaw::StoreBeforeArm, Promise::WokenInTime);
}

#[test]
fn a_second_call_after_a_takeover_is_found() {
    is_found(Flaw::TakeOverCalls, Faults { deaths: 1, ..NONE }, Promise::AtMostOnce);
}

#[test]
fn an_outcome_of_a_claim_that_was_lost_is_found() {
    let scenario = Scenario { faults: Faults { slow: 2, ..NONE }, ..Scenario::of(Delivery::AtLeastOnce) };
    is_found_in(scenario, Flaw::AnyOutcome, Promise::ClaimsAreExclusive);
}

#[test]
fn a_call_under_a_claim_that_is_over_is_found() {
    is_found(Flaw::CallUnderAnOldClaim, Faults { slow: 2, ..NONE }, Promise::CallsAreClaimed);
}

#[test]
fn a_call_at_the_time_of_the_wake_is_found() {
    is_found(Flaw::NoHolding, NONE, Promise::NeverEarly);
}

#[test]
fn a_wake_that_does_not_wait_for_its_record_is_found() {
    is_found(Flaw::NoLingering, Faults { slow: 1, ..NONE }, Promise::WokenInTime);
}

#[test]
fn an_acknowledgement_on_the_word_of_a_replica_is_found() {
    let mut scenario = wanting(Wish::Replay, Faults { stale: 1, unread: 1, wishes: 1, ..NONE });
    scenario.results = vec![CallResult::NoAnswer { reason: String::new() }];
    is_found_in(scenario, Flaw::SettleOnAReplica, Promise::WokenInTime);
}

#[test]
fn a_wake_that_takes_the_place_of_another_is_found() {
    let faults = Faults { wishes: 1, ..NONE };
    is_found_in(
        wanting(Wish::Move { in_millis: 6_000 }, faults),
        Flaw::OneWakeOfATimer,
        Promise::WokenInTime,
    );
}

#[test]
fn a_move_that_removes_the_wake_of_a_later_one_is_found() {
    let wishes = vec![Wish::Move { in_millis: 6_000 }, Wish::Move { in_millis: 5_000 }];
    let scenario =
        Scenario { wishes, faults: Faults { wishes: 2, ..NONE }, ..Scenario::of(Delivery::AtMostOnce) };
    is_found_in(scenario, Flaw::DisarmOfLaterWakes, Promise::WokenInTime);
}

#[test]
fn a_move_that_removes_wakes_before_it_is_stored_is_found() {
    let scenario = wanting(Wish::Move { in_millis: 6_000 }, Faults { wishes: 1, ..NONE });
    is_found_in(scenario, Flaw::DisarmBeforeStore, Promise::WokenInTime);
}

#[test]
fn a_change_of_the_receiver_that_removes_the_wake_of_a_later_move_is_found() {
    let wishes = vec![Wish::Elsewhere, Wish::Move { in_millis: 5_000 }];
    let scenario =
        Scenario { wishes, faults: Faults { wishes: 2, ..NONE }, ..Scenario::of(Delivery::AtMostOnce) };
    is_found_in(scenario, Flaw::DisarmOfLaterWakes, Promise::WokenInTime);
}

#[test]
fn a_wake_that_gives_way_to_one_that_is_not_held_is_found() {
    is_found(Flaw::GivesWayToAnyWake, Faults { twice: 1, ..NONE }, Promise::UnknownHasACause);
}

#[test]
fn a_wake_that_is_given_back_though_its_claim_may_be_stored_is_found() {
    let faults = Faults { unheard: 1, clocks: 1, ..NONE };
    is_found(Flaw::PutsUnclearClaimsAside, faults, Promise::UnknownHasACause);
}

#[test]
fn a_claim_of_ones_own_that_is_left_by_a_node_which_must_not_call_now_is_found() {
    for faults in [Faults { clocks: 1, ..NONE }, Faults { postponed: 1, ..NONE }] {
        is_found(Flaw::LeavesItsClaim, faults, Promise::UnknownHasACause);
    }
}

#[test]
fn a_refusal_by_a_claim_of_ones_own_that_is_on_its_way_is_found_if_it_is_taken_for_a_loss() {
    let faults = Faults { proposed: 1, clocks: 1, ..NONE };
    is_found(Flaw::RefusalIsFinal, faults, Promise::UnknownHasACause);
}

#[test]
fn a_wish_that_is_done_again_for_want_of_an_answer_is_found() {
    let mut scenario = wanting(Wish::Replay, Faults { unheard: 1, wishes: 1, ..NONE });
    scenario.results = vec![CallResult::NoAnswer { reason: String::new() }];
    is_found_in(scenario, Flaw::RepeatUnclear, Promise::WishesAreDoneOnce);
}

#[test]
fn a_claim_that_is_not_known_as_ones_own_is_found() {
    is_found(Flaw::NewNameAtEachTry, Faults { unheard: 1, ..NONE }, Promise::UnknownHasACause);
}

#[test]
fn a_sweep_that_decides_itself_on_the_outcome_of_a_claim_is_found() {
    is_found(
        Flaw::SweepRewritesTheRecord,
        Faults { wipes: 1, sweeps: 1, ..NONE },
        Promise::ClaimsAreExclusive,
    );
}

#[test]
fn a_sweep_that_waits_for_a_wake_that_was_settled_is_found() {
    let faults = Faults { wipes: 1, ..NONE };
    is_found(Flaw::SweepBelievesSettledWakes, faults, Promise::NeverLost);
}

#[test]
fn a_record_that_was_brought_back_and_is_believed_is_found() {
    let faults = Faults { sweeps: 1, revivals: 1, ..NONE };
    is_found(Flaw::RestoredIsBelieved, faults, Promise::RestoredIsNotCalled);
}

#[test]
fn a_command_that_is_applied_to_a_record_which_was_brought_back_is_found() {
    let scenario = wanting(Wish::Move { in_millis: 0 }, Faults { wishes: 1, sweeps: 1, revivals: 1, ..NONE });
    is_found_in(scenario, Flaw::CommandOnRestored, Promise::RestoredIsNotCalled);
}

#[test]
fn a_mark_that_does_not_list_open_timers_is_found() {
    let faults = Faults { slow: 1, sweeps: 1, ..NONE };
    is_found(Flaw::MarkWithoutOpenTimers, faults, Promise::OnlyRestoredIsGivenUp);
}

#[test]
fn a_restore_that_leaves_out_the_timers_which_a_sweep_saw_open_is_found() {
    let faults = Faults { slow: 1, sweeps: 1, restores: 1, ..NONE };
    is_found(Flaw::RestoreLeavesOutOpenTimers, faults, Promise::RestoredIsNotCalled);
}

#[test]
fn a_mark_that_judges_later_records_is_found() {
    let faults = Faults { slow: 1, sweeps: 1, ..NONE };
    is_found(Flaw::MarkOfLaterRecords, faults, Promise::OnlyRestoredIsGivenUp);
}

#[test]
fn a_sweep_that_removes_wakes_of_creations_in_flight_is_found() {
    is_found(Flaw::SweepOfYoungWakes, Faults { sweeps: 1, ..NONE }, Promise::WokenInTime);
}

fn is_found_with_a_journal(flaw: Flaw, faults: Faults, promise: Promise) {
    let scenario = Scenario { journaled: true, faults, workers: 1, ..Scenario::of(Delivery::AtMostOnce) };
    is_found_in(scenario, flaw, promise);
}

#[test]
fn a_successor_that_gives_back_a_call_that_was_on_its_way_is_found() {
    is_found_with_a_journal(Flaw::HeirGivesBackCalls, Faults { deaths: 1, ..NONE }, Promise::AtMostOnce);
}

#[test]
fn the_slot_of_a_place_that_was_given_up_and_still_speaks_of_the_claim_is_found() {
    let faults = Faults { wishes: 1, deaths: 1, ..NONE };
    let scenario = wanting(Wish::Timeout { millis: 5_000 }, faults);
    let scenario = Scenario { journaled: true, workers: 1, ..scenario };
    is_found_in(scenario, Flaw::GivenUpSlotsStay, Promise::AtMostOnce);
}

#[test]
fn a_successor_that_does_not_compare_the_claim_is_found() {
    let faults = Faults { forged: 1, ..NONE };
    is_found_with_a_journal(Flaw::HeirOfAnyClaim, faults, Promise::AtMostOnce);
}

#[test]
fn a_mark_that_comes_after_the_first_byte_is_found() {
    is_found_with_a_journal(Flaw::MarkAfterFirstByte, Faults { deaths: 1, ..NONE }, Promise::AtMostOnce);
}

#[test]
fn a_stop_that_gives_back_a_call_that_may_be_on_its_way_is_found() {
    is_found_with_a_journal(Flaw::StopGivesBackCalls, Faults { stops: 1, ..NONE }, Promise::AtMostOnce);
}

#[test]
fn a_claim_that_is_given_back_without_a_wake_is_found() {
    is_found_with_a_journal(Flaw::GivenBackUnarmed, Faults { deaths: 1, ..NONE }, Promise::WokenInTime);
}
