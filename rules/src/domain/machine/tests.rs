//! Single steps that the properties do not pin by themselves.

use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::domain::attempt::{CallResult, Delivery};
use crate::domain::sample::a_timer;
use crate::domain::target::TargetUrl;
use crate::domain::time::Now;
use crate::domain::timer::{Doubt, MAX_ATTEMPTS_KEPT, State};

fn wake(tries: u32) -> Input {
    Input::Wake { claim: Uuid::from_u128(1), node: "n".into(), tries, has_place: true }
}

/// A step that settles the wake after these effects.
fn settled(effects: Vec<Effect>) -> Step {
    Step { effects, then: Then::Settle }
}

/// The instant at which the wake comes again after this step, which has no effects.
fn later(step: Step) -> Timestamp {
    let Step { then: Then::Later { until }, .. } = step else { panic!("{step:?}") };
    assert_eq!(step.effects, []);
    until
}

/// The record that this step stores.
fn stored(step: Step) -> Timer {
    let stored = step.effects.into_iter().find_map(|effect| match effect {
        Effect::Store(timer) => Some(*timer),
        Effect::Arm { .. } | Effect::Notify(_) | Effect::Disarm => None,
    });
    stored.expect("a version is stored")
}

fn claimed_by(id: u128, now: Timestamp) -> Claim {
    let lease_until = now.saturating_add(Duration::from_secs(60));
    Claim { id: Uuid::from_u128(id), node: "n".into(), due_at: now, since: now, lease_until }
}

#[test]
fn lingering_outlasts_every_record_that_may_be_on_its_way() {
    let lingering: Duration = (1..LINGER_TRIES).map(linger_delay).sum();
    assert!(lingering > ARM_FRESH * 2, "{lingering:?}");
}

#[test]
fn the_wakes_of_timers_that_are_due_at_one_instant_come_evenly_over_the_time_before_it() {
    let now = Timestamp::from_micros(1_800_000_000_000_000);
    let at = now.saturating_add(Duration::from_secs(10));
    let mut by_quarter = [0; 4];
    for n in 0_u32..4_000 {
        let lead = lead_of(Uuid::new_v5(&Uuid::NAMESPACE_OID, &n.to_be_bytes()), at, now);
        assert!((LEAD..LONGEST_LEAD).contains(&lead), "{lead:?}");
        by_quarter[((lead - LEAD).as_millis() * 4 / (LONGEST_LEAD - LEAD).as_millis()) as usize] += 1;
    }
    assert!(by_quarter.iter().all(|count| (800..1_200).contains(count)), "{by_quarter:?}");
    let soon = at.saturating_sub(Duration::from_micros(1));
    assert_eq!(lead_of(Uuid::from_u128(1_999), soon, now), LEAD);
}

#[test]
fn a_wake_that_is_early_by_a_wrong_clock_comes_again_in_time() {
    let timer = a_timer(Delivery::AtMostOnce, 3);
    let State::Scheduled { at, .. } = timer.state else { unreachable!() };
    let now = at.saturating_sub(LEAD + Duration::from_secs(1));
    for tries in 1..LINGER_TRIES {
        let until = later(step(&timer, wake(tries), now));
        assert!(until > now && until <= at.saturating_sub(LEAD));
    }
    // If no record needs the wake for a long time, it is settled after another one is armed, in case the right one is gone.
    assert_eq!(step(&timer, wake(LINGER_TRIES), now), settled(vec![Effect::Arm { at }]));
}

#[test]
fn a_claimant_that_was_taken_for_dead_replaces_unknown_by_what_it_knows() {
    let mut timer = a_timer(Delivery::AtMostOnce, 3);
    let now = timer.due_at;
    let claim = claimed_by(7, now);
    timer.state = State::Unknown { attempt: 1, doubt: Doubt::NoOutcome(claim.clone()), at: now };
    let outcome = |result: CallResult| Input::Outcome { claim: claim.id, called: Arc::new(result.into()) };
    let told = step(&timer, outcome(CallResult::Answered { status: 200, retry_after: None }), now);
    assert_eq!(told.then, Then::Settle);
    assert!(
        matches!(told.effects.as_slice(), [Effect::Store(stored)] if stored.state == State::Delivered { at: now })
    );
    // A claim that was stored too late to call is not the end of the timer.
    let own = Input::Wake { claim: claim.id, node: "n".into(), tries: 1, has_place: true };
    let again = step(&timer, own, now);
    assert_eq!(again.then, Then::Settle);
    assert!(matches!(again.effects.as_slice(), [Effect::Arm { .. }, Effect::Store(stored)]
            if matches!(stored.state, State::Scheduled { attempt: 2, .. })));
}

