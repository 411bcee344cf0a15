//! The promises, checked on a small world in which anything may happen at any moment.
//!
//! A list of random events drives the world. Nodes die between any two effects, messages come twice, early and late, reads are
//! stale, and clients cancel, change, fire and replay all the while. Then everything calms down, and the promises are checked.
//! `exhaustive` tries every possible list in a smaller world.

mod accidents;
mod actor;
mod broker;
mod calm;
mod client;
mod event;
mod exhaustive;
mod fingerprint;
mod flaw;
mod journal;
mod promises;
mod proposed;
mod restored;
mod sweeper;
mod work;
mod world;

use std::time::Duration;

use proptest::prelude::*;

use crate::domain::attempt::{CallResult, Delivery};
use crate::domain::callbacks::Callbacks;
use crate::domain::retry::RetryPolicy;
use crate::domain::timer::{State, Timer};

use super::sample::a_timer;
use event::{Event, Wish};
use flaw::Flaw;
use journal::Mark;
use world::World;

fn results() -> impl Strategy<Value = CallResult> {
    let busy = |asked| CallResult::Answered { status: 429, retry_after: Some(Duration::from_secs(asked)) };
    prop_oneof![
        2 => prop::sample::select(vec![0, 5, 400]).prop_map(busy),
        2 => Just(CallResult::Answered { status: 200, retry_after: None }),
        1 => Just(CallResult::Answered { status: 500, retry_after: None }),
        1 => Just(CallResult::Answered { status: 404, retry_after: None }),
        1 => Just(CallResult::Answered { status: 410, retry_after: Some(Duration::from_secs(5)) }),
        1 => Just(CallResult::Forbidden { reason: "loopback".into() }),
        2 => Just(CallResult::NotSent { reason: "refused".into() }),
        1 => Just(CallResult::NoAnswer { reason: "timeout".into() }),
        1 => Just(CallResult::Interrupted),
    ]
}

fn policies() -> impl Strategy<Value = RetryPolicy> {
    let deadlines = prop::option::of((1_u64..120).prop_map(Duration::from_secs));
    let statuses = prop::sample::select(vec!["408,429,5xx", "4xx", ""]);
    (deadlines, statuses).prop_map(|(deadline, statuses)| RetryPolicy {
        max_attempts: 4,
        deadline,
        statuses: statuses.parse().unwrap(),
        ..RetryPolicy::default()
    })
}

fn four_attempts() -> RetryPolicy {
    RetryPolicy { max_attempts: 4, ..RetryPolicy::default() }
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        3 => (1_u64..3_000).prop_map(|millis| Event::Advance { millis }),
        1 => (10_000_u64..40_000).prop_map(|millis| Event::Advance { millis }),
        3 => (0_usize..4, prop::bool::weighted(0.2))
            .prop_map(|(which, twice)| Event::ScheduleFires { which, twice }),
        4 => (0_usize..4, 0_usize..3).prop_map(|(which, stale_by)| Event::Deliver { which, stale_by }),
        1 => (0_usize..4).prop_map(|which| Event::LookFails { which }),
        1 => (0_usize..8).prop_map(|actor| Event::ProceedUnheard { actor }),
        1 => (0_usize..8).prop_map(|actor| Event::LookAgain { actor }),
        1 => (0_usize..8).prop_map(|actor| Event::Propose { actor }),
        2 => prop::bool::weighted(0.3).prop_map(|lost| Event::Applied { lost }),
        10 => (0_usize..8, results()).prop_map(|(actor, result)| Event::Proceed { actor, result }),
        1 => (0_usize..8, prop_oneof![1_u64..40_000, 500_000_u64..1_000_000])
            .prop_map(|(actor, millis)| Event::Postpone { actor, millis }),
        1 => (0_usize..8).prop_map(|actor| Event::Die { actor }),
        1 => (0_usize..8).prop_map(|actor| Event::PutAside { actor }),
        2 => (0_usize..8).prop_map(|actor| Event::GiveWay { actor }),
        1 => (0_usize..8).prop_map(|actor| Event::GiveUp { actor }),
        2 => (0_usize..4, any::<bool>()).prop_map(|(which, kept)| Event::Inherit { which, kept }),
        1 => (0_usize..8, marks()).prop_map(|(which, mark)| Event::Forge { which, mark }),
        6 => wishes().prop_map(Event::Ask),
        1 => Just(Event::Sweep),
    ];
    prop::collection::vec(event, 0..120)
}

