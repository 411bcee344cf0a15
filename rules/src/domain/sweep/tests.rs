use proptest::prelude::*;

use super::*;
use crate::domain::attempt::Delivery;
use crate::domain::sample::a_timer;
use crate::domain::target::TargetUrl;
use crate::domain::timer::Claim;

const NOW: Timestamp = Timestamp::from_micros(5_000_000_000_000);
const GRACE: Duration = Duration::from_secs(30);

fn look() -> Look<Timestamp> {
    Look { now: NOW, grace: GRACE, after_loss: false }
}

fn later(seconds: u64) -> Timestamp {
    NOW.saturating_add(Duration::from_secs(seconds))
}

fn earlier(seconds: u64) -> Timestamp {
    NOW.saturating_sub(Duration::from_secs(seconds))
}

/// A wake that was armed long ago.
fn waiting(at: Timestamp) -> Armed {
    Armed::Waiting { at, since: earlier(4_000) }
}

fn scheduled(at: Timestamp) -> Timer {
    Timer { state: State::Scheduled { attempt: 1, at }, ..a_timer(Delivery::AtMostOnce, 3) }
}

fn firing(lease_until: Timestamp) -> Timer {
    let claim = Claim {
        id: uuid::Uuid::nil(),
        node: "n".into(),
        due_at: lease_until,
        since: lease_until,
        lease_until,
    };
    Timer { state: State::Firing { attempt: 1, claim }, ..a_timer(Delivery::AtMostOnce, 3) }
}

/// An instant from 2,000 s ago (0) to 2,000 s ahead (4,000).
fn around(seconds: u64) -> Timestamp {
    later(seconds).saturating_sub(Duration::from_secs(2_000))
}

fn found(timer: &Timer, wakes: &[Armed]) -> Option<(Finding, Timestamp)> {
    judge(timer, wakes, look()).map(|damage| (damage.finding, damage.arm))
}

#[test]
fn a_timer_that_waits_needs_a_wake_for_its_instant_or_an_earlier_one() {
    let timer = scheduled(later(100));
    assert_eq!(found(&timer, &[]), Some((Finding::Unarmed, later(100))));
    assert_eq!(found(&timer, &[waiting(later(101))]), Some((Finding::Unarmed, later(100))));
    assert_eq!(found(&timer, &[waiting(later(100))]), None);
    assert_eq!(found(&timer, &[waiting(later(500)), waiting(later(3))]), None);
    assert_eq!(found(&timer, &[Armed::Due]), None);
}

#[test]
fn a_timer_is_overdue_without_a_wake_only_after_the_grace() {
    assert_eq!(found(&scheduled(earlier(31)), &[]), Some((Finding::Overdue, earlier(31))));
    assert_eq!(found(&scheduled(earlier(29)), &[]), Some((Finding::Unarmed, earlier(29))));
    assert_eq!(found(&scheduled(earlier(3_600)), &[Armed::Due]), None);
}

#[test]
fn a_postponed_timer_is_no_finding() {
    let timer = scheduled(earlier(3_600));
    assert_eq!(found(&timer, &[waiting(later(600))]), None);
    assert_eq!(found(&timer, &[waiting(later(631))]), Some((Finding::Overdue, earlier(3_600))));
    // A timer that is not due cannot have been postponed.
    assert_eq!(found(&scheduled(later(100)), &[waiting(later(600))]).unwrap().0, Finding::Unarmed);
}

#[test]
fn a_wake_that_the_server_has_forgotten_does_not_count() {
    assert_eq!(found(&scheduled(earlier(40)), &[waiting(earlier(40))]).unwrap().0, Finding::Overdue);
    assert_eq!(found(&scheduled(earlier(20)), &[waiting(earlier(20))]), None);
}

#[test]
fn a_wake_that_was_stored_after_its_instant_has_the_grace_from_then_on() {
    let stored = |seconds| [Armed::Waiting { at: earlier(40), since: earlier(seconds) }];
    assert_eq!(found(&scheduled(earlier(40)), &stored(29)), None);
    assert_eq!(found(&scheduled(earlier(40)), &stored(31)).unwrap().0, Finding::Overdue);
}

#[test]
fn a_claim_is_watched_by_any_wake_that_comes_soon_after_its_lease() {
    let timer = firing(later(10));
    assert_eq!(found(&timer, &[]), Some((Finding::Unwatched, later(10))));
    assert_eq!(found(&timer, &[Armed::Due]), None);
    assert_eq!(found(&timer, &[waiting(later(600))]), None);
    assert_eq!(found(&timer, &[waiting(later(86_400))]).unwrap().0, Finding::Unwatched);
    assert_eq!(found(&firing(earlier(60)), &[waiting(later(599))]), None);
}

#[test]
fn a_timer_that_is_over_has_its_callback_made_again_only_after_a_loss_and_only_if_it_has_one() {
    let lost = Look { after_loss: true, ..look() };
    let mut timer = Timer { state: State::Delivered { at: earlier(5) }, ..scheduled(NOW) };
    assert_eq!(judge(&timer, &[], lost), None);
    timer.callbacks.on_delivered = Some(TargetUrl::parse("http://localhost/").unwrap());
    assert_eq!(judge(&timer, &[], look()), None);
    assert_eq!(judge(&timer, &[], lost), Some(Damage { finding: Finding::Untold, arm: NOW }));
    assert_eq!(judge(&timer, &[Armed::Due], lost), None);
    timer.state = State::Delivered { at: earlier(3_601) };
    assert_eq!(judge(&timer, &[], lost), None);
}

fn wakes() -> impl Strategy<Value = Vec<Armed>> {
    let wake = prop_oneof![Just(Armed::Due), (0_u64..4_000).prop_map(|at| waiting(around(at)))];
    prop::collection::vec(wake, 0..4)
}

proptest! {
    #[test]
    fn after_the_repair_nothing_is_found(wakes in wakes(), offset in 0_u64..4_000, claimed: bool) {
        let at = around(offset);
        let timer = if claimed { firing(at) } else { scheduled(at) };
        if let Some(damage) = judge(&timer, &wakes, look()) {
            // The broker puts a due wake straight onto the queue.
            let repaired = if damage.arm.saturating_sub(LEAD) <= NOW { Armed::Due } else { waiting(damage.arm) };
            let all: Vec<Armed> = wakes.iter().copied().chain([repaired]).collect();
            prop_assert_eq!(judge(&timer, &all, look()), None);
        }
    }

    #[test]
    fn another_wake_never_makes_a_finding(wakes in wakes(), more in wakes(), offset in 0_u64..4_000) {
        let timer = scheduled(around(offset));
        if judge(&timer, &wakes, look()).is_none() {
            let all: Vec<Armed> = wakes.into_iter().chain(more).collect();
            prop_assert_eq!(judge(&timer, &all, look()), None);
        }
    }
}
