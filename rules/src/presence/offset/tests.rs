use proptest::prelude::*;

use super::*;

const MILLI: Duration = Duration::from_millis(1);

/// A moment `after` the start, at which this node's clock shows `clock` microseconds.
fn moment(start: Instant, after: Duration, clock: u64) -> Moment {
    Moment { steady: start + after, clock: Timestamp::from_micros(clock) }
}

/// An answer that took `there` and then `back`, asked for `at` after the start, by a server whose clock shows 1,000 s at the start.
fn sample(start: Instant, at: Duration, there: Duration, back: Duration, ahead: i64) -> ServerSample {
    let asked = start + at;
    let server = 1_000_000_000 + i64::try_from((at + there).as_micros()).unwrap() + ahead;
    let server = Timestamp::from_micros(u64::try_from(server).unwrap());
    ServerSample { asked, answered: asked + there + back, server }
}

fn micros(offset: Option<Offset>) -> i64 {
    offset.unwrap().as_micros()
}

proptest! {
    #[test]
    fn the_offset_of_nats_is_within_half_the_quickest_round_trip(
        ahead in -10_000_000_i64..10_000_000,
        ways in prop::collection::vec((0_u64..500_000, 0_u64..500_000), 1..20),
    ) {
        let start = Instant::now();
        let mut clock = ServerClock::default();
        let mut last = Duration::ZERO;
        for (n, (there, back)) in (0_u32..).zip(&ways) {
            let at = Duration::from_secs(5) * n;
            let (there, back) = (Duration::from_micros(*there), Duration::from_micros(*back));
            clock.note(sample(start, at, there, back, ahead));
            last = at + there + back;
        }
        let quickest = ways.iter().rev().take(SERVER_SAMPLES).map(|(there, back)| there + back).min().unwrap();
        let now = moment(start, last, 1_000_000_000 + u64::try_from(last.as_micros()).unwrap());
        let error = (micros(clock.offset(now)) - ahead).unsigned_abs();
        prop_assert!(error <= quickest / 2 + 2, "off by {error} with a round trip of {quickest}");
    }

    #[test]
    fn the_offset_of_a_peer_is_too_small_by_the_quickest_way(
        ahead in -10_000_000_i64..10_000_000,
        ways in prop::collection::vec(0_u64..500_000, 1..20),
    ) {
        let start = Instant::now();
        let mut clock = PeerClock::default();
        let mut last = Duration::ZERO;
        for (n, way) in (0_u64..).zip(&ways) {
            let said = 1_000_000 * n;
            last = Duration::from_micros(said + way);
            let shown = 1_000_000_000 + i64::try_from(said).unwrap() + ahead;
            clock.note(Timestamp::from_micros(u64::try_from(shown).unwrap()), start + last);
        }
        let quickest = i64::try_from(*ways.iter().rev().take(PEER_SAMPLES).min().unwrap()).unwrap();
        let now = moment(start, last, 1_000_000_000 + u64::try_from(last.as_micros()).unwrap());
        prop_assert_eq!(micros(clock.offset(now)), ahead - quickest);
    }

    #[test]
    fn the_middle_is_what_a_majority_cannot_be_far_from(offsets in prop::collection::vec(-100_i64..100, 1..9)) {
        let found = micros(middle(offsets.iter().copied().map(Offset::from_micros).collect()));
        let as_far = |offset: &&i64| if found < 0 { **offset <= found } else { **offset >= found };
        prop_assert!(offsets.contains(&found));
        // At least half are as far off to the same side, so a minority never moves it away from zero.
        prop_assert!(found == 0 || offsets.iter().filter(as_far).count() * 2 >= offsets.len());
    }
}

#[test]
fn a_step_of_our_own_clock_is_seen_at_once() {
    let start = Instant::now();
    let mut server = ServerClock::default();
    server.note(sample(start, Duration::ZERO, MILLI, MILLI, 0));
    assert_eq!(micros(server.offset(moment(start, 2 * MILLI, 1_000_002_000))), 0);
    assert_eq!(micros(server.offset(moment(start, 2 * MILLI, 1_003_002_000))), -3_000_000);
}

#[test]
fn a_step_of_nats_clock_takes_the_place_of_what_was_known() {
    let start = Instant::now();
    let mut server = ServerClock::default();
    server.note(sample(start, Duration::ZERO, MILLI, MILLI, 0));
    let slow = 100 * MILLI;
    server.note(sample(start, Duration::from_secs(5), slow, slow, 7_000_000));
    let now = moment(start, Duration::from_secs(6), 1_006_000_000);
    assert_eq!(micros(server.offset(now)), 7_000_000);
    // A less exact sample that says the same changes nothing.
    server.note(sample(start, Duration::from_secs(10), slow, slow * 3, 7_000_000));
    let now = moment(start, Duration::from_secs(11), 1_011_000_000);
    assert_eq!(micros(server.offset(now)), 7_000_000);
}

#[test]
fn what_nats_said_long_ago_or_slowly_says_nothing() {
    let start = Instant::now();
    let mut server = ServerClock::default();
    assert!(server.offset(moment(start, MILLI, 0)).is_none());
    server.note(sample(start, Duration::ZERO, MILLI, Duration::from_secs(1), 0));
    assert!(server.offset(moment(start, Duration::from_secs(2), 0)).is_none());
    server.note(sample(start, Duration::ZERO, MILLI, MILLI, 0));
    assert!(server.offset(moment(start, Duration::from_secs(61), 0)).is_none());
}

#[test]
fn of_two_that_disagree_the_nearer_one_counts() {
    let of = |offsets: &[i64]| middle(offsets.iter().copied().map(Offset::from_micros).collect());
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[5]), Some(Offset::from_micros(5)));
    assert_eq!(of(&[0, 5]), Some(Offset::ZERO));
    assert_eq!(of(&[0, -5]), Some(Offset::ZERO));
    assert_eq!(of(&[0, 0, 5, 5]), Some(Offset::ZERO));
    assert_eq!(of(&[0, -5, -6]), Some(Offset::from_micros(-5)));
}
