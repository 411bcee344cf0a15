//! Tests of how late timers of healthy paths are while their shape is left alone. A queue of wakes stands in for the broker.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::*;
use crate::domain::machine::LEAD;

/// How late a timer that was not called yet may be, as docs/webhooks.md states.
const BOUND: Duration = Duration::from_secs(30);
/// The same for a timer that is tried again.
const BOUND_AGAIN: Duration = Duration::from_secs(60);

/// How long a call takes.
const CALL: Duration = Duration::from_millis(5);

/// No path goes well.
const NONE: usize = usize::MAX;

/// The result of a run.
#[derive(Debug)]
struct Outcome {
    /// The longest lateness of any timer, whether its path is well or not.
    latest: Duration,
    /// How often a timer was postponed.
    postponed: usize,
    /// How many timers were called in each second.
    called: BTreeMap<u64, usize>,
}

/// A world in which a shape is left alone. If it is `mixed`, some of its paths are known to be well.
fn left_alone(mixed: bool) -> World {
    let mut world = World::new();
    let leave_alone = |world: &mut World, name: &str| {
        for n in 0..THRESHOLD {
            world.call(&format!("/orders/{name}{n}"), ILL);
        }
    };
    leave_alone(&mut world, "before");
    if mixed {
        world.now += 2 * SECOND;
        world.call("/orders/well0", WELL);
        world.now += 10 * SECOND;
        leave_alone(&mut world, "after");
    }
    world
}

/// Calls a timer of each of many paths of one shape that is left alone from the beginning. The timers are due after the
/// times in `due`. Every path whose number is a multiple of `healthy` goes well, except the first.
fn play(mut world: World, due: &[Duration], healthy: usize, again: bool) -> Outcome {
    let start = world.now;
    let route = |n: usize| Route::of(&format!("/orders/{n}"));
    let limits = (THRESHOLD, MAX_PATHS);
    let mut wakes: BinaryHeap<_> = (1..=due.len()).map(|n| Reverse((start + due[n - 1], n))).collect();
    let mut calls: BTreeMap<(Instant, usize), Probes> = BTreeMap::new();
    let mut outcome = Outcome { latest: Duration::ZERO, postponed: 0, called: BTreeMap::new() };
    while let Some(Reverse((now, n))) = wakes.pop() {
        while let Some(call) = calls.first_entry().filter(|call| call.key().0 <= now) {
            let ((end, n), probes) = call.remove_entry();
            let evidence = if n % healthy == 0 { WELL } else { ILL };
            world.receiver.heard(route(n), (evidence, probes), limits, end - CALL, end);
        }
        let late = now.saturating_duration_since(start + due[n - 1]);
        let part = (n as f64 * 0.618_033_988_749_895).fract();
        let candidate = Candidate::new(route(n), again, late, part);
        let begins = world.receiver.begins(&candidate, now);
        let asked = begins.and_then(|pause| Ok((pause, world.receiver.ask(&candidate, now + pause)?)));
        match asked {
            Ok((pause, probes)) => {
                outcome.latest = outcome.latest.max(late + pause);
                *outcome.called.entry((now + pause - start).as_secs()).or_default() += 1;
                calls.insert((now + pause + CALL, n), probes);
            }
            Err(refused) => {
                outcome.postponed += 1;
                let wait = world.receiver.come_back(&candidate, refused, MAX_PATHS, now);
                wakes.push(Reverse((now + wait - LEAD, n)));
            }
        }
    }
    assert_eq!(outcome.called.values().sum::<usize>(), due.len());
    outcome
}

#[test]
fn no_path_waits_longer_than_stated_for_those_that_look_like_it_however_many_wait() {
    for (backlog, again) in [10, 100, 1_000, 10_000].into_iter().flat_map(|n| [(n, false), (n, true)]) {
        let bound = if again { BOUND_AGAIN } else { BOUND };
        for healthy in [10, NONE] {
            let outcome = play(left_alone(true), &vec![Duration::ZERO; backlog], healthy, again);
            assert!(outcome.latest <= bound, "{backlog} {again} {healthy}: {outcome:?}");
            let postponed = if backlog < 1_000 { 30 } else { 4 };
            assert!(outcome.postponed <= backlog * postponed, "{backlog} {again} {healthy}: {outcome:?}");
        }
    }
}

#[test]
fn paths_of_which_some_were_well_are_called_once_a_second_at_first_and_then_without_a_crowd() {
    let outcome = play(left_alone(true), &vec![Duration::ZERO; 9_000], NONE, false);
    assert!(outcome.called.range(..18).all(|(_, called)| *called <= 2), "{outcome:?}");
    // The others are called over 9 s.
    assert!(outcome.called.values().all(|called| *called <= 1_100), "{outcome:?}");
    let outcome = play(left_alone(true), &[Duration::ZERO; 10], NONE, false);
    assert!(outcome.latest <= 12 * SECOND, "{outcome:?}");
}

#[test]
fn while_no_path_goes_well_one_a_second_is_called_however_long_they_wait() {
    for again in [false, true] {
        let outcome = play(left_alone(false), &[Duration::ZERO; 200], NONE, again);
        assert!(outcome.called.values().all(|called| *called <= 2), "{outcome:?}");
    }
}

#[test]
fn once_one_path_goes_well_the_others_wait_no_longer_than_stated_from_then_on() {
    let outcome = play(left_alone(false), &vec![Duration::ZERO; 1_000], 10, false);
    assert!(outcome.latest <= BOUND + 30 * SECOND, "{outcome:?}");
}

#[test]
fn paths_that_come_one_after_the_other_wait_no_longer_and_are_called_as_fast_as_they_come() {
    let due: Vec<Duration> = (0..20 * 180).map(|n| n * SECOND / 20).collect();
    for healthy in [2, 10, NONE] {
        let outcome = play(left_alone(true), &due, healthy, false);
        assert!(outcome.latest <= BOUND && outcome.postponed <= due.len() * 4, "{healthy}: {outcome:?}");
        assert!(outcome.called.values().all(|called| *called <= 100), "{healthy}: {outcome:?}");
    }
}

#[test]
fn a_path_that_failed_is_not_tried_again_within_a_minute_however_late_its_timers_are() {
    let mut world = left_alone(true);
    world.now += SECOND;
    world.call("/orders/9", ILL);
    let late = Candidate::new(Route::of("/orders/9"), false, 600 * SECOND, 0.0);
    let refuses =
        |world: &World| world.receiver.refuses(&late, world.now).map(|(_, until)| until - world.now);
    assert_eq!(refuses(&world), Some(60 * SECOND));
    assert!(
        world.receiver.come_back(&late, (Postponed::Breaker, world.now + 60 * SECOND), 9, world.now)
            >= 60 * SECOND
    );
    world.now += 60 * SECOND;
    assert_eq!(refuses(&world), None);
    // One call at a time.
    let probes = world.receiver.ask(&late, world.now).unwrap();
    assert!(probes.shape && refuses(&world) == Some(Duration::ZERO));
}

#[test]
fn tries_that_hang_leave_places_to_other_paths() {
    let mut world = World::new();
    for n in 0..THRESHOLD {
        world.call(&format!("/orders/{n}"), ILL);
    }
    let late = |n: u32| Candidate::new(Route::of(&format!("/orders/late{n}")), false, 600 * SECOND, 0.0);
    let tried = (0..100).filter(|n| {
        world.now += SECOND;
        world.receiver.ask(&late(*n), world.now).is_ok()
    });
    let tried = tried.count();
    assert_eq!(tried, world.receiver.limit() / 2);
    assert_eq!(world.refuses("/health"), None);
}
