//! Tests of which calls a failure holds back, and for how long.

mod alike;

use proptest::prelude::*;

use super::*;
use crate::receivers::paths::MAX_PATHS;

const SECOND: Duration = Duration::from_secs(1);
const WELL: Evidence = Evidence::Well;
const ILL: Evidence = Evidence::Ill { wait: None };
const THRESHOLD: u32 = 3;

/// A timer of this path that is not late.
fn on_time(path: &str) -> Candidate {
    Candidate::new(Route::of(path), false, Duration::ZERO, 0.0)
}

struct World {
    receiver: Receiver,
    now: Instant,
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        Self { receiver: Receiver::new(now), now }
    }

    fn refuses(&self, path: &str) -> Option<(Postponed, Duration)> {
        let refused = self.receiver.refuses(&on_time(path), self.now);
        refused.map(|(why, until)| (why, until - self.now))
    }

    /// Calls the path, which has to be allowed.
    fn call(&mut self, path: &str, evidence: Evidence) -> Vec<News> {
        let route = Route::of(path);
        let probes = self.receiver.ask(&on_time(path), self.now).expect(path);
        let limits = (THRESHOLD, MAX_PATHS);
        self.receiver.heard(route, (evidence, probes), limits, self.now, self.now)
    }

    fn calls(&mut self, path: &str, evidence: Evidence, times: u32) -> Vec<News> {
        (0..times).flat_map(|_| self.call(path, evidence)).collect()
    }

    fn come_back(&mut self, path: &str) -> Duration {
        let refused = self.receiver.refuses(&on_time(path), self.now).expect("refused");
        self.receiver.come_back(&on_time(path), refused, MAX_PATHS, self.now)
    }
}

#[test]
fn an_answer_says_nothing_about_other_paths_and_no_connection_says_all() {
    let mut world = World::new();
    assert_eq!(world.calls("/a", ILL, THRESHOLD), [News::PathLeft]);
    assert_eq!(world.refuses("/a"), Some((Postponed::Breaker, 5 * SECOND)));
    assert_eq!((world.refuses("/b"), world.refuses("/a/b")), (None, None));

    assert_eq!(world.calls("/b", Evidence::Unreached, THRESHOLD), [News::Left]);
    assert!(world.refuses("/b").is_some() && world.refuses("/c").is_some());
    // Any answer proves a connection and counts at once: here that of a call that began before.
    let late = (ILL, Probes::default());
    let news = world.receiver.heard(Route::of("/c"), late, (THRESHOLD, MAX_PATHS), world.now, world.now);
    assert_eq!((news, world.refuses("/b")), (vec![News::Back], None));
}

#[test]
fn each_path_is_tried_by_a_call_of_its_own() {
    let mut world = World::new();
    for path in ["/a", "/b"] {
        world.calls(path, ILL, THRESHOLD);
    }
    world.now += 5 * SECOND;
    let ask = |world: &mut World, path| world.receiver.ask(&on_time(path), world.now);
    assert_eq!(ask(&mut world, "/a"), Ok(Probes { path: true, ..Probes::default() }));
    assert!(ask(&mut world, "/a").is_err());
    assert_eq!(world.call("/b", WELL), [News::PathBack]);
    assert_eq!(world.refuses("/b"), None);
}

#[test]
fn many_paths_that_look_alike_fail_and_hold_back_those_that_have_not_gone_well() {
    let mut world = World::new();
    world.call("/orders/1", WELL);
    let mut news = vec![];
    for order in 2..2 + THRESHOLD {
        news.extend(world.call(&format!("/orders/{order}"), ILL));
    }
    assert_eq!(news, [News::ShapeLeft]);
    assert_eq!((world.refuses("/orders/1"), world.refuses("/health")), (None, None));
    // One path per second that was not called yet is tried. A path that has failed waits for a minute.
    assert_eq!(world.refuses("/orders/99"), Some((Postponed::Breaker, SECOND)));
    world.now += SECOND;
    world.call("/orders/98", ILL);
    assert_eq!(world.refuses("/orders/99"), Some((Postponed::Breaker, SECOND)));
    assert_eq!(world.refuses("/orders/98"), Some((Postponed::Breaker, 60 * SECOND)));
    world.now += SECOND;
    assert_eq!(world.call("/orders/99", WELL), [News::ShapeBack]);
    assert_eq!(world.refuses("/orders/100"), None);
    // The calls begin again a few at a time.
    let starts: Vec<_> = (100..110)
        .map(|order| world.receiver.start(&on_time(&format!("/orders/{order}")), world.now).unwrap())
        .collect();
    assert!(starts[9] > SECOND / 2, "{starts:?}");
}

#[test]
fn one_path_that_fails_over_and_over_does_not_speak_for_those_that_look_like_it() {
    let mut world = World::new();
    world.calls("/hooks/1", ILL, THRESHOLD);
    assert!(world.refuses("/hooks/1").is_some());
    assert_eq!(world.refuses("/hooks/2"), None);
}

