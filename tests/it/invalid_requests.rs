//! Bad input gets an error that says what to do. `api/draft/tests.rs` covers each field; these tests cover the HTTP around them.

use proptest::prelude::{Strategy as _, any};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Broker, Node, plain_http};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

#[tokio::test]
async fn a_parameter_that_the_operation_does_not_take_is_refused_and_nothing_is_done() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let timer = r#"{"delay": "1h", "url": "http://localhost/"}"#;
    let id = client.create(&serde_json::from_str(timer).unwrap()).await;
    // A client that says so does not want to cancel it.
    let cancel = format!("/timer/{id}?dry_run=true");
    for (method, path, body) in [
        (Method::DELETE, cancel.as_str(), ""),
        (Method::PATCH, &cancel, timer),
        (Method::GET, &cancel, ""),
        (Method::POST, &format!("/timer/{id}/fire?at=tomorrow"), ""),
        (Method::POST, &format!("/timer/{id}/replay?x"), ""),
        (Method::POST, "/timer?delay=2h", timer),
        (Method::POST, "/timers?dry_run=true", "[]"),
        (Method::GET, "/timers/counts?state=failed", ""),
        (Method::GET, "/timers?host=%ff", ""),
    ] {
        let reply = client.send(method.clone(), path, &[], body).await;
        assert_eq!(reply.json["type"], "urn:jettimer:problem:invalid-query", "{method} {path}: {reply:?}");
        assert_eq!(reply.pointers().len(), 1);
    }
    assert_eq!(client.get(&id).await["state"], "scheduled");
}

#[tokio::test]
async fn a_byte_order_mark_before_a_body_is_passed_over() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let timer = "{\"delay\": \"1h\", \"url\": \"http://localhost/\"}";
    for (path, headers, body, status) in [
        ("/timer", &JSON[..], format!("\u{feff}{timer}"), 201),
        ("/timers", &JSON, format!("\u{feff}[{timer}]"), 200),
        ("/timers", &[("content-type", "application/x-ndjson")], format!("\u{feff}{timer}\n{timer}\n"), 200),
    ] {
        let reply = node.client().send(Method::POST, path, headers, &body).await;
        assert_eq!(reply.status, status, "{reply:?}");
        assert!(reply.json.get("failed").is_none_or(|failed| *failed == 0), "{reply:?}");
    }
}

