//! Tests of when a breaker lets a call through.

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn opened(now: Instant) -> Breaker {
    let mut breaker = Breaker::default();
    assert!(!breaker.failed(false, 2, now));
    assert!(breaker.failed(false, 2, now));
    breaker
}

#[test]
fn failures_in_a_row_open_it_and_one_success_closes_it() {
    let now = Instant::now();
    let mut breaker = Breaker::default();
    breaker.failed(false, 2, now);
    breaker.succeeded(now);
    breaker.failed(false, 2, now);
    assert_eq!(breaker.ask(now), Pass::Free);
    breaker.failed(false, 2, now);
    assert_eq!(breaker.ask(now), Pass::Not(now + FIRST_PAUSE));
    assert!(breaker.succeeded(now) && breaker.is_closed() && breaker.failures() == 0);
    assert!(!breaker.succeeded(now));
}

#[test]
fn one_that_has_closed_just_now_opens_sooner_and_for_longer() {
    let mut now = Instant::now();
    let mut breaker = Breaker::default();
    assert!((0..7).all(|_| !breaker.failed(false, 8, now)) && breaker.failed(false, 8, now));
    now += FIRST_PAUSE;
    assert_eq!(breaker.ask(now), Pass::Probe);
    assert!(breaker.succeeded(now));
    assert!(!breaker.failed(false, 8, now) && breaker.failed(false, 8, now));
    assert_eq!(breaker.state(now), (BreakerState::Open, FIRST_PAUSE * 2));
    // After a while it is as it was at first.
    breaker.succeeded(now);
    now += ramp::LENGTH;
    assert!((0..7).all(|_| !breaker.failed(false, 8, now)) && breaker.failed(false, 8, now));
    assert_eq!(breaker.state(now), (BreakerState::Open, FIRST_PAUSE));
}

#[test]
fn one_call_at_a_time_tries_it_and_each_failure_doubles_the_pause() {
    let mut now = Instant::now();
    let mut breaker = opened(now);
    for pause in [5, 10, 20, 40, 60, 60] {
        now += pause * SECOND;
        assert_eq!(breaker.ask(now), Pass::Probe);
        assert_eq!(breaker.ask(now), Pass::Not(now));
        breaker.failed(true, 2, now);
    }
    assert_eq!(breaker.state(now), (BreakerState::Open, LONGEST_PAUSE));
    now += LONGEST_PAUSE;
    assert_eq!(breaker.ask(now), Pass::Probe);
    breaker.abandoned();
    assert_eq!(breaker.ask(now), Pass::Probe);
    breaker.succeeded(now);
    assert_eq!((breaker.ask(now), breaker.ask(now)), (Pass::Free, Pass::Free));
}

#[test]
fn a_probe_that_hangs_does_not_keep_the_receiver_from_being_found() {
    let mut now = Instant::now();
    let mut breaker = opened(now);
    now += FIRST_PAUSE;
    assert_eq!(breaker.ask(now), Pass::Probe);
    now += LONGEST_PAUSE - SECOND;
    assert_eq!(breaker.ask(now), Pass::Not(now));
    now += SECOND;
    assert_eq!((breaker.ask(now), breaker.ask(now)), (Pass::Probe, Pass::Not(now)));
    breaker.succeeded(now);
    // The first probe ends.
    breaker.failed(true, 2, now);
    assert_eq!(breaker.ask(now), Pass::Free);
}

#[test]
fn calls_that_began_before_it_opened_do_not_keep_it_open() {
    let now = Instant::now();
    let mut breaker = opened(now);
    breaker.failed(false, 2, now + 4 * SECOND);
    assert_eq!(breaker.ask(now + 5 * SECOND), Pass::Probe);
}

#[test]
fn a_threshold_of_zero_never_opens_it() {
    let now = Instant::now();
    let mut breaker = Breaker::default();
    assert!((0..1_000).all(|_| !breaker.failed(false, 0, now)));
    assert_eq!(breaker.ask(now), Pass::Free);
}

proptest! {
    #[test]
    fn a_probe_is_the_only_one_for_a_while(steps in prop::collection::vec(0_u8..5, 0..200)) {
        let mut now = Instant::now();
        let mut breaker = opened(now);
        let mut probing: Option<Instant> = None;
        for step in steps {
            match step {
                0 => now += 3 * SECOND,
                1 => if breaker.ask(now) == Pass::Probe {
                    prop_assert!(probing.is_none_or(|since| now - since >= LONGEST_PAUSE));
                    probing = Some(now);
                },
                2 if probing.is_some() => {
                    breaker.failed(true, 2, now);
                    probing = None;
                }
                3 if probing.is_some() => {
                    breaker.abandoned();
                    probing = None;
                }
                _ => { breaker.failed(false, 2, now); }
            }
        }
    }
}