#[test]
fn a_claimant_that_dies_after_it_has_replaced_unknown_leaves_a_wake_for_the_callback() {
    let mut timer = a_timer(Delivery::AtMostOnce, 3);
    let now = timer.due_at;
    let claim = claimed_by(7, now);
    timer.callbacks.on_delivered = Some(timer.target.url.clone());
    timer.state = State::Unknown { attempt: 1, doubt: Doubt::NoOutcome(claim.clone()), at: now };
    let result = CallResult::Answered { status: 200, retry_after: None };
    let told = step(&timer, Input::Outcome { claim: claim.id, called: Arc::new(result.into()) }, now);
    assert!(
        matches!(told.effects.as_slice(), [Effect::Arm { .. }, Effect::Store(_), Effect::Notify(_)]),
        "{told:?}"
    );
}

#[test]
fn a_claim_of_ones_own_whose_answer_was_lost_is_called() {
    let mut timer = a_timer(Delivery::AtMostOnce, 3);
    let now = timer.due_at;
    let claim = claimed_by(1, now);
    timer.state = State::Firing { attempt: 1, claim: claim.clone() };
    assert_eq!(step(&timer, wake(1), now), Then::Call { claim, attempt: 1 }.into());
}

#[test]
fn a_due_timer_is_claimed_only_with_a_place_for_its_call() {
    let timer = a_timer(Delivery::AtLeastOnce, 3);
    let dead = claimed_by(7, timer.due_at);
    let abandoned = Timer { state: State::Firing { attempt: 1, claim: dead.clone() }, ..timer.clone() };
    let without = || Input::Wake { claim: Uuid::from_u128(1), node: "n".into(), tries: 1, has_place: false };
    for (timer, at) in [(&timer, timer.due_at), (&abandoned, dead.lease_until)] {
        assert_eq!(step(timer, without(), at), Then::Admit.into());
        let claimed = step(timer, wake(1), at);
        assert!(matches!(claimed.effects.as_slice(), [Effect::Store(_)]), "{claimed:?}");
        assert!(matches!(claimed.then, Then::Call { .. }), "{claimed:?}");
    }
    // A timer that is over needs none.
    let once = Timer { delivery: Delivery::AtMostOnce, ..abandoned };
    assert!(matches!(stored(step(&once, without(), dead.lease_until)).state, State::Unknown { .. }));
}

#[test]
fn a_timer_that_is_postponed_is_woken_again_before_its_wake_goes_and_changes_nothing() {
    let timer = a_timer(Delivery::AtMostOnce, 3);
    let now = timer.due_at;
    let soon = now.saturating_add(Duration::from_secs(1));
    let effects = vec![Effect::Arm { at: soon }];
    assert_eq!(step(&timer, Input::Postponed { until: soon }, now), settled(effects));
    let late = now.saturating_add(Duration::from_secs(3_600));
    let effects = vec![Effect::Arm { at: now.saturating_add(MAX_POSTPONEMENT) }];
    assert_eq!(step(&timer, Input::Postponed { until: late }, now), settled(effects));
}

#[test]
fn a_timer_that_would_be_postponed_past_its_deadline_fails_without_an_attempt() {
    let mut timer = a_timer(Delivery::AtMostOnce, 3);
    timer.retry.deadline = Some(Duration::from_secs(10));
    let now = timer.due_at;
    let in_time = now.saturating_add(Duration::from_secs(10));
    let effects = vec![Effect::Arm { at: in_time }];
    assert_eq!(step(&timer, Input::Postponed { until: in_time }, now), settled(effects));
    let late = in_time.saturating_add(Duration::from_micros(1));
    let failed = stored(step(&timer, Input::Postponed { until: late }, now));
    assert_eq!((failed.state.name(), failed.attempts_started()), ("failed", 0));
    // Number 1 is not used up.
    let effects = obey(&failed, Command::Replay, late).unwrap();
    assert!(matches!(effects.as_slice(), [_, Effect::Store(replayed)]
            if matches!(replayed.state, State::Scheduled { attempt: 1, .. })));
}

#[test]
fn a_postponed_wake_watches_a_claim_that_was_made_meanwhile() {
    let mut timer = a_timer(Delivery::AtLeastOnce, 3);
    let now = timer.due_at;
    let claim = claimed_by(7, now);
    let over = claim.lease_until;
    timer.state = State::Firing { attempt: 1, claim };
    let postponed = || Input::Postponed { until: over.saturating_add(MAX_POSTPONEMENT) };
    assert!(later(step(&timer, postponed(), now)) < over);
    // The claimant is dead, and there is no room to take the timer over.
    let effects = vec![Effect::Arm { at: over.saturating_add(MAX_POSTPONEMENT) }];
    assert_eq!(step(&timer, postponed(), over), settled(effects));
}

