use proptest::prelude::*;

use super::*;
use crate::domain::timer::Claim;

const NOW: Timestamp = Timestamp::from_micros(5_000_000_000_000);

fn at(seconds: i64) -> Timestamp {
    let span = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { NOW.saturating_sub(span) } else { NOW.saturating_add(span) }
}

fn scheduled(seconds: i64) -> State {
    State::Scheduled { attempt: 1, at: at(seconds) }
}

fn firing(seconds: i64) -> State {
    let since = at(seconds);
    let claim = Claim {
        id: uuid::Uuid::nil(),
        node: "n".into(),
        due_at: since,
        since,
        lease_until: since.saturating_add(Duration::from_secs(45)),
    };
    State::Firing { attempt: 1, claim }
}

fn mark(records: &[(State, u64)]) -> HighWater {
    let mut soundings = Soundings::new(NOW);
    records.iter().for_each(|(state, revision)| soundings.count(state, *revision));
    soundings.finish(1)
}

#[test]
fn a_record_that_the_sweep_did_not_see_and_that_was_due_by_then_was_brought_back() {
    let mark = mark(&[(scheduled(500), 9)]);
    assert!(mark.is_restored(&scheduled(-60), 3));
    assert!(mark.is_restored(&firing(-60), 4));
}

#[test]
fn a_timer_that_waited_through_the_sweep_was_not_brought_back() {
    let mark = mark(&[(scheduled(-60), 3), (firing(-1), 4), (scheduled(500), 9)]);
    assert_eq!(mark.open, [3, 4]);
    assert!(!mark.is_restored(&scheduled(-60), 3));
    assert!(!mark.is_restored(&firing(-1), 4));
}

#[test]
fn a_timer_that_came_due_after_the_sweep_was_not_brought_back_however_long_no_node_fired_it() {
    let mark = mark(&[(scheduled(10), 3), (scheduled(500), 9)]);
    assert!(!mark.is_restored(&scheduled(10), 3));
}

#[test]
fn a_record_that_was_written_after_the_sweep_was_not_brought_back() {
    let mark = mark(&[(scheduled(500), 9)]);
    assert!(!mark.is_restored(&scheduled(-60), 10));
}

#[test]
fn a_timer_that_is_over_is_never_judged() {
    let mark = mark(&[(scheduled(500), 9)]);
    assert!(!mark.is_restored(&State::Delivered { at: at(-60) }, 3));
    assert!(!mark.is_restored(&State::Cancelled { at: at(-60) }, 3));
}

#[test]
fn more_open_records_than_are_listed_lower_the_mark() {
    let mut soundings = Soundings::new(NOW);
    let records = MAX_OPEN as i64 + 100;
    // Two records each second, the latest first.
    for n in 0..records {
        soundings.count(&scheduled(-(n / 2) - 1), n as u64 + 1);
    }
    let mark = soundings.finish(1);
    assert!(mark.open.len() <= MAX_OPEN);
    assert_eq!(mark.seq, records as u64);
    for n in 0..records {
        assert!(!mark.is_restored(&scheduled(-(n / 2) - 1), n as u64 + 1), "record {n}");
    }
    assert!(mark.is_restored(&scheduled(-records / 2), records as u64 - 1 - MAX_OPEN as u64));
}

proptest! {
    #[test]
    fn no_record_that_the_sweep_saw_is_taken_for_one_that_was_brought_back(
        records in prop::collection::vec((any::<bool>(), -1_000_i64..1_000), 0..200)
    ) {
        let state = |claimed, seconds| if claimed { firing(seconds) } else { scheduled(seconds) };
        let records: Vec<(State, u64)> =
            (1..).zip(records).map(|(revision, (claimed, seconds))| (state(claimed, seconds), revision)).collect();
        let mark = mark(&records);
        for (state, revision) in &records {
            prop_assert!(!mark.is_restored(state, *revision));
        }
    }
}

#[test]
fn a_record_stays_until_the_mark_of_the_next_sweep_covers_it() {
    let seconds = Duration::from_secs;
    for (sweep, interval) in [(0, 60), (60, 60), (300, 60), (12, 1), (3_000, 60)] {
        // Right after a mark was stored, it is as old as its sweep took.
        let needed = seconds(2 * sweep + interval);
        assert!(covered_after(seconds(sweep), seconds(interval)) > needed, "{sweep} {interval}");
    }
    assert_eq!(covered_after(seconds(1), seconds(60)), seconds(600));
}

#[test]
fn a_record_whose_last_version_was_the_newest_of_the_bucket_is_judged_after_it_has_left() {
    let mut soundings = Soundings::new(NOW);
    soundings.count(&scheduled(500), 9);
    // Records 10 to 30 belonged to a timer that is over and has left the bucket.
    soundings.reach(30);
    let mark = soundings.finish(1);
    assert!(mark.is_restored(&scheduled(-60), 10) && mark.is_restored(&firing(-60), 20));
    assert!(!mark.is_restored(&scheduled(-60), 31));
}
