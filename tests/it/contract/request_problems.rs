//! Problems with a request that do not depend on any timer.

use expect_test::expect;
use reqwest::Method;
use serde_json::Value;

use super::{JSON, check};
use crate::support::{Broker, Node, exchange};

const GOOD: &str = r#"{"delay": "1h", "url": "http://localhost/"}"#;

#[tokio::test]
async fn what_is_wrong_with_a_body_is_said() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--max-body", "1024"]).await;
    let client = node.client();
    check(
        &client,
        Method::POST,
        "/timer",
        &[JSON],
        "{\"delay\": 1h}",
        expect![[r#"
        400
        content-type: application/problem+json
        cache-control: no-store

        {
          "detail": "the body is not JSON: expected `,` or `}` at line 1 column 12",
          "request_id": "<id>",
          "status": 400,
          "title": "Malformed JSON",
          "type": "urn:jettimer:problem:malformed-json"
        }
    "#]],
    )
    .await;
    check(
        &client,
        Method::POST,
        "/timer",
        &[("content-type", "text/plain")],
        GOOD,
        expect![[r#"
        415
        content-type: application/problem+json
        cache-control: no-store

        {
          "detail": "the body must be JSON: send it with Content-Type: application/json",
          "request_id": "<id>",
          "status": 415,
          "title": "Unsupported media type",
          "type": "urn:jettimer:problem:unsupported-media-type"
        }
    "#]],
    )
    .await;
    check(
        &client,
        Method::POST,
        "/timer",
        &[JSON],
        &" ".repeat(1_025),
        expect![[r#"
        413
        content-type: application/problem+json
        cache-control: no-store

        {
          "detail": "the body is over the limit of 1024 bytes",
          "request_id": "<id>",
          "status": 413,
          "title": "Body too large",
          "type": "urn:jettimer:problem:body-too-large"
        }
    "#]],
    )
    .await;
    let bad = r#"{"seconds": -1, "url": "ftp://x/", "retry": {"factor": 0}, "a/b": 1}"#;
    check(&client, Method::POST, "/timer", &[JSON], bad, expect![[r#"
        422
        content-type: application/problem+json
        cache-control: no-store

        {
          "detail": "4 fields are invalid",
          "errors": [
            {
              "detail": "must be a whole number, 0 or more, without quotes or sign",
              "pointer": "/seconds"
            },
            {
              "detail": "must start with http:// or https://",
              "pointer": "/url"
            },
            {
              "detail": "must be a number from 1 to 10",
              "pointer": "/retry/factor"
            },
            {
              "detail": "is not a field here; the fields are at, body, body_base64, body_text, callback, created_by, delay, delivery, flow, headers, hours, idempotency_key, metadata, method, minutes, on_delivered, on_failed, retry, seconds, timeout, url",
              "pointer": "/a~1b"
            }
          ],
          "request_id": "<id>",
          "status": 422,
          "title": "Invalid timer",
          "type": "urn:jettimer:problem:invalid-timer"
        }
    "#]]).await;
    check(
        &client,
        Method::POST,
        "/timer",
        &[JSON],
        "[]",
        expect![[r#"
        422
        content-type: application/problem+json
        cache-control: no-store

        {
          "detail": "the body must be a JSON object, such as {\"delay\": \"1h\", \"url\": \"https://…\"}",
          "errors": [
            {
              "detail": "the body must be a JSON object, such as {\"delay\": \"1h\", \"url\": \"https://…\"}",
              "pointer": ""
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
    let many = format!("[{}]", vec![GOOD; 1_001].join(","));
    check(
        &client,
        Method::POST,
        "/timers",
        &[JSON],
        &many,
        expect![[r#"
        413
        content-type: application/problem+json
        cache-control: no-store

        {
          "detail": "one request may create at most 1000 timers",
          "request_id": "<id>",
          "status": 413,
          "title": "Too many timers",
          "type": "urn:jettimer:problem:too-many-timers"
        }
    "#]],
    )
    .await;
}

#[tokio::test]
async fn what_is_wrong_with_a_path_a_query_or_a_header_is_said() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    check(
        &client,
        Method::GET,
        "/nothing",
        &[],
        "",
        expect![[r#"
        404
        content-type: application/problem+json
        cache-control: no-store

        {
          "detail": "there is nothing at /nothing",
          "request_id": "<id>",
          "status": 404,
          "title": "Not found",
          "type": "urn:jettimer:problem:not-found"
        }
    "#]],
    )
    .await;
    check(
        &client,
        Method::PUT,
        "/timer/x",
        &[],
        "",
        expect![[r#"
        405
        content-type: application/problem+json
        cache-control: no-store
        allow: GET, HEAD, PATCH, DELETE

        {
          "detail": "this path takes GET, HEAD, PATCH, DELETE",
          "request_id": "<id>",
          "status": 405,
          "title": "Method not allowed",
          "type": "urn:jettimer:problem:method-not-allowed"
        }
    "#]],
    )
    .await;
    check(
        &client,
        Method::GET,
        "/timer/17",
        &[],
        "",
        expect![[r#"
        400
        content-type: application/problem+json
        cache-control: no-store

        {
          "detail": "\"17\" is not a timer id; an id is a UUID",
          "request_id": "<id>",
          "status": 400,
          "title": "Invalid timer id",
          "type": "urn:jettimer:problem:invalid-id"
        }
    "#]],
    )
    .await;
    let long = format!("/timers?host={}", "x".repeat(8_192));
    check(
        &client,
        Method::GET,
        &long,
        &[],
        "",
        expect![[r#"
        414
        content-type: application/problem+json
        cache-control: no-store

        {
          "detail": "path and query are over the limit of 8192 bytes",
          "request_id": "<id>",
          "status": 414,
          "title": "URI too long",
          "type": "urn:jettimer:problem:uri-too-long"
        }
    "#]],
    )
    .await;
    let large = "x".repeat(16_384);
    check(
        &client,
        Method::GET,
        "/timers",
        &[("x-large", &large)],
        "",
        expect![[r#"
        431
        content-type: application/problem+json
        cache-control: no-store

        {
          "detail": "a request may have at most 100 header fields, with 16384 bytes in total",
          "request_id": "<id>",
          "status": 431,
          "title": "Request header fields too large",
          "type": "urn:jettimer:problem:headers-too-large"
        }
    "#]],
    )
    .await;
    check(&client, Method::GET, "/timers?state=lost&limit=0&colour=red", &[], "", expect![[r#"
        400
        content-type: application/problem+json
        cache-control: no-store

        {
          "detail": "3 parameters are invalid",
          "errors": [
            {
              "detail": "must be one of scheduled, firing, delivered, failed, unknown, cancelled",
              "pointer": "?state"
            },
            {
              "detail": "must be a whole number from 1 to 1000",
              "pointer": "?limit"
            },
            {
              "detail": "is not a parameter here; the parameters are state, due_after, due_before, created_after, created_before, host, metadata, metadata.KEY, sort, limit, cursor",
              "pointer": "?colour"
            }
          ],
          "request_id": "<id>",
          "status": 400,
          "title": "Invalid query",
          "type": "urn:jettimer:problem:invalid-query"
        }
    "#]]).await;
    check(
        &client,
        Method::GET,
        "/timers?cursor=x",
        &[],
        "",
        expect![[r#"
        400
        content-type: application/problem+json
        cache-control: no-store

        {
          "detail": "this is not a cursor; use the `next` of a page",
          "request_id": "<id>",
          "status": 400,
          "title": "Invalid cursor",
          "type": "urn:jettimer:problem:invalid-cursor"
        }
    "#]],
    )
    .await;
    check(&client, Method::DELETE, "/timers", &[], "", expect![[r#"
        422
        content-type: application/problem+json
        cache-control: no-store

        {
          "detail": "a filter must select the timers to be cancelled, such as ?host=example.com; a state alone selects all timers in it",
          "request_id": "<id>",
          "status": 422,
          "title": "Filter required",
          "type": "urn:jettimer:problem:filter-required"
        }
    "#]]).await;
    check(
        &client,
        Method::GET,
        "/timers/events",
        &[("last-event-id", "x")],
        "",
        expect![[r#"
            400
            content-type: application/problem+json
            cache-control: no-store

            {
              "detail": "Last-Event-ID must be the id of an event, such as 57-1796083200, and not \"x\"",
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
        "/timer",
        &[JSON, ("idempotency-key", "\"k")],
        GOOD,
        expect![[r#"
        400
        content-type: application/problem+json
        cache-control: no-store

        {
          "detail": "the Idempotency-Key starts with a quote but is not a quoted string",
          "request_id": "<id>",
          "status": 400,
          "title": "Invalid idempotency key",
          "type": "urn:jettimer:problem:invalid-idempotency-key"
        }
    "#]],
    )
    .await;
    let known = client.send(Method::POST, "/timer", &[JSON, ("idempotency-key", "k")], GOOD).await;
    assert_eq!(known.status, 201);
    let other = GOOD.replace("1h", "2h");
    check(&client, Method::POST, "/timer", &[JSON, ("idempotency-key", "k")], &other, expect![[r#"
        422
        content-type: application/problem+json
        cache-control: no-store

        {
          "detail": "this Idempotency-Key was used before with a different request; use a new key for a new timer",
          "request_id": "<id>",
          "status": 422,
          "title": "Idempotency key reused",
          "type": "urn:jettimer:problem:idempotency-key-reused"
        }
    "#]]).await;
}

#[tokio::test]
async fn what_is_broken_off_or_does_not_come_or_cannot_be_read_is_answered() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--client-timeout", "1s"]).await;
    let address = node.client().url("").trim_start_matches("http://").to_owned();
    let head = "POST /timer HTTP/1.1\r\nhost: x\r\nx-request-id: r\r\ncontent-type: application/json\r\n";
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\nnonsense\r\n");
    expect![[r#"
        {
          "detail": "the request's body was cut short, or its length or chunks are not valid HTTP",
          "request_id": "r",
          "status": 400,
          "title": "Incomplete body",
          "type": "urn:jettimer:problem:incomplete-body"
        }
    "#]]
    .assert_eq(&pretty(&exchange(&address, chunked.as_bytes()).await));
    let slow = format!("{head}content-length: 50\r\n\r\n{{");
    expect![[r#"
        {
          "detail": "the body of the request did not arrive in time",
          "request_id": "r",
          "status": 408,
          "title": "Request timeout",
          "type": "urn:jettimer:problem:request-timeout"
        }
    "#]]
    .assert_eq(&pretty(&exchange(&address, slow.as_bytes()).await));
    expect![[r#"
        {
          "detail": "the head of the request is not valid HTTP/1.1: its first line, the name or value of a header field, or the length of its body",
          "request_id": "<id>",
          "status": 400,
          "title": "Malformed request",
          "type": "urn:jettimer:problem:malformed-request"
        }
    "#]]
    .assert_eq(&pretty(&exchange(&address, b"nonsense\r\n\r\n").await));
}

/// The JSON body of an answer.
fn pretty(answer: &str) -> String {
    let body = answer.split_once("\r\n\r\n").expect("a body").1;
    let mut json: Value = serde_json::from_str(body).expect("JSON");
    if json["request_id"] != "r" {
        json["request_id"] = "<id>".into();
    }
    serde_json::to_string_pretty(&json).expect("JSON") + "\n"
}
