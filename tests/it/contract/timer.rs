//! `/timer` and the paths below it.

use expect_test::expect;
use reqwest::Method;
use serde_json::json;

use super::{JSON, check, same};
use crate::support::{Broker, Node, Sink};

#[tokio::test]
async fn a_timer_is_created_read_changed_and_cancelled() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--node-name", "a"]).await;
    let client = node.client();
    let timer = json!({
        "delay": "1h", "url": "https://example.com/hook", "method": "PUT", "headers": { "X-Key": "secret" },
        "body": { "order": 1.50 }, "timeout": "5s", "delivery": "at_least_once",
        "retry": { "max_attempts": 3 }, "metadata": { "team": "red" },
    });
    let headers = [JSON, ("idempotency-key", "k")];
    let created = client.send(Method::POST, "/timer", &headers, &timer.to_string()).await;
    same(
        &created,
        &expect![[r#"
        201
        content-type: application/json
        cache-control: no-store
        location: timer/<id>
        etag: "<revision>"

        {
          "attempts": 0,
          "created_at": "<instant>",
          "delivery": "at_least_once",
          "due_at": "<instant>",
          "id": "<id>",
          "metadata": {
            "team": "red"
          },
          "method": "PUT",
          "state": "scheduled",
          "time_left": "<seconds>",
          "timeout": "5s",
          "url": "https://example.com/hook"
        }
    "#]],
    );
    check(
        &client,
        Method::POST,
        "/timer",
        &headers,
        &timer.to_string(),
        expect![[r#"
        200
        content-type: application/json
        cache-control: no-store
        etag: "<revision>"

        {
          "attempts": 0,
          "created_at": "<instant>",
          "delivery": "at_least_once",
          "due_at": "<instant>",
          "id": "<id>",
          "metadata": {
            "team": "red"
          },
          "method": "PUT",
          "state": "scheduled",
          "time_left": "<seconds>",
          "timeout": "5s",
          "url": "https://example.com/hook"
        }
    "#]],
    )
    .await;
    let path = format!("/timer/{}", created.json["id"].as_str().unwrap());
    check(
        &client,
        Method::GET,
        &path,
        &[],
        "",
        expect![[r#"
            200
            content-type: application/json
            cache-control: no-store
            etag: "<revision>"

            {
              "attempt_log": [],
              "attempts": 0,
              "body": {
                "order": 1.5
              },
              "created_at": "<instant>",
              "delivery": "at_least_once",
              "due_at": "<instant>",
              "headers": {
                "x-key": "secret"
              },
              "id": "<id>",
              "metadata": {
                "team": "red"
              },
              "method": "PUT",
              "redacted": false,
              "retry": {
                "factor": 2.0,
                "initial_backoff": "1s",
                "max_attempts": 3,
                "max_backoff": "5m",
                "statuses": [
                  "408",
                  "429",
                  "5xx"
                ]
              },
              "state": "scheduled",
              "time_left": "<seconds>",
              "timeout": "5s",
              "url": "https://example.com/hook"
            }
        "#]],
    )
    .await;
    check(
        &client,
        Method::HEAD,
        &path,
        &[],
        "",
        expect![[r#"
        200
        content-type: application/json
        cache-control: no-store
        etag: "<revision>"


    "#]],
    )
    .await;
    let change = json!({ "minutes": 90, "body_base64": "AAE=", "headers": {}, "metadata": {} }).to_string();
    check(
        &client,
        Method::PATCH,
        &path,
        &[JSON],
        &change,
        expect![[r#"
            200
            content-type: application/json
            cache-control: no-store
            etag: "<revision>"

            {
              "attempt_log": [],
              "attempts": 0,
              "body_base64": "AAE=",
              "created_at": "<instant>",
              "delivery": "at_least_once",
              "due_at": "<instant>",
              "id": "<id>",
              "method": "PUT",
              "redacted": false,
              "retry": {
                "factor": 2.0,
                "initial_backoff": "1s",
                "max_attempts": 3,
                "max_backoff": "5m",
                "statuses": [
                  "408",
                  "429",
                  "5xx"
                ]
              },
              "state": "scheduled",
              "time_left": "<seconds>",
              "timeout": "5s",
              "url": "https://example.com/hook"
            }
        "#]],
    )
    .await;
    check(
        &client,
        Method::DELETE,
        &path,
        &[],
        "",
        expect![[r#"
            200
            content-type: application/json
            cache-control: no-store
            etag: "<revision>"

            {
              "attempt_log": [],
              "attempts": 0,
              "body_base64": "AAE=",
              "created_at": "<instant>",
              "delivery": "at_least_once",
              "due_at": "<instant>",
              "finished_at": "<instant>",
              "id": "<id>",
              "method": "PUT",
              "redacted": false,
              "retry": {
                "factor": 2.0,
                "initial_backoff": "1s",
                "max_attempts": 3,
                "max_backoff": "5m",
                "statuses": [
                  "408",
                  "429",
                  "5xx"
                ]
              },
              "state": "cancelled",
              "time_left": 0,
              "timeout": "5s",
              "url": "https://example.com/hook"
            }
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_timer_is_fired_and_replayed() {
    let broker = Broker::start().await;
    // A fired timer keeps its state without a worker.
    let api = Node::with(&broker, &["--node-name", "a", "--role", "api"]).await;
    let client = api.client();
    let sink = Sink::start().await;
    let id = client.create(&json!({ "delay": "1h", "url": sink.url("/status/404") })).await;
    check(
        &client,
        Method::POST,
        &format!("/timer/{id}/fire"),
        &[],
        "",
        expect![[r#"
            202
            content-type: application/json
            cache-control: no-store
            etag: "<revision>"

            {
              "attempt_log": [],
              "attempts": 0,
              "created_at": "<instant>",
              "delivery": "at_most_once",
              "due_at": "<instant>",
              "id": "<id>",
              "method": "POST",
              "redacted": false,
              "retry": {
                "factor": 2.0,
                "initial_backoff": "1s",
                "max_attempts": 10,
                "max_backoff": "5m",
                "statuses": [
                  "408",
                  "429",
                  "5xx"
                ]
              },
              "state": "scheduled",
              "time_left": 0,
              "timeout": "30s",
              "url": "http://<address>/status/404",
              "waiting_for": {
                "reason": "no_worker"
              }
            }
        "#]],
    )
    .await;
    let mut worker = Node::with(&broker, &["--node-name", "w", "--role", "worker"]).await;
    client.until(&id, "failed").await;
    check(
        &client,
        Method::GET,
        &format!("/timer/{id}"),
        &[],
        "",
        expect![[r#"
            200
            content-type: application/json
            cache-control: no-store
            etag: "<revision>"

            {
              "attempt_log": [
                {
                  "answer": {
                    "bytes": 4,
                    "text": "seen",
                    "truncated": false
                  },
                  "claimed_at": "<instant>",
                  "due_at": "<instant>",
                  "finished_at": "<instant>",
                  "lateness_ms": "<milliseconds>",
                  "node": "w",
                  "number": 1,
                  "phases_ms": "<milliseconds>",
                  "result": "answered",
                  "status": 404
                }
              ],
              "attempts": 1,
              "created_at": "<instant>",
              "delivery": "at_most_once",
              "due_at": "<instant>",
              "finished_at": "<instant>",
              "id": "<id>",
              "last_attempt": {
                "claimed_at": "<instant>",
                "due_at": "<instant>",
                "finished_at": "<instant>",
                "lateness_ms": "<milliseconds>",
                "node": "w",
                "number": 1,
                "result": "answered",
                "status": 404
              },
              "method": "POST",
              "reason": "the receiver answered 404",
              "redacted": false,
              "retry": {
                "factor": 2.0,
                "initial_backoff": "1s",
                "max_attempts": 10,
                "max_backoff": "5m",
                "statuses": [
                  "408",
                  "429",
                  "5xx"
                ]
              },
              "state": "failed",
              "time_left": 0,
              "timeout": "30s",
              "url": "http://<address>/status/404"
            }
        "#]],
    )
    .await;
    worker.kill().await;
    check(
        &client,
        Method::POST,
        &format!("/timer/{id}/replay"),
        &[],
        "",
        expect![[r#"
            202
            content-type: application/json
            cache-control: no-store
            etag: "<revision>"

            {
              "attempt_log": [
                {
                  "answer": {
                    "bytes": 4,
                    "text": "seen",
                    "truncated": false
                  },
                  "claimed_at": "<instant>",
                  "due_at": "<instant>",
                  "finished_at": "<instant>",
                  "lateness_ms": "<milliseconds>",
                  "node": "w",
                  "number": 1,
                  "phases_ms": "<milliseconds>",
                  "result": "answered",
                  "status": 404
                }
              ],
              "attempts": 1,
              "created_at": "<instant>",
              "delivery": "at_most_once",
              "due_at": "<instant>",
              "id": "<id>",
              "last_attempt": {
                "claimed_at": "<instant>",
                "due_at": "<instant>",
                "finished_at": "<instant>",
                "lateness_ms": "<milliseconds>",
                "node": "w",
                "number": 1,
                "result": "answered",
                "status": 404
              },
              "method": "POST",
              "next_attempt_at": "<instant>",
              "redacted": false,
              "replayed_at": "<instant>",
              "retry": {
                "factor": 2.0,
                "initial_backoff": "1s",
                "max_attempts": 10,
                "max_backoff": "5m",
                "statuses": [
                  "408",
                  "429",
                  "5xx"
                ]
              },
              "state": "scheduled",
              "time_left": 0,
              "timeout": "30s",
              "url": "http://<address>/status/404"
            }
        "#]],
    )
    .await;
}