#[tokio::test]
async fn every_error_is_a_problem_that_says_what_is_wrong() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let unknown = "/timer/0198c0de-0000-7000-8000-000000000001";
    let good = r#"{"delay": "1h", "url": "http://localhost/"}"#;
    let large =
        format!(r#"{{"delay": "1h", "url": "http://localhost/", "body_text": "{}"}}"#, "x".repeat(262_144));
    for (method, path, headers, body, status, kind) in [
        (Method::POST, "/timer", &JSON[..], "{", 400, "malformed-json"),
        (Method::POST, "/timer", &JSON, "", 400, "malformed-json"),
        (Method::POST, "/timer", &JSON, "[]", 422, "invalid-timer"),
        (Method::POST, "/timer", &JSON, "{}", 422, "invalid-timer"),
        (Method::POST, "/timer", &[("content-type", "text/plain")], good, 415, "unsupported-media-type"),
        (Method::POST, "/timer", &JSON, large.as_str(), 413, "body-too-large"),
        (Method::PUT, "/timer", &JSON, good, 405, "method-not-allowed"),
        (Method::POST, unknown, &JSON, good, 405, "method-not-allowed"),
        (Method::POST, "/healthz", &[], "", 405, "method-not-allowed"),
        (Method::GET, "/timer/17", &[], "", 400, "invalid-id"),
        (Method::DELETE, "/timer/not-a-uuid", &[], "", 400, "invalid-id"),
        (Method::GET, unknown, &[], "", 404, "timer-not-found"),
        (Method::DELETE, unknown, &[], "", 404, "timer-not-found"),
        (Method::PATCH, unknown, &JSON, r#"{"delay": "1h"}"#, 404, "timer-not-found"),
        (Method::PATCH, unknown, &JSON, "{}", 422, "invalid-timer"),
        (Method::PATCH, unknown, &JSON, r#"{"delay": "1h", "at": "x"}"#, 422, "invalid-timer"),
        (Method::PATCH, unknown, &[("if-match", "17")], r#"{"delay": "1h"}"#, 400, "invalid-header"),
        (Method::POST, "/timer/17/fire", &[], "", 400, "invalid-id"),
        (Method::GET, "/timer/", &[], "", 404, "not-found"),
        (Method::POST, "/timers", &JSON, "{}", 400, "malformed-json"),
        (Method::POST, "/timers", &JSON, "[]", 400, "malformed-json"),
        (Method::POST, "/timers", &[("content-type", "text/csv")], "[]", 415, "unsupported-media-type"),
        (Method::GET, "/nothing", &[], "", 404, "not-found"),
    ] {
        let reply = client.send(method.clone(), path, headers, body).await;
        assert_eq!(reply.status, status, "{method} {path}: {reply:?}");
        assert_eq!(reply.header("content-type"), "application/problem+json");
        assert_eq!(reply.json["type"], format!("urn:jettimer:problem:{kind}"));
        assert_eq!(reply.json["status"], status);
        assert!(reply.json["title"].is_string() && reply.json["detail"].is_string());
        assert_eq!(reply.json["request_id"], reply.header("x-request-id"));
        assert_eq!(!reply.header("allow").is_empty(), status == 405, "{reply:?}");
    }
}

#[tokio::test]
async fn each_bad_field_is_named_in_one_answer() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let reply = node
        .client()
        .post(&json!({ "seconds": -1, "minutes": 0.5, "url": "ftp://x/", "method": "BREW", "colour": "red" }))
        .await;
    assert_eq!(reply.status, 422);
    assert_eq!(reply.pointers(), ["/minutes", "/seconds", "/url", "/method", "/colour"]);
    let errors = reply.json["errors"].as_array().unwrap();
    assert!(errors.iter().all(|error| error["detail"].as_str().is_some_and(|detail| !detail.is_empty())));
}

#[tokio::test]
async fn the_horizon_is_a_setting() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--max-delay", "1h"]).await;
    let timer = |delay: &str| json!({ "delay": delay, "url": "http://localhost/" });
    assert_eq!(node.client().post(&timer("1h")).await.status, 201);
    let reply = node.client().post(&timer("3601s")).await;
    assert_eq!((reply.status, reply.pointers()), (422, vec!["/delay"]));
    assert!(reply.json["detail"].as_str().unwrap().contains("1h"), "{:?}", reply.json);
}

#[tokio::test]
async fn the_answer_begins_with_the_two_fixed_fields() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let created = node.client().post(&json!({ "minutes": 1, "url": "http://localhost/" })).await;
    let timer = node.client().get(created.json["id"].as_str().unwrap()).await;
    for json in [&created.json, &timer] {
        assert!(json["id"].is_string());
        assert_eq!(json["time_left"], Value::from(60));
    }
}

#[tokio::test]
async fn a_timer_that_nats_cannot_take_is_refused_and_not_tried_for_ever() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--max-body", "524288"]).await;
    // Stored as JSON in JSON, each quote takes four bytes.
    let body = format!("\"{}\"", "\\\"".repeat(260_000));
    let timer = format!(r#"{{"delay": "1h", "url": "http://localhost/", "body": {body}}}"#);
    let reply = node.client().send(Method::POST, "/timer", &JSON, &timer).await;
    assert_eq!((reply.status, &reply.json["type"]), (413, &json!("urn:jettimer:problem:body-too-large")));
}

#[tokio::test]
async fn any_bytes_as_lines_are_answered_line_by_line() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let mut runner = TestRunner::deterministic();
    let good = r#"{"delay": "1h", "url": "http://localhost/"}"#;
    let line = proptest::prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        "[\\[\\]{}\",:0-9a-z ]{0,40}".prop_map(String::into_bytes),
        proptest::prelude::Just(good.as_bytes().to_vec()),
    ];
    let bodies = proptest::collection::vec(line, 0..8).prop_map(|lines| lines.join(&b'\n'));
    for _ in 0..300 {
        let body = bodies.new_tree(&mut runner).expect("a body").current();
        let request = plain_http().post(node.client().url("/timers"));
        let request = request.header("content-type", "application/x-ndjson").body(body.clone());
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let json: Value = serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
        let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
        assert_eq!(status, if lines == 0 { 400 } else { 200 }, "{json}");
        let results = json["results"].as_array().map(Vec::as_slice).unwrap_or_default();
        assert_eq!(results.len(), lines);
        for result in results {
            let status = result["status"].as_u64().unwrap();
            assert!(matches!(status, 201 | 400 | 422), "{result}");
            assert_eq!(status == 201, result["timer"].is_object());
        }
    }
}
