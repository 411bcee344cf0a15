//! Tests each refusal of a creation.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Rules, read, read_change};
use crate::api::json::Json;
use crate::api::problem::FieldError;
use crate::foundation::rfc3339;
use rules::domain::attempt::Delivery;
use rules::domain::retry::RetryPolicy;
use rules::domain::target::{Body, Method};
use rules::domain::time::Timestamp;
use rules::domain::timer::{State, Timer};
use rules::policy::Policy;

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

/// Loopback is open, as in `dev`.
fn targets() -> Arc<Policy> {
    let open = ["127.0.0.0/8", "::1"].map(|net| net.parse().unwrap()).to_vec();
    Arc::new(Policy::new(open, vec![], false).unwrap())
}

pub(super) fn rules() -> Rules {
    Rules {
        max_delay: Duration::from_secs(3_650 * 86_400),
        retry: RetryPolicy::default(),
        targets: targets(),
    }
}

fn draft(json: &Value) -> Result<Timer, Vec<FieldError>> {
    let rules = rules();
    let json = Json::read(json.to_string().into()).unwrap();
    read(&json, &rules, Uuid::nil(), None, NOW)
}

/// A good creation with one field set to something else.
fn with(name: &str, value: Value) -> Value {
    let mut json = json!({ "delay": "1m", "url": "http://localhost/" });
    json[name] = value;
    json
}

fn pointers(json: &Value) -> Vec<String> {
    draft(json).expect_err("must be refused").into_iter().map(|error| error.pointer).collect()
}

/// Some generated clients send every nullable field as null.
#[test]
fn null_is_said_of_every_field_that_may_be_null() {
    let nulls = json!({
        "headers": null, "metadata": null, "flow": null, "on_delivered": null, "on_failed": null, "callback": null
    });
    let plain = draft(&with("delay", json!("1m"))).unwrap();
    for (name, value) in [
        ("headers", json!({ "x": "1" })),
        ("metadata", json!({ "k": "v" })),
        ("flow", json!({ "key": "k", "rate": "1/s" })),
        ("on_delivered", json!("http://localhost/a")),
        ("on_failed", json!("http://localhost/b")),
        ("callback", json!("http://localhost/c")),
    ] {
        let mut all = with("delay", json!("1m"));
        all.as_object_mut().unwrap().extend(nulls.as_object().unwrap().clone());
        assert_eq!(draft(&all).unwrap(), plain);
        all[name] = value.clone();
        assert_eq!(draft(&all).unwrap(), draft(&with(name, value)).unwrap(), "{name}");
    }
    assert_eq!(draft(&with("retry", json!({ "statuses": null }))).unwrap(), plain);
}

#[test]
fn each_way_to_say_when_gives_the_due_instant() {
    let at = rfc3339::format(NOW.saturating_add(Duration::from_secs(90)));
    for (when, seconds) in [
        (json!({ "hours": 0, "minutes": 1, "seconds": 0 }), 60),
        (json!({ "minutes": 90 }), 5_400),
        (json!({ "hours": 1 }), 3_600),
        (json!({ "minutes": 1.0, "seconds": 1e1 }), 70),
        (json!({ "seconds": 0 }), 0),
        (json!({ "delay": "1h 30m" }), 5_400),
        (json!({ "delay": "PT90M" }), 5_400),
        (json!({ "at": at }), 90),
    ] {
        let mut json = when.clone();
        json["url"] = "http://localhost/".into();
        let timer = draft(&json).unwrap();
        let due_at = NOW.saturating_add(Duration::from_secs(seconds));
        assert_eq!(timer.due_at, due_at, "{when}");
        assert_eq!(timer.state, State::Scheduled { attempt: 1, at: due_at });
    }
}

#[test]
fn an_instant_slightly_in_the_past_is_due_at_once() {
    let at = NOW.saturating_sub(Duration::from_secs(59));
    let timer = draft(&json!({ "at": rfc3339::format(at), "url": "http://localhost/" })).unwrap();
    assert!(timer.is_due(NOW));
}

