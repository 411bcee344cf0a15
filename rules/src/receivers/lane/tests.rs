//! Tests of the answers that a lane gives to calls that want to enter.

use super::*;
use crate::receivers::returns::SOONEST_RETURN;

const MILLI: Duration = Duration::from_millis(1);

fn of(parallelism: usize) -> Limits {
    Limits { parallelism, most: parallelism, space: Duration::ZERO }
}

#[test]
fn the_timer_that_waits_longest_gets_the_next_place_and_one_that_has_left_does_not() {
    let now = Instant::now();
    let mut lane = Lane::new(now);
    assert!(matches!(lane.enter(of(1), ALIKE, now), Entry::Now(Turn::In(_))));
    let Entry::Wait(first) = lane.enter(of(1), ALIKE, now) else { panic!("waits") };
    let Entry::Wait(mut second) = lane.enter(of(1), ALIKE, now) else { panic!("waits") };
    drop(first);
    lane.leave(ALIKE, false, now);
    assert_eq!(second.try_recv(), Ok(Some(Turn::In(Duration::ZERO))));
    assert_eq!(lane.load(), (1, 0));
    lane.leave(ALIKE, false, now);
    assert!(lane.is_idle(now));
}

#[test]
fn no_timer_waits_for_a_receiver_that_hangs() {
    let now = Instant::now();
    let mut lane = Lane::new(now);
    assert!(matches!(lane.enter(of(1), ALIKE, now), Entry::Now(Turn::In(_))));
    assert!(matches!(lane.enter(of(1), ALIKE, now), Entry::Wait(_)));
    let later = now + 300 * MILLI;
    let Entry::Now(Turn::Later(first)) = lane.enter(of(1), ALIKE, later) else { panic!("is postponed") };
    let Entry::Now(Turn::Later(second)) = lane.enter(of(1), ALIKE, later) else { panic!("is postponed") };
    assert_eq!((first, second), (SOONEST_RETURN, SOONEST_RETURN + LONGEST_SPACE));
}

#[test]
fn postponed_timers_come_back_four_times_as_often_as_calls_end() {
    for (span, space) in [(1, 2), (16, 4), (1_000, 8)] {
        let start = Instant::now();
        let mut lane = Lane::new(start);
        assert!(matches!(lane.enter(of(1), ALIKE, start), Entry::Now(Turn::In(_))));
        let _waiting: Vec<Entry> = (0..10_000).map(|_| lane.enter(of(1), ALIKE, start)).collect();
        let mut now = start;
        while now < start + 2_000 * MILLI {
            now += span * MILLI;
            lane.leave(ALIKE, false, now);
        }
        let [one, next] = [(); 2].map(|()| match lane.enter(of(1), ALIKE, now) {
            Entry::Now(Turn::Later(after)) => after,
            Entry::Now(Turn::In(_)) | Entry::Wait(_) => panic!("is postponed"),
        });
        let expected = space * MILLI;
        assert!((expected..expected + MILLI / 2).contains(&(next - one)), "{span}: {:?}", next - one);
    }
}

#[test]
fn a_rate_spaces_the_starts_evenly_and_is_shared_by_nodes() {
    let now = Instant::now();
    let limits = Limits::shared(Some(10), Some("10/s".parse().unwrap()), 2);
    assert_eq!(limits, Limits { parallelism: 5, most: 5, space: 200 * MILLI });
    let mut lane = Lane::new(now);
    let starts: Vec<Duration> = (0..5)
        .map(|_| match lane.enter(limits, ALIKE, now) {
            Entry::Now(Turn::In(after)) => after,
            Entry::Wait(_) | Entry::Now(Turn::Later(_)) => panic!("is let in"),
        })
        .collect();
    assert_eq!(starts, [0, 200, 400, 600, 800].map(Duration::from_millis));
    // All places are taken; the next start is a second away.
    assert!(matches!(lane.enter(limits, ALIKE, now), Entry::Wait(_)));
    let free = Limits { parallelism: 100, most: 100, ..limits };
    let mut lane = Lane::new(now);
    while let Entry::Now(Turn::In(_)) = lane.enter(free, ALIKE, now) {}
    assert!(matches!(lane.enter(free, ALIKE, now), Entry::Now(Turn::Later(_))));
    assert_eq!(Limits::shared(Some(3), None, 5).parallelism, 1);
}

#[test]
fn a_timer_that_waited_does_not_wait_for_long_because_of_a_rate_that_another_names() {
    let now = Instant::now();
    let mut lane = Lane::new(now);
    assert!(matches!(lane.enter(of(1), ALIKE, now), Entry::Now(Turn::In(_))));
    let mut waiting: Vec<_> = (0..1_000)
        .map(|_| match lane.enter(of(1), ALIKE, now) {
            Entry::Wait(turn) => turn,
            Entry::Now(turn) => panic!("does not wait: {turn:?}"),
        })
        .collect();
    let hourly = Limits { parallelism: 1_000, most: 1_000, space: Duration::from_secs(3_600) };
    assert!(matches!(lane.enter(hourly, ALIKE, now), Entry::Wait(_)));
    lane.leave(ALIKE, false, now);
    let turns: Vec<Turn> = waiting.iter_mut().map(|turn| turn.try_recv().unwrap().unwrap()).collect();
    assert_eq!(turns[0], Turn::In(Duration::ZERO));
    assert!(turns[1..].iter().all(|turn| matches!(turn, Turn::Later(_))));
    assert_eq!(lane.load(), (1, 0));
}

#[test]
fn a_path_that_hangs_holds_up_no_call_of_another() {
    let now = Instant::now();
    let mut lane = Lane::new(now);
    let limits = Limits { most: 128, ..of(4) };
    for _ in 0..4 {
        assert!(matches!(lane.enter(limits, 1, now), Entry::Now(Turn::In(_))));
        lane.takes_long(1);
    }
    let Entry::Wait(mut waiting) = lane.enter(limits, 1, now) else { panic!("waits") };
    let later = now + 500 * MILLI;
    assert!(matches!(lane.enter(limits, 1, later), Entry::Now(Turn::Later(_))), "it would wait in vain");
    for _ in 0..100 {
        assert!(matches!(lane.enter(limits, 2, later), Entry::Now(Turn::In(_))));
        lane.leave(2, false, later);
    }
    assert_eq!(waiting.try_recv(), Ok(None));
    lane.leave(1, true, later);
    assert_eq!(waiting.try_recv(), Ok(Some(Turn::In(Duration::ZERO))));
}

#[test]
fn paths_take_turns() {
    let now = Instant::now();
    let mut lane = Lane::new(now);
    assert!(matches!(lane.enter(of(1), 1, now), Entry::Now(Turn::In(_))));
    let mut waiting = [1, 1, 2].map(|shape| match lane.enter(of(1), shape, now) {
        Entry::Wait(turn) => (shape, turn),
        Entry::Now(turn) => panic!("does not wait: {turn:?}"),
    });
    let order = [1, 1, 2].map(|ends| {
        lane.leave(ends, false, now);
        let let_in = |(shape, turn): &mut (u64, oneshot::Receiver<Turn>)| {
            matches!(turn.try_recv(), Ok(Some(_))).then_some(*shape)
        };
        waiting.iter_mut().find_map(let_in).expect("one is let in")
    });
    assert_eq!(order, [1, 2, 1]);
}
