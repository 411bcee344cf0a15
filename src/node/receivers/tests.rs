//! Tests of admission as a whole: which calls get in, which wait, and which come back.

use super::*;
use rules::domain::attempt::{CallResult, Delivery};
use rules::domain::called::Phases;
use rules::domain::flow::Flow;
use rules::domain::sample::a_timer;
use rules::domain::target::TargetUrl;
use rules::domain::timer::Timer;
use rules::receivers::owner::Owner;

fn receivers(parallelism: usize, breaker_failures: u32) -> Receivers {
    Receivers::new(Rules { parallelism, breaker_failures, limits: vec!["limited=10/s".parse().unwrap()] })
}

fn timer(url: &str) -> Timer {
    let mut timer = a_timer(Delivery::AtMostOnce, 3);
    timer.target.url = TargetUrl::parse(url).unwrap();
    timer
}

async fn entered(receivers: &Receivers, timer: &Timer) -> Place {
    match receivers.admit(&CallRequest::of(timer, timer.due_at)).await {
        Admission::Enter(place) => place,
        Admission::Postpone(after, why) => panic!("postponed by {after:?}: {why:?}"),
    }
}

async fn postponed(receivers: &Receivers, timer: &Timer) -> Postponed {
    match receivers.admit(&CallRequest::of(timer, timer.due_at)).await {
        Admission::Enter(_) => panic!("let in"),
        Admission::Postpone(_, why) => why,
    }
}

#[tokio::test]
async fn a_full_receiver_holds_up_its_own_timers_and_no_others() {
    let receivers = receivers(1, 0);
    let slow = timer("http://slow/");
    let place = entered(&receivers, &slow).await;
    drop(entered(&receivers, &timer("http://slow:81/")).await);
    drop(entered(&receivers, &timer("http://well/")).await);
    // No call of it ends for a second.
    assert_eq!(postponed(&receivers, &slow).await, Postponed::Receiver);
    let waiting = entered(&receivers, &slow);
    drop(place);
    drop(waiting.await);
    assert!(receivers.statuses(9).iter().all(|status| status.in_flight == 0));
}

#[tokio::test]
async fn a_flow_holds_up_its_own_timers_whichever_receiver_they_call() {
    let receivers = receivers(9, 0);
    let flow = Flow { key: "a".into(), rate: None, parallelism: Some(1) };
    let of_flow = |url| Timer { flow: Some(flow.clone()), ..timer(url) };
    let place = entered(&receivers, &of_flow("http://one/")).await;
    drop(entered(&receivers, &timer("http://two/")).await);
    assert_eq!(postponed(&receivers, &of_flow("http://two/")).await, Postponed::Flow);
    drop(place);
    drop(entered(&receivers, &of_flow("http://two/")).await);
}

#[tokio::test]
async fn a_receiver_without_room_takes_nothing_from_other_timers_of_the_flow() {
    let receivers = receivers(1, 0);
    let of_flow = |key: &str, url| {
        let flow = Flow { key: key.into(), rate: Some("1/h".parse().unwrap()), parallelism: Some(1) };
        Timer { flow: Some(flow), ..timer(url) }
    };
    let place = entered(&receivers, &timer("http://slow/")).await;
    assert_eq!(postponed(&receivers, &of_flow("a", "http://slow/")).await, Postponed::Receiver);
    // By now the lane knows that no call of it ends.
    assert_eq!(postponed(&receivers, &of_flow("b", "http://slow/")).await, Postponed::Receiver);
    assert!(!receivers.lock().flows.contains_key("b"));
    let mut called = entered(&receivers, &of_flow("a", "http://well/")).await;
    called.report(&CallResult::Answered { status: 200, retry_after: None }, &Phases::default(), false);
    drop((called, place));
    assert_eq!(postponed(&receivers, &of_flow("a", "http://well/")).await, Postponed::Flow);
}

#[tokio::test]
async fn a_receiver_is_given_more_places_once_calls_take_long_or_are_as_quick_with_more() {
    let receivers = receivers(9, 0);
    let (slow, quick) = (timer("http://slow/"), timer("http://quick/"));
    let limit =
        |name: &str| receivers.statuses(9).into_iter().find(|one| one.receiver == name).unwrap().limit;
    let mut places = vec![];
    for _ in 0..4 {
        places.push(entered(&receivers, &slow).await);
    }
    assert_eq!(limit("slow:80"), 4);
    let waiting = entered(&receivers, &slow);
    let ((), place) = tokio::join!(async { places[0].takes_long() }, waiting);
    places.push(place);
    assert_eq!(limit("slow:80"), 6);

    let mut places = vec![];
    for _ in 0..4 {
        places.push(entered(&receivers, &quick).await);
    }
    for place in &mut places {
        place.report(&CallResult::Answered { status: 200, retry_after: None }, &Phases::default(), false);
    }
    drop(places);
    assert!(limit("quick:80") > 4);
}