#[test]
fn each_bad_time_is_refused_at_its_field() {
    let url = "http://localhost/";
    let past = rfc3339::format(NOW.saturating_sub(Duration::from_secs(61)));
    for (json, expected) in [
        (json!({ "url": url }), vec![""]),
        (json!({ "url": url, "seconds": 1, "delay": "1s" }), vec!["/seconds", "/delay"]),
        (json!({ "url": url, "at": past, "delay": "1s" }), vec!["/delay", "/at"]),
        (json!({ "url": url, "seconds": -1 }), vec!["/seconds"]),
        (json!({ "url": url, "seconds": 1.5 }), vec!["/seconds"]),
        (json!({ "url": url, "seconds": 1e300 }), vec!["/seconds"]),
        (json!({ "url": url, "hours": 1e300 }), vec!["/hours"]),
        (json!({ "url": url, "seconds": "1" }), vec!["/seconds"]),
        (json!({ "url": url, "seconds": null }), vec!["/seconds"]),
        (json!({ "url": url, "hours": u64::MAX }), vec!["/hours"]),
        (
            json!({ "url": url, "minutes": 307_445_734_561_825_860_u64, "seconds": u64::MAX }),
            vec!["/minutes", "/seconds"],
        ),
        // The error names the field that has to be corrected.
        (json!({ "url": url, "hours": 0, "seconds": 315_360_001 }), vec!["/seconds"]),
        (json!({ "url": url, "hours": 87_600, "minutes": 1, "seconds": -1 }), vec!["/seconds"]),
        (json!({ "url": url, "hours": 87_600, "minutes": 1 }), vec!["/hours"]),
        (
            json!({ "url": url, "hours": -1, "minutes": 0.5, "seconds": [] }),
            vec!["/hours", "/minutes", "/seconds"],
        ),
        (json!({ "url": url, "seconds": 315_360_001 }), vec!["/seconds"]),
        (json!({ "url": url, "delay": "3651d" }), vec!["/delay"]),
        (json!({ "url": url, "delay": "soon" }), vec!["/delay"]),
        (json!({ "url": url, "delay": 5 }), vec!["/delay"]),
        (json!({ "url": url, "at": past }), vec!["/at"]),
        (json!({ "url": url, "at": "9999-01-01T00:00:00Z" }), vec!["/at"]),
        (json!({ "url": url, "at": "2027-01-01 09:00" }), vec!["/at"]),
        (json!({ "url": url, "at": 1_800_000_000 }), vec!["/at"]),
    ] {
        assert_eq!(pointers(&json), expected, "{json}");
    }
}

#[test]
fn every_bad_field_of_the_request_is_refused_at_its_pointer() {
    let many: serde_json::Map<String, Value> = (0..51).map(|n| (format!("x-{n}"), "v".into())).collect();
    for (name, value, pointer) in [
        ("url", json!("ftp://localhost/"), "/url"),
        ("url", json!("http://user:secret@localhost/"), "/url"),
        ("url", json!(null), "/url"),
        ("url", json!(format!("http://{}.test/", "x".repeat(64))), "/url"),
        ("url", json!(format!("http://{}.test/", ["y"; 130].join("."))), "/url"),
        ("url", json!("http://a..test/"), "/url"),
        ("url", json!("https://a+b.test/"), "/url"),
        ("url", json!("https://-x.test/"), "/url"),
        ("on_failed", json!(format!("http://{}.test/", "x".repeat(64))), "/on_failed"),
        ("callback", json!("https://a*b.test/"), "/callback"),
        ("method", json!("TRACE"), "/method"),
        ("method", json!("post"), "/method"),
        ("method", json!(1), "/method"),
        ("headers", json!([]), "/headers"),
        ("headers", json!({ "host": "x" }), "/headers/host"),
        ("headers", json!({ "Content-Length": "1" }), "/headers/Content-Length"),
        ("headers", json!({ "Transfer-Encoding": "chunked" }), "/headers/Transfer-Encoding"),
        ("headers", json!({ "webhook-id": "1" }), "/headers/webhook-id"),
        ("headers", json!({ "a b": "1" }), "/headers/a b"),
        ("headers", json!({ "a/b~": "1" }), "/headers/a~1b~0"),
        ("headers", json!({ "x": "a\r\nb" }), "/headers/x"),
        ("headers", json!({ "x": "é" }), "/headers/x"),
        ("headers", json!({ "x": 1 }), "/headers/x"),
        ("headers", json!({ "X": "1", "x": "2" }), "/headers/x"),
        ("headers", Value::Object(many), "/headers"),
        ("headers", json!({ "x": "v".repeat(8_192) }), "/headers"),
        ("body_text", json!(1), "/body_text"),
        ("body_base64", json!("%%%"), "/body_base64"),
    ] {
        assert_eq!(pointers(&with(name, value.clone())), [pointer], "{name}: {value}");
    }
}

