//! Stored records stay readable: version 1 is pinned by a file, and every timer survives being stored and read.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Later, from_json, read};
use crate::nats::sizes::ATTEMPT_BYTES;
use rules::domain::attempt::{Attempt, CallResult, Delivery};
use rules::domain::callbacks::Callbacks;
use rules::domain::called::{Answer, Called, MAX_ANSWER_BYTES, Phases};
use rules::domain::flow::Flow;
use rules::domain::machine::{Effect, Input, step};
use rules::domain::retry::RetryPolicy;
use rules::domain::target::{Body, Method, Target, TargetUrl};
use rules::domain::time::Timestamp;
use rules::domain::timer::{Claim, Doubt, MAX_NODE_NAME_CHARS, State, Timer};

const V1: &str = include_str!("v1.json");

fn at(millis: u64) -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000 + millis * 1_000)
}

fn claim_of(node: &str, since: u64) -> Claim {
    Claim {
        id: Uuid::from_u128(7),
        node: node.into(),
        due_at: at(since),
        since: at(since),
        lease_until: at(since + 45_000),
    }
}

/// The timer that `v1.json` holds.
fn timer() -> Timer {
    let claim = claim_of("b", 2_000);
    Timer {
        id: "0198c0de-0000-7000-8000-000000000001".parse().unwrap(),
        created_at: at(0).saturating_sub(Duration::from_secs(3_600)),
        due_at: at(0).saturating_add(Duration::from_micros(1)),
        target: Target {
            url: TargetUrl::parse("https://example.com/hook?a=b").unwrap(),
            method: Method::Put,
            headers: [("authorization".into(), "Bearer x".into())].into(),
            body: Body::Bytes([0, 255].into()),
        },
        delivery: Delivery::AtLeastOnce,
        timeout: Duration::from_secs(30),
        retry: RetryPolicy { factor: 2.5, ..RetryPolicy::default() },
        flow: None,
        callbacks: Callbacks::default(),
        metadata: Arc::new([("order".into(), "4711".into())].into()),
        created_by: None,
        set_by: None,
        traceparent: None,
        fingerprint: Some(Uuid::from_u128(9)),
        attempts_before: 0,
        replayed_at: None,
        gave_up_at: None,
        attempts: vec![Attempt {
            number: 1,
            node: "a".into(),
            due_at: at(0).saturating_add(Duration::from_micros(500)),
            claimed_at: at(0).saturating_add(Duration::from_micros(500)),
            finished_at: at(1_000),
            called: Arc::new(CallResult::NotSent { reason: "cannot connect".into() }.into()),
        }],
        state: State::Unknown { attempt: 2, doubt: Doubt::NoOutcome(claim), at: at(60_000) },
    }
}

/// The stored form of a timer whose record no later version has stored.
fn to_json(timer: &Timer) -> Vec<u8> {
    super::to_json(timer, &Later::default())
}

#[test]
fn a_record_of_version_1_is_read_and_written_as_ever() {
    assert_eq!(from_json(V1.as_bytes()), Ok(timer()));
    let written: Value = serde_json::from_slice(&to_json(&timer())).unwrap();
    assert_eq!(written, serde_json::from_str::<Value>(V1).unwrap());
}

