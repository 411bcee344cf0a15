//! Problems with the description of a timer.

use expect_test::expect;
use reqwest::Method;
use serde_json::json;

use super::{JSON, check};
use crate::support::{Broker, Node, Sink};

#[tokio::test]
async fn what_a_timer_is_not_fit_for_is_refused_with_the_timer() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--node-name", "a"]).await;
    let client = node.client();
    let sink = Sink::start().await;
    let unknown = "/timer/0198c0de-0000-7000-8000-000000000001";
    check(
        &client,
        Method::GET,
        unknown,
        &[],
        "",
        expect![[r#"
        404
        content-type: application/problem+json
        cache-control: no-store

        {
          "detail": "there is no timer <id>, or it finished longer ago than finished timers are kept",
          "request_id": "<id>",
          "status": 404,
          "title": "Timer not found",
          "type": "urn:jettimer:problem:timer-not-found"
        }
    "#]],
    )
    .await;

    let id = client.create(&json!({ "delay": "1h", "url": "http://localhost/", "method": "GET" })).await;
    let path = format!("/timer/{id}");
    check(
        &client,
        Method::PATCH,
        &path,
        &[JSON],
        r#"{"body": 1}"#,
        expect![[r#"
        422
        content-type: application/problem+json
        cache-control: no-store

        {
          "detail": "/body: GET takes no body; change the method too",
          "errors": [
            {
              "detail": "GET takes no body; change the method too",
              "pointer": "/body"
            }
          ],
          "request_id": "<id>",
          "status": 422,
          "title": "Invalid timer",
          "type": "urn:jettimer:problem:invalid-timer"
        }
    "#]],
    )
    .await;
    check(
        &client,
        Method::DELETE,
        &path,
        &[("if-match", "\"0\"")],
        "",
        expect![[r#"
            412
            content-type: application/problem+json
            cache-control: no-store

            {
              "detail": "the timer has changed since the ETag in If-Match; nothing was done",
              "request_id": "<id>",
              "status": 412,
              "timer": {
                "attempts": 0,
                "created_at": "<instant>",
                "delivery": "at_most_once",
                "due_at": "<instant>",
                "id": "<id>",
                "method": "GET",
                "state": "scheduled",
                "time_left": "<seconds>",
                "timeout": "30s",
                "url": "http://localhost/"
              },
              "title": "Precondition failed",
              "type": "urn:jettimer:problem:precondition-failed"
            }
        "#]],
    )
    .await;
    check(
        &client,
        Method::DELETE,
        &path,
        &[("if-match", "1")],
        "",
        expect![[r#"
        400
        content-type: application/problem+json
        cache-control: no-store

        {
          "detail": "If-Match must be * or a list of entity tags in double quotes, as in ETag",
          "request_id": "<id>",
          "status": 400,
          "title": "Invalid header",
          "type": "urn:jettimer:problem:invalid-header"
        }
    "#]],
    )
    .await;
    check(
        &client,
        Method::POST,
        &format!("{path}/replay"),
        &[],
        "",
        expect![[r#"
            409
            content-type: application/problem+json
            cache-control: no-store

            {
              "detail": "the timer is scheduled; only failed and unknown timers are replayed",
              "request_id": "<id>",
              "status": 409,
              "timer": {
                "attempts": 0,
                "created_at": "<instant>",
                "delivery": "at_most_once",
                "due_at": "<instant>",
                "id": "<id>",
                "method": "GET",
                "state": "scheduled",
                "time_left": "<seconds>",
                "timeout": "30s",
                "url": "http://localhost/"
              },
              "title": "Not replayable",
              "type": "urn:jettimer:problem:not-replayable"
            }
        "#]],
    )
    .await;

    let firing = client.create(&json!({ "seconds": 0, "url": sink.url("/hang") })).await;
    sink.until(1).await;
    check(
        &client,
        Method::DELETE,
        &format!("/timer/{firing}"),
        &[],
        "",
        expect![[r#"
        409
        content-type: application/problem+json
        cache-control: no-store

        {
          "detail": "the timer is firing, as attempt 1",
          "request_id": "<id>",
          "status": 409,
          "timer": {
            "attempts": 1,
            "claimed_by": "a",
            "created_at": "<instant>",
            "delivery": "at_most_once",
            "due_at": "<instant>",
            "id": "<id>",
            "method": "POST",
            "state": "firing",
            "time_left": 0,
            "timeout": "30s",
            "url": "http://<address>/hang"
          },
          "title": "Too late",
          "type": "urn:jettimer:problem:too-late"
        }
    "#]],
    )
    .await;
    sink.release();
    client.until(&firing, "delivered").await;
    check(
        &client,
        Method::PATCH,
        &format!("/timer/{firing}"),
        &[JSON],
        r#"{"delay": "1h"}"#,
        expect![[r#"
            409
            content-type: application/problem+json
            cache-control: no-store

            {
              "detail": "the timer is delivered, after 1 attempts",
              "request_id": "<id>",
              "status": 409,
              "timer": {
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
                  "node": "a",
                  "number": 1,
                  "result": "answered",
                  "status": 200
                },
                "method": "POST",
                "state": "delivered",
                "time_left": 0,
                "timeout": "30s",
                "url": "http://<address>/hang"
              },
              "title": "Too late",
              "type": "urn:jettimer:problem:too-late"
            }
        "#]],
    )
    .await;
}