fn marks() -> impl Strategy<Value = Mark> {
    prop_oneof![Just(Mark::Claimed), Just(Mark::Written), results().prop_map(Mark::Answered)]
}

fn wishes() -> impl Strategy<Value = Wish> {
    prop_oneof![
        Just(Wish::Create),
        Just(Wish::Cancel),
        (0_u64..8_000).prop_map(|in_millis| Wish::Move { in_millis }),
        Just(Wish::Elsewhere),
        (100_u64..8_000).prop_map(|millis| Wish::Timeout { millis }),
        Just(Wish::Fire),
        Just(Wish::Replay),
    ]
}

/// A world in which a client has just begun to create a timer with callbacks.
fn world(delivery: Delivery, retry: RetryPolicy, flaw: Option<Flaw>) -> World {
    let mut timer = Timer { retry, ..a_timer(delivery, retry.max_attempts) };
    let told = Some(timer.target.url.clone());
    timer.callbacks = Callbacks { on_delivered: told.clone(), on_failed: told };
    World::new(timer, flaw)
}

fn run(delivery: Delivery, retry: RetryPolicy, events: Vec<Event>) -> World {
    let mut world = World { journaled: true, ..world(delivery, retry, None) };
    for event in events {
        world.apply(event);
    }
    calm(&mut world);
    world
}

/// Everything goes well from here on, and every promise is kept.
fn calm(world: &mut World) {
    world.calm_down();
    assert_eq!(world.broken, None, "{:#?}", world.history);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn at_most_once_is_never_called_twice_and_never_lost(events in events(), policy in policies()) {
        let world = run(Delivery::AtMostOnce, policy, events);
        let arrived = world.arrived();
        // If the creation was cut off, the client was promised nothing.
        let Some(timer) = world.record() else { return Ok(()) };
        match timer.state {
            State::Delivered { .. } => prop_assert!(arrived >= 1),
            // A worker claimed the timer, and died or was stopped, before or after its call.
            State::Unknown { .. } => {
                let claimed = world.history.iter().any(|version| matches!(version.timer.state, State::Firing { .. }));
                prop_assert!(claimed);
            }
            // Its claim may have been stored too late to call.
            State::Failed { .. } => prop_assert!(!timer.attempts.is_empty() || world.gave_up()),
            State::Cancelled { .. } => prop_assert!(world.cancelled_with_calls.is_some()),
            State::Scheduled { .. } | State::Firing { .. } => unreachable!("checked to be final"),
        }
    }

    #[test]
    fn at_least_once_ends_delivered_or_out_of_attempts_or_refused(events in events(), policy in policies()) {
        let world = run(Delivery::AtLeastOnce, policy, events);
        let Some(timer) = world.record() else { return Ok(()) };
        match &timer.state {
            State::Delivered { .. } => {
                let ok = Some(CallResult::Answered { status: 200, retry_after: None });
                let delivered = world.calls.iter().any(|call| call.result == ok);
                prop_assert!(delivered);
            }
            State::Failed { at, .. } => {
                let refused = world.calls.iter().any(|call| match &call.result {
                    Some(CallResult::Answered { status, .. }) => *status == 410 || !policy.statuses.contains(*status),
                    Some(CallResult::Forbidden { .. }) => true,
                    Some(CallResult::NotSent { .. } | CallResult::NoAnswer { .. } | CallResult::Interrupted) | None => false,
                });
                let late = policy.deadline.is_some_and(|deadline| {
                    at.saturating_add(policy.max_backoff) > timer.replayed_at.unwrap_or(timer.due_at).saturating_add(deadline)
                });
                let attempts = world.history.iter().filter_map(|version| match version.timer.state {
                    State::Firing { attempt, .. } => Some(attempt),
                    State::Scheduled { .. } | State::Delivered { .. } | State::Failed { .. }
                    | State::Cancelled { .. } | State::Unknown { .. } => None,
                }).max().unwrap_or_default();
                prop_assert!(refused || late || world.gave_up() || attempts >= 4, "failed after {attempts} attempts");
            }
            State::Cancelled { .. } => prop_assert!(world.cancelled_with_calls.is_some()),
            other @ (State::Unknown { .. } | State::Scheduled { .. } | State::Firing { .. }) => {
                prop_assert!(false, "ended as {other:?}");
            }
        }
    }
}