#[test]
fn a_replay_has_the_whole_deadline_again() {
    let mut timer = a_timer(Delivery::AtLeastOnce, 9);
    timer.retry.deadline = Some(Duration::from_secs(10));
    let answered = |timer: &Timer, now: Timestamp| {
        let claim = claimed_by(1, now);
        let timer = Timer { state: State::Firing { attempt: 1, claim: claim.clone() }, ..timer.clone() };
        let result = CallResult::Answered { status: 503, retry_after: None };
        step(&timer, Input::Outcome { claim: claim.id, called: Arc::new(result.into()) }, now)
    };
    let late = timer.due_at.saturating_add(Duration::from_secs(10));
    let failed = stored(answered(&timer, late));
    let State::Failed { reason, .. } = &failed.state else { panic!("{failed:?}") };
    assert_eq!(reason, "the receiver answered 503; the next attempt would be past the deadline of 10s");
    let effects = obey(&failed, Command::Replay, late).unwrap();
    let [_, Effect::Store(replayed)] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(matches!(answered(replayed, late).effects.as_slice(), [Effect::Arm { .. }, Effect::Store(_)]));
}

#[test]
fn a_timer_whose_node_has_died_is_not_called_again_after_its_deadline() {
    let mut timer = a_timer(Delivery::AtLeastOnce, 9);
    timer.retry.deadline = Some(Duration::from_secs(90));
    let claim = claimed_by(7, timer.due_at);
    let ended = claim.lease_until;
    timer.state = State::Firing { attempt: 1, claim };
    assert!(matches!(step(&timer, wake(1), ended).then, Then::Call { attempt: 2, .. }));
    let late = timer.due_at.saturating_add(Duration::from_secs(91));
    let failed = stored(step(&timer, wake(1), late));
    let State::Failed { reason, .. } = &failed.state else { panic!("{failed:?}") };
    assert_eq!(reason, "node n died during the call; the next attempt would be past the deadline of 1m 30s");
}

#[test]
fn a_cancel_removes_the_waiting_wakes_and_a_second_one_changes_nothing() {
    let timer = a_timer(Delivery::AtMostOnce, 3);
    let effects = obey(&timer, Command::Cancel, timer.created_at).unwrap();
    let [Effect::Store(cancelled), Effect::Disarm] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(obey(cancelled, Command::Cancel, timer.created_at), Ok(vec![]));
}

#[test]
fn only_a_change_of_the_receiver_or_the_instant_arms_another_wake() {
    let timer = a_timer(Delivery::AtMostOnce, 3);
    let at = timer.due_at;
    let changed = |change: Change| {
        let effects = obey(&timer, Command::Change(Box::new(change)), timer.created_at).unwrap();
        match effects.as_slice() {
            [Effect::Arm { at }, Effect::Store(_), Effect::Disarm] => Some(*at),
            [Effect::Store(_)] => None,
            _ => panic!("{effects:?}"),
        }
    };
    let to = |url: &str| Change { url: Some(TargetUrl::parse(url).unwrap()), ..Change::default() };
    let other_path = timer.target.url.as_url().join("/other").unwrap();
    assert_eq!(changed(to(other_path.as_str())), None);
    assert_eq!(changed(to("https://other.example/")), Some(at));
    let later = at.saturating_add(Duration::from_secs(60));
    assert_eq!(changed(Change { due_at: Some(later), ..to("https://other.example/") }), Some(later));
}

#[test]
fn a_call_was_over_when_it_was_and_not_when_that_could_be_told() {
    let timer = a_timer(Delivery::AtMostOnce, 3);
    let claim = claimed_by(7, timer.due_at);
    let over = |state: State, now: Timestamp| {
        let timer = Timer { state, ..timer.clone() };
        let mut called = Called::from(CallResult::Answered { status: 200, retry_after: None });
        called.phases.total = Duration::from_secs(1);
        let outcome = Input::Outcome { claim: claim.id, called: Arc::new(called) };
        stored(step(&timer, outcome, now)).attempts[0].finished_at.since(claim.since)
    };
    let firing = || State::Firing { attempt: 1, claim: claim.clone() };
    let at = |seconds| claim.since.saturating_add(Duration::from_secs(seconds));
    assert_eq!(over(firing(), at(2)), Duration::from_secs(2), "it was claimed a second before it began");
    // Another node took this one for dead while it was cut off, or this node was killed and its journal was read.
    let unknown = State::Unknown { attempt: 1, doubt: Doubt::NoOutcome(claim.clone()), at: at(60) };
    assert_eq!(over(unknown, at(300)), Duration::from_secs(1));
    assert_eq!(over(firing(), at(300)), Duration::from_secs(1));
}