#[tokio::test]
async fn a_limit_of_a_receiver_spaces_its_calls() {
    let receivers = receivers(9, 0);
    let start = Instant::now();
    for _ in 0..3 {
        let mut place = entered(&receivers, &timer("http://limited/")).await;
        place.report(&CallResult::Answered { status: 200, retry_after: None }, &Phases::default(), false);
    }
    assert!(start.elapsed() >= Duration::from_millis(200));
}

#[test]
fn a_flow_with_a_rate_may_be_forgotten_and_one_with_a_call_in_progress_may_not() {
    let receivers = receivers(9, 0);
    let now = Instant::now();
    let hourly = Limits { parallelism: 1, most: 1, space: Duration::from_secs(3_600) };
    let mut known = receivers.lock();
    assert!(matches!(known.flow("called").enter(hourly, ALIKE, now), Entry::Now(Turn::In(_))));
    for n in 0..MAX_KNOWN * 2 {
        let lane = known.flow(&n.to_string());
        assert!(matches!(lane.enter(hourly, ALIKE, now), Entry::Now(Turn::In(_))));
        lane.leave(ALIKE, false, now);
    }
    assert!(known.flows.len() <= MAX_KNOWN, "{}", known.flows.len());
    assert_eq!(known.flow("called").load(), (1, 0));
}

#[test]
fn a_receiver_whose_breaker_is_open_is_not_forgotten_for_others_of_which_there_is_nothing_to_remember() {
    let receivers = receivers(9, 1);
    let now = Instant::now();
    let mut known = receivers.lock();
    known.receiver(&"dead".into()).reach.failed(false, 1, now);
    for n in 0..MAX_KNOWN * 2 {
        known.receiver(&n.to_string().into());
    }
    assert!(known.receivers.len() <= MAX_KNOWN);
    assert_eq!(known.receiver(&"dead".into()).reach.state(now).0, BreakerState::Open);
}

#[test]
fn no_token_has_the_rates_and_breakers_of_another_forgotten() {
    let receivers = receivers(9, 1);
    let now = Instant::now();
    let hourly = Limits { parallelism: 1, most: 1, space: Duration::from_secs(3_600) };
    let [one, other] = ["one", "other"].map(|token| Owner::of(Some(token)));
    let called = |known: &mut ReceiverTable, key: &str, owner| {
        let lane = known.flow(key);
        lane.named_by(owner);
        assert!(matches!(lane.enter(hourly, ALIKE, now), Entry::Now(Turn::In(_))));
        lane.leave(ALIKE, false, now);
    };
    let mut known = receivers.lock();
    for n in 0..20 {
        called(&mut known, &format!("one-{n}"), one);
        let receiver = known.receiver(&format!("one-{n}").into());
        receiver.lane.named_by(one);
        receiver.reach.failed(false, 1, now);
    }
    for n in 0..MAX_KNOWN * 3 {
        called(&mut known, &format!("other-{n}"), other);
        let receiver = known.receiver(&format!("other-{n}").into());
        receiver.lane.named_by(other);
        receiver.reach.failed(false, 1, now);
    }
    assert!(known.receivers.len() <= MAX_KNOWN && known.flows.len() <= MAX_KNOWN);
    for n in 0..20 {
        let name = format!("one-{n}");
        assert!(
            known.flow(&name).refuses(hourly, ALIKE, now).is_some(),
            "the rate of {name} has started over"
        );
        assert_eq!(known.receiver(&name.as_str().into()).reach.state(now).0, BreakerState::Open, "{name}");
    }
}

#[test]
fn what_is_remembered_is_bounded() {
    let receivers = receivers(9, 0);
    for n in 0..MAX_KNOWN + 10 {
        receivers.lock().receiver(&n.to_string().into());
        receivers.lock().flow(&n.to_string());
    }
    let known = receivers.lock();
    assert!(known.receivers.len() <= MAX_KNOWN && known.flows.len() <= MAX_KNOWN);
}

#[tokio::test]
async fn a_path_whose_requests_are_refused_unread_does_not_close_its_receiver() {
    let receivers = receivers(9, 3);
    let refused = CallResult::NotSent { reason: "stream refused".into() };
    let report = async |path: &str, its_own: bool| {
        let mut place = entered(&receivers, &timer(path)).await;
        place.report(&refused, &Phases::default(), its_own);
    };
    for _ in 0..3 {
        report("http://host/refused", true).await;
    }
    assert_eq!(postponed(&receivers, &timer("http://host/refused")).await, Postponed::Breaker);
    drop(entered(&receivers, &timer("http://host/well")).await);
    for path in ["a", "b", "c"] {
        report(&format!("http://host/{path}"), false).await;
    }
    assert_eq!(postponed(&receivers, &timer("http://host/well")).await, Postponed::Breaker);
}