#[test]
fn every_other_bad_field_is_refused_at_its_pointer() {
    let labels: serde_json::Map<String, Value> = (0..21).map(|n| (format!("k{n}"), "v".into())).collect();
    for (name, value, pointer) in [
        ("timeout", json!("99ms"), "/timeout"),
        ("timeout", json!("601s"), "/timeout"),
        ("timeout", json!(30), "/timeout"),
        ("delivery", json!("exactly_once"), "/delivery"),
        ("retry", json!(3), "/retry"),
        ("retry", json!({ "max_attempts": 0 }), "/retry/max_attempts"),
        ("retry", json!({ "max_attempts": 101 }), "/retry/max_attempts"),
        ("retry", json!({ "factor": 0.5 }), "/retry/factor"),
        ("retry", json!({ "initial_backoff": "2d" }), "/retry/initial_backoff"),
        ("retry", json!({ "initial_backoff": "9s", "max_backoff": "8s" }), "/retry/max_backoff"),
        ("retry", json!({ "tries": 1 }), "/retry/tries"),
        ("callback", json!("/relative"), "/callback"),
        ("callback", json!(["http://a/"]), "/callback"),
        ("on_failed", json!("ftp://a/"), "/on_failed"),
        ("flow", json!("a"), "/flow"),
        ("flow", json!({ "rate": "1/s" }), "/flow/key"),
        ("flow", json!({ "key": "", "rate": "1/s" }), "/flow/key"),
        ("flow", json!({ "key": "a" }), "/flow"),
        ("flow", json!({ "key": "a", "rate": "1/d" }), "/flow/rate"),
        ("flow", json!({ "key": "a", "parallelism": 0 }), "/flow/parallelism"),
        ("flow", json!({ "key": "a", "rate": "1/s", "burst": 3 }), "/flow/burst"),
        ("retry", json!({ "deadline": "101d" }), "/retry/deadline"),
        ("retry", json!({ "statuses": "5xx" }), "/retry/statuses"),
        ("retry", json!({ "statuses": [410] }), "/retry/statuses"),
        ("retry", json!({ "statuses": ["5xx", 200] }), "/retry/statuses"),
        ("metadata", json!([]), "/metadata"),
        ("metadata", json!({ "k": 1 }), "/metadata/k"),
        ("metadata", json!({ "k": "v".repeat(513) }), "/metadata/k"),
        ("metadata", Value::Object(labels), "/metadata"),
        ("cron", json!("* * * * *"), "/cron"),
        ("callback", json!("x"), "/callback"),
    ] {
        assert_eq!(pointers(&with(name, value.clone())), [pointer], "{name}: {value}");
    }
}

#[test]
fn an_object_that_is_too_large_does_not_hide_the_errors_in_it() {
    let mut headers: serde_json::Map<String, Value> =
        (0..51).map(|n| (format!("x-{n}"), "v".into())).collect();
    headers["x-9"] = 9.into();
    assert_eq!(pointers(&with("headers", headers.into())), ["/headers", "/headers/x-9"]);
    let mut labels: serde_json::Map<String, Value> = (0..21).map(|n| (format!("k{n}"), "v".into())).collect();
    labels["k9"] = 9.into();
    assert_eq!(pointers(&with("metadata", labels.into())), ["/metadata", "/metadata/k9"]);
}

#[test]
fn fields_that_are_missing_or_contradict_each_other_are_named() {
    assert_eq!(pointers(&json!({ "delay": "1s" })), ["/url"]);
    for one in
        [json!({ "on_failed": null }), json!({ "on_failed": "http://localhost/", "on_delivered": null })]
    {
        let mut both = with("callback", json!("http://localhost/told"));
        both.as_object_mut().unwrap().extend(one.as_object().unwrap().clone());
        assert_eq!(pointers(&both), ["/callback"], "{both}");
    }
    assert_eq!(pointers(&json!([1])), [""]);
    assert_eq!(
        pointers(&json!({ "delay": "1s", "url": "http://h/", "body": 1, "body_text": "" })),
        ["/body", "/body_text"]
    );
    assert_eq!(
        pointers(&json!({ "delay": "1s", "url": "http://h/", "method": "GET", "body": 1 })),
        ["/body"]
    );
}

#[test]
fn all_bad_fields_are_named_at_once() {
    let json = json!({ "seconds": -1, "url": "x", "method": "A", "colour": "red", "timeout": "0s" });
    assert_eq!(pointers(&json), ["/seconds", "/url", "/method", "/timeout", "/colour"]);
}