#[test]
fn an_attempt_whose_node_is_taken_for_dead_is_in_the_log_until_its_outcome_is_told() {
    for delivery in [Delivery::AtMostOnce, Delivery::AtLeastOnce] {
        let mut timer = a_timer(delivery, 3);
        let claim = claimed_by(7, timer.due_at);
        timer.state = State::Firing { attempt: 1, claim: claim.clone() };
        let by_lease = stored(step(&timer, wake(1), claim.lease_until));
        let by_journal = stored(step(&timer, Input::CutOff { claim: claim.id }, timer.due_at));
        for given_up in [by_lease, by_journal] {
            let [attempt] = given_up.attempts.as_slice() else { panic!("{given_up:?}") };
            assert_eq!((attempt.number, &attempt.node, attempt.claimed_at), (1, &claim.node, claim.since));
            assert!(matches!(&attempt.called.result, CallResult::NoAnswer { reason }
                if reason == "node n was taken for dead during the call"));
            if delivery == Delivery::AtLeastOnce {
                continue;
            }
            let called = Arc::new(CallResult::Answered { status: 200, retry_after: None }.into());
            let outcome = Input::Outcome { claim: claim.id, called };
            let told = stored(step(&given_up, outcome, claim.lease_until));
            assert_eq!((told.state.name(), told.attempts.len()), ("delivered", 1));
            assert_eq!(
                told.attempts[0].called.result,
                CallResult::Answered { status: 200, retry_after: None }
            );
            // Nothing was written: there was no attempt.
            let not_made = Input::NotMade { claim: claim.id };
            assert!(stored(step(&given_up, not_made, claim.lease_until)).attempts.is_empty());
        }
    }
}

#[test]
fn a_record_keeps_a_bounded_number_of_attempts() {
    let mut timer = a_timer(Delivery::AtLeastOnce, 100);
    for n in 1..100 {
        let claim = claimed_by(n, timer.due_at);
        timer.state = State::Firing { attempt: u32::try_from(n).unwrap(), claim: claim.clone() };
        let result = CallResult::Answered { status: 503, retry_after: None };
        let outcome = Input::Outcome { claim: claim.id, called: Arc::new(result.into()) };
        timer = stored(step(&timer, outcome, timer.due_at));
    }
    assert_eq!(timer.attempts.len(), MAX_ATTEMPTS_KEPT);
    assert_eq!(timer.attempts.last().unwrap().number, 99);
}

/// The present by a clock that shows a minute for each second of the world.
#[derive(Clone, Copy)]
struct Fast(Timestamp);

impl Now for Fast {
    fn at(self) -> Timestamp {
        self.0
    }

    fn by_the_clock(self, in_the_world: Duration) -> Duration {
        in_the_world * 60
    }
}

#[test]
fn what_the_world_takes_is_longer_by_a_clock_that_goes_faster() {
    let timer = a_timer(Delivery::AtMostOnce, 3);
    let State::Scheduled { at, .. } = timer.state else { unreachable!() };
    // The broker's wake comes half a second early in the world, which is half a minute by the clock.
    let woken = at.saturating_sub(LEAD * 60);
    assert_eq!(step(&timer, wake(1), Fast(woken)), Then::Hold { until: at }.into());
    let until = later(step(&timer, wake(1), Fast(woken.saturating_sub(Duration::from_secs(600)))));
    assert_eq!(at.since(until), Duration::from_secs(630) - linger_delay(1) * 60);
    // A call may take its timeout in the world, and the lease outlasts it there by the usual margin.
    let Then::Call { claim, .. } = step(&timer, wake(1), Fast(at)).then else { panic!("no call") };
    assert_eq!(claim.lease_until.since(at), (timer.timeout + LEASE_MARGIN) * 60);
    let last = at.saturating_add(LEASE_MARGIN * 30);
    assert!(may_still_call(&claim, timer.timeout, Fast(last)));
    assert!(!may_still_call(&claim, timer.timeout, Fast(last.saturating_add(Duration::from_micros(1)))));
    // The backoff that the client or the policy sets is by the clock.
    let attempted = Timer { state: State::Firing { attempt: 1, claim: claim.clone() }, ..timer.clone() };
    let called = Arc::new(CallResult::NotSent { reason: String::new() }.into());
    let effects = step(&attempted, Input::Outcome { claim: claim.id, called }, Fast(at)).effects;
    let [Effect::Arm { at: next }, ..] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(*next, at.saturating_add(timer.retry.backoff(timer.id, 1)));
}