#[test]
fn what_a_receiver_asks_for_holds_back_all_of_it_for_a_minute_and_the_path_for_as_long_as_it_asked() {
    let mut world = World::new();
    let hour = Evidence::Ill { wait: Some(3_600 * SECOND) };
    world.call("/b", WELL);
    world.call("/a", hour);
    assert_eq!(world.refuses("/b"), Some((Postponed::RetryAfter, LONGEST_HOLD)));
    world.now += LONGEST_HOLD;
    assert_eq!(world.refuses("/b"), None);
    assert_eq!(world.refuses("/a"), Some((Postponed::RetryAfter, 603 * SECOND - LONGEST_HOLD)));
    // The request was about /a alone, as /b shows by going well. So is a later one to /a.
    world.now += SECOND;
    world.call("/b", WELL);
    world.now += 603 * SECOND;
    world.call("/a", hour);
    assert_eq!(world.refuses("/b"), None);
    assert!(world.refuses("/a").is_some());
}

#[test]
fn a_receiver_that_asks_for_less_than_a_minute_again_and_again_is_asked_by_its_other_paths_first() {
    let mut world = World::new();
    let wait = Evidence::Ill { wait: Some(10 * SECOND) };
    world.call("/b", WELL);
    world.call("/a", wait);
    world.now += 10 * SECOND;
    assert_eq!(world.refuses("/b"), None);
    assert_eq!(world.refuses("/a"), Some((Postponed::RetryAfter, 3 * SECOND)));
    world.now += SECOND;
    world.call("/b", WELL);
    world.now += 2 * SECOND;
    world.call("/a", wait);
    assert_eq!(world.refuses("/b"), None);
    // A receiver with one path waits for as long as it was asked to, and no longer.
    let mut world = World::new();
    world.call("/a", wait);
    assert_eq!(world.refuses("/a"), Some((Postponed::RetryAfter, 10 * SECOND)));
}

#[test]
fn timers_of_one_path_do_not_come_back_after_those_of_another() {
    let mut world = World::new();
    world.calls("/a", Evidence::Unreached, THRESHOLD);
    let last = (0..1_000).map(|_| world.come_back("/a")).last().unwrap();
    let other = world.come_back("/b");
    assert!(last >= 8 * SECOND && other < 6 * SECOND, "{last:?} {other:?}");
}

#[test]
fn a_backlog_is_not_called_in_one_crowd_once_its_path_answers_again() {
    let mut world = World::new();
    world.calls("/a", ILL, THRESHOLD);
    let waits: Vec<Duration> = (0..500).map(|_| world.come_back("/a")).collect();
    assert!(waits.windows(2).all(|two| two[1] >= two[0] + Duration::from_millis(4)), "{waits:?}");
    world.now += 5 * SECOND;
    world.call("/a", WELL);
    let starts = std::iter::from_fn(|| world.receiver.start(&on_time("/a"), world.now));
    let starts: Vec<Duration> = starts.take(500).collect();
    let in_first_second = starts.iter().filter(|start| **start < SECOND).count();
    assert!((8..=20).contains(&in_first_second) && starts.len() < 150, "{starts:?}");
}

#[test]
fn what_is_remembered_of_a_receiver_is_bounded() {
    let mut world = World::new();
    for n in 0..10_000 {
        let (path, evidence) = (format!("/{}/{n}", "x".repeat(n % 99)), if n % 2 == 0 { ILL } else { WELL });
        if world.refuses(&path).is_none() {
            world.call(&path, evidence);
        }
        world.now += Duration::from_millis(50);
    }
    assert!(world.receiver.paths.paths().count() <= MAX_PATHS);
    assert!(world.receiver.paths.shapes().count() <= 32);
}

proptest! {
    #[test]
    fn a_path_that_goes_well_is_not_held_back_by_what_others_answer(
        steps in prop::collection::vec((0_u8..40, 0_u8..4, 0_u64..3_000), 0..300)
    ) {
        let mut world = World::new();
        world.call("/hooks/good", WELL);
        for (path, how, millis) in steps {
            let path = if path < 10 { format!("/sick/{path}") } else { format!("/hooks/{path}") };
            let evidence = if how == 0 { WELL } else { ILL };
            if world.refuses(&path).is_none() {
                world.call(&path, evidence);
            }
            world.now += Duration::from_millis(millis);
            prop_assert_eq!(world.refuses("/hooks/good"), None);
        }
    }

    #[test]
    fn a_path_that_goes_well_waits_for_no_longer_than_a_minute_whatever_others_ask_for(
        steps in prop::collection::vec((0_u8..3, 1_u64..4_000, 0_u64..5_000), 0..200)
    ) {
        let mut world = World::new();
        world.call("/good", WELL);
        let mut waits_since = None;
        for (path, seconds, millis) in steps {
            let path = format!("/sick/{path}");
            let wait = Some(Duration::from_secs(seconds));
            if world.refuses(&path).is_none() {
                world.call(&path, Evidence::Ill { wait });
            }
            world.now += Duration::from_millis(millis);
            match world.refuses("/good") {
                None => {
                    world.call("/good", WELL);
                    waits_since = None;
                }
                // The test asks at least every 5 s.
                Some(_) => {
                    let since = *waits_since.get_or_insert(world.now);
                    prop_assert!(world.now - since <= LONGEST_HOLD + 5 * SECOND);
                }
            }
        }
    }
}
