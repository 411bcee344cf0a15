//! The limit that results with receivers of many kinds, on the test's own clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use proptest::prelude::*;

use super::*;

const MOST: usize = 128;
const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// A receiver's reaction to a call: how long the call takes, and whether it fails.
type Answer = (Duration, bool);

/// A call that is open: when it began, how many were open then, and whether it fails.
type Open = (Instant, usize, bool);

/// Calls that wait without end for a place at one receiver.
struct World {
    now: Instant,
    concurrency: Concurrency,
    open: usize,
    /// When something happens: a call ends, or one is found to take long.
    events: BinaryHeap<Reverse<(Instant, Option<Open>)>>,
    done: usize,
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        let concurrency = Concurrency::new(now);
        Self { now, concurrency, open: 0, events: BinaryHeap::new(), done: 0 }
    }

    fn limit(&self) -> usize {
        self.concurrency.limit(MOST)
    }

    /// Lets time pass, with a receiver that gets the instant of each call.
    fn run(&mut self, span: Duration, mut receiver: impl FnMut(Instant) -> Answer) {
        let until = self.now + span;
        loop {
            while self.open < self.limit() {
                let (took, failed) = receiver(self.now);
                self.open += 1;
                self.events.push(Reverse((self.now + took, Some((self.now, self.open, failed)))));
                if took > LONG {
                    self.events.push(Reverse((self.now + LONG, None)));
                }
            }
            match self.events.peek() {
                Some(Reverse((at, _))) if *at <= until => self.now = *at,
                Some(_) | None => break,
            }
            match self.events.pop() {
                Some(Reverse((ended, Some((began, at_once, failed))))) => {
                    let at_once = at_once.max(self.open);
                    let call = Ended { began, ended, once: Duration::ZERO, at_once, failed };
                    self.concurrency.ended(&call, MOST);
                    self.open -= 1;
                    self.done += 1;
                }
                Some(Reverse((_, None))) => self.concurrency.takes_long(self.open, MOST),
                None => {}
            }
        }
        self.now = until;
    }

    /// The rate of completed calls in this span at the end of a run, in calls a second.
    fn rate(&mut self, span: Duration, receiver: impl FnMut(Instant) -> Answer) -> f64 {
        let before = self.done;
        self.run(span, receiver);
        (self.done - before) as f64 / span.as_secs_f64()
    }
}

/// Takes any number of calls at once.
fn parallel(took: Duration) -> impl FnMut(Instant) -> Answer {
    move |_| (took, false)
}

/// Serves `count` calls at once; the others wait in its queue.
fn servers(count: usize, took: Duration) -> impl FnMut(Instant) -> Answer {
    let mut free: Vec<Option<Instant>> = vec![None; count];
    move |now| {
        free.sort_unstable();
        let ends = free[0].map_or(now, |free| free.max(now)) + took;
        free[0] = Some(ends);
        (ends - now, false)
    }
}