#[test]
fn a_record_that_is_not_understood_is_refused_with_its_reason() {
    for (json, why) in [
        ("", "EOF"),
        ("{}", "missing field `v`"),
        (r#"{"v": 2}"#, "version 2"),
        (r#"{"v": 1}"#, "missing field"),
        (&V1.replace("https://", "ftp://"), "url"),
        (&V1.replace("PUT", "BREW"), "method BREW"),
        (&V1.replace("AP8=", "?"), "body"),
        (&V1.replace("2027-01-15T08:01", "yesterday"), "line"),
    ] {
        let error = from_json(json.as_bytes()).unwrap_err();
        assert!(error.contains(why), "{error:?} does not say {why:?}");
    }
}

/// Reads each form that was ever written: the oldest first, each with fields that are new in it. If a form is not written as it was
/// read, the `.now.json` file next to it has the new text.
#[test]
fn every_form_that_was_ever_stored_is_read_and_written_as_it_was() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/records");
    let mut count = 0;
    for version in std::fs::read_dir(folder).unwrap() {
        for file in std::fs::read_dir(version.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.to_string_lossy().ends_with(".now.json") {
                continue;
            }
            let stored = std::fs::read(&path).unwrap();
            let read_back = read(&stored).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
            let written = super::to_json(&read_back.0, &read_back.1);
            let now = std::fs::read(path.with_extension("now.json")).unwrap_or(stored);
            let value = |json: &[u8]| serde_json::from_slice::<Value>(json).unwrap();
            assert_eq!(value(&written), value(&now), "{}", path.display());
            assert_eq!(read(&written), Ok(read_back), "{}", path.display());
            count += 1;
        }
    }
    assert!(count >= 14, "only {count} files");
}

#[test]
fn a_field_that_a_later_version_has_added_stays_as_the_timer_changes() {
    let with = V1.replacen('{', r#"{ "later": { "a": [1, 2.5, null] }, "also": "b","#, 1);
    let (stored, later) = read(with.as_bytes()).unwrap();
    assert_eq!(stored, timer());
    let claim = claim_of("b", 2_000).id;
    let called = Arc::new(CallResult::Answered { status: 200, retry_after: None }.into());
    let effects = step(&stored, Input::Outcome { claim, called }, at(61_000)).effects;
    let next = effects
        .into_iter()
        .find_map(|effect| if let Effect::Store(timer) = effect { Some(timer) } else { None });
    let written: Value = serde_json::from_slice(&super::to_json(&next.unwrap(), &later)).unwrap();
    assert_eq!(written["state"]["name"], "delivered");
    assert_eq!((&written["later"], &written["also"]), (&json!({ "a": [1, 2.5, null] }), &json!("b")));
}

#[test]
fn a_number_is_read_back_to_its_last_digit() {
    let mut timer = timer();
    timer.retry.factor = 3.117_606_498_135_028;
    assert_eq!(from_json(&to_json(&timer)), Ok(timer));
}

#[test]
fn no_attempt_needs_more_room_than_is_kept_for_it() {
    let mut timer = timer();
    timer.attempts.clear();
    let without = to_json(&timer).len();
    let total = Duration::from_secs(600);
    let long = Some(total);
    for (result, body) in [
        (CallResult::NoAnswer { reason: "\u{1}".repeat(512) }, vec![255; MAX_ANSWER_BYTES]),
        (
            CallResult::Answered { status: 429, retry_after: long },
            "\"x".repeat(MAX_ANSWER_BYTES / 2).into_bytes(),
        ),
    ] {
        timer.attempts = vec![Attempt {
            number: u32::MAX,
            node: "\u{1f980}".repeat(MAX_NODE_NAME_CHARS).into(),
            due_at: at(0),
            claimed_at: at(1),
            finished_at: at(2),
            called: Arc::new(Called {
                result,
                answer: Some(Answer { body, truncated: true }),
                phases: Phases { resolve: long, connect: long, tls: long, first_byte: long, total },
            }),
        }];
        let attempt = to_json(&timer).len() - without;
        assert!(attempt <= ATTEMPT_BYTES, "{attempt}");
    }
}

fn states() -> impl Strategy<Value = State> {
    (1_u32..100, 0_u64..1_000_000, "\\PC{0,20}", 0_usize..7).prop_map(|(attempt, millis, text, which)| {
        let claim = claim_of(&text, millis);
        match which {
            0 => State::Scheduled { attempt, at: at(millis) },
            1 => State::Firing { attempt, claim },
            2 => State::Delivered { at: at(millis) },
            3 => State::Failed { attempt, at: at(millis), reason: text },
            4 => State::Cancelled { at: at(millis) },
            5 => State::Unknown { attempt, doubt: Doubt::Restored, at: at(millis) },
            _ => State::Unknown { attempt, doubt: Doubt::NoOutcome(claim), at: at(millis) },
        }
    })
}

fn bodies() -> impl Strategy<Value = Body> {
    prop_oneof![
        Just(Body::Default),
        "\\PC{0,40}".prop_map(|text| Body::Json(text.into())),
        "\\PC{0,40}".prop_map(|text| Body::Text(text.into())),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Body::Bytes(bytes.into())),
    ]
}

proptest! {
    #[test]
    fn every_timer_survives_the_way_through_its_record(
        state in states(), body in bodies(), status in 100_u16..600, factor in 1.0_f64..10.0, before in 0_u32..3,
        spans in prop::option::of((0_u64..1 << 40).prop_map(Duration::from_millis)),
        answer in prop::option::of(prop_oneof![
            "\\PC{1,40}".prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 1..MAX_ANSWER_BYTES),
        ]),
        statuses in prop::sample::select(vec!["", "408,5xx", "300,4xx"]),
    ) {
        let retry_after = spans;

        let mut timer = Timer { state, ..timer() };
        timer.target.body = body;
        timer.attempts_before = before;
        timer.retry.factor = factor;
        timer.retry.deadline = spans;
        timer.retry.statuses = statuses.parse().unwrap();
        timer.flow = spans.map(|_| Flow {
            key: "a".into(),
            rate: (status % 2 == 0).then(|| "5/m".parse().unwrap()),
            parallelism: (status % 3 == 0).then_some(7),
        });
        timer.callbacks.on_delivered = spans.map(|_| TargetUrl::parse("http://a/").unwrap());
        timer.callbacks.on_failed = (status % 2 == 0).then(|| TargetUrl::parse("http://b/").unwrap());
        timer.created_by = spans.map(|_| "billing".to_owned());
        timer.replayed_at = spans.map(|_| at(5));
        timer.attempts[0].due_at = at(1);
        timer.attempts[0].called = Arc::new(Called {
            result: CallResult::Answered { status, retry_after },
            answer: answer.clone().map(|body| Answer { body, truncated: before == 1 }),
            phases: Phases { connect: spans, total: spans.unwrap_or_default(), ..Phases::default() },
        });
        let written: Value = serde_json::from_slice(&to_json(&timer)).unwrap();
        // The ledger reads it without the rest of the record.
        prop_assert_eq!(&written["state"]["name"], timer.state.name());
        prop_assert_eq!(from_json(&to_json(&timer)), Ok(timer));
    }
}
