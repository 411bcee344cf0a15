//! Each event counts once, in its minute, and there is never more than an hour of minutes.

use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000;

/// An instant this many seconds after a full minute.
fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(30_000_000 * MICROS_PER_MINUTE + seconds * SECOND)
}

fn late(millis: u64) -> Happened {
    Happened::Fired { late: Duration::from_millis(millis) }
}

fn counts(report: &Report, of: impl Fn(&Counted) -> u64) -> Vec<u64> {
    report.minutes.iter().map(|minute| of(&minute.counted)).collect()
}

#[test]
fn what_happens_is_counted_in_its_minute_whatever_else_happens() {
    let mut history = History::new(at(0));
    for happened in [
        Happened::Created,
        late(1),
        Happened::Delivered,
        Happened::Failed,
        Happened::Unknown,
        Happened::Cancelled,
    ] {
        history.note(at(59), at(59), happened);
    }
    history.note(at(60), at(60), Happened::Created);
    history.note(at(185), at(185), Happened::Created);
    // One of two servers' clocks may be a little behind.
    history.note(at(59), at(59), Happened::Created);
    let report = history.report(at(190));
    assert_eq!(counts(&report, |counted| counted.created), [2, 1, 0, 1]);
    let once = Counted { created: 2, fired: 1, delivered: 1, failed: 1, unknown: 1, cancelled: 1 };
    assert_eq!((report.minutes[0].start, report.minutes[0].counted), (at(0), once));
    assert_eq!(report.since, at(0));
}

#[test]
fn lateness_is_that_of_the_minute_and_of_the_hour() {
    let mut history = History::new(at(0));
    for millis in 1..=100 {
        history.note(at(0), at(0), late(millis));
    }
    history.note(at(60), at(60), late(5_000));
    history.note(at(120), at(120), Happened::Created);
    let report = history.report(at(120));
    let near = |span: Duration, millis: f64| {
        let span = span.as_secs_f64() * 1e3;
        assert!((span - millis).abs() <= millis / 100.0, "{span} is not about {millis}");
    };
    let first = report.minutes[0].lateness.unwrap();
    near(first.p50, 50.0);
    near(first.p99, 99.0);
    assert_eq!(first.max, Duration::from_millis(100));
    let alone = report.minutes[1].lateness.unwrap();
    assert_eq!((alone.p50, alone.max), (Duration::from_secs(5), Duration::from_secs(5)));
    assert_eq!(report.minutes[2].lateness, None);
    let all = report.lateness.unwrap();
    near(all.p50, 51.0);
    assert_eq!(all.max, Duration::from_secs(5));
}

#[test]
fn a_lateness_beyond_the_last_bucket_is_still_the_largest() {
    let mut history = History::new(at(0));
    history.note(at(0), at(0), Happened::Fired { late: Duration::from_secs(90_000) });
    history.note(at(0), at(0), Happened::Fired { late: Duration::ZERO });
    let lateness = history.report(at(0)).lateness.unwrap();
    assert_eq!((lateness.p50, lateness.max), (Duration::ZERO, Duration::from_secs(90_000)));
    assert!(lateness.p99 >= Duration::from_secs(3_500));
}

#[test]
fn minutes_go_by_without_anything_happening() {
    let mut history = History::new(at(0));
    history.note(at(0), at(0), Happened::Created);
    for (now, minutes, sum) in [(0, 1, 1), (59 * 60, 60, 1), (60 * 60, 60, 0), (90_000, 60, 0)] {
        let report = history.report(at(now));
        let created = counts(&report, |counted| counted.created);
        assert_eq!((created.len(), created.iter().sum::<u64>()), (minutes, sum), "{now}");
        assert_eq!(report.since, at(0).max(report.minutes[0].start), "{now}");
    }
}

#[test]
fn what_is_long_past_or_still_to_come_leaves_the_hour_as_it_is() {
    let mut history = History::new(at(0));
    history.note(at(7_200), at(7_199), Happened::Created);
    history.note(at(7_200), at(0), Happened::Created);
    history.note(at(7_200), at(90_000), Happened::Created);
    let created = counts(&history.report(at(7_200)), |counted| counted.created);
    assert_eq!((created.len(), created[58], created[59], created.iter().sum::<u64>()), (60, 1, 1, 2));
}

#[test]
fn a_clock_that_is_set_far_back_begins_again() {
    let mut history = History::new(at(0));
    history.note(at(10 * 3_600), at(10 * 3_600), Happened::Created);
    history.note(at(5), at(5), Happened::Created);
    history.note(at(6), at(6), Happened::Created);
    let report = history.report(at(7));
    assert_eq!((report.since, counts(&report, |counted| counted.created)), (at(5), vec![2]));
}

proptest! {
    #[test]
    fn nothing_is_counted_twice_nothing_of_the_hour_is_left_out_and_no_more_is_kept(
        steps in prop::collection::vec((0..200_u64, 0..3_u64), 0..200),
    ) {
        let mut history = History::new(at(0));
        let (mut now, mut told) = (0, vec![]);
        for (step, behind) in steps {
            now += step;
            let when = now.saturating_sub(behind);
            history.note(at(now), at(when), Happened::Created);
            told.push(when);
        }
        prop_assert!(history.tallies.len() <= MINUTES);
        let report = history.report(at(now));
        prop_assert!((1..=MINUTES).contains(&report.minutes.len()));
        for minute in &report.minutes {
            let expected = told.iter().filter(|when| minute_of(at(**when)) == minute_of(minute.start)).count();
            prop_assert_eq!(minute.counted.created, expected as u64);
        }
        prop_assert_eq!(minute_of(report.minutes[report.minutes.len() - 1].start), minute_of(at(now)));
    }
}