#[test]
fn all_fields_are_taken_over() {
    let timer = draft(&json!({
        "delay": "1s", "url": "https://example.com/a", "method": "PUT",
        "headers": { "Authorization": "Bearer x", "X-B": "" },
        "body": { "a": [1, null] }, "timeout": "5s", "delivery": "at_least_once",
        "retry": { "max_attempts": 3, "initial_backoff": "100ms", "max_backoff": "PT1S", "factor": 3,
            "deadline": "1h", "statuses": [404, "5xx", "408"] },
        "metadata": { "order": "4711" },
    }))
    .unwrap();
    assert_eq!(timer.target.method, Method::Put);
    assert_eq!(
        *timer.target.headers,
        [("authorization".into(), "Bearer x".into()), ("x-b".into(), String::new())]
    );
    assert_eq!(timer.target.body, Body::Json("{\"a\":[1,null]}".into()));
    assert_eq!(timer.timeout, Duration::from_secs(5));
    assert_eq!(timer.delivery, Delivery::AtLeastOnce);
    assert_eq!(timer.retry.max_attempts, 3);
    assert_eq!(timer.retry.deadline, Some(Duration::from_secs(3_600)));
    assert_eq!(timer.retry.statuses.to_string(), "404,408,5xx");
    assert_eq!(timer.retry.max_backoff, Duration::from_secs(1));
    assert_eq!(timer.metadata["order"], "4711");
}

#[test]
fn a_json_body_is_sent_as_it_was_written() {
    let text = r#"{"delay": "1s", "url": "http://h/", "body": {"b": 1.50, "a":123456789012345678901}}"#;
    let json = Json::read(text.into()).unwrap();
    let rules =
        Rules { max_delay: Duration::from_secs(60), retry: RetryPolicy::default(), targets: targets() };
    let timer = read(&json, &rules, Uuid::nil(), None, NOW).unwrap();
    assert_eq!(timer.target.body, Body::Json(r#"{"b": 1.50, "a":123456789012345678901}"#.into()));
}

#[test]
fn a_field_that_is_there_twice_is_refused_wherever_jettimer_reads_it() {
    let url = r#""url": "http://h/""#;
    for (text, pointers) in [
        (format!(r#"{{{url}, "delay": "1h", "delay": "0s"}}"#), vec!["/delay"]),
        (format!(r#"{{"delay": "1h", {url}, {url}}}"#), vec!["/url"]),
        (format!(r#"{{"delay": "1h", {url}, "headers": {{"x": "1", "x": "2"}}}}"#), vec!["/headers/x"]),
        (
            format!(r#"{{"delay": "1h", {url}, "metadata": {{"a/b": "1", "a/b": "1"}}}}"#),
            vec!["/metadata/a~1b"],
        ),
        (
            format!(r#"{{"delay": "1h", {url}, "retry": {{"factor": 2, "factor": 3}}}}"#),
            vec!["/retry/factor"],
        ),
        (
            format!(r#"{{"delay": "1h", {url}, "flow": {{"key": "a", "key": "b", "rate": "1/s"}}}}"#),
            vec!["/flow/key"],
        ),
        (format!(r#"{{"delay": "1h", {url}, "body": 1, "body": 2}}"#), vec!["/body"]),
        (format!(r#"{{"delay": "1h", {url}, "odd": 1, "odd": 2}}"#), vec!["/odd", "/odd"]),
    ] {
        let json = Json::read(text.clone().into()).unwrap();
        let created = read(&json, &rules(), Uuid::nil(), None, NOW).unwrap_err();
        let changed = read_change(&json, &rules(), NOW).unwrap_err();
        for errors in [created, changed] {
            assert_eq!(
                errors.iter().map(|error| error.pointer.as_str()).collect::<Vec<_>>(),
                pointers,
                "{text}"
            );
            assert!(errors[0].detail.contains("more than once"), "{text}");
        }
    }
    // The receiver decides about a repeated field of the body.
    let body = r#"{"a": 1, "a": {"b": 1, "b": 2}}"#;
    let json = Json::read(format!(r#"{{"delay": "1h", {url}, "body": {body}}}"#).into()).unwrap();
    assert_eq!(read(&json, &rules(), Uuid::nil(), None, NOW).unwrap().target.body, Body::Json(body.into()));
}

#[test]
fn a_url_that_grows_too_long_in_its_normal_form_is_refused() {
    assert_eq!(pointers(&with("url", format!("http://h/{}", "é".repeat(3_000)).into())), ["/url"]);
}