/// Numbers from 0 to 1 that are the same in each run.
fn numbers() -> impl FnMut() -> f64 {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[test]
fn a_receiver_that_takes_all_at_once_is_given_the_most_within_some_rounds() {
    let mut world = World::new();
    world.run(8 * 20 * MILLI, parallel(20 * MILLI));
    assert_eq!(world.limit(), MOST);
}

#[test]
fn a_slow_receiver_is_given_the_most_before_it_has_answered() {
    let mut world = World::new();
    world.run(LONG - MILLI, parallel(30 * SECOND));
    assert_eq!(world.limit(), FLOOR);
    world.run(5 * LONG, parallel(30 * SECOND));
    assert_eq!((world.limit(), world.done), (MOST, 0));
    // The limit stays so once the receiver answers.
    world.run(120 * SECOND, parallel(30 * SECOND));
    assert_eq!(world.limit(), MOST);
}

#[test]
fn ten_thousand_calls_of_a_second_take_little_longer_than_with_all_places_from_the_start() {
    let mut world = World::new();
    world.run(SECOND * 10_000 / MOST as u32 + 2 * SECOND, parallel(SECOND));
    assert!(world.done >= 10_000, "{}", world.done);
}

#[test]
fn a_receiver_with_few_servers_is_kept_busy_and_its_queue_short() {
    for count in [1, 2, 4, 8, 16, 32] {
        let mut world = World::new();
        let mut receiver = servers(count, 10 * MILLI);
        world.run(2 * SECOND, &mut receiver);
        let rate = world.rate(10 * SECOND, &mut receiver);
        assert!(rate >= count as f64 * 95.0, "{count} servers: {rate}");
        let limit = world.limit();
        let least = FLOOR.max(count);
        assert!((least..=least * 3).contains(&limit), "{count} servers: {limit}");
    }
}

#[test]
fn a_machine_that_is_the_bottleneck_has_few_open_and_works_all_the_time() {
    // A millisecond on the way, and a processor for 150 µs.
    let mut processor = servers(1, Duration::from_micros(150));
    let mut receiver = move |now: Instant| (processor(now + MILLI).0 + MILLI, false);
    let mut world = World::new();
    world.run(SECOND, &mut receiver);
    let rate = world.rate(SECOND, &mut receiver);
    assert!(rate > 6_500.0, "{rate}");
    assert!((8..=24).contains(&world.limit()), "{}", world.limit());
}

#[test]
fn a_receiver_that_becomes_slow_and_takes_all_at_once_is_given_the_most_again() {
    let mut world = World::new();
    world.run(SECOND, parallel(2 * MILLI));
    assert_eq!(world.limit(), MOST);
    world.run(10 * SECOND, parallel(200 * MILLI));
    assert_eq!(world.limit(), MOST);
    world.run(SECOND, parallel(2 * MILLI));
    assert_eq!(world.limit(), MOST);
}

#[test]
fn a_receiver_that_loses_its_servers_is_given_less() {
    let mut world = World::new();
    world.run(SECOND, servers(64, 10 * MILLI));
    assert!(world.limit() >= 64, "{}", world.limit());
    world.run(5 * SECOND, servers(2, 10 * MILLI));
    assert!(world.limit() <= 16, "{}", world.limit());
}

#[test]
fn after_a_bad_minute_all_is_as_it_was() {
    let mut world = World::new();
    world.run(SECOND, parallel(5 * MILLI));
    world.run(60 * SECOND, |_| (10 * SECOND, true));
    assert_eq!(world.limit(), FLOOR);
    // The last of the bad calls end.
    world.run(11 * SECOND, parallel(5 * MILLI));
    assert_eq!(world.limit(), MOST);
}

#[test]
fn failures_are_no_reason_for_more_however_quick() {
    let mut world = World::new();
    world.run(SECOND, |_| (MILLI / 10, true));
    assert_eq!(world.limit(), FLOOR);
    let mut world = World::new();
    world.run(SECOND, parallel(5 * MILLI));
    world.run(MILLI * 100, |_| (MILLI / 10, true));
    assert_eq!(world.limit(), FLOOR);
    // They do not tell the duration of a call, either.
    world.run(SECOND, parallel(5 * MILLI));
    assert_eq!(world.limit(), MOST);
}

#[test]
fn some_failures_and_pauses_do_not_keep_a_receiver_from_the_most() {
    let mut number = numbers();
    let mut world = World::new();
    let mut receiver = move |_: Instant| {
        let pause = if number() < 0.01 { 200 * MILLI } else { Duration::ZERO };
        ((5 * MILLI).mul_f64(0.5 + number()) + pause, number() < 0.1)
    };
    world.run(2 * SECOND, &mut receiver);
    assert_eq!(world.limit(), MOST);
    world.run(60 * SECOND, &mut receiver);
    assert!(world.limit() >= MOST / 2, "{}", world.limit());
}

#[test]
fn a_receiver_of_quick_and_of_slow_calls_is_given_the_most() {
    let mut number = numbers();
    let mut world = World::new();
    let mut receiver = move |_: Instant| (if number() < 0.1 { SECOND } else { 2 * MILLI }, false);
    world.run(5 * SECOND, &mut receiver);
    let rate = world.rate(60 * SECOND, &mut receiver);
    // With all places, 128 calls take 101.8 ms.
    assert!(rate >= 0.8 * 1_257.0, "{rate}");
}

#[test]
fn a_limit_that_is_not_used_is_not_raised() {
    let mut now = Instant::now();
    let mut concurrency = Concurrency::new(now);
    for _ in 0..1_000 {
        let began = now;
        now += MILLI;
        let call = Ended { began, ended: now, once: Duration::ZERO, at_once: FLOOR - 1, failed: false };
        concurrency.ended(&call, MOST);
    }
    assert_eq!(concurrency.limit(MOST), FLOOR);
}

#[test]
fn calls_that_are_slow_though_few_are_made_do_not_lower_the_limit() {
    let mut now = Instant::now();
    let mut concurrency = Concurrency::new(now);
    let mut run = |took: Duration, at_once: usize, failed: bool| {
        for _ in 0..1_000 {
            let began = now;
            now += took;
            concurrency.ended(&Ended { began, ended: now, once: Duration::ZERO, at_once, failed }, MOST);
        }
        concurrency.limit(MOST)
    };
    assert_eq!(run(MILLI, MOST, false), MOST);
    // The machine is busy with something else.
    assert_eq!(run(50 * MILLI, MOST / 4, false), MOST);
    assert!(run(50 * MILLI, MOST, false) < MOST / 2, "there are too many");
    assert_eq!(run(MILLI, FLOOR, true), FLOOR, "all fail");
}

#[test]
fn a_limit_with_a_higher_floor_grows_again_once_calls_take_longer_for_good() {
    let mut now = Instant::now();
    let mut concurrency = Concurrency::of_at_least(32, now);
    for took in [MILLI, 40 * MILLI] {
        for _ in 0..3_000 {
            let began = now;
            now += took;
            let at_once = concurrency.limit(MOST);
            concurrency
                .ended(&Ended { began, ended: now, once: Duration::ZERO, at_once, failed: false }, MOST);
        }
        assert_eq!(concurrency.limit(MOST), MOST, "{took:?}");
    }
}

#[test]
fn the_time_of_making_a_connection_says_nothing_about_later_calls() {
    let mut now = Instant::now();
    let mut concurrency = Concurrency::new(now);
    for n in 0..FLOOR * 2 {
        let began = now;
        let once = if n < FLOOR { Duration::ZERO } else { 50 * MILLI };
        now += 2 * MILLI + once;
        let call = Ended { began, ended: now, once, at_once: FLOOR * 2, failed: false };
        concurrency.ended(&call, MOST);
    }
    assert!(concurrency.limit(MOST) > FLOOR);
}

proptest! {
    #[test]
    fn the_limit_stays_between_the_floor_and_the_most(
        calls in prop::collection::vec((0_u64..5_000_000, 0_u64..5_000_000, 1_usize..300, any::<bool>(), 1_usize..300), 0..500),
    ) {
        let mut now = Instant::now();
        let mut concurrency = Concurrency::new(now);
        for (pause, took, at_once, failed, most) in calls {
            now += Duration::from_micros(pause);
            if failed {
                concurrency.takes_long(at_once, most);
            }
            let began = now.checked_sub(Duration::from_micros(took)).unwrap_or(now);
            let once = Duration::from_micros(pause / 2);
            concurrency.ended(&Ended { began, ended: now, once, at_once, failed }, most);
            for most in [most, MOST, 1] {
                let limit = concurrency.limit(most);
                prop_assert!(FLOOR.min(most) <= limit && limit <= most, "{limit} of {most}");
            }
        }
    }
}