#[test]
fn a_timer_that_meets_no_fault_is_called_once_at_its_instant() {
    let world = run(Delivery::AtMostOnce, four_attempts(), vec![]);
    assert_eq!(world.calls.len(), 1);
    assert!(matches!(world.record().unwrap().state, State::Delivered { .. }));
}

#[test]
fn a_lost_claim_changes_nothing() {
    let mut world = world(Delivery::AtLeastOnce, four_attempts(), None);
    let ok = || CallResult::Answered { status: 200, retry_after: None };
    // Created: the wake is armed, the record stored.
    for _ in 0..2 {
        world.apply(Event::Proceed { actor: 0, result: ok() });
    }
    world.apply(Event::Advance { millis: 3_000 });
    world.apply(Event::ScheduleFires { which: 0, twice: true });
    world.apply(Event::ScheduleFires { which: 0, twice: false });
    world.apply(Event::Deliver { which: 0, stale_by: 0 });
    world.apply(Event::Deliver { which: 0, stale_by: 0 });
    // The first worker claims. The second one finds that the revision has changed, and steps back.
    for actor in [0, 1, 0, 1] {
        world.apply(Event::Proceed { actor, result: ok() });
    }
    calm(&mut world);
    assert_eq!(world.calls.len(), 1);
}

#[test]
fn a_worker_that_was_stopped_after_its_claim_does_not_call_when_it_goes_on() {
    let mut world = world(Delivery::AtMostOnce, four_attempts(), None);
    let ok = || CallResult::Answered { status: 200, retry_after: None };
    for _ in 0..2 {
        world.apply(Event::Proceed { actor: 0, result: ok() });
    }
    world.apply(Event::Advance { millis: 3_000 });
    world.apply(Event::ScheduleFires { which: 0, twice: false });
    world.apply(Event::Deliver { which: 0, stale_by: 0 });
    // The worker claims, and then does nothing for longer than its lease.
    world.apply(Event::Proceed { actor: 0, result: ok() });
    world.apply(Event::Advance { millis: 40_000 });
    world.apply(Event::Proceed { actor: 0, result: ok() });
    assert!(world.calls.is_empty());
    calm(&mut world);
    assert_eq!(world.calls.len(), 1);
    assert!(matches!(world.record().unwrap().attempts[0].called.result, CallResult::NotSent { .. }));
}

#[test]
fn an_end_that_replaces_unknown_is_told_though_the_claimant_dies_before_it_has() {
    let mut world = world(Delivery::AtMostOnce, four_attempts(), None);
    let ok = || CallResult::Answered { status: 200, retry_after: None };
    for _ in 0..2 {
        world.apply(Event::Proceed { actor: 0, result: ok() });
    }
    world.apply(Event::Advance { millis: 3_000 });
    world.apply(Event::ScheduleFires { which: 0, twice: false });
    world.apply(Event::Deliver { which: 0, stale_by: 0 });
    // The worker claims and calls, and the call hangs for longer than its lease. Another worker gets the same wake and settles
    // it.
    for _ in 0..2 {
        world.apply(Event::Proceed { actor: 0, result: ok() });
    }
    world.apply(Event::Advance { millis: 40_000 });
    world.apply(Event::Deliver { which: 0, stale_by: 0 });
    for _ in 0..3 {
        world.apply(Event::Proceed { actor: 1, result: ok() });
    }
    assert!(matches!(world.record().unwrap().state, State::Unknown { .. }));
    assert!(world.broker.is_empty());
    // The call ends and its outcome is stored. Then the worker dies.
    while !matches!(world.record().unwrap().state, State::Delivered { .. }) {
        world.apply(Event::Proceed { actor: 0, result: ok() });
    }
    world.apply(Event::Die { actor: 0 });
    calm(&mut world);
}
